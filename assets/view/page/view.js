// The page's side of AttentionView: a payload in, panels out. No dependency, nothing fetched.
// A panel is drawn by the script that registered its kind (core/registry.js); see panels/heatmap.js for one.
import { afterPaint, el, prefersStill } from "../core/dom.js";
import { bytesOf } from "../core/numbers.js";
import { drawerOf } from "../core/registry.js";
import { reach } from "../core/transport.js";
import { fill, pageLanguage, wordsIn } from "../core/words.js";
import { fillSheet } from "../panels/sheet.js";
import { cellNode, markCells, placeSheet } from "./beside.js";
import { codeBox } from "./code.js";
import { copyText } from "./copy.js";
import { linkTerms } from "./glossary.js";
import { asksOf, fillHand, handButton, linkedHand, paperBox } from "./hand.js";
import { addressOf, forgetLinked, linkedIn } from "../core/link.js";
import { pitfallsBox } from "./pitfalls.js";
import { commit } from "./question.js";
import { refuseAt } from "./refusal.js";
import { drawStep, putAside, stepOf, taskOf } from "./steps.js";
import { tasksBox, veil } from "./tasks.js";
import { tools } from "./toolbar.js";

// Make these the children. What is in its place stays untouched: whatever moves is laid out anew.
const arrange = (parent, nodes) => {
  for (const child of [...parent.childNodes]) if (!nodes.includes(child)) child.remove();
  nodes.forEach((node, i) => { if (parent.childNodes[i] !== node) parent.insertBefore(node, parent.childNodes[i] || null); });
};

// In a saved page: the arithmetic that it took along.
const taken = ({ payload }, name, { panel, row, column }) => (name === "sheet" && payload.sheets ? payload.sheets[`${panel}.${row}.${column}`] : undefined);

const REST = 80; // milliseconds

// Whether a picture is above or below what the window shows; one that is not laid out (of a tab that is not
// open, or put aside) has no place.
const outOfSight = (node) => {
  const { top, bottom, height } = node.getBoundingClientRect();
  return height > 0 && (bottom < 0 || top > window.innerHeight);
};

// A view: draws payloads into root. server is null in a saved page.
export class View {
  constructor(root, server) {
    this.root = root;
    this.server = server;
    this.drawn = new Map(); // panel place -> {json, node}: a panel that did not change is kept
    this.sections = []; // of the page: a heading and its panels each
    this.state = {}; // what panels remember between payloads (frame of a player, table or picture)
    this.opened = null; // {panel, row, column} of the open sheet
    this.pardon = () => {}; // takes a refusal at its field back
    this.hand = null; // the sheet to be filled in by hand: {seed, given, inputs}
    this.asked = 0; // number of the latest question, so that a late answer is dropped
  }

  word(key, values = {}) {
    const words = wordsIn(this.payload ? this.payload.language : pageLanguage());
    return fill(words[key] || key, values);
  }

  update(payload) {
    if (!payload || (payload.step ?? this.step) !== this.step) return; // an answer for a step that was left
    if (this.alert) this.alert.remove();
    this.alert = null;
    this.pardon();
    if (payload.error) { // refused: one sentence, here and at its field, and the last picture stays
      this.alert = el("p", { class: "am-note am-alert", role: "alert" }, payload.error);
      this.pardon = refuseAt(this.root, payload.error);
      this.root.prepend(this.alert);
      return;
    }
    this.payload = payload;
    this.draw();
    afterPaint(() => this.writeLink()); // which takes longer than the picture
    if (this.opened) this.open(this.opened, false); // the sheet follows the numbers
    else this.openLinked();
    this.root.dispatchEvent(new CustomEvent("am-update"));
  }

  redraw() { // colours changed (dark mode): nothing may be kept
    this.drawn.clear();
    if (this.payload) this.draw();
    if (this.opened) this.open(this.opened, false);
  }

