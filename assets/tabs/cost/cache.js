// What a cache keeps: rows of tiles that stay grey, the query that is new, the first wrong word, a stopwatch.
import { css, mix, rampOf } from "../../view/core/colours.js";
import { el, isDark } from "../../view/core/dom.js";
import { briefNumber, unpack } from "../../view/core/numbers.js";
import { drawerOf } from "../../view/core/registry.js";
import { panelFrame, saveMenu } from "../../view/panels/frame.js";
import { playing } from "../../view/panels/playing.js";

const TILE = 10; // pixels of a tile, the gap included
const PACE = 900; // milliseconds a step while playing
const GREYS = { light: [[250, 250, 250], [120, 124, 132]], dark: [[34, 38, 48], [150, 156, 168]] };

// A row of numbers as tiles: coloured where new, grey where only kept.
const tiles = (row, high, fresh) => {
  const canvas = el("canvas", { class: "am-kv-tiles", width: row.length * TILE, height: TILE, "aria-hidden": "true" });
  const context = canvas.getContext("2d");
  const ramp = rampOf("diverging"), grey = GREYS[isDark() ? "dark" : "light"];
  row.forEach((number, i) => {
    context.fillStyle = css(fresh ? mix(ramp, 0.5 + number / (2 * high)) : mix(grey, Math.abs(number) / high));
    context.fillRect(i * TILE, 0, TILE - 1, TILE);
  });
  return canvas;
};

const rowsOf = (packed) => {
  const { shape, data } = unpack(packed);
  return Array.from({ length: shape[0] }, (_, j) => [...data.slice(j * shape[1], (j + 1) * shape[1])]);
};

// panel: {tokens, new, keys, values (m, d), query (d), weights (m), moved (m) or null, step, last, words}
export const keyrows = (panel, view) => {
  const { words } = panel;
  const sides = [rowsOf(panel.keys), rowsOf(panel.values)];
  const query = [...unpack(panel.query).data], weights = unpack(panel.weights).data;
  const moved = panel.moved && unpack(panel.moved).data;
  const high = Math.max(1e-9, ...query.map(Math.abs), ...sides.flat(2).map(Math.abs));
  const head = el("tr", {}, el("th", {}), ["keys", "values", "weight"].map((name) => el("th", { scope: "col" }, words[name])),
    moved ? el("th", { scope: "col" }, words.change) : null);
  const asks = el("tr", { class: "am-kv-query" }, el("th", { scope: "row", dir: "auto" }, words.query), el("td", {}, tiles(query, high, true)),
    el("td", { colspan: moved ? 3 : 2 }));
  const rows = panel.tokens.map((token, j) => {
    const fresh = j >= panel.new || Boolean(moved && moved[j] > 1e-4);
    const open = (side) => el("td", {}, el("button", { type: "button", class: "am-kv-open", "data-focus": `${panel.id}.${j}.${side}`,
      "aria-label": words[side ? "value_of" : "key_of"].replace("{token}", token), onclick: () => view.open({ panel: panel.id, row: j, column: side }) }, tiles(sides[side][j], high, fresh)));
    const bar = el("span", { class: "am-kv-bar" });
    bar.style.width = `${60 * weights[j]}%`;
    return el("tr", { class: fresh ? "am-kv-new" : "am-kv-old" }, el("th", { scope: "row", dir: "auto", title: token }, token), open(0), open(1),
      el("td", {}, el("span", { class: "am-kv-weight" }, bar, briefNumber(weights[j], 2))), moved ? el("td", { class: "am-kv-moved" }, briefNumber(moved[j], 2)) : null);
  });
  const body = el("div", {}, steps(panel, view), el("div", { class: "am-scroll" }, el("table", { class: "am-kv", "aria-label": panel.title },
    el("thead", {}, head), el("tbody", {}, asks, rows))));
  return panelFrame(panel, view, body, [saveMenu(panel, view, { formats: ["csv", "npz"] })]);
};

