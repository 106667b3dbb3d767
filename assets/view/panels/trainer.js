// A training in chunks: the page carries the state, asks for the next chunk, and stops by not asking.
import { el, svg } from "../core/dom.js";
import { showNumber, unpack } from "../core/numbers.js";
import { fill } from "../core/words.js";
import { alignmentTable } from "./alignment.js";
import { goOn, halt, openState } from "./chunks.js";
import { colourLegend, downloadCsv, panelFrame, saveMenu } from "./frame.js";

const fresh = (key) => ({ key, state: null, step: 0, losses: [], frames: [], shown: null, turn: 0, running: false, draw: () => {} });

const go = (view, run) => goOn(view, run, {
  here: () => view.payload.inputs.mode === "train",
  more: () => run.step < view.payload.inputs.steps,
  question: () => ({ state: run.state, step: run.step }),
  took: ({ state, step, losses, ...frame }) => {
    Object.assign(run, { state, step, shown: null });
    run.losses.push(...losses);
    run.frames.push({ ...frame, state, step });
  },
});

export const trainer = (panel, view) => {
  const { words } = panel;
  const key = JSON.stringify(panel.run);
  let run = view.state.trainer;
  if (!run || run.key !== key) { // another run than the one under way
    if (run) halt(run);
    run = view.state.trainer = fresh(key);
  }
  const parts = partsOf(panel);
  const draw = () => drawRun(panel, view, run, parts, stand);
  const stand = { word: (...given) => view.word(...given), open: (cell) => openCell(view, run, parts, cell) };
  const focus = (name) => ({ type: "button", class: "am-button", "data-focus": `training.${name}`, disabled: !view.server });
  parts.toggle = el("button", { ...focus("toggle"), onclick: () => { if (run.running) { halt(run); run.draw(); } else go(view, run); } });
  parts.again = el("button", { ...focus("again"), onclick: () => {
    halt(run);
    run = view.state.trainer = { ...fresh(key), draw };
    draw();
  } }, words.again);
  const { toggle, again, progress, count, say, curves, picture, now, slider, sheet } = parts;
  slider.addEventListener("input", () => { run.shown = Number(slider.value) === run.frames.length - 1 ? null : Number(slider.value); draw(); });
  run.draw = draw;
  draw();
  const body = el("div", {}, el("div", { class: "am-player-bar" }, toggle, again, progress, count), say,
    el("div", { class: "am-player-parts" }, el("div", { class: "am-training-main" }, now, slider, picture), curves), sheet);
  // its numbers live in this page alone, so the page writes the file
  const steps = () => run.losses.map((loss, i) => [i + 1, loss, run.frames.find((one) => one.step === i + 1)?.accuracy ?? ""]);
  const csv = () => downloadCsv(`${view.payload.tab}-training.csv`, [[view.word("step"), words.loss, words.accuracy], ...steps()]);
  return panelFrame(panel, view, body, [colourLegend(panel), saveMenu(panel, view, { formats: ["csv"], own: { csv } })]);
};

const partsOf = (panel) => ({
  progress: el("progress", { class: "am-progress", max: 1, "aria-label": panel.title }),
  count: el("span", { class: "am-caption" }),
  say: el("p", { class: "am-note", role: "status", hidden: true }),
  curves: el("div", { class: "am-player-curve" }),
  picture: el("div", { class: "am-training-picture" }),
  now: el("output", { class: "am-player-now", "aria-live": "off" }),
  slider: el("input", { type: "range", min: 0, step: 1, class: "am-player-slider", "aria-label": panel.words.history, "data-focus": "training.slider" }),
  sheet: el("section", { class: "am-sheet", hidden: true, tabindex: "-1" }),
});

// The sheet of a cell, from the state of the step shown.
const openCell = (view, run, parts, { row, column }) => {
  const frame = run.frames[run.shown ?? run.frames.length - 1];
  return openState(view, parts, { inputs: { ...view.payload.inputs, text: frame.text }, state: frame.state, row, column });
};

