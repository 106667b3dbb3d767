// Clocks: a hand for each pair of dimensions, and a query and a key that are turned together.
import { el, prefersStill, svg } from "../../view/core/dom.js";
import { showNumber } from "../../view/core/numbers.js";
import { register } from "../../view/core/registry.js";
import { panelFrame, saveMenu } from "../../view/panels/frame.js";

const SIZE = 100, MIDDLE = 50, HAND = 40; // of a clock's drawing
const GLIDE = 450; // milliseconds from one place to another
const PACE = 2.5; // positions a second while the hands are turning by themselves

const face = (title, ...hands) => svg("svg", { viewBox: `0 0 ${SIZE} ${SIZE}`, role: "img", "aria-label": title },
  svg("circle", { cx: MIDDLE, cy: MIDDLE, r: HAND + 5, class: "am-face" }), svg("line", { x1: MIDDLE, x2: MIDDLE, y1: 3, y2: 10, class: "am-noon" }), hands);

// A hand that points to (x, y), both from -1 to 1, y upwards.
const hand = (name) => {
  const line = svg("line", { x1: MIDDLE, y1: MIDDLE, class: `am-hand ${name}` });
  const tip = svg("circle", { r: 4, class: `am-tip ${name}` });
  const point = (x, y) => {
    const [cx, cy] = [(MIDDLE + HAND * x).toFixed(2), (MIDDLE - HAND * y).toFixed(2)];
    line.setAttribute("x2", cx);
    line.setAttribute("y2", cy);
    tip.setAttribute("cx", cx);
    tip.setAttribute("cy", cy);
  };
  return { nodes: [line, tip], point };
};

// A place that moves: show(p) draws it, for fractions too. -> {set, element}: a slider and a button that plays.
const mover = (panel, view, { label, name, show }) => {
  const memory = (view.state.hands = view.state.hands || {});
  const last = panel.length - 1;
  const slider = el("input", { type: "range", min: 0, max: last, step: 1, "aria-label": label, "data-focus": `${panel.id}.${name}` });
  const said = el("output", { class: "am-hand-place" });
  const button = el("button", { type: "button", class: "am-button", "data-focus": `${panel.id}.play` }, panel.words.play);
  let at = memory[`${panel.id}.${name}`] ?? panel.place, aim = null, playing = false, before = null;
  const draw = () => {
    memory[`${panel.id}.${name}`] = at;
    said.textContent = `${label} = ${Number.isInteger(at) ? at : at.toFixed(1)}`;
    show(at);
  };
  const frame = (now) => {
    const passed = before === null ? 0 : now - before;
    before = now;
    if (playing) at = (at + (PACE * passed) / 1000) % (last || 1);
    else if (aim) at = now - aim.start >= GLIDE ? aim.to : aim.from + (aim.to - aim.from) * (Math.max(0, now - aim.start) / GLIDE) ** 0.7;
    if (!playing && aim && at === aim.to) aim = null;
    if (playing || !aim) slider.value = Math.round(at);
    draw();
    if ((playing || aim) && button.isConnected) window.requestAnimationFrame(frame);
    else before = null;
  };
  const go = (to) => {
    const idle = !playing && !aim;
    if (prefersStill()) { at = to; draw(); return; }
    aim = { from: at, to, start: performance.now() };
    if (idle) window.requestAnimationFrame(frame);
  };
  const play = (on) => {
    playing = on;
    button.textContent = panel.words[on ? "stop" : "play"];
    if (on) window.requestAnimationFrame(frame);
    else go(Math.round(at));
  };
  slider.addEventListener("input", () => { if (playing) play(false); go(Number(slider.value)); });
  button.addEventListener("click", () => play(!playing));
  slider.value = panel.place;
  if (at > last) at = last;
  draw();
  if (at !== panel.place) window.requestAnimationFrame(() => go(panel.place)); // the input has moved it
  return el("div", { class: "am-hand-row" }, prefersStill() ? null : button, slider, said);
};

