// A view in its place: on a page of its own, or in Gradio, whose inputs it follows.
import { el, isDark } from "../core/dom.js";
import { pageLanguage, wordsIn } from "../core/words.js";
import { through } from "./gradio.js";
import { View } from "./view.js";

export const mount = (root, payload, server) => {
  const view = new View(root, server);
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
  if (views[tab]) follow(views[tab], Object.fromEntries(names.map((name, i) => [name, values[i]])));
  return [];
};

const isWaiting = (payload) => payload.panels.some((panel) => panel.kind === "waiting"); // for a model

const stands = (view, inputs) => view.payload && !view.alert && !isWaiting(view.payload)
  && JSON.stringify(inputs) === JSON.stringify(view.payload.inputs);

// One question at a time; of the inputs that come meanwhile the latest are asked for next.
const follow = async (view, inputs) => {
  view.wanted = inputs;
  if (view.following) return;
  view.following = true;
  try {
    while (view.wanted) {
      const asked = view.wanted;
      view.wanted = null;
      if (!stands(view, asked)) view.update(await view.ask("draw", { inputs: asked }));
    }
  } finally { // a picture that fails must not be the last one
    view.following = false;
  }
};

// What a picture tells Gradio's inputs: view.choose stores it, Gradio's event fetches it.
const picks = {};
export const picked = (tab, names) => names.map((name) => picks[tab][name]);

// need: ask for a picture of the inputs as they stand; pick: fetch what was picked.
export const mountInGradio = (element, props, watch, server, tab, need, pick) => {
  const root = element.querySelector(".am-view");
  const view = (views[tab] = mount(root, props.value, server));
  element.amView = view;
  watch("value", () => view.update(props.value)); // a link was opened
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
    need();
  }
  return view;
};
