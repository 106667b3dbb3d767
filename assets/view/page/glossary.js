// The glossary: a small note beside every term in leads, lessons and captions, and one dialog with all terms.
import { el } from "../core/dom.js";
import { glossaryIn, pageLanguage, wordsIn } from "../core/words.js";

let dialog = null;

const entries = () => { // id -> [term, explanation]
  const table = glossaryIn(pageLanguage());
  const cut = pageLanguage() === "zh" ? "：" : ": ";
  return Object.fromEntries(Object.entries(table).filter(([id]) => id !== "title")
    .map(([id, text]) => [id, [text.slice(0, text.indexOf(cut)), text.slice(text.indexOf(cut) + cut.length)]]));
};

export const openGlossary = (id) => {
  const words = wordsIn(pageLanguage());
  const title = glossaryIn(pageLanguage()).title;
  dialog = dialog || el("dialog", { class: "am-glossary", "aria-label": title });
  const close = el("button", { type: "button", class: "am-button", onclick: () => dialog.close() }, words.close);
  const list = Object.entries(entries()).map(([key, [term, text]]) =>
    el("div", { id: `term-${key}`, class: key === id ? "am-sought" : "" }, el("dt", {}, term), el("dd", {}, text)));
  dialog.replaceChildren(el("div", { class: "am-panel-head" }, el("h2", {}, title), close), el("dl", {}, list));
  if (!dialog.isConnected) document.body.append(dialog);
  if (!dialog.open) dialog.showModal();
  const sought = id && dialog.querySelector(`#term-${id}`);
  if (sought) sought.scrollIntoView({ block: "center" });
};

// The note of a term, beside it: a popover, so that no box cuts it off and Escape returns to the term.
const WIDTH = 340, GAP = 6;
const openNote = (button, id) => {
  if (button.popoverTargetElement) return; // open: the browser closes it
  const [term, text] = entries()[id];
  const all = el("button", { type: "button", class: "am-button", onclick: () => { note.hidePopover(); openGlossary(id); } }, wordsIn(pageLanguage()).all_terms);
  const note = el("span", { class: "am-term-note", popover: "auto", role: "dialog", "aria-label": term }, el("b", {}, term), el("span", {}, text), all);
  const box = button.getBoundingClientRect();
  const width = Math.min(WIDTH, window.innerWidth - 2 * GAP);
  const under = box.bottom < window.innerHeight * 0.6;
  Object.assign(note.style, { width: `${width}px`, left: `${Math.max(GAP, Math.min(box.left, window.innerWidth - width - GAP))}px`,
    top: under ? `${box.bottom + GAP}px` : "auto", bottom: under ? "auto" : `${window.innerHeight - box.top + GAP}px` });
  const away = () => note.hidePopover();
  note.addEventListener("toggle", ({ newState }) => {
    if (newState === "open") return window.addEventListener("scroll", away, { capture: true, once: true });
    window.removeEventListener("scroll", away, { capture: true });
    button.popoverTargetElement = null;
    note.remove();
  });
  button.after(note); // next in the order of reading and of the Tab key
  button.popoverTargetElement = note; // the click that is under way opens it
};

// The first place of each term in a text becomes a button that opens its note.
const forms = (id, term) => (pageLanguage() === "zh" ? [term] : [term, `${term}s`, id === "query" ? "queries" : `${term}es`]);
const literal = (text) => text.replace(/[[\](){}.*+?^$|\\]/g, "\\$&"); // "[UNK]" is no set of letters
// Chinese has no word breaks: a term of one character (头, 键, 值, 层) counts only where its
// neighbours show that it stands alone, and not inside 回头, 关键 or 值得.
const chinese = (list) => {
  const before = "(?<=^|[个每的和、，。：；（“一各与是叫从按几份把乘])";
  const after = "(?=$|[的、，。：；）”和与都也在是看只会就要不怎向])";
  return new RegExp(list.map(([form]) => (form.length === 1 ? `${before}${form}${after}` : literal(form))).join("|"), "i");
};
export const linkTerms = (root) => {
  const list = Object.entries(entries()).flatMap(([id, [term]]) => forms(id, term).map((form) => [form.toLowerCase(), id]));
  if (!list.length) return;
  list.sort((a, b) => b[0].length - a[0].length);
  const pattern = pageLanguage() === "zh" ? chinese(list) : new RegExp(`(?<!\\w)(?:${list.map(([form]) => literal(form)).join("|")})(?!\\w)`, "i");
  const seen = new Map(); // term's id -> its button
  const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT, { acceptNode: (node) =>
    node.parentElement.closest("a, button, code, pre, .katex, summary, h1, h2, h3, h4, table") ? NodeFilter.FILTER_REJECT : NodeFilter.FILTER_ACCEPT });
  const nodes = [];
  while (walker.nextNode()) nodes.push(walker.currentNode);
  for (let node of nodes) {
    for (let budget = 4; budget > 0; budget--) {
      const match = pattern.exec(node.data);
      if (!match) break;
      const id = list.find(([form]) => form === match[0].toLowerCase())[1];
      const rest = node.splitText(match.index);
      const after = rest.splitText(match[0].length);
      if (!seen.has(id)) {
        const term = el("button", { type: "button", class: "am-term", onclick: (event) => openNote(event.currentTarget, id) }, match[0]);
        seen.set(id, term);
        rest.replaceWith(term);
      }
      node = after;
    }
  }
  seen.forEach(hold);
};

// A line may be broken beside a button, whatever stands there: "。" would begin a line, and "（" end one.
// What may not be parted from a term goes with it; in English, all up to the next blank.
const MARKS = { zh: [/[（“‘《「『]*$/, /^[。，、；：？！）”’》」』…]*/], en: [/\S*$/, /^\S*/] };
const hold = (term) => {
  let node = term;
  while (node.parentNode.childNodes.length === 1 && node.parentNode.matches("em, strong")) node = node.parentNode;
  const sides = [node.previousSibling, node.nextSibling].map((side) => (side && side.nodeType === Node.TEXT_NODE ? side : null));
  const [opens, closes] = sides.map((side, i) => (side ? MARKS[pageLanguage()][i].exec(side.data)[0] : ""));
  if (!opens && !closes) return;
  const kept = el("span", { class: "am-kept" });
  node.replaceWith(kept);
  if (opens) sides[0].data = sides[0].data.slice(0, -opens.length);
  if (closes) sides[1].data = sides[1].data.slice(closes.length);
  kept.append(opens, node, closes);
};

// Prose that Gradio draws (leads, lessons) comes and goes with tabs and accordions: look once per block.
export const watchProse = () => {
  const look = () => {
    for (const block of document.querySelectorAll(".am-lead .md, .am-lesson .md")) {
      if (block.dataset.terms || !block.textContent.trim()) continue;
      block.dataset.terms = "1";
      linkTerms(block);
    }
  };
  let waiting = false;
  new MutationObserver(() => {
    if (waiting) return;
    waiting = true;
    window.setTimeout(() => { waiting = false; look(); }, 120);
  }).observe(document.body, { childList: true, subtree: true });
  look();
};
