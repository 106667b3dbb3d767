// A recurrent network whose memory is a matrix: a token adds the product of its key's features and its value,
// and its query reads. The same output as a row of the matrix of weights gives.
import { css, inkOn, mix, rampOf } from "../../view/core/colours.js";
import { el } from "../../view/core/dom.js";
import { briefNumber, showNumber, unpack } from "../../view/core/numbers.js";
import { fill } from "../../view/core/words.js";
import { colourLegend, panelFrame, saveMenu } from "../../view/panels/frame.js";
import { stepper } from "./stepper.js";

const PACE = 1000; // milliseconds a token while playing

export const memory = (panel, view) => {
  const { shape: [count, r, width], data: frames } = unpack(panel.frames);
  const given = { queries: unpack(panel.queries).data, keys: unpack(panel.keys).data, value: unpack(panel.value).data,
    read: unpack(panel.read).data, output: unpack(panel.output).data };
  const stage = el("div", { class: "am-state am-scroll", tabindex: "-1" });
  const draw = (at) => {
    const state = at ? frames.slice((at - 1) * r * width, at * r * width) : new Float32Array(r * width);
    stage.replaceChildren(square(panel, view, { at, r, width, state, given }));
    if (!at) return panel.words.nothing;
    const row = (data) => Array.from(data.slice((at - 1) * (width - 1), at * (width - 1)), (x) => showNumber(x, 3)).join(", ");
    return fill(panel.words.says, { token: at, read: row(given.read), output: row(given.output) });
  };
  const { bar, said } = stepper(panel, view, { count, first: Math.ceil(count / 2), pace: PACE, stage, draw });
  return panelFrame(panel, view, el("div", {}, bar, said, stage), [colourLegend(panel), saveMenu(panel, view)]);
};

// Features of the key down the side, the value along the top, the state where they meet; below, what is read.
const square = (panel, view, { at, r, width, state, given }) => {
  const { words } = panel;
  const v = width - 1;
  const token = at - 1;
  const side = (data, i) => (at ? briefNumber(data[token * r + i], 2) : "");
  const top = Array.from({ length: v }, (_, c) => el("td", { class: "am-edge" }, at ? briefNumber(given.value[token * v + c], 2) : ""));
  const rows = Array.from({ length: r }, (_, i) => el("tr", {},
    el("th", { scope: "row" }, fill(words.feature, { number: i + 1 })), el("td", { class: "am-edge" }, side(given.keys, i)),
    Array.from({ length: width }, (_, c) => number(panel, view, { at, i, c, v, value: state[i * width + c] })),
    el("td", { class: "am-edge am-ask" }, side(given.queries, i))));
  const read = Array.from({ length: v }, (_, c) => el("td", { class: "am-read" }, at ? briefNumber(given.read[token * v + c], 2) : ""));
  const heads = [words.key, ...Array.from({ length: v }, (_, c) => fill(words.value, { number: c + 1 })), words.total, words.query];
  return el("table", { class: "am-numbers am-square", "aria-label": panel.title },
    el("thead", {}, el("tr", {}, el("td"), heads.map((text) => el("th", { scope: "col" }, text))),
      el("tr", {}, el("th", { scope: "row" }, words.comes), el("td"), top, el("td", { class: "am-edge" }, at ? "1" : ""), el("td"))),
    el("tbody", {}, rows, el("tr", {}, el("th", { scope: "row" }, words.reads), el("td"), read, el("td"), el("td"))));
};

// One number of the state; a click opens what was added to it.
const number = (panel, view, { at, i, c, v, value }) => {
  const ramp = rampOf("diverging");
  const colour = mix(ramp, (value - panel.low) / (panel.high - panel.low || 1));
  const name = c === v ? panel.words.total : fill(panel.words.value, { number: c + 1 });
  const label = `${fill(panel.words.feature, { number: i + 1 })}, ${name}: ${showNumber(value)}`;
  const open = () => view.open({ panel: panel.id, frame: String(at - 1), row: i, column: c });
  const node = el("button", { type: "button", class: "am-number", disabled: !at, "aria-label": label, title: label,
    "data-focus": `${panel.id}.${i}.${c}`, "data-value": String(value), onclick: open }, briefNumber(value, 2));
  node.style.backgroundColor = css(colour);
  node.style.color = inkOn(colour);
  return el("td", { class: c === v ? "am-total-column" : null }, node);
};
