// A table of weights that grows row by row, as its output is written.
import { el } from "../core/dom.js";
import { cellTable } from "./cells.js";

const DENSE = 24; // characters read from which on cells are narrower and bare

// The first `upto` rows of a matrix (n, m) as small cells; the rest of the rows stays blank.
export const alignmentTable = (panel, view, data, m, upto, extra = {}) => {
  const labels = Array.from({ length: upto }, (_, i) => Array.from({ length: m }, (_, j) => {
    const weight = data[i * m + j];
    return weight < 0.05 ? "" : weight > 0.995 ? "1" : weight.toFixed(2).slice(1);
  }));
  const body = cellTable({ ...panel, cell_labels: labels, sums: false }, view, upto, m, data, extra);
  const rows = body.querySelector("tbody");
  if (!panel.whole && rows.lastElementChild) rows.lastElementChild.classList.add("am-now");
  for (let i = upto; i < panel.rows.length; i++) {
    rows.append(el("tr", { "aria-hidden": "true" }, el("th", {}, `${i + 1}. ·`), Array.from({ length: m }, () => el("td", { class: "am-ahead" }))));
  }
  body.querySelectorAll("thead th").forEach((head, j) => { if (panel.unknown && panel.unknown[j]) head.classList.add("am-unknown"); });
  body.classList.add("am-alignment-map");
  body.style.setProperty("--am-columns", m);
  if (m > DENSE) body.classList.add("am-dense");
  return body;
};