  draw() {
    const payload = this.payload;
    const focus = this.focusKey();
    const kept = new Map();
    const groups = [];
    const unseen = new Set([...this.drawn.values()].map(({ node }) => node).filter(outOfSight)); // before anything moves
    payload.panels.forEach((panel, place) => {
      if (panel.kind === "heading" || groups.length === 0) groups.push([]);
      groups[groups.length - 1].push(this.panel(panel, `${place}:${panel.id}`, kept, unseen));
    });
    this.drawn = kept;
    const inputs = JSON.stringify(payload.inputs);
    if (payload.mended) this.mended = { inputs, said: payload.mended }; // told as long as they stand
    const mended = this.mended && this.mended.inputs === inputs ? [this.mended.said] : [];
    const notices = [...mended, ...(payload.notices || [])].map((text) => el("p", { class: "am-note" }, text));
    this.sheet = this.sheet || el("section", { class: "am-sheet", hidden: true, tabindex: "-1" });
    if (!this.opened) this.sheet.hidden = true;
    this.sections = groups.map((nodes, i) => {
      const section = this.sections[i] || el("section", { class: "am-group" });
      arrange(section, this.opened && this.sheet.parentNode === section ? [...nodes, this.sheet] : nodes);
      return section;
    });
    for (const mark of this.root.querySelectorAll(".am-guess")) mark.remove();
    const free = !stepOf(this) && !this.alone;
    const parts = [this.toolbar(free), ...notices, free && tasksBox(this), ...this.sections, free && paperBox(this), free && pitfallsBox(this), free && codeBox(this)];
    const beside = this.opened && this.sheet.parentNode === this.root ? [this.sheet] : [];
    arrange(this.root, [...parts.filter(Boolean), ...beside]);
    putAside(this);
    drawStep(this);
    veil(this);
    markCells(this);
    if (this.server) for (const node of this.root.querySelectorAll(".am-heading p:not([data-terms])")) {
      node.dataset.terms = "1"; // kept panels are linked already
      linkTerms(node);
    }
    if (this.opened) placeSheet(this);
    if (focus) {
      const again = this.root.querySelector(`[data-focus="${window.CSS.escape(focus)}"]`);
      if (again) again.focus({ preventScroll: true });
    }
  }

  panel(panel, place, kept, unseen) {
    const json = JSON.stringify(panel);
    const before = this.drawn.get(place);
    let entry = before;
    if (!before || before.json !== json) {
      // a late panel shows its old picture until the ones above it are painted; one out of sight, until all rests
      const hidden = before && unseen.has(before.node) && before.node.dataset.panel === panel.id;
      const late = before && (panel.late || hidden);
      entry = { json, node: late ? before.node : this.build(panel), panel: late ? panel : null };
      if (hidden) this.finishAll();
      else if (late) afterPaint(() => this.finish(entry));
    }
    kept.set(place, entry);
    return entry.node;
  }

  build(panel) {
    const draw = drawerOf(panel.kind);
    const node = draw ? draw(panel, this) : el("p", {}, panel.kind);
    node.dataset.panel = panel.id;
    node.classList.add("am-panel", `am-${panel.kind}`);
    if (panel.wide) node.classList.add("am-wide");
    return node;
  }

  finishAll() { // pictures that nobody sees, when nothing moves any more
    window.clearTimeout(this.resting);
    this.resting = window.setTimeout(() => {
      for (const entry of this.drawn.values()) if (entry.panel) afterPaint(() => this.finish(entry));
    }, REST);
  }

  finish(entry) { // draw a late panel, unless a newer one has taken its place
    if (!entry.panel || ![...this.drawn.values()].includes(entry)) return;
    const focus = this.focusKey();
    const node = this.build(entry.panel);
    entry.node.replaceWith(node);
    Object.assign(entry, { node, panel: null });
    putAside(this);
    veil(this);
    markCells(this);
    const again = focus && this.root.querySelector(`[data-focus="${window.CSS.escape(focus)}"]`);
    if (again && again !== document.activeElement) again.focus({ preventScroll: true });
  }

