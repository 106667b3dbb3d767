// The first picture, before Gradio has started: drawn from what the page holds. It stands where the view is
// going to stand and is taken away once that is painted there. Nobody can touch it: it is a picture of a page
// that is on its way.
import { afterPaint, el, isDark } from "../core/dom.js";
import { startQuery } from "../core/link.js";
import { View } from "./view.js";

const GONE = 20000; // milliseconds: where Gradio cannot start, its own sentence must be seen
const SETTLE = 1500; // milliseconds that the page behind has until all of it is in its place

const query = new URLSearchParams(startQuery);
const config = () => window.gradio_config || { components: [] };
const parts = (type) => config().components.filter((one) => one.type === type).map((one) => one.props);
const viewPart = (tab) => config().components.find((one) => one.props.elem_id === `view-${tab}`);

let staying = false; // not on the way to the other language's page
let shown = null; // {tab, root, ghost}: the picture in place of the page

// The page stays: it is not on the way to the other language's.
export const stay = () => {
  staying = true;
};

// A view that nobody can touch: it asks nothing, and leaves the address alone.
class Still extends View {
  ask() { return new Promise(() => {}); }
  openLinked() {}
  writeLink() {}
}

// What a step says, where it is plain words and emphasis; null where it takes Gradio to write it.
const saying = (text) => (/[\\`#<>|&_[\]]|^\s*[-+\d]/m.test(text) ? null : text.split(/\n\s*\n/).map((part) =>
  el("p", {}, part.split("**").map((piece, i) => (i % 2 ? el("strong", {}, italic(piece)) : italic(piece))).flat())));
const italic = (text) => text.split("*").map((piece, i) => (i % 2 ? el("em", {}, piece) : piece));

const frame = (tab, loading) => {
  const header = parts("html").find((one) => (one.elem_classes || []).includes("am-header"));
  const tabs = parts("tabitem");
  const written = new window.DOMParser().parseFromString(header.html_template, "text/html"); // the page's own, and static
  const top = el("div", { class: "am-header am-first-header" }, ...written.body.childNodes);
  const names = tabs.map((one) => el("span", { class: one.id === tab ? "am-first-tab am-first-open" : "am-first-tab" }, one.label));
  const menu = el("select", { class: "am-tab-menu", tabindex: "-1" }, el("option", {}, (tabs.find((one) => one.id === tab) || {}).label || ""));
  const text = el("div", { class: "am-step-text md prose" });
  const [head, foot] = ["am-step-head", "am-step-foot"].map((name) => el("div", {}, el("div", { class: name })));
  const left = el("div", { class: "am-inputs", "data-step": "1" }, head, text, foot);
  const root = el("div", { class: "am-view" }, loading);
  const row = el("div", { class: "am-tab am-stepping" }, left, el("div", { class: "am-shown" }, root));
  const page = el("div", { class: "am-first-page" }, top, menu, el("div", { class: "am-first-tabs" }, names), row);
  const version = String(config().version).replaceAll(".", "-");
  const ghost = el("div", { class: `gradio-container gradio-container-${version} am-first`, inert: true, "aria-hidden": "true" }, page);
  return { ghost, root, left, text };
};

const draw = ({ root, left, text }, payload) => {
  const view = new Still(root, {});
  view.lesson = payload.lesson || null;
  view.step = payload.step || 0;
  const step = view.lesson && view.lesson.steps[view.step - 1];
  const said = step && !step.controls.length && saying(step.text);
  root.closest(".am-tab").classList.toggle("am-stepping", Boolean(step));
  if (said) text.replaceChildren(...said);
  view.update(payload);
  if (!said) left.classList.add("am-first-half"); // what stands below is not where it will be
  if (!step) left.replaceChildren();
};

const dark = () => {
  const theme = query.get("__theme");
  return theme === "dark" || (theme !== "light" && window.matchMedia("(prefers-color-scheme: dark)").matches);
};

// Called by the page once it has a body, before Gradio's own script. linked: the picture of the page's link.
export const firstPicture = (linked = null) => {
  const own = viewPart((parts("tabitem")[0] || {}).id);
  const bare = !["tab", "step", "panel", "cell", "embed", "assignment", "test", "projector"].some((name) => query.has(name));
  const payload = linked || (bare && own && own.props.value);
  if (!payload || !payload.tab || !staying) return;
  if (dark() !== isDark()) document.body.classList.toggle("dark", dark()); // as Gradio will
  const made = frame(payload.tab, null);
  document.body.prepend(made.ghost);
  shown = { tab: payload.tab, linked: Boolean(linked), ...made };
  window.setTimeout(clear, GONE);
  window.addEventListener("pointerdown", clear, { once: true }); // whoever wants another tab sees it
  draw(made, payload);
};

const clear = () => {
  if (shown) shown.ghost.remove();
  shown = null;
};

const inPlace = (root) => {
  const [now, then] = [root, shown.root].map((one) => one.getBoundingClientRect());
  const tab = root.closest(".am-tab");
  const text = tab && tab.querySelector(".am-step-text .md");
  const said = !tab || !tab.classList.contains("am-stepping") || (text && text.textContent.trim());
  const sides = ["left", "top", "width", ...(shown.linked ? [] : ["height"])]; // what is below may still come
  return said && sides.every((side) => Math.abs(now[side] - then[side]) < 1);
};

// A view has drawn its first picture: it takes over as soon as it stands where the picture stood.
export const takeOver = (root, tab) => {
  if (!shown || shown.waiting) return;
  // another tab was opened meanwhile; before a link's own the page opens its first
  if (shown.tab !== tab && root.offsetParent && !shown.linked) return afterPaint(clear);
  if (shown.tab !== tab) return;
  const end = performance.now() + SETTLE;
  shown.waiting = true;
  const look = () => {
    if (!shown) return;
    if (performance.now() > end || inPlace(root)) afterPaint(clear);
    else window.requestAnimationFrame(look);
  };
  window.requestAnimationFrame(look);
};
