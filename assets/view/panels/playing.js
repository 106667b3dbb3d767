// A button that plays what can also be stepped through: one step every `pace` milliseconds, up to the last.
import { el } from "../core/dom.js";

// words: {play, pause}. now() is the step shown, go(step) shows another; stage: nothing plays once it is
// gone from the page. -> {play: the button, stop}
export const playing = ({ words, focus, pace, first, last, now, go, stage }) => {
  let timer = null;
  const play = el("button", { type: "button", class: "am-button", "data-focus": focus, onclick: () => (timer ? stop() : start()) }, words.play);
  const stop = () => { window.clearInterval(timer); timer = null; play.textContent = words.play; };
  const start = () => {
    if (now() === last) go(first);
    play.textContent = words.pause;
    timer = window.setInterval(() => {
      if (!stage.isConnected) return stop();
      go(now() + 1);
      if (now() === last) stop();
    }, pace);
  };
  return { play, stop };
};
