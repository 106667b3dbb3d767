// Recorded steps of a training: one call brought them all, the page plays and scrubs them.
// panel: {steps: [k], rows, columns, frames: {shape: [k, n, m]}, curves: [{name, values: [k]}], marks}
import { el, svg } from "../core/dom.js";
import { showNumber, unpack } from "../core/numbers.js";
import { cellTable } from "./cells.js";
import { colourLegend, panelFrame, saveMenu } from "./frame.js";
import { playing } from "./playing.js";
import { ticks, written } from "./plot_scale.js";

const PACE = 90; // milliseconds a step while playing

export const player = (panel, view) => {
  const count = panel.steps.length;
  const { shape, data } = unpack(panel.frames);
  const [, n, m] = shape;
  const memory = (view.state[panel.id] = view.state[panel.id] || {});
  let frame = memory.frame === undefined ? count - 1 : Math.min(memory.frame, count - 1);

  const picture = el("div", { class: "am-player-map" });
  const curve = el("div", { class: "am-player-curve" });
  const now = el("output", { class: "am-player-now", "aria-live": "off" });
  const slider = el("input", { type: "range", min: 0, max: count - 1, step: 1, class: "am-player-slider",
    "aria-label": view.word("step"), "data-focus": `${panel.id}.slider` });

  const show = (next) => {
    frame = memory.frame = next;
    slider.value = frame;
    const parts = panel.curves.map((one) => `${one.name} ${showNumber(one.values[frame], 3)}`);
    now.textContent = [`${view.word("step")} ${panel.steps[frame]}`, ...parts].join(" · ");
    slider.setAttribute("aria-valuetext", now.textContent);
    const slice = data.slice(frame * n * m, (frame + 1) * n * m);
    picture.replaceChildren(cellTable({ ...panel, opens: true }, view, n, m, slice, { frame }));
    curve.replaceChildren(curves(panel, frame));
    view.root.dispatchEvent(new CustomEvent("am-frame", { detail: { panel: panel.id, frame } }));
    if (view.opened && view.opened.panel === panel.id && view.opened.frame !== frame) {
      view.open({ ...view.opened, frame }, false); // the open sheet follows
    }
  };
  const { play, stop } = playing({ words: { play: view.word("play"), pause: view.word("pause") }, focus: `${panel.id}.play`,
    pace: PACE, first: 0, last: count - 1, now: () => frame, go: show, stage: picture });
  slider.addEventListener("input", () => { stop(); show(Number(slider.value)); });
  const marks = (panel.marks || []).map(({ name, frame: at }) => el("button", { type: "button", class: "am-button",
    "data-focus": `${panel.id}.mark.${at}`, onclick: () => { stop(); show(at); } }, name));
  show(frame);
  const body = el("div", {}, el("div", { class: "am-player-bar" }, play, slider, marks), now,
    el("div", { class: "am-player-parts" }, picture, curve));
  const save = saveMenu(panel, view, { formats: ["csv", "npz"], id: () => `${panel.id}@${frame}` }); // the step on screen
  return panelFrame(panel, view, body, [colourLegend(panel), save]);
};

// Small multiples, one curve each with its axes, and a line at the step shown.
const curves = (panel, frame) => {
  const width = 250, height = 86, left = 36, last = panel.steps[panel.steps.length - 1] || 1;
  const bottom = height - 18, top = 22;
  const across = ticks(0, last, 4);
  return el("div", {}, panel.curves.map((one) => {
    const finite = one.values.filter(Number.isFinite);
    const high = Math.max(...finite, 1e-9), low = Math.min(0, ...finite);
    const x = (i) => at(panel.steps[i]);
    const at = (step) => left + (step / last) * (width - left - 12);
    const y = (value) => bottom - ((value - low) / (high - low || 1)) * (bottom - top);
    const up = ticks(low, high, 2);
    const points = one.values.map((value, i) => `${x(i).toFixed(1)},${y(value).toFixed(1)}`).join(" ");
    const text = (where, content, anchor, more = "") => svg("text", { ...where, "text-anchor": anchor, class: `am-spark-tick ${more}` }, content);
    return svg("svg", { viewBox: `0 0 ${width} ${height}`, class: "am-spark", role: "img",
      "aria-label": `${one.name}: ${showNumber(one.values[0], 3)} → ${showNumber(one.values[one.values.length - 1], 3)}` },
      up.marks.flatMap((mark) => [svg("line", { x1: left, x2: width - 12, y1: y(mark), y2: y(mark), class: "am-axis" }),
        text({ x: left - 6, y: y(mark) + 4 }, written(mark, up.digits), "end")]),
      across.marks.map((mark) => text({ x: at(mark), y: height - 4 }, written(mark, across.digits), "middle")),
      svg("polyline", { points, class: "am-curve" }),
      svg("line", { x1: x(frame), x2: x(frame), y1: top - 4, y2: bottom, class: "am-cursor" }),
      svg("circle", { cx: x(frame), cy: y(one.values[frame]), r: 3.5, class: "am-dot" }),
      text({ x: 4, y: 12 }, `${one.name}  ${showNumber(one.values[frame], 3)}`, "start", "am-spark-name"));
  }));
};
