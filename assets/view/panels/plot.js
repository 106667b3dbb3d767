// Lines, points and bars over x: the kind "plot". Roles differ in colour, dash and sign.
// A plot with "rows" ({panel, x, matrix, queries?, name?}) draws a row of that matrix as bars: the
// row pointed at in the linked heatmap, or the query nearest to the pointer in the plot itself.
import { el, svg } from "../core/dom.js";
import { showNumber, unpack } from "../core/numbers.js";
import { panelFrame, saveMenu } from "./frame.js";
import { chart, dash, sign } from "./plot_chart.js";
import { extent } from "./plot_scale.js";
import { followRows, tellRow } from "./rows.js";

const ROLES = ["accent", "data", "truth", "muted"];
const TABLE = 400; // rows of numbers listed

const values = (packed) => Array.from(packed && packed.f32 !== undefined ? unpack(packed).data : packed || []);

const read = (panel) => {
  const seen = {};
  const series = panel.series.map((one, i) => {
    const role = ROLES.includes(one.role) ? one.role : ROLES[i % ROLES.length];
    const key = `${role}.${one.kind}`;
    seen[key] = (seen[key] ?? -1) + 1; // a second line of one role gets its own dash
    return { name: one.name || "", kind: one.kind, role, repeat: seen[key], x: values(one.x), y: values(one.y) };
  });
  let rows = null;
  if (panel.rows) {
    const packed = panel.rows.matrix.f32 !== undefined ? unpack(panel.rows.matrix) : null;
    const data = packed ? packed.data : panel.rows.matrix.flat();
    const x = values(panel.rows.x);
    rows = { panel: panel.rows.panel, name: panel.rows.name || "", x, data, m: x.length, n: data.length / (x.length || 1),
      queries: panel.rows.queries ? values(panel.rows.queries) : null, high: Math.max(extent(data)[1], 1e-12) };
  }
  return { series, rows };
};

const legend = (series, rows) => {
  const item = (one, name) => {
    const art = svg("svg", { width: 26, height: 12, "aria-hidden": "true", class: `am-series am-role-${one.role}` });
    if (one.kind === "points") art.append(sign(one, 13, 6));
    else if (one.kind === "bars") art.append(svg("rect", { x: 8, y: 2, width: 10, height: 10, class: "am-bar" }));
    else art.append(svg("line", { x1: 1, x2: 25, y1: 6, y2: 6, "stroke-dasharray": dash(one), class: "am-line" }));
    return el("li", {}, art, name);
  };
  const items = series.filter((one) => one.name).map((one) => item(one, one.name));
  if (rows && rows.name) items.push(item({ role: "weight", kind: "bars" }, rows.name));
  return items.length ? el("ul", { class: "am-plot-legend" }, items) : null;
};

export const plot = (panel, view) => {
  followRows(view);
  const { series, rows } = read(panel);
  const stops = [...new Set([...series.flatMap((one) => one.x), ...(rows && rows.queries ? rows.queries : [])])].filter(Number.isFinite).sort((a, b) => a - b);
  const readout = el("p", { class: "am-readout", "aria-live": "polite" });
  const frame = el("div", { class: "am-plot-frame", tabindex: "0", role: "application", "data-focus": `${panel.id}.plot`,
    "aria-label": `${panel.title}. ${series.map((one) => one.name).filter(Boolean).join(", ")}. ${view.word("plot_help")}` });
  const body = el("div", { class: "am-plot-body am-follows" }, legend(series, rows), frame, readout, numbers(panel, series, view));
  // art: the chart as drawn last; row: the row of bars over it; told: the row other panels know of
  const state = { panel, view, series, rows, stops, readout, frame, body, art: null, row: null, told: null };
  let drawn = 0;
  const draw = () => {
    if (!frame.clientWidth) return;
    drawn = frame.clientWidth;
    state.art = chart(panel, series, rows, Math.max(drawn, 160));
    frame.replaceChildren(state.art.picture);
    state.art.drawRow(state.row);
  };
  steer(state);
  body.amRow = (next, id) => { // the linked heatmap points at a row
    if (!rows || id !== rows.panel) return;
    const said = showRow(state, next);
    const query = state.row !== null && rows.queries ? rows.queries[state.row] : NaN;
    state.art?.guideAt(query);
    readout.textContent = state.row === null ? "" : [Number.isFinite(query) ? `${panel.x_title || "x"} = ${showNumber(query, 3)}` : "", said].filter(Boolean).join(" · ");
  };
  new ResizeObserver(() => { if (frame.clientWidth !== drawn) draw(); }).observe(body);
  return panelFrame(panel, view, body, [saveMenu(panel, view)]);
};