  focusKey() {
    const active = document.activeElement;
    return active && this.root.contains(active) ? active.dataset.focus : null;
  }

  address() { // under which these inputs are found again
    return addressOf(this);
  }

  toolbar(free) {
    const copy = el("button", { type: "button", class: "am-button", "data-focus": "copy-link" }, this.word("copy_link"));
    copy.addEventListener("click", () => copyText(this.address(), copy, this));
    const all = this.server && el("button", { type: "button", class: "am-button", "data-focus": "save-all",
      onclick: () => this.save(null, "html") }, this.word("save_all"));
    return el("div", { class: "am-toolbar" }, el("span", { class: "am-hint" }, free ? this.word("hint") : ""), copy, this.server ? tools.map((make) => make(this)) : null, free ? all : null);
  }

  // The cell that the page's link names is opened once its panel is there.
  async openLinked() {
    const cell = this.server && linkedIn(this.payload.tab);
    if (!cell || !this.root.querySelector(`[data-panel="${window.CSS.escape(cell.panel)}"]`)) return;
    forgetLinked();
    this.hand = linkedHand();
    await this.open(cell, false);
    this.sheet.scrollIntoView({ block: "nearest" });
  }

  // Open the arithmetic of a cell: {panel, row, column}. move: whether focus goes to the sheet.
  async open(cell, move = true) {
    const [step, task] = [stepOf(this), taskOf(this)];
    if (move && step && task && task.kind === "point" && task.panel === cell.panel) commit(task, this, step, cell);
    if (move) this.root.dispatchEvent(new CustomEvent("am-open", { detail: cell }));
    this.opened = cell;
    const number = ++this.asked;
    const panel = cell.frame === undefined ? cell.panel : `${cell.panel}@${cell.frame}`;
    const sheet = await this.ask(this.hand ? "hand" : "sheet", { ...cell, panel, ...asksOf(this) });
    if (number !== this.asked || !this.opened) return;
    (this.hand ? fillHand : fillSheet)(this, sheet);
    placeSheet(this);
    markCells(this);
    this.writeLink();
    if (move) this.sheet.focus({ preventScroll: true });
    if (move && !this.sheet.classList.contains("am-beside")) this.sheet.scrollIntoView({ block: "nearest", behavior: prefersStill() ? "auto" : "smooth" });
  }

  async ask(name, question) {
    if (!this.server || !this.server[name]) return taken(this, name, question) ?? { error: this.word("offline") };
    const asked = { inputs: this.payload && this.payload.inputs, step: this.step || 0, ...question };
    return (await reach(() => this.server[name](asked))) ?? { error: this.word("failed") };
  }

  sheetTools() {
    return [handButton(this)];
  }

  close() {
    const cell = this.opened;
    this.opened = this.hand = null;
    this.sheet.hidden = true;
    this.root.style.minHeight = "";
    markCells(this);
    this.writeLink();
    const panel = cell && this.root.querySelector(`[data-panel="${window.CSS.escape(cell.panel)}"]`);
    const target = cell && (cellNode(this, cell) || (panel && panel.querySelector('[tabindex="0"]')));
    if (target) target.focus({ preventScroll: true });
  }

  async save(panel, format) {
    const file = await this.ask("export", { panel, format, address: window.location.origin + window.location.pathname });
    if (file.error) return this.say(file.error);
    const blob = new Blob([bytesOf(file.base64)], { type: file.type });
    const link = el("a", { href: URL.createObjectURL(blob), download: file.name });
    link.click();
    window.setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  }

  say(sentence) { // a sentence for the eye and for the screen reader
    const note = el("p", { class: "am-note", role: "status" }, sentence);
    this.root.prepend(note);
    window.setTimeout(() => note.remove(), 8000);
  }

  writeLink() {
    if (!this.server || !this.payload || !this.root.offsetParent) return;
    const query = addressOf(this, true);
    // with the path: the page has a <base>, against which a bare query would resolve
    if (query !== window.location.search) window.history.replaceState(window.history.state, "", window.location.pathname + query);
  }
}

