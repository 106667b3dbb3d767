// A view in its place: on a page of its own, or in Gradio, whose inputs it follows.
import { el, isDark } from "../core/dom.js";
import { pageLanguage, wordsIn } from "../core/words.js";
import { takeOver } from "./first.js";
import { through } from "./gradio.js";
import { startQuery } from "../core/link.js";
import { startStep } from "./steps.js";
import { View } from "./view.js";

export const mount = (root, payload, server) => {
  const view = new View(root, server);
  view.step = payload ? payload.step : 0;
  root.classList.add("am-view");
  if (payload) view.update(payload);
  let width = root.offsetWidth;
  new ResizeObserver(() => { // a tab that was hidden has width 0: it is shown now
    if (width === 0 && root.offsetWidth > 0) view.writeLink();
    if (width !== root.offsetWidth) root.dispatchEvent(new CustomEvent("am-resize"));
    width = root.offsetWidth;
  }).observe(root);
  let dark = isDark();
  new MutationObserver(() => {
    if (dark !== isDark()) view.redraw();
    dark = isDark();
  }).observe(document.body, { attributes: true, attributeFilter: ["class"] });
  return view;
};

// Gradio tells of its inputs in the browser alone; the view asks for the picture itself, through a
// server function. Gradio's own way to a picture takes 50 ms longer.
const views = {};
export const changed = (tab, names, values) => {
  through("example");
  if (views[tab]) heed(views[tab], Object.fromEntries(names.map((name, i) => [name, values[i]])));
  return [];
};

// A slider is heard at once: Gradio, which looks through its page first, says the same some milliseconds later.
const ahead = (view) => view.root.closest(".am-tab")?.addEventListener("input", ({ target }) => {
  const field = target.type === "range" && view.payload && target.closest(".am-field");
  const name = field && Object.keys(view.payload.inputs).find((one) => field.classList.contains(`am-field-${one}`));
  if (name) heed(view, { ...(view.wanted || view.asking || view.payload.inputs), [name]: Number(target.value) });
});

// While a step sets its inputs, text boxes tell of themselves with the others as they stood before: what is
// heard meanwhile counts only if it is still so afterwards.
const SETTLING = 700; // milliseconds
const heed = (view, inputs) => {
  const steps = view.steps;
  if (!steps || performance.now() > steps.until) return follow(view, inputs);
  window.clearTimeout(steps.timer);
  if (same(inputs, steps.inputs)) return undefined;
  steps.heard = inputs;
  steps.timer = window.setTimeout(() => { if (view.steps === steps) follow(view, steps.heard); }, steps.until - performance.now() + 1);
  return undefined;
};

const same = (one, other) => JSON.stringify(one) === JSON.stringify(other);

const isWaiting = (payload) => payload.panels.some((panel) => panel.kind === "waiting"); // for a model

const stands = (view, inputs) => view.payload && !view.alert && !isWaiting(view.payload)
  && view.payload.step === (view.step || 0) && same(inputs, view.payload.inputs);

// One question at a time; of the inputs that come meanwhile the latest are asked for next.
const follow = async (view, inputs) => {
  view.wanted = inputs;
  if (view.following) return;
  view.following = true;
  try {
    while (view.wanted) {
      const asked = (view.asking = view.wanted);
      view.wanted = null;
      if (stands(view, asked)) continue;
      const linked = Boolean(view.linked) && (!view.payload || isWaiting(view.payload));
      const drawn = await view.ask("draw", { inputs: asked, linked });
      view.update(drawn);
      if (drawn.mended) view.enter(view.step, drawn.inputs, true); // Gradio's inputs hold what did not fit
    }
  } finally { // a picture that fails must not be the last one
    view.following = false;
    view.asking = null;
  }
};

// What a picture tells Gradio's inputs: view.choose stores it, Gradio's event fetches it.
const picks = {};
export const picked = (tab, names) => names.map((name) => picks[tab][name]);

// The lesson: enter a step, which sets the inputs; follow what a link or an example has opened.
const leadThrough = (view, tab, trigger) => {
  const say = (inputs) => { // the step's words and inputs go to Gradio
    const step = view.lesson.steps[view.step - 1];
    view.said = step ? step.text : "";
    picks[tab] = { ...inputs, said: view.said };
    view.steps = { inputs, until: performance.now() + SETTLING };
    trigger();
  };
  view.enter = (step, given = null, keep = false) => { // given: inputs other than the step's own; keep: the open cell
    if (view.opened && !keep) view.close();
    const next = view.lesson.steps[step - 1];
    const inputs = given || (next ? next.inputs : view.payload.inputs);
    if (next) delete (view.state.answers || {})[`step.${step}`];
    view.step = step;
    say(inputs);
    follow(view, inputs);
    const top = view.root.closest(".am-tab");
    if (top && top.getBoundingClientRect().top < 0) top.scrollIntoView({ block: "start" });
  };
  view.adopt = async (payload) => { // from Gradio: the page's first picture, a link, an example
    if (payload.lesson) {
      view.lesson = payload.lesson;
      view.said = payload.lesson.steps[payload.step - 1].text;
    }
    view.step = payload.step || 0;
    if (view.step && !view.lesson) await learn(view);
    view.update(payload);
  };
  view.said = "";
  view.root.addEventListener("am-update", () => takeOver(view.root, tab), { once: true });
  view.root.addEventListener("am-update", () => { // a link has opened a step
    const step = view.lesson && view.lesson.steps[view.step - 1];
    if (step && view.said !== step.text) say(view.payload.inputs);
  });
};

const learn = async (view) => {
  const lesson = view.server && view.server.lesson ? await view.ask("lesson", {}) : null;
  if (lesson && !lesson.error) view.lesson = lesson;
};

// A tab that is opened for the first time: at its first step, unless the page's link says otherwise.
const begin = async (view, tab, need) => {
  await learn(view);
  if (view.payload) return undefined; // a link was quicker
  const query = new URLSearchParams(startQuery);
  view.step = view.lesson ? startStep(view, query, tab) : 0;
  const stand = (view.linked = query.get("tab") === tab); // its inputs, as the link has set them
  return view.step && view.step <= view.lesson.steps.length && !stand ? view.enter(view.step) : need();
};

// need: ask for a picture of the inputs as they stand; pick: fetch what was picked; step: what a step sets.
export const mountInGradio = (element, props, watch, server, tab, need, pick, step) => {
  const root = element.querySelector(".am-view");
  const view = (views[tab] = mount(root, null, server));
  leadThrough(view, tab, step);
  ahead(view);
  const query = new URLSearchParams(startQuery);
  if (query.get("embed") === "1") view.alone = query.get("panel");
  if (props.value) view.adopt(props.value);
  if (props.value && view.lesson && (query.get("step") === "free" || view.alone)) view.enter(view.lesson.steps.length + 1, null, true);
  element.amView = view;
  watch("value", () => { if (props.value) view.adopt(props.value); });
  view.need = need;
  view.settle = (payload) => { // the page itself moved some inputs and drew them
    view.update(payload);
    if (view.following) view.wanted = payload.inputs; // the answer under way is older than this picture
    view.choose({});
  };
  view.choose = (changes) => { // move some of Gradio's inputs; a text box among them asks for a picture
    picks[tab] = { ...view.payload.inputs, ...changes };
    pick();
  };
  if (!props.value) {
    root.replaceChildren(el("p", { class: "am-loading", role: "status" }, wordsIn(pageLanguage()).loading));
    begin(view, tab, need);
  }
  return view;
};
