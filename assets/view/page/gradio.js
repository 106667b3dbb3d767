// Gradio's own events: opening a link, an example. They say nothing of a request that got lost, so the page,
// which hears when they are through, starts one of which it hears nothing once more.
import { rest, work } from "../core/transport.js";

const PATIENCE = 2000; // milliseconds; one that is only slow is not started twice (Gradio's trigger mode "once")

const waiting = new Map(); // event -> its timer

// An event that start() starts and through(event) ends. begun: it has been started already.
export const expect = (event, start, begun = false) => {
  through(event);
  work(event);
  const wait = (next) => waiting.set(event, window.setTimeout(next, PATIENCE));
  wait(() => {
    wait(() => through(event)); // lost twice: no sign of work that is none
    start();
  });
  if (!begun) start();
};

export const through = (event) => {
  window.clearTimeout(waiting.get(event));
  waiting.delete(event);
  rest(event);
};
