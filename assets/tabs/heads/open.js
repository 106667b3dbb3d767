// The open head: large where its cells can be read, one canvas where not; three of them beside each other.
import { el } from "../../view/core/dom.js";
import { unpack } from "../../view/core/numbers.js";
import { canvasMap } from "../../view/panels/canvas.js";
import { cellTable } from "../../view/panels/cells.js";
import { colourLegend, panelFrame, saveMenu } from "../../view/panels/frame.js";
import { followRows, whileShown } from "../../view/panels/rows.js";
import { lineOf } from "./frames.js";
import { pick, pickHead } from "./pick.js";

const CELLS = 420, ACROSS = 16; // cells in all, and in a row, that a table has room for
const NARROW = 640; // css pixels of a window that has no room for any

export const openhead = (panel, view) => {
  followRows(view);
  const { shape, data } = unpack(panel.data);
  const [n, m] = shape;
  const small = n * m <= CELLS && m <= ACROSS && n <= 24 && window.innerWidth >= NARROW;
  const body = small ? cellTable(panel, view, n, m, data) : canvasMap(panel, view, n, m, data);
  const line = el("p", { class: "am-head-line", role: "status" }, "\u00a0");
  const { layer, head } = view.payload.inputs;
  const tell = () => window.requestAnimationFrame(() => { line.textContent = lineOf(view, layer, head) || "\u00a0"; });
  const figure = panelFrame(panel, view, el("div", {}, line, body), [colourLegend(panel), saveMenu(panel, view)]);
  figure.style.setProperty("--am-across", m);
  whileShown(view, figure, ["am-update"], tell);
  tell();
  return figure;
};

export const compact = (panel, view) => {
  followRows(view);
  const { shape, data } = unpack(panel.data);
  return panelFrame(panel, view, canvasMap(panel, view, ...shape, data), [colourLegend(panel), saveMenu(panel, view)]);
};

// All of a long text's head; a click moves the region that is shown exactly, and a frame says where it is.
export const wholehead = (panel, view) => {
  followRows(view);
  const { shape, data } = unpack(panel.data);
  const { pool, counts, at } = panel.zoom;
  const place = (i, side) => Math.min(Math.floor((i + 0.5) * pool[side]), counts[side] - 1);
  const opening = Object.create(view);
  opening.open = ({ row, column }) => pick(view, { zoom: `${place(row, 0)}, ${place(column, 1)}` });
  const body = canvasMap(panel, opening, ...shape, data);
  const frame = el("div", { class: "am-zoom", "aria-hidden": "true" });
  const share = (tokens, side) => `${(100 * tokens) / pool[side] / shape[side]}%`; // the last cell may stand for fewer
  Object.assign(frame.style, { top: share(at[0], 0), height: share(at[1] - at[0], 0), left: share(at[2], 1), width: share(at[3] - at[2], 1) });
  body.querySelector(".am-map-cells").append(frame);
  return panelFrame(panel, view, body, [colourLegend(panel), saveMenu(panel, view)]);
};

// Heads by how much their weights moved; a click opens one.
export const went = (panel, view) => {
  const most = Math.max(1e-9, ...panel.items.map(([, , , amount]) => amount));
  const rows = panel.items.map(([layer, head, shown, amount], i) => {
    const bar = el("span", { class: "am-bar" });
    bar.style.width = `${(60 * amount) / most}%`;
    const name = panel.words.cell.replace("{layer}", layer).replace("{head}", head);
    return el("li", {}, el("button", { type: "button", class: "am-button", "data-focus": `went.${i}`, onclick: () => pickHead(view, layer, head) }, name),
      el("span", { class: "am-bar-line" }, bar, el("span", { class: "am-bar-number" }, shown)));
  });
  return panelFrame(panel, view, el("ol", { class: "am-went-list" }, rows), [saveMenu(panel, view, { formats: ["csv", "npz"] })]);
};
