// All heads of a large model, layer by layer: the page carries what is known.
import { el } from "../../view/core/dom.js";
import { unpack } from "../../view/core/numbers.js";
import { fill } from "../../view/core/words.js";
import { goOn, halt, openState } from "../../view/panels/chunks.js";
import { downloadCsv, panelFrame, saveMenu } from "../../view/panels/frame.js";
import { heatmap, readouts } from "../../view/panels/heatmap.js";

const fresh = (key) => ({ key, state: null, step: 0, data: null, apart: null, turn: 0, running: false, alert: "", draw: () => {} });

const go = (view, run, steps) => goOn(view, run, {
  more: () => run.step < steps,
  question: () => ({ state: run.state, step: run.step }),
  took: ({ state, step, data, apart }) => Object.assign(run, { state, step, data, apart }),
});

export const longrun = (panel, view) => {
  const { words, steps } = panel;
  const key = JSON.stringify(panel.run);
  let run = view.state.longrun;
  if (!run || run.key !== key) { // another question than the one under way
    if (run) halt(run);
    run = view.state.longrun = fresh(key);
  }
  const toggle = el("button", { type: "button", class: "am-button", disabled: !view.server, "data-focus": "longrun.toggle",
    onclick: () => { if (run.running) { halt(run); run.draw(); } else go(view, run, steps); } });
  const progress = el("progress", { class: "am-progress", max: steps, "aria-label": panel.title });
  const count = el("span", { class: "am-caption" });
  const say = el("p", { class: "am-note", role: "status" });
  const sheet = el("section", { class: "am-sheet", hidden: true, tabindex: "-1" });
  const picture = el("div", { class: "am-longrun-picture" });
  const parts = { picture, sheet };
  run.draw = () => {
    toggle.textContent = run.running ? words.stop : run.step ? words.go_on : words.start;
    toggle.disabled = !view.server || (run.step >= steps && !run.running);
    progress.value = run.step;
    count.textContent = run.step >= steps ? fill(words.finished, { wanted: steps }) : fill(words.progress, { done: run.step, wanted: steps });
    say.textContent = view.server ? run.alert : words.offline;
    say.hidden = !say.textContent;
    if (run.data) picture.replaceChildren(map(panel, view, run, parts), ...(run.apart ? [readouts(run.apart)] : []));
  };
  run.draw();
  const csv = () => downloadCsv(`${view.payload.tab}-${panel.id}.csv`, rowsOf(panel, run));
  return panelFrame(panel, view, el("div", {}, el("div", { class: "am-player-bar" }, toggle, progress, count), say, picture, sheet),
    [saveMenu(panel, view, { formats: ["csv"], own: { csv } })]);
};

// What is known so far: layers by heads, nothing where no answer has come yet.
const rowsOf = (panel, run) => {
  const data = run.data ? [...unpack(run.data).data] : [];
  const heads = Array.from({ length: panel.heads }, (_, j) => j);
  return [[panel.row_title, ...heads], ...Array.from({ length: panel.steps }, (_, i) =>
    [i, ...heads.map((j) => data[i * panel.heads + j]).map((number) => (Number.isFinite(number) ? number : ""))])];
};

// What is known so far, its colours by the largest of it.
const map = (panel, view, run, parts) => {
  const known = [...unpack(run.data).data].filter((number) => Number.isFinite(number));
  const high = Math.max(0, ...known.map(Math.abs)) || 1;
  const names = (length) => Array.from({ length }, (_, i) => String(i));
  const opening = Object.create(view);
  opening.open = ({ row, column }) => openState(view, parts, { state: run.state, row, column });
  return heatmap({ id: "longrun.map", title: "", caption: "", rows: names(panel.steps), columns: names(panel.heads), row_title: panel.row_title,
    column_title: panel.column_title, data: run.data, low: -high, high, diverging: true, digits: 1, opens: true, masked: null }, opening);
};