// The bar above: one step back or on, or play. A step is an input, so the picture is asked for again.
const steps = (panel, view) => {
  const memory = (view.state[panel.id] = view.state[panel.id] || {});
  memory.step = panel.step;
  const go = async (step) => {
    memory.step = step;
    const number = (memory.asked = (memory.asked || 0) + 1);
    const drawn = await view.ask("draw", { inputs: { ...view.payload.inputs, step } });
    if (number !== memory.asked) return;
    if (drawn.error) view.say(drawn.error);
    else view.settle(drawn);
  };
  const button = (name, word, step) => el("button", { type: "button", class: "am-button", "data-focus": `${panel.id}.${name}`,
    disabled: !view.choose || step < 0 || step > panel.last, onclick: () => go(step) }, word);
  const slider = el("input", { type: "range", min: 0, max: panel.last, step: 1, class: "am-player-slider", "data-focus": `${panel.id}.slider`,
    "aria-label": view.word("step"), disabled: !view.choose });
  slider.value = panel.step;
  slider.addEventListener("input", () => go(Number(slider.value)));
  if (!memory.player || !memory.player.playing()) memory.player = player(panel, view, memory, go);
  return el("div", { class: "am-player-bar" }, button("back", panel.words.back, panel.step - 1), slider,
    button("next", panel.words.next, panel.step + 1), memory.player.play);
};

// Playing outlives the picture: every step draws it anew. It ends at the last step or when the tab shows another scene.
const player = (panel, view, memory, go) => {
  let on = false;
  const stage = { get isConnected() { return view.root.offsetParent !== null && Boolean(view.root.querySelector('[data-panel="keys"].am-keyrows')); } };
  const made = playing({ words: { play: view.word("play"), pause: view.word("pause") }, focus: `${panel.id}.play`, pace: PACE,
    first: 0, last: panel.last, now: () => memory.step, go, stage });
  made.play.addEventListener("click", () => { on = made.play.textContent === view.word("pause"); });
  return { play: made.play, playing: () => on && made.play.textContent === view.word("pause") };
};

// panel: {prompt, right, first, instead, right_title, wrong_title}: two rows of words up to the first that differs.
export const slip = (panel, view) => {
  const chip = (word, kind) => el("span", { class: `am-word am-word-${kind}`, dir: "auto" }, word);
  const line = (title, chips) => el("div", { class: "am-slip-line" }, el("span", { class: "am-slip-title" }, title), el("span", { class: "am-options" }, chips));
  const prompt = panel.prompt.map((word) => chip(word, "given"));
  const right = panel.right.map((word, i) => chip(word, i === panel.first ? "marked" : "plain"));
  const until = panel.first === null ? panel.right : panel.right.slice(0, panel.first);
  const wrong = until.map((word) => chip(word, "plain"));
  if (panel.first !== null) wrong.push(chip(panel.instead, "bad"), chip("…", "given"));
  return panelFrame(panel, view, el("div", { class: "am-slip" }, line(panel.right_title, [...prompt, ...right]),
    line(panel.wrong_title, [...prompt.map((one) => one.cloneNode(true)), ...wrong])));
};

// panel: {ask, button, busy}: measured where the page is served, when asked to.
export const measure = (panel, view) => {
  const found = el("div", { class: "am-measured" });
  const button = el("button", { type: "button", class: "am-button", "data-focus": `${panel.id}.go`, disabled: !view.server, onclick: async () => {
    button.disabled = true;
    found.replaceChildren(el("p", { class: "am-caption", role: "status" }, panel.busy));
    const answer = await view.ask(panel.ask, {});
    button.disabled = false;
    if (answer.error) found.replaceChildren(el("p", { class: "am-note", role: "status" }, answer.error));
    else found.replaceChildren(...answer.panels.map((one) => {
      const node = drawerOf(one.kind)(one, view);
      node.classList.add(`am-${one.kind}`);
      return node;
    }));
  } }, panel.button);
  return panelFrame(panel, view, el("div", {}, button, found));
};
