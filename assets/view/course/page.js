// What the course's two places share: its words, the addresses of the two pages, copying and saving.
import { el } from "../core/dom.js";
import { courseWords, fill, pageLanguage } from "../core/words.js";
import { copyText } from "../page/copy.js";

export const word = (key, values = {}) => fill(courseWords(pageLanguage())[key] || key, values);

const base = () => window.location.pathname.replace(/(zh|class|class-zh)\/?$/, "");
export const lessonPage = () => `${window.location.origin}${base()}${pageLanguage() === "zh" ? "zh" : ""}`;
export const classPage = () => `${window.location.origin}${base()}${pageLanguage() === "zh" ? "class-zh" : "class"}`;

export const button = (name, act, strong = false, more = {}) => el("button", { type: "button",
  class: `am-button${strong ? " am-strong" : ""}`, "data-focus": name, onclick: act, ...more }, word(name));

const speaker = { word: (key) => word(key) };
export const copyButton = (name, text, strong = false) => {
  const made = button(name, async () => copyText(await text(), made, speaker), strong);
  return made;
};

export const saveFile = (name, type, text) => {
  const link = el("a", { href: URL.createObjectURL(new Blob([text], { type })), download: name });
  link.click();
  window.setTimeout(() => URL.revokeObjectURL(link.href), 10000);
};

// A name that every file system takes.
export const fileName = (title, end) => `${title.replace(/[^\p{L}\p{N}]+/gu, "-").slice(0, 40) || "assignment"}${end}`;

// Draw anew, and leave the focus where it stood.
export const redraw = (root, nodes) => {
  const active = root.contains(document.activeElement) ? document.activeElement.dataset.focus : null;
  root.replaceChildren(...nodes.flat().filter(Boolean));
  const again = active && root.querySelector(`[data-focus="${window.CSS.escape(active)}"]`);
  if (again) again.focus({ preventScroll: true });
};