const drawRun = (panel, view, run, parts, stand) => {
  const { words } = panel;
  const { toggle, again, progress, count, say, curves, picture, now, slider } = parts;
  const wanted = view.payload.inputs.steps ?? panel.steps;
  const last = run.frames.length - 1;
  const finished = run.step >= wanted;
  toggle.textContent = run.running ? words.stop : run.step ? words.go_on : words.start;
  toggle.disabled = !view.server || (finished && !run.running);
  again.hidden = run.step === 0;
  progress.max = wanted;
  progress.value = Math.min(run.step, wanted);
  count.textContent = finished && !run.running ? fill(words.finished, { wanted: run.step }) : fill(words.progress, { done: run.step, wanted });
  say.textContent = view.server ? run.alert || "" : words.offline;
  say.hidden = !say.textContent;
  slider.hidden = last < 1;
  slider.max = Math.max(last, 0);
  slider.value = run.shown ?? last;
  if (last < 0) {
    now.textContent = words.empty;
    picture.replaceChildren();
    curves.replaceChildren();
    return;
  }
  const frame = run.frames[run.shown ?? last];
  const mark = frame.truth === null ? "" : ` (${frame.truth === frame.output ? words.right : words.wrong})`;
  now.textContent = fill(words.writes, { step: frame.step, output: frame.output }) + mark;
  slider.setAttribute("aria-valuetext", now.textContent);
  drawWeights(panel, frame, picture, stand);
  curves.replaceChildren(...curve(words.loss, run.losses.map((loss, i) => [i + 1, loss]), wanted, frame.step, 2.5, (y) => showNumber(y, 3)),
    ...curve(words.accuracy, run.frames.map((one) => [one.step, one.accuracy]), wanted, frame.step, 1, (y) => `${Math.round(100 * y)}%`));
};

const drawWeights = (panel, frame, picture, stand) => {
  const focused = document.activeElement && picture.contains(document.activeElement) ? document.activeElement.dataset.focus : null;
  picture.replaceChildren(frame.data
    ? alignmentTable({ ...panel, whole: true, rows: frame.rows, columns: frame.columns, unknown: frame.unknown }, stand, unpack(frame.data).data, frame.columns.length, frame.rows.length)
    : el("p", { class: "am-note am-no-weights" }, panel.words.none_small));
  if (focused) picture.querySelector(`[data-focus="${window.CSS.escape(focused)}"]`)?.focus({ preventScroll: true });
};

// One curve over the steps: points [step, value], a line at the step shown, the first value and its in the
// name, which is written above it: in the picture it would shrink with it.
const curve = (name, points, wanted, at, top, write) => {
  const width = 320, height = 92;
  const high = Math.max(top, ...points.map(([, y]) => y));
  const x = (step) => 6 + (step / Math.max(wanted, points[points.length - 1][0])) * (width - 12);
  const y = (value) => height - 8 - (value / high) * (height - 12);
  const value = points.reduce((found, [step, one]) => (step <= at ? one : found), points[0][1]);
  const label = `${name}: ${points.length > 1 ? `${write(points[0][1])} → ` : ""}${write(value)}`;
  return [el("p", { class: "am-curve-name", "aria-hidden": "true" }, label), svg("svg", { viewBox: `0 0 ${width} ${height}`, class: "am-spark", role: "img", "aria-label": label },
    svg("line", { x1: 6, x2: width - 6, y1: y(0), y2: y(0), class: "am-axis" }),
    svg("line", { x1: x(at), x2: x(at), y1: 0, y2: y(0), class: "am-cursor" }),
    svg("polyline", { points: points.map(([step, one]) => `${x(step).toFixed(1)},${y(one).toFixed(1)}`).join(" "), class: "am-curve" }),
    svg("circle", { cx: x(at), cy: y(value), r: 3.5, class: "am-dot" }))];
};
