// The one way to the server: a second try for a question that got lost, since every answer depends on its
// question alone; and a quiet sign while the server computes, seen only when that takes longer than half a second.
import { el } from "./dom.js";
import { pageLanguage, wordsIn } from "./words.js";

const LATE = 500; // milliseconds
const AGAIN = 400; // milliseconds until the second try

const open = new Set(); // whatever is under way
let timer = null;
let sign = null;

const show = () => {
  sign = sign || el("p", { class: "am-working", role: "status" });
  sign.textContent = wordsIn(pageLanguage()).loading;
  document.body.append(sign);
};

// Something is under way (a question, or the name of one of Gradio's own events) until it rests.
export const work = (what) => {
  open.add(what);
  if (timer === null) timer = window.setTimeout(show, LATE);
};

export const rest = (what) => {
  open.delete(what);
  if (open.size) return;
  window.clearTimeout(timer);
  timer = null;
  if (sign) sign.remove();
};

// The answer to ask(), a function that sends one question; undefined where it got lost twice. Gradio's
// server functions answer undefined when there is no connection or the server fails.
export const reach = async (ask) => {
  work(ask);
  try {
    const answer = await ask().catch(() => undefined);
    if (answer !== undefined) return answer;
    await new Promise((wake) => window.setTimeout(wake, AGAIN * (1 + Math.random())));
    return await ask().catch(() => undefined);
  } finally {
    rest(ask);
  }
};