// Row i of the linked matrix as bars (null: none) -> what is said of it.
const showRow = (state, i) => {
  const { rows, view } = state;
  const row = (state.row = i !== null && i >= 0 && i < rows.n ? i : null);
  state.art?.drawRow(row);
  if (row === null) return "";
  let best = 0;
  for (let j = 1; j < rows.m; j++) if (rows.data[row * rows.m + j] > rows.data[row * rows.m + best]) best = j;
  return view.word("row_weights", { weight: showNumber(rows.data[row * rows.m + best], 3), place: showNumber(rows.x[best], 2) });
};

const tell = (state, row) => {
  if (state.rows && row !== state.told) tellRow(state.body, { id: state.rows.panel }, row);
  state.told = row;
};

const nearest = (list, x) => list.reduce((best, one, i) => (Math.abs(one - x) < Math.abs(list[best] - x) ? i : best), 0);

// Stop k (null: none): every series that has a point at this very x is read out; nothing is interpolated.
const point = (state, k) => {
  const { panel, series, rows, stops, readout, art } = state;
  if (k === null || !stops.length || !art) {
    art?.guideAt(NaN);
    if (rows) showRow(state, null);
    readout.textContent = "";
    tell(state, null);
    return;
  }
  const x = stops[k];
  art.guideAt(x);
  const parts = series.flatMap((one) => one.x.flatMap((there, i) => (there === x ? [`${one.name || panel.y_title}: ${showNumber(one.y[i])}`] : [])));
  if (rows && rows.queries) {
    const query = nearest(rows.queries, x);
    parts.push(showRow(state, query));
    tell(state, query);
  }
  readout.textContent = `${panel.x_title || "x"} = ${showNumber(x, Number.isInteger(x) ? 0 : 3)} · ${parts.filter(Boolean).join(" · ")}`;
};

// Pointer and keyboard.
const steer = (state) => {
  const { panel, view, stops, frame } = state;
  const cursors = (view.state.plots = view.state.plots || {});
  const stopAt = (event) => {
    const box = frame.getBoundingClientRect();
    const x = ((event.clientX - box.left) / box.width) * state.art.width;
    return nearest(stops.map(state.art.px), x);
  };
  frame.addEventListener("pointermove", (event) => { if (state.art && stops.length) point(state, stopAt(event)); });
  frame.addEventListener("pointerleave", () => point(state, null));
  frame.addEventListener("focus", () => { if (frame.matches(":focus-visible")) point(state, Math.min(cursors[panel.id] || 0, stops.length - 1)); });
  frame.addEventListener("blur", () => point(state, null));
  frame.addEventListener("keydown", (event) => {
    const now = Math.min(cursors[panel.id] || 0, stops.length - 1);
    const next = { ArrowLeft: now - 1, ArrowDown: now - 1, ArrowRight: now + 1, ArrowUp: now + 1, Home: 0, End: stops.length - 1 }[event.key];
    if (next === undefined || !stops.length || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    cursors[panel.id] = Math.min(Math.max(next, 0), stops.length - 1);
    point(state, cursors[panel.id]);
  });
};

// The numbers of a plot, listed by x; made when first asked for.
const numbers = (panel, series, view) => {
  const remembered = (view.state.listed = view.state.listed || {});
  const holder = el("div", { class: "am-scroll am-map-numbers", tabindex: "0", role: "group", "aria-label": panel.title, "data-focus": `${panel.id}.numbers` });
  const box = el("details", { class: "am-plot-numbers", open: remembered[panel.id] },
    el("summary", { "data-focus": `${panel.id}.listed` }, view.word("table")), holder);
  const fill = () => {
    if (!box.open || holder.firstChild) return;
    const lines = new Map();
    series.forEach((one, s) => one.x.forEach((x, i) => {
      if (!lines.has(x)) lines.set(x, series.map(() => []));
      lines.get(x)[s].push(showNumber(one.y[i]));
    }));
    const sorted = [...lines].sort((a, b) => a[0] - b[0]);
    const head = el("tr", {}, el("th", { scope: "col" }, panel.x_title || "x"), series.map((one) => el("th", { scope: "col" }, one.name || panel.y_title || "y")));
    const rows = sorted.slice(0, TABLE).map(([x, cells]) => el("tr", {}, el("th", { scope: "row" }, showNumber(x, Number.isInteger(x) ? 0 : 3)), cells.map((cell) => el("td", {}, cell.join(", ")))));
    holder.append(el("table", { class: "am-numbers" }, el("thead", {}, head), el("tbody", {}, rows)));
    if (sorted.length > TABLE) box.append(el("p", { class: "am-caption" }, view.word("list_cut", { rows: TABLE, all_rows: sorted.length })));
  };
  box.addEventListener("toggle", () => { remembered[panel.id] = box.open; fill(); });
  fill();
  return box;
};
