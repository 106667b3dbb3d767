// The key to the frames around the heads: six roles, six colours; and the line on what a head does.
import { el } from "../../view/core/dom.js";
import { fill } from "../../view/core/words.js";

// The key, while it is in sight: without it colours would mean nothing, and a step may leave it out.
const keyOf = (view) => {
  const node = view.root.querySelector('[data-panel="frames"]');
  return node && node.offsetParent ? view.payload.panels.find((panel) => panel.kind === "frames") : null;
};

// -> {"layer.head": colour}
export const framesOf = (view) => {
  const key = keyOf(view);
  if (!key) return {};
  const style = window.getComputedStyle(view.root);
  const colours = key.items.map((item) => style.getPropertyValue(`--am-frame-${item.role}`));
  const found = {};
  for (const [layer, head, role] of key.heads) found[`${layer}.${head}`] = found[`${layer}.${head}`] || colours[role];
  return found;
};

// What a head does, in one line; "" while that is not known.
export const lineOf = (view, layer, head) => {
  const key = keyOf(view);
  if (!key) return "";
  const role = key.heads.find((one) => one[0] === layer && one[1] === head);
  if (!role) return key.words.role_line_none;
  const [, , at, score, chance] = role;
  return fill(key.words.role_line, { rule: key.items[at].text, score, chance });
};

export const frames = (panel) => el("figure", {}, el("ul", { class: "am-frames-key" }, panel.items.map((item) =>
  el("li", { class: `am-frame-${item.role}`, title: item.text }, item.name, el("small", {}, fill(panel.words.role_count, { count: item.count }))))),
el("p", { class: "am-caption" }, panel.caption));
