// The decoder, step by step: rows of weights grow as its characters are written.
// The step is one number of the view; panels draw themselves anew on "am-step", nothing is fetched.
import { css, mix, rampOf } from "../../view/core/colours.js";
import { el, svg } from "../../view/core/dom.js";
import { showNumber, unpack } from "../../view/core/numbers.js";
import { register } from "../../view/core/registry.js";
import { fill } from "../../view/core/words.js";
import { alignmentTable } from "../../view/panels/alignment.js";
import { colourLegend, panelFrame, saveMenu } from "../../view/panels/frame.js";
import { playing } from "../../view/panels/playing.js";
import { followRows, whileShown } from "../../view/panels/rows.js";

const PACE = 650; // milliseconds a character while playing
const SETTLE = 300; // milliseconds of rest after which the step goes into the link

const percent = (share) => `${(100 * share).toFixed(1)}%`;
const button = (label, focus, onclick, more = {}) => el("button", { type: "button", class: "am-button", "data-focus": focus, onclick, ...more }, label);

// How many characters are written on the page now.
const stepOf = (view) => view.state.step ?? view.payload.inputs.step;
const setStep = (view, step) => {
  view.state.step = step;
  view.root.dispatchEvent(new CustomEvent("am-step"));
  window.clearTimeout(view.state.settling);
  const lesson = view.payload.step;
  view.state.settling = window.setTimeout(() => settle(view, step, lesson), SETTLE);
};
const settle = (view, step, lesson) => { // into the link, and into Gradio's hidden input
  view.state.step = undefined;
  if (view.payload.step !== lesson) { // the lesson went on, with rows of its own
    view.root.dispatchEvent(new CustomEvent("am-step"));
    return;
  }
  const link = new URLSearchParams(view.payload.link);
  link.set("at", step); // "step" is the lesson's
  view.payload = { ...view.payload, link: String(link), inputs: { ...view.payload.inputs, step } };
  view.writeLink();
  if (view.choose) view.choose({});
};

// Another text or kind: the whole view comes back, then Gradio's inputs follow.
const look = async (view, changes) => {
  const { text } = view.payload.inputs;
  const answer = await view.ask("draw", { inputs: { ...view.payload.inputs, step: stepOf(view), ...changes } });
  if (text !== view.payload.inputs.text) return; // the learner typed on meanwhile
  if (answer.error) view.say(answer.error);
  else (view.settle || view.update).call(view, answer);
};

// Probabilities of the next character as bars, with their numbers.
const bars = (title, characters, row) => {
  const best = row.indexOf(Math.max(...row));
  return el("div", { class: "am-characters" }, el("h4", {}, title), el("ul", {}, row.map((share, i) => {
    const bar = el("span", { class: "am-character-bar", "aria-hidden": "true" });
    bar.style.width = `${100 * share}%`;
    return el("li", { class: i === best ? "am-best" : "", "data-value": String(share) }, el("b", {}, characters[i]), el("span", { class: "am-character-room" }, bar), el("span", {}, percent(share)));
  })));
};

// On a narrow page: scroll the table, and only it, so that this cell is seen.
const bring = (stage, focus) => {
  const cell = stage.querySelector(`[data-focus="${focus}"]`);
  const room = cell && cell.closest(".am-scroll");
  if (!room || room.scrollWidth <= room.clientWidth) return;
  room.scrollLeft += cell.getBoundingClientRect().left - room.getBoundingClientRect().left - room.clientWidth / 2;
};

const slots = (panel, step) => el("div", { class: "am-slots", "aria-label": `${panel.words.output}: ${panel.output.slice(0, step)}`, role: "img" },
  [...panel.output].map((character, i) => el("span", { class: i === step - 1 ? "am-now" : "" }, i < step ? character : "·")));

