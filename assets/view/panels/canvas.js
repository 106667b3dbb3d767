// A matrix too large for table cells, as canvases: labels stay in sight while the cells scroll.
// canvasMap(panel, view, n, m, data) -> element; data is row by row, (n, m).
import { el } from "../core/dom.js";
import { showNumber } from "../core/numbers.js";
import { grown, lineOf, widthOf } from "./canvas_labels.js";
import { drawMap, layout, measureLabels } from "./canvas_picture.js";
import { tellRow } from "./rows.js";

const CUT = 64; // rows and columns of the table view

export const canvasMap = (panel, view, n, m, data) => {
  if (!n || !m) return el("p", { class: "am-caption" }, "∅");
  const map = { panel, view, n, m, data, rowNames: panel.rows.map(String), columnNames: panel.columns.map(String),
    memory: memoryOf(panel, view, n, m),
    widths: null, // of the widest labels, measured once
    grown: null, // for this size of type
    size: null, // the geometry of the last drawing
    at: null, // the cell under the pointer or the cursor
    linked: null }; // a row that another panel points at
  build(map);
  steer(map);
  const { body, toggle } = map;
  toggle.addEventListener("click", () => {
    map.memory.table = !map.memory.table;
    show(map);
  });
  body.amRow = (row, id) => {
    if (id !== panel.id) return;
    map.linked = row;
    follow(map);
  };
  body.classList.add("am-follows");
  let drawn = 0; // an observer of its own dies with the element; a listener on the root would stay
  new ResizeObserver(() => {
    if (body.clientWidth !== drawn) draw(map);
    drawn = body.clientWidth;
  }).observe(body);
  show(map);
  return body;
};

const memoryOf = (panel, view, n, m) => {
  const remembered = (view.state.maps = view.state.maps || {});
  const memory = (remembered[panel.id] = remembered[panel.id] || { row: 0, column: 0, table: false });
  memory.row = Math.min(memory.row, n - 1);
  memory.column = Math.min(memory.column, m - 1);
  return memory;
};

// The elements of a map, which it keeps by name.
const build = (map) => {
  const { panel, view, n, m } = map;
  const corner = el("div", { class: "am-map-corner", "aria-hidden": "true" },
    el("span", {}, panel.column_title ? `${panel.column_title} →` : ""), el("span", {}, panel.row_title ? `${panel.row_title} ↓` : ""));
  const top = el("canvas"), left = el("canvas"), heat = el("canvas", { class: "am-map-heat" });
  const mark = (name) => el("div", { class: `am-map-mark ${name}`, hidden: true, "aria-hidden": "true" });
  const marks = { row: mark("am-mark-row"), column: mark("am-mark-column"), cell: mark("am-mark-cell"), top: mark("am-mark-top"), left: mark("am-mark-left") };
  marks.top.dir = marks.left.dir = "auto";
  const cells = el("div", { class: `am-map-cells${panel.opens ? " am-opens" : ""}` }, heat, marks.row, marks.column, marks.cell);
  const grid = el("div", { class: "am-map-grid" }, corner, el("div", { class: "am-map-top" }, top, marks.top), el("div", { class: "am-map-left" }, left, marks.left), cells);
  const readout = el("p", { class: "am-readout", "aria-live": "polite" });
  const frame = el("div", { class: "am-map", tabindex: "0", role: "application", "data-focus": `${panel.id}.map`,
    "aria-label": `${panel.title}. ${view.word(panel.opens ? "map_help" : "map_help_closed", { rows: n, columns: m })}` }, grid);
  const toggle = el("button", { type: "button", class: "am-button", "data-focus": `${panel.id}.toggle` });
  const table = el("div", { class: "am-map-table", hidden: true });
  const body = el("div", { class: "am-map-body" }, frame, table, el("div", { class: "am-map-foot" }, readout, toggle));
  Object.assign(map, { corner, top, left, heat, marks, cells, readout, frame, toggle, table, body });
};

const draw = (map) => {
  const { body, corner, memory } = map;
  const width = body.clientWidth;
  if (!width || memory.table) return;
  if (map.grown !== grown()) map.widths = null;
  map.grown = grown();
  map.widths = map.widths || measureLabels(map);
  const size = (map.size = layout(map, width));
  drawMap(map, size, window.getComputedStyle(body));
  corner.style.width = `${size.gutter}px`;
  corner.style.height = `${size.depth}px`;
  follow(map);
};

const show = (map) => { // picture or table
  const { frame, table, toggle, view, memory } = map;
  frame.hidden = memory.table;
  table.hidden = !memory.table;
  toggle.textContent = view.word(memory.table ? "picture" : "table");
  if (memory.table) table.replaceChildren(...numbers(map));
  else table.replaceChildren();
  draw(map);
};

