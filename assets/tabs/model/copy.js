// A circuit that forms: two heads' maps scrubbed together, with curves; and letters that are continued.
import { el, svg } from "../../view/core/dom.js";
import { showNumber, unpack } from "../../view/core/numbers.js";
import { fill } from "../../view/core/words.js";
import { canvasMap } from "../../view/panels/canvas.js";
import { colourLegend, panelFrame, saveMenu } from "../../view/panels/frame.js";
import { playing } from "../../view/panels/playing.js";
import { followRows } from "../../view/panels/rows.js";

const PACE = 220; // milliseconds a recorded step while playing

// A view in which the map of one head at one step is a panel of its own.
const stand = (panel, view, frame) => ({
  state: view.state, payload: view.payload, server: null, root: view.root,
  word: (...given) => view.word(...given),
  open: ({ row, column }) => view.open({ panel: panel.id, frame, row, column }),
});

export const circuit = (panel, view) => {
  const { shape: [count, , n], data } = unpack(panel.frames);
  const memory = (view.state[panel.id] = view.state[panel.id] || {});
  let frame = Math.min(memory.frame ?? count - 1, count - 1);
  const masked = Array.from({ length: n }, (_, i) => Array.from({ length: n }, (_, j) => Number(j > i)));
  const maps = panel.names.map((name) => {
    const place = el("div", { class: "am-circuit-place" });
    return { name, place, node: el("div", { class: "am-circuit-map" }, el("h4", { class: "am-title" }, name), place) };
  });
  const curve = el("div", { class: "am-circuit-curves" });
  const now = el("output", { class: "am-player-now", "aria-live": "off" });
  const slider = el("input", { type: "range", min: 0, max: count - 1, step: 1, class: "am-player-slider", "aria-label": view.word("step"), "data-focus": `${panel.id}.slider` });
  const show = (next) => {
    frame = memory.frame = next;
    slider.value = frame;
    now.textContent = [`${view.word("step")} ${panel.steps[frame]}`, ...panel.curves.map((one) => `${one.name} ${showNumber(one.values[frame], 3)}`)].join(" · ");
    slider.setAttribute("aria-valuetext", now.textContent);
    maps.forEach(({ name, place }, which) => {
      const at = 2 * frame + which;
      const one = { ...panel, id: `${panel.id}.${which}`, title: name, masked };
      place.replaceChildren(canvasMap(one, stand(panel, view, at), n, n, data.slice(at * n * n, (at + 1) * n * n)));
    });
    curve.replaceChildren(...panel.curves.map((one) => spark(one, panel.steps, frame)));
    const { opened } = view;
    if (opened && opened.panel === panel.id && opened.frame >> 1 !== frame) {
      view.open({ ...opened, frame: 2 * frame + (opened.frame % 2) }, false); // the open sheet follows
    }
  };
  const { play, stop } = playing({ words: { play: view.word("play"), pause: view.word("pause") }, focus: `${panel.id}.play`,
    pace: PACE, first: 0, last: count - 1, now: () => frame, go: show, stage: curve });
  slider.addEventListener("input", () => { stop(); show(Number(slider.value)); });
  const marks = panel.marks.map(({ name, frame: at }) => el("button", { type: "button", class: "am-button",
    "data-focus": `${panel.id}.mark.${at}`, onclick: () => { stop(); show(at); } }, name));
  show(frame);
  const body = el("div", {}, el("div", { class: "am-player-bar" }, play, slider, marks), now, curve,
    el("div", { class: "am-circuit-maps" }, maps.map(({ node }) => node)));
  const save = maps.map((_, which) => saveMenu({ ...panel, title: panel.names[which] }, view, { id: () => `${panel.id}@${2 * frame + which}` }));
  maps.forEach(({ node }, which) => { if (save[which]) node.firstChild.append(save[which]); });
  return panelFrame(panel, view, body, [colourLegend(panel), saveMenu(panel, view, { formats: [] })]);
};

// One curve over the steps, with a line worth knowing and a dot at the step shown.
const spark = (one, steps, frame) => {
  const width = 250, height = 80, last = steps[steps.length - 1] || 1;
  const top = Math.max(...one.values, one.line ?? 0, 1);
  const x = (i) => 6 + (steps[i] / last) * (width - 12);
  const y = (value) => height - 6 - (value / top) * (height - 28);
  const points = one.values.map((value, i) => `${x(i).toFixed(1)},${y(value).toFixed(1)}`).join(" ");
  const name = `${one.name}  ${showNumber(one.values[frame], 3)}`;
  const line = one.line === undefined ? [] : [svg("line", { x1: 6, x2: width - 6, y1: y(one.line), y2: y(one.line), class: "am-circuit-line" })];
  return svg("svg", { viewBox: `0 0 ${width} ${height}`, class: "am-spark", role: "img", "aria-label": name },
    svg("text", { x: 4, y: 13, class: "am-spark-name" }, name),
    svg("line", { x1: 6, x2: width - 6, y1: y(0), y2: y(0), class: "am-axis" }), ...line,
    svg("polyline", { points, class: "am-curve" }),
    svg("line", { x1: x(frame), x2: x(frame), y1: 20, y2: y(0), class: "am-cursor" }),
    svg("circle", { cx: x(frame), cy: y(one.values[frame]), r: 3.5, class: "am-dot" }));
};

// A matrix between letters, as large as there is room: never a table that has to be scrolled.
export const lettermap = (panel, view) => {
  followRows(view);
  const { shape: [n, m], data } = unpack(panel.data);
  return panelFrame(panel, view, canvasMap(panel, view, n, m, data), [colourLegend(panel), saveMenu(panel, view)]);
};

const percent = (share) => `${Math.round(100 * share)}%`;

export const copied = (panel, view) => {
  const { words } = panel;
  const items = panel.items.map((one) => {
    const last = one.next === null;
    const right = one.said === one.next;
    let verdict = one.known ? words[right ? "right" : "wrong"] : words.new;
    if (last) verdict = words.last;
    const kind = !one.known ? "am-unknown" : last ? "am-next" : right ? "am-hit" : "am-fail";
    const said = fill(words.cell, { letter: one.letter, said: one.said, share: percent(one.share) });
    return el("li", { class: kind, title: `${said}: ${verdict}`, "aria-label": `${said}: ${verdict}` },
      el("b", {}, one.letter), el("span", { class: "am-copied-said" }, `→ ${one.said}`), el("span", {}, percent(one.share)),
      el("span", { class: "am-copied-mark", "aria-hidden": "true" }, !one.known ? "·" : last ? "?" : right ? "✓" : "✗"));
  });
  return panelFrame(panel, view, el("ol", { class: "am-copied-list", "aria-label": panel.title }, items), [saveMenu(panel, view, { formats: ["csv", "npz"] })]);
};