const alignment = (panel, view) => {
  followRows(view);
  const { words } = panel;
  const count = panel.output.length;
  const m = panel.columns.length;
  const weights = panel.data ? unpack(panel.data).data : null;
  const chances = unpack(panel.probabilities);

  const written = el("div", {});
  const stage = el("div", { class: "am-stage" });
  const now = el("output", { class: "am-player-now", "aria-live": "polite" });
  const slider = el("input", { type: "range", min: 1, max: count, step: 1, class: "am-player-slider", "aria-label": words.output, "data-focus": "alignment.slider" });

  const draw = () => {
    const step = stepOf(view), i = step - 1;
    const row = Array.from(chances.data.slice(i * chances.shape[1], (i + 1) * chances.shape[1]));
    const parts = [fill(words.step, { step, count }), fill(words.says, { character: panel.output[i], share: percent(Math.max(...row)) })];
    if (weights) {
      const line = Array.from(weights.slice(i * m, (i + 1) * m));
      const most = line.indexOf(Math.max(...line));
      parts.push(fill(words.looks, { character: panel.columns[most], weight: showNumber(line[most], 2) }));
      window.requestAnimationFrame(() => bring(stage, `alignment.${i}.${most}`));
    }
    now.textContent = parts.join(" · ");
    slider.value = step;
    slider.setAttribute("aria-valuetext", now.textContent);
    written.replaceChildren(slots(panel, step));
    const map = weights ? alignmentTable(panel, view, weights, m, step) : el("p", { class: "am-note am-no-weights" }, words.none);
    stage.replaceChildren(map, bars(words.bars, panel.characters, row));
  };
  const to = (step) => setStep(view, Math.min(Math.max(step, 1), count));
  const { play, stop } = playing({ words, focus: "alignment.play", pace: PACE, first: 1, last: count, now: () => stepOf(view), go: to, stage });
  const move = (step) => { stop(); to(step); };
  slider.addEventListener("input", () => move(Number(slider.value)));
  const another = view.server && button(words.another, "alignment.another", () => {
    view.state.another = ((view.state.another ?? -1) + 1) % panel.more.length;
    look(view, { text: panel.more[view.state.another], step: count });
  });
  const controls = el("div", { class: "am-player-bar" }, play,
    button("◀", "alignment.back", () => move(stepOf(view) - 1), { "aria-label": words.back }), slider,
    button("▶", "alignment.forward", () => move(stepOf(view) + 1), { "aria-label": words.forward }), another);
  const body = el("div", {}, controls, written, now, stage);
  whileShown(view, body, ["am-step", "am-update"], draw);
  draw();
  return panelFrame(panel, view, body, weights ? [colourLegend(panel), saveMenu(panel, view)] : []);
};

// One card for each kind of attention; their little pictures grow with the same step.
const decoders = (panel, view) => {
  const { words } = panel;
  const cards = el("div", { class: "am-cards" });
  const draw = () => {
    const step = stepOf(view);
    cards.replaceChildren(...panel.cards.map((card) => one(panel, card, step, view)));
  };
  const one = (panel, card, step, view) => {
    const done = step === card.output.length;
    const wrong = (i) => card.truth !== null && card.truth[i] !== card.output[i];
    const output = el("p", { class: "am-output", "aria-label": `${words.output}: ${card.output.slice(0, step)}` }, [...card.output].map((character, i) =>
      el("span", { class: i < step && wrong(i) ? "am-miss" : "" }, i < step ? character : "·")));
    const choose = button(card.chosen ? words.shown : words.enlarge, `kinds.${card.id}`, () => look(view, { attention: card.id }), { "aria-pressed": String(card.chosen), "aria-label": `${card.name}: ${words.enlarge}` });
    if (!view.server) choose.disabled = true;
    return el("section", { class: `am-card${card.chosen ? " am-chosen" : ""}`, "data-kind": card.id },
      el("div", { class: "am-panel-head" }, el("h3", {}, card.name), choose), output,
      el("p", { class: `am-verdict${done ? ` am-${card.verdict}` : ""}` }, done ? card.sentence : "\u00a0"),
      card.data ? mini(card, step, view) : el("p", { class: "am-mini am-no-weights" }, words.none_small), el("p", { class: "am-caption" }, card.share));
  };
  whileShown(view, cards, ["am-step", "am-update"], draw);
  draw();
  return panelFrame(panel, view, cards);
};

const mini = (card, step, view) => {
  const { shape: [n, m], data } = unpack(card.data);
  const ramp = rampOf("sequential");
  const art = svg("svg", { viewBox: `0 0 ${m} ${n}`, preserveAspectRatio: "none", class: "am-mini", role: "img", "aria-label": card.name });
  for (let i = 0; i < step; i++) {
    for (let j = 0; j < m; j++) {
      art.append(svg("rect", { x: j + 0.03, y: i + 0.04, width: 0.94, height: 0.92, fill: css(mix(ramp, data[i * m + j])), "data-cell": `${i}.${j}` },
        svg("title", {}, view.word("cell", { row: `${i + 1}. ${card.output[i]}`, column: card.columns[j], value: showNumber(data[i * m + j]) }))));
    }
  }
  art.addEventListener("click", (event) => {
    const cell = event.target.closest("rect");
    if (!cell) return;
    const [row, column] = cell.dataset.cell.split(".").map(Number);
    view.open({ panel: "kinds", frame: card.id, row, column });
  });
  return art;
};

register({ alignment, decoders });