// Row and column of the marked cell, or a row that a plot points at, and their labels: elements
// over the canvases, so that moving the pointer draws nothing again.
const place = (node, where) => {
  node.hidden = !where;
  if (where) for (const [name, value] of Object.entries(where)) node.style[name] = typeof value === "number" ? `${value}px` : value;
};
const follow = ({ marks, size, at, linked, rowNames, columnNames }) => {
  const row = at ? at.row : linked;
  if (!size || row === null) return Object.values(marks).forEach((node) => place(node, null));
  const line = lineOf();
  const pitch = size.cell / size.dpr, width = size.width / size.dpr, height = size.height / size.dpr;
  const between = (middle, half, end) => Math.min(Math.max(middle - half, 0), Math.max(end - 2 * half, 0));
  place(marks.row, { left: 0, top: row * pitch, width, height: pitch });
  place(marks.left, { right: "0", top: between((row + 0.5) * pitch, line / 2, height), maxWidth: `${size.gutter}px` });
  marks.left.textContent = rowNames[row];
  place(marks.column, at && { left: at.column * pitch, top: 0, width: pitch, height });
  place(marks.cell, at && { left: at.column * pitch, top: row * pitch, width: pitch, height: pitch });
  if (!at) return place(marks.top, null);
  marks.top.textContent = columnNames[at.column];
  const upright = size.upright && widthOf(columnNames[at.column]) > pitch - 2; // as it is drawn
  marks.top.classList.toggle("am-mark-upright", upright);
  const half = upright ? line / 2 : widthOf(columnNames[at.column].slice(0, 80), true) / 2 + 3;
  place(marks.top, { left: between((at.column + 0.5) * pitch, half, width), maxWidth: `${width}px`, maxHeight: `${size.depth}px` });
};

const point = (map, cell) => { // mark a cell (or null), say it, and tell the panels that follow rows
  const { panel, view, m, data, rowNames, columnNames, at } = map;
  if (at === cell || (at && cell && at.row === cell.row && at.column === cell.column)) return;
  map.at = cell;
  follow(map);
  const value = cell && data[cell.row * m + cell.column];
  let text = cell ? view.word("cell", { row: rowNames[cell.row], column: columnNames[cell.column], value: showNumber(value) }) : "";
  if (cell && panel.masked && panel.masked[cell.row][cell.column]) text += `, ${view.word("masked")}`;
  if (cell && panel.sums) text += `  (Σ ${showNumber(data.subarray(cell.row * m, (cell.row + 1) * m).reduce((a, b) => a + b, 0), 2)})`;
  map.readout.textContent = text;
  const [before, now] = [at ? at.row : null, cell ? cell.row : null];
  if (before !== now) tellRow(map.body, panel, now);
};

const cursor = ({ memory }) => ({ row: memory.row, column: memory.column });

// Pointer and keyboard.
const steer = (map) => {
  const { panel, view, n, m, memory, frame, cells, heat } = map;
  const under = (event) => {
    const box = heat.getBoundingClientRect();
    const row = Math.floor(((event.clientY - box.top) / box.height) * n);
    const column = Math.floor(((event.clientX - box.left) / box.width) * m);
    return row >= 0 && row < n && column >= 0 && column < m ? { row, column } : null;
  };
  const open = ({ row, column }) => panel.opens && view.open({ panel: panel.id, row, column });
  cells.addEventListener("pointermove", (event) => point(map, under(event)));
  cells.addEventListener("pointerleave", () => point(map, frame.matches(":focus-visible") ? cursor(map) : null));
  cells.addEventListener("click", (event) => {
    const cell = under(event);
    if (!cell) return;
    Object.assign(memory, cell);
    point(map, cell);
    open(cell);
  });
  frame.addEventListener("focus", () => { if (frame.matches(":focus-visible")) point(map, cursor(map)); });
  frame.addEventListener("blur", () => point(map, null));
  frame.addEventListener("keydown", (event) => {
    if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      open(cursor(map));
      return;
    }
    const leap = event.shiftKey ? 10 : 1;
    const moves = { ArrowUp: [-leap, 0], ArrowDown: [leap, 0], ArrowLeft: [0, -leap], ArrowRight: [0, leap], Home: [0, -m], End: [0, m], PageUp: [-n, 0], PageDown: [n, 0] };
    if (!moves[event.key] || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    memory.row = Math.min(Math.max(memory.row + moves[event.key][0], 0), n - 1);
    memory.column = Math.min(Math.max(memory.column + moves[event.key][1], 0), m - 1);
    point(map, cursor(map));
    reveal(map);
  });
};

const reveal = ({ size, memory, frame }) => { // scroll so that the cursor stands clear of the sticky labels
  const pitch = size.cell / size.dpr;
  const x = memory.column * pitch, y = memory.row * pitch;
  if (x < frame.scrollLeft) frame.scrollLeft = x;
  if (x + pitch > frame.scrollLeft + frame.clientWidth - size.gutter) frame.scrollLeft = x + pitch - frame.clientWidth + size.gutter;
  if (y < frame.scrollTop) frame.scrollTop = y;
  if (y + pitch > frame.scrollTop + frame.clientHeight - size.depth) frame.scrollTop = y + pitch - frame.clientHeight + size.depth;
};

// The numbers themselves, as far as a table of them can be read.
const numbers = ({ panel, view, n, m, data, rowNames, columnNames }) => {
  const rows = Math.min(n, CUT), columns = Math.min(m, CUT);
  const line = (i) => el("tr", {}, el("th", { scope: "row", dir: "auto" }, rowNames[i]),
    Array.from({ length: columns }, (_, j) => el("td", {}, panel.masked && panel.masked[i][j] ? "–" : showNumber(data[i * m + j], Math.max(panel.digits, 3)))));
  const head = el("tr", {}, el("td", {}), columnNames.slice(0, columns).map((name) => el("th", { scope: "col", dir: "auto" }, name)));
  const cut = rows < n || columns < m ? el("p", { class: "am-caption" }, view.word("table_cut", { rows, columns, all_rows: n, all_columns: m })) : null;
  return [el("div", { class: "am-scroll am-map-numbers", tabindex: "0", role: "group", "aria-label": panel.title, "data-focus": `${panel.id}.numbers` },
    el("table", { class: "am-numbers" }, el("thead", {}, head), el("tbody", {}, Array.from({ length: rows }, (_, i) => line(i))))), cut].filter(Boolean);
};
