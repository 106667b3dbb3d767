// The score matrix as tiles: one is in fast memory, those before it are gone, those after it not yet read.
// Beside each row what is kept of it: running numbers while it is worked on, three numbers when it is done.
import { el } from "../../view/core/dom.js";
import { briefNumber, showNumber, unpack } from "../../view/core/numbers.js";
import { fill } from "../../view/core/words.js";
import { cellTable } from "../../view/panels/cells.js";
import { colourLegend, panelFrame, saveMenu } from "../../view/panels/frame.js";
import { stepper } from "./stepper.js";

const PACE = 1100; // milliseconds a tile while playing
const RUNNING = 5; // numbers per row in fast memory: maximum, factor, sum, two outputs

export const tiles = (panel, view) => {
  const { shape: [n, m], data } = unpack(panel.data);
  const steps = panel.steps.map((step) => ({ ...step, state: unpack(step.state).data }));
  const matrix = cellTable(panel, view, n, m, data);
  const cells = dressed(matrix, panel);
  const kept = el("div", { class: "am-scroll am-kept", tabindex: "-1" });
  const memory = el("div", { class: "am-count" });
  const stage = el("div", { class: "am-tiles-stage" }, matrix, kept);
  const draw = (at) => {
    const now = at ? steps[at - 1] : null;
    for (const cell of cells) dress(cell, statusOf(cell, steps, at), panel, view);
    kept.replaceChildren(keptTable(panel, view, steps, at, n));
    memory.replaceChildren(bars(panel, now));
    return sentence(panel, steps, at);
  };
  const { bar, said } = stepper(panel, view, { count: steps.length, first: panel.first, pace: PACE, stage, draw });
  return panelFrame(panel, view, el("div", { class: "am-tiles" }, bar, said, stage, memory), [colourLegend(panel), saveMenu(panel, view)]);
};

// Every cell with its place and what it says once it is there; borders where a tile begins.
const dressed = (matrix, panel) => [...matrix.querySelectorAll("td[role=gridcell]")].map((node) => {
  const [row, column] = node.dataset.focus.split(".").slice(-2).map(Number);
  if (column % panel.tile === 0) node.classList.add("am-tile-left");
  if (row % panel.tile === 0) node.classList.add("am-tile-top");
  return { node, row, column, text: node.textContent, label: node.getAttribute("aria-label") };
});

const within = (place, [from, to]) => place >= from && place < to;
const statusOf = ({ row, column }, steps, at) => {
  const index = steps.findIndex((step) => within(row, step.rows) && within(column, step.columns));
  if (index >= at) return "unread";
  if (steps[index].skipped) return "skipped";
  return index === at - 1 ? "here" : "gone";
};

const dress = ({ node, row, column, text, label }, status, { rows, columns, words }, view) => {
  for (const one of ["unread", "skipped", "here", "gone"]) node.classList.toggle(`am-${one}`, one === status);
  node.textContent = { unread: "", skipped: "", gone: "·", here: text }[status];
  const said = status === "here" ? label : view.word("cell", { row: rows[row], column: columns[column], value: words[status] });
  node.setAttribute("aria-label", said);
  node.title = said;
};

// Rows of the tile at work: the running numbers. Rows that are done: output and lse. Others: nothing.
const keptTable = (panel, view, steps, at, n) => {
  const { words } = panel;
  const now = at ? steps[at - 1] : null;
  const { shape: [, width], data: finished } = unpack(panel.finished);
  const last = Math.max(...steps.map((step) => step.columns[1]));
  const done = (row) => steps.findIndex((step) => within(row, step.rows) && step.columns[1] === last) < at;
  const head = (text, more) => el("th", { scope: "col", ...more }, text);
  const names = [words.maximum, words.factor, words.sum, words.output_1, words.output_2];
  const rows = Array.from({ length: n }, (_, row) => {
    const working = now && !now.skipped && within(row, now.rows);
    const numbers = Array.from({ length: RUNNING }, (_, i) => running(panel, view, { now, at, row, i, working, name: names[i] }));
    const stored = Array.from({ length: width }, (_, i) => el("td", { class: done(row) ? "am-stored" : "am-none" },
      done(row) ? briefNumber(finished[row * width + i], 2) : ""));
    return el("tr", { class: row % panel.tile === 0 ? "am-block" : null }, el("th", { scope: "row" }, panel.rows[row]), numbers, stored);
  });
  return el("table", { class: "am-numbers am-kept-table", "aria-label": words.kept_label },
    el("thead", {},
      el("tr", {}, el("td"), head(words.fast, { colspan: RUNNING, class: "am-fast-head" }), head(words.stored, { colspan: width, class: "am-stored-head" })),
      el("tr", {}, el("td"), names.map((name) => head(name)), [words.output_1, words.output_2, "lse"].map((name) => head(name)))),
    el("tbody", {}, rows));
};

// One running number; a click opens how it came from the one before.
const running = (panel, view, { now, at, row, i, working, name }) => {
  if (!working) return el("td", { class: "am-none" });
  const value = now.state[(row - now.rows[0]) * RUNNING + i];
  const open = () => view.open({ panel: panel.id, frame: String(at - 1), row, column: i });
  const button = el("button", { type: "button", class: "am-number", "aria-label": `${panel.rows[row]}, ${name}: ${showNumber(value)}`,
    "data-focus": `${panel.id}.state.${row}.${i}`, "data-value": String(value), onclick: open }, briefNumber(value, 2));
  return el("td", { class: i === 1 && value < 1 ? "am-fast am-shrunk" : "am-fast" }, button);
};

// Numbers in fast memory at this step beside the numbers of the whole matrix.
const bars = (panel, now) => {
  const held = now ? now.held : 0;
  const most = Math.max(panel.whole, ...panel.steps.map((step) => step.held));
  const one = (name, value, kind) => {
    const bar = el("span", { class: `am-count-bar am-count-${kind}`, "aria-hidden": "true" });
    bar.style.width = `${(100 * value) / most}%`;
    return el("div", {}, el("span", {}, name), el("span", { class: "am-count-room" }, bar), el("b", {}, String(value)));
  };
  return el("div", { role: "group", "aria-label": panel.words.memory }, one(panel.words.held, held, "held"), one(panel.words.whole, panel.whole, "whole"));
};

// What happened in this tile, told by the row whose old sum shrank most.
const sentence = (panel, steps, at) => {
  const { words } = panel;
  if (!at) return words.nothing;
  const now = steps[at - 1];
  const where = fill(words.where, { step: at, count: steps.length, from: panel.rows[now.rows[0]], to: panel.rows[now.rows[1] - 1],
    left: panel.columns[now.columns[0]], right: panel.columns[now.columns[1] - 1] });
  if (now.skipped) return `${where} ${words.skips}`;
  const before = at > 1 && steps[at - 2].rows[0] === now.rows[0] ? steps[at - 2] : null;
  if (!before) return `${where} ${words.begins}`;
  let row = 0;
  for (let i = 1; i < now.rows[1] - now.rows[0]; i++) if (now.state[i * RUNNING + 1] < now.state[row * RUNNING + 1]) row = i;
  const factor = now.state[row * RUNNING + 1];
  const old = before.state[row * RUNNING];
  if (factor === 1 || !Number.isFinite(old)) return `${where} ${words.stays}`;
  return `${where} ${fill(words.rises, { row: panel.rows[now.rows[0] + row], old: showNumber(old, 2),
    now: showNumber(now.state[row * RUNNING], 2), factor: showNumber(factor, 2) })}`;
};
