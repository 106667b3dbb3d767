// Writing on: a word at a time or by itself, back again, or with other dice.
import { el, prefersStill } from "../../view/core/dom.js";

const PAUSE = 700; // milliseconds a word
const MOST = 20; // words that may be written

export const writer = (panel, view) => {
  if (!view.server) return null;
  const { words } = panel;
  const now = () => view.payload.inputs;
  const set = async (changes) => { // draws first, then moves the inputs beside the picture
    const payload = await view.ask("draw", { inputs: { ...now(), ...changes } });
    if (payload.error) { view.say(payload.error); return false; }
    view.settle(payload);
    return true;
  };
  view.state.column = (place) => set({ place });
  const on = (changes) => { view.state.writing = false; return set(changes); };
  const full = panel.ended || now().written >= MOST;
  const button = (key, act, disabled = false) => el("button", { type: "button", class: "am-button", "data-focus": `pass.${key}`, onclick: act, disabled }, words[key]);
  const going = view.state.writing && !full;
  if (!going) view.state.writing = false;
  if (going) window.setTimeout(() => { if (view.state.writing) set({ written: now().written + 1, place: 0 }); }, prefersStill() ? 0 : PAUSE);
  const go = () => { view.state.writing = true; set({ written: now().written + 1, place: 0 }); };
  return el("div", { class: "am-pass-buttons" },
    button("one", () => on({ written: now().written + 1, place: 0 }), full),
    going ? button("stop", () => on({})) : button("go", go, full),
    button("undo", () => on({ written: Math.max(now().written - 1, 0), place: 0 }), now().written === 0),
    button("again", () => on({ seed: (now().seed + 1) % 100 })));
};