const clocks = (panel, view) => {
  const hands = panel.frequencies.map(() => hand("am-of-accent"));
  const numbers = panel.frequencies.map(() => el("span", { class: "am-hand-number" }));
  const show = (p) => panel.frequencies.forEach((frequency, i) => {
    const [sine, cosine] = [Math.sin(p * frequency), Math.cos(p * frequency)];
    hands[i].point(sine, cosine);
    numbers[i].textContent = panel.lone && i === hands.length - 1 ? sine.toFixed(2) : `${sine.toFixed(2)}, ${cosine.toFixed(2)}`;
  });
  const dials = panel.frequencies.map((_, i) => el("li", {}, face(panel.words.hand.replace("{number}", i), ...hands[i].nodes),
    el("span", { class: "am-hand-name" }, `ω = ${panel.names[i]}`), numbers[i]));
  const row = mover(panel, view, { label: "p", name: "p", show });
  return panelFrame(panel, view, el("div", {}, row, el("ol", { class: "am-dials" }, dials)), [saveMenu(panel, view, { formats: ["csv", "npz"] })]);
};

// The pair (x, y) turned by an angle.
const turned = (x, y, angle) => [x * Math.cos(angle) - y * Math.sin(angle), x * Math.sin(angle) + y * Math.cos(angle)];

const turning = (panel, view) => {
  const { query, key, frequencies, length } = panel;
  const pairs = frequencies.map((frequency, i) => ({ frequency, query: query.slice(2 * i, 2 * i + 2), key: key.slice(2 * i, 2 * i + 2),
    asks: hand("am-of-accent"), answers: hand("am-of-truth"), number: el("span", { class: "am-hand-number" }) }));
  const longest = Math.max(1e-9, ...pairs.flatMap((pair) => [Math.hypot(...pair.query), Math.hypot(...pair.key)]));
  const score = el("output", { class: "am-turn-score" });
  const memory = (view.state.turning = view.state.turning || { distance: Math.min(3, length - 1) });
  let place = 0;
  const show = (p) => {
    place = p;
    let sum = 0;
    for (const { frequency, query: q, key: k, asks, answers, number } of pairs) {
      const [one, other] = [turned(...q, p * frequency), turned(...k, (p + memory.distance) * frequency)];
      asks.point(one[0] / longest, one[1] / longest);
      answers.point(other[0] / longest, other[1] / longest);
      const product = one[0] * other[0] + one[1] * other[1];
      sum += product;
      number.textContent = product.toFixed(2);
    }
    const value = sum / Math.sqrt(query.length);
    score.textContent = `${panel.words.score} = ${showNumber(value)}`;
    score.dataset.value = String(value);
  };
  const apart = el("input", { type: "range", min: 1 - length, max: length - 1, step: 1, "aria-label": panel.words.distance_x, "data-focus": `${panel.id}.distance` });
  apart.value = memory.distance;
  const said = el("output", { class: "am-hand-place" });
  const tell = () => { said.textContent = `q - p = ${memory.distance}`; };
  apart.addEventListener("input", () => { memory.distance = Number(apart.value); tell(); show(place); });
  tell();
  const row = mover(panel, view, { label: "p", name: "p", show });
  const legend = el("ul", { class: "am-turn-key" }, el("li", { class: "am-of-accent" }, panel.words.query), el("li", { class: "am-of-truth" }, panel.words.key));
  const dials = pairs.map((pair, i) => el("li", {}, face(`${i}`, ...pair.answers.nodes, ...pair.asks.nodes), el("span", { class: "am-hand-name" }, `ω = ${showNumber(pair.frequency, 4)}`), pair.number));
  return panelFrame(panel, view, el("div", {}, legend, row, el("div", { class: "am-hand-row" }, apart, said, score), el("ol", { class: "am-dials" }, dials)), [saveMenu(panel, view, { formats: ["csv", "npz"] })]);
};

register({ clocks, turning });
