// A matrix as a table of coloured cells with their numbers. Arrows move, Enter or a click opens.
import { css, inkOn, mix, rampOf } from "../core/colours.js";
import { el } from "../core/dom.js";
import { briefNumber, showNumber } from "../core/numbers.js";
import { tellRow } from "./rows.js";

const SHORT = 3; // characters that fit over a cell

// extra: more of what view.open gets to know about a cell (the frame of a player)
export const cellTable = (panel, view, n, m, data, extra = {}) => {
  const ramp = rampOf(panel.diverging ? "diverging" : "sequential");
  const span = panel.high - panel.low || 1;
  const upright = m > 6 && panel.columns.some((label) => label.length > 4);
  const table = el("table", { role: "grid", "aria-label": panel.title, class: `am-cells${upright ? " am-upright" : ""}${panel.opens ? " am-opens" : ""}` });
  const corner = el("td", { class: "am-corner" }, panel.row_title ? `${panel.row_title} ↓` : "",
    panel.row_title && panel.column_title ? el("br") : null, panel.column_title ? `${panel.column_title} →` : "");
  // a short label stays level where long ones are turned: "<" on its side would read as another sign
  const turned = (label) => upright && [...label].length > SHORT;
  const labels = panel.columns.map((label) => el("th", { scope: "col", dir: "auto", title: label }, el("span", { class: turned(label) ? "am-turned" : null }, label)));
  if (panel.sums) labels.push(el("th", { scope: "col", class: "am-sum" }, "Σ"));
  table.append(el("thead", {}, el("tr", { role: "row" }, corner, labels)));
  const rows = [];
  const grid = [];
  for (let i = 0; i < n; i++) {
    const row = [];
    let sum = 0;
    for (let j = 0; j < m; j++) {
      const number = data[i * m + j];
      sum += number;
      row.push(cell(panel, view, i, j, number, ramp, span));
    }
    grid.push(row);
    if (panel.sums) row.push(el("td", { class: "am-sum" }, showNumber(sum, 2)));
    rows.push(el("tr", { role: "row" }, el("th", { scope: "row", dir: "auto", title: panel.rows[i] }, panel.rows[i]), row));
  }
  table.append(el("tbody", {}, rows));
  if (n && m) arrows(table, grid, n, m, panel, view, extra);
  return el("div", { class: "am-scroll", tabindex: "-1" }, table);
};

const cell = (panel, view, i, j, number, ramp, span) => {
  const text = panel.cell_labels ? panel.cell_labels[i][j] : briefNumber(number, panel.digits);
  const masked = panel.masked && panel.masked[i][j];
  const label = view.word("cell", { row: panel.rows[i], column: panel.columns[j], value: showNumber(number) });
  const node = el("td", { role: "gridcell", tabindex: "-1", "data-focus": `${panel.id}.${i}.${j}`, "data-value": String(number),
    "aria-label": masked ? `${label}, ${view.word("masked")}` : label, title: label, class: masked ? "am-masked" : "" }, text);
  if (Number.isFinite(number)) {
    const colour = mix(ramp, (number - panel.low) / span);
    node.style.backgroundColor = css(colour);
    node.style.color = inkOn(colour);
  } else {
    node.classList.add("am-undefined");
  }
  return node;
};

// One cell at a time is in the tab order; arrows, Home and End move it.
const arrows = (table, grid, n, m, panel, view, extra) => {
  grid[0][0].tabIndex = 0;
  let told = null;
  const tell = (row) => {
    if (row !== told) tellRow(table, panel, row);
    told = row;
  };
  const place = (target) => {
    const parts = (target.closest("td[role=gridcell]")?.dataset.focus || "").split(".").slice(-2);
    return parts.length === 2 ? parts.map(Number) : null;
  };
  const follow = (event) => tell(place(event.target)?.[0] ?? null);
  table.addEventListener("mouseover", follow);
  table.addEventListener("focusin", follow);
  table.addEventListener("mouseleave", () => tell(null));
  table.addEventListener("focusout", () => tell(null));
  table.addEventListener("click", (event) => {
    const at = place(event.target);
    if (at && panel.opens) view.open({ panel: panel.id, row: at[0], column: at[1], ...extra });
  });
  table.addEventListener("keydown", (event) => {
    const at = place(event.target);
    if (!at) return;
    let [i, j] = at;
    if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      if (panel.opens) view.open({ panel: panel.id, row: i, column: j, ...extra });
      return;
    }
    const moves = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
    if (moves[event.key]) { i += moves[event.key][0]; j += moves[event.key][1]; }
    else if (event.key === "Home") j = 0;
    else if (event.key === "End") j = m - 1;
    else return;
    event.preventDefault();
    i = Math.min(Math.max(i, 0), n - 1);
    j = Math.min(Math.max(j, 0), m - 1);
    grid[at[0]][at[1]].tabIndex = -1;
    grid[i][j].tabIndex = 0;
    grid[i][j].focus();
  });
};
