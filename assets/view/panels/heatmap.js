// The plainest panels: a matrix, a heading, single figures. A matrix is a table of cells, or, too large for
// that, a canvas.
import { el } from "../core/dom.js";
import { unpack } from "../core/numbers.js";
import { canvasMap } from "./canvas.js";
import { cellTable } from "./cells.js";
import { colourLegend, panelFrame, saveMenu } from "./frame.js";
import { followRows } from "./rows.js";

const SMALL = 420, LONG = 24; // cells, and cells in a row or column, that are drawn as table cells; beyond, one canvas

export const heatmap = (panel, view) => {
  followRows(view);
  const { shape, data } = unpack(panel.data);
  const [n, m] = shape;
  const large = n * m > SMALL || Math.max(n, m) > LONG;
  const body = large ? canvasMap(panel, view, n, m, data) : cellTable(panel, view, n, m, data);
  return panelFrame(panel, view, body, [colourLegend(panel), saveMenu(panel, view)]);
};

export const heading = (panel) => el("div", {}, el("h2", {}, panel.title),
  panel.caption ? el("p", {}, panel.caption) : null);

export const readouts = (panel) => el("figure", {}, panel.title ? el("h3", { class: "am-title" }, panel.title) : null,
  el("dl", { class: "am-figures" }, panel.items.map((item) => el("div", {}, el("dt", {}, item.label),
    el("dd", {}, item.value), item.note ? el("dd", { class: "am-caption" }, item.note) : null))));
