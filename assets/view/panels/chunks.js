// Work in chunks: the page carries the state, asks for the next chunk, and stops by not asking.
import { prefersStill } from "../core/dom.js";
import { fillSheet } from "./sheet.js";

const sleep = (seconds) => new Promise((wake) => window.setTimeout(wake, 1000 * seconds));
const quiet = (on) => document.documentElement.classList.toggle("am-training", on); // the sign of work would only flicker

// Whatever answer is under way will be dropped: its turn is over.
export const halt = (run) => {
  run.turn += 1;
  run.running = false;
  quiet(false);
};

// run: {turn, running, alert, draw}. question() is asked while there is more(), took(answer) keeps it. Whoever
// leaves the tab, or what is `here`, has stopped: the chunk under way is the last, and may be gone on from.
export const goOn = async (view, run, { more, question, took, here = () => true }) => {
  const turn = ++run.turn;
  const mine = () => run.turn === turn && view.root.offsetWidth > 0 && here();
  Object.assign(run, { running: true, alert: "" });
  quiet(true);
  while (mine() && more()) {
    run.draw();
    const answer = await view.ask("train", question());
    if (!mine()) break;
    run.alert = answer.error || "";
    if (answer.error && !answer.retry) break;
    if (!answer.error) took(answer);
    else {
      run.draw();
      await sleep(answer.retry);
    }
  }
  if (run.turn === turn) halt(run);
  run.draw();
};

// The sheet of a cell of what a state holds.
export const openState = async (view, { sheet, picture }, question) => {
  const answer = await view.ask("cell", question);
  const close = () => { sheet.hidden = true; picture.querySelector('[tabindex="0"]')?.focus({ preventScroll: true }); };
  fillSheet({ sheet, close, word: (name) => view.word(name) }, answer);
  sheet.hidden = false;
  sheet.focus({ preventScroll: true });
  sheet.scrollIntoView({ block: "nearest", behavior: prefersStill() ? "auto" : "smooth" });
};
