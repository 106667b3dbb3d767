// Every head of every layer on one canvas; a click or the keyboard opens one.
import { el } from "../../view/core/dom.js";
import { bytesOf } from "../../view/core/numbers.js";
import { register } from "../../view/core/registry.js";
import { colourLegend, panelFrame, saveMenu } from "../../view/panels/frame.js";
import { whileShown } from "../../view/panels/rows.js";
import { frames, framesOf, lineOf } from "./frames.js";
import { compact, openhead, went, wholehead } from "./open.js";
import { EDGE, enlarge, paint } from "./paint.js";
import { merged, pickHead } from "./pick.js";
import { strands } from "./strands.js";
import { headmap, overviewTable, roles } from "./tables.js";

const LENS = 168; // css pixels of the head under the glass

// What takes longer is asked for once the rest is there: {ask: name of the question, part}.
const later = (panel, view) => {
  const asked = JSON.stringify(view.payload.inputs);
  const figure = el("figure", {}, busy(panel.title));
  window.setTimeout(async () => {
    const part = await view.ask(panel.ask, {});
    if (asked !== JSON.stringify(view.payload.inputs)) return;
    if (part.error) figure.replaceChildren(el("p", { class: "am-note", role: "status" }, part.error));
    else view.update(merged(view.payload, part, panel.part));
  }, 0);
  return figure;
};

const buttons = (panel, view) => el("div", { class: "am-options" }, panel.items.map((item, i) =>
  el("button", { type: "button", class: "am-button", "data-focus": `${panel.id}.${i}`, onclick: () => view.choose && view.choose(item.set) }, item.label)));

// A model on its way: ask again until it is there, less often while the answers are refusals. One that
// failed stands alone, with a button that waits as long as the server rests.
const waiting = (panel, view) => {
  if (panel.failed) return failed(panel, view);
  const bar = panel.total ? el("progress", { max: panel.total, value: panel.done, "aria-label": panel.title }) : null;
  const figure = el("figure", {}, busy(panel.title), bar);
  let pause = 2000; // milliseconds
  const ask = () => { // an answer that changed nothing draws nothing: keep asking
    if (!figure.isConnected || !view.need) return;
    if (view.alert) pause = Math.min(30000, pause * 2);
    view.need();
    window.setTimeout(ask, pause);
  };
  window.setTimeout(ask, pause);
  return figure;
};

const failed = (panel, view) => {
  const figure = el("figure", {}, el("p", { class: "am-note", role: "alert" }, panel.title));
  if (panel.seconds === null || !view.need) return figure;
  const button = el("button", { type: "button", class: "am-button", "data-focus": "again", onclick: () => view.need() });
  const until = performance.now() + 1000 * panel.seconds;
  let shown = false; // a figure is built before it is put in its place
  const tell = () => {
    const left = Math.ceil((until - performance.now()) / 1000);
    button.disabled = left > 0;
    button.textContent = left > 0 ? panel.words.rest.replace("{seconds}", left) : panel.words.again;
    if (left > 0 && (button.isConnected || !shown)) window.setTimeout(tell, 250);
    shown = shown || button.isConnected;
  };
  tell();
  figure.append(button);
  return figure;
};

const busy = (sentence) => el("p", { class: "am-busy", role: "status" }, el("span", { class: "am-busy-dots", "aria-hidden": "true" }), sentence);

