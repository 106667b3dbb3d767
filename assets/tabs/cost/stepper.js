// A bar that steps, plays and scrubs through recorded states: one call brought them all.
import { el } from "../../view/core/dom.js";
import { playing } from "../../view/panels/playing.js";

// words: {play, pause, back, forward, slider}. draw(step) shows step 0 to count and returns what is said of it.
// -> {bar, said}; the step is kept in view.state under the panel's id.
export const stepper = (panel, view, { count, first, pace, stage, draw }) => {
  const { words } = panel;
  const memory = (view.state[panel.id] = view.state[panel.id] || {});
  let step = Math.min(memory.step ?? first, count);
  const said = el("output", { class: "am-player-now", "aria-live": "polite" });
  const slider = el("input", { type: "range", min: 0, max: count, step: 1, class: "am-player-slider",
    "aria-label": words.slider, "data-focus": `${panel.id}.slider` });
  const button = (sign, label, focus, change) => el("button", { type: "button", class: "am-button", "aria-label": label, title: label,
    "data-focus": `${panel.id}.${focus}`, onclick: () => move(step + change) }, sign);
  const back = button("◀", words.back, "back", -1), forward = button("▶", words.forward, "forward", 1);
  const go = (next) => {
    step = memory.step = Math.min(Math.max(next, 0), count);
    slider.value = step;
    back.disabled = step === 0;
    forward.disabled = step === count;
    said.textContent = draw(step);
    slider.setAttribute("aria-valuetext", said.textContent);
  };
  const { play, stop } = playing({ words, focus: `${panel.id}.play`, pace, first: 0, last: count, now: () => step, go, stage });
  const move = (next) => { stop(); go(next); };
  slider.addEventListener("input", () => move(Number(slider.value)));
  go(step);
  return { bar: el("div", { class: "am-player-bar" }, play, back, slider, forward), said };
};