const overview = (panel, view) => {
  const tiles = panel.thumbnails.map((bytes) => bytesOf(bytes));
  const canvas = el("canvas", { tabindex: "0", role: "application", "aria-label": `${panel.title}. ${panel.words.keys}`, "data-focus": "overview", class: "am-overview-canvas" });
  const lens = el("canvas", { class: "am-lens", "aria-hidden": "true" });
  const status = el("p", { class: "am-lens-line", role: "status", "aria-live": "polite" }, "\u00a0");
  const glass = el("div", { class: "am-lens-box" }, lens, status);
  const holder = el("div", { class: "am-overview-table" });
  const body = el("div", { class: "am-overview-body" }, canvas, glass, holder);
  const toggle = el("button", { type: "button", class: "am-button", "data-focus": "overview.toggle" });
  let table = null; // the same by numbers, while it is wanted
  const grid = { at: null, cell: 0 };
  const chosen = () => [view.payload.inputs.layer, view.payload.inputs.head];
  const draw = () => {
    if (!body.offsetWidth) return;
    paint(canvas, panel, tiles, grid, chosen(), body.offsetWidth, panel.amounts ? {} : framesOf(view));
    canvas.dataset.painted = view.payload.link; // what the picture shows, for tests and the bench
    look();
    if (table) table.choose(chosen());
  };
  const look = () => { // the head pointed at, else the open one, under the glass
    const at = grid.at || chosen();
    enlarge(lens, panel, grid, at, LENS);
    const does = panel.amounts ? panel.words.amount.replace("{amount}", panel.amounts[at[0]][at[1]]) : lineOf(view, ...at);
    const name = el("b", {}, panel.words.cell.replace("{layer}", at[0]).replace("{head}", at[1]));
    status.replaceChildren(name, el("br"), does);
  };
  const show = () => { // picture or table
    table = view.state.overviewTable ? overviewTable(panel, view, tiles) : null;
    canvas.hidden = glass.hidden = Boolean(table);
    toggle.textContent = view.word(table ? "picture" : "table");
    holder.replaceChildren(...(table ? table.nodes : []));
    if (table) table.choose(chosen());
  };
  toggle.addEventListener("click", () => {
    view.state.overviewTable = !view.state.overviewTable;
    show();
    draw();
  });
  const move = (at) => {
    grid.at = at;
    draw();
  };
  steer(canvas, panel, grid, { move, chosen, pick: (at) => pickHead(view, ...at) });
  whileShown(view, body, ["am-resize", "am-update"], () => {
    draw();
    window.requestAnimationFrame(draw); // the key to the frames may have come into sight, or left it
  });
  window.requestAnimationFrame(() => { if (!canvas.dataset.painted) draw(); }); // unless an update came before
  show();
  const legend = colourLegend({ low: 0, high: 1, diverging: false });
  legend.append(el("span", {}, "√"));
  const save = saveMenu(panel, view, { formats: ["csv", "npz"] });
  return panelFrame(panel, view, body, [legend, toggle, save]);
};

// Pointer and keyboard on the canvas: move(at) marks a head or null, pick(at) opens it.
const steer = (canvas, panel, grid, { move, chosen, pick }) => {
  const find = (event) => {
    const box = canvas.getBoundingClientRect();
    const i = Math.floor((event.clientY - box.top - EDGE) / grid.cell);
    const j = Math.floor((event.clientX - box.left - EDGE) / grid.cell);
    return i >= 0 && j >= 0 && i < panel.layers && j < panel.heads ? [i, j] : null;
  };
  canvas.addEventListener("mousemove", (event) => { const at = find(event); if (String(at) !== String(grid.at)) move(at); });
  canvas.addEventListener("mouseleave", () => move(null));
  canvas.addEventListener("click", (event) => { const at = find(event); if (at) pick(at); });
  canvas.addEventListener("focus", () => { if (canvas.matches(":focus-visible")) move(grid.at || chosen()); });
  canvas.addEventListener("blur", () => move(null));
  canvas.addEventListener("keydown", (event) => {
    const steps = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
    const at = grid.at || chosen();
    if (event.key === "Enter" || event.key === " ") pick(at);
    else if (steps[event.key]) {
      const [down, right] = steps[event.key];
      const next = [bound(at[0] + down, panel.layers), bound(at[1] + right, panel.heads)];
      move(next);
      pick(next); // the large picture follows
    } else return;
    event.preventDefault();
  });
};

const bound = (i, count) => Math.min(Math.max(i, 0), count - 1);

register({ buttons, compact, frames, headmap, later, openhead, overview, roles, strands, waiting, went, wholehead });
