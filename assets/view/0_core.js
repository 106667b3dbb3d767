// The page's side of AttentionView: a payload in, panels out. No dependency, nothing fetched.
// A panel kind is a function kinds.NAME(panel, context) -> element; see heatmap.js for one.
// Text from a payload reaches the DOM through textContent only: el() has no way to take HTML.
"use strict";
(() => {
  const AM = (window.AttentionMatchmaker = window.AttentionMatchmaker || { kinds: {}, words: {} });
  AM.startQuery = AM.startQuery ?? window.location.search; // before any view rewrites it

  const linkedCell = (query) => {
    const [, panel, frame, row, column] = /^([\w-]+)(?:@(\d+))?\.(\d+)\.(\d+)$/.exec(query.get("cell")) || [];
    const cell = panel && { panel, row: Number(row), column: Number(column), ...(frame && { frame: Number(frame) }) };
    return cell ? { tab: query.get("tab"), cell } : null;
  };
  AM.linked = linkedCell(new URLSearchParams(AM.startQuery)); // null once it is open

  // el("p", {class: "x", onclick: f, "aria-label": "y"}, "text", child) -> element
  AM.el = (tag, attributes = {}, ...children) => {
    const node = document.createElement(tag);
    AM.set(node, attributes);
    node.append(...children.flat().filter((child) => child !== null && child !== undefined));
    return node;
  };

  AM.svg = (tag, attributes = {}, ...children) => {
    const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
    AM.set(node, attributes);
    node.append(...children.flat().filter((child) => child !== null && child !== undefined));
    return node;
  };

  AM.set = (node, attributes) => {
    for (const [name, value] of Object.entries(attributes)) {
      if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
      else if (value === true) node.setAttribute(name, "");
      else if (value !== false && value !== null && value !== undefined) node.setAttribute(name, value);
    }
  };

  // {shape, f32} -> {shape, data: Float32Array}
  AM.decode = (packed) => {
    const bytes = AM.bytes(packed.f32);
    return { shape: packed.shape, data: new Float32Array(bytes.buffer) };
  };
  AM.bytes = (base64) => {
    if (Uint8Array.fromBase64) return Uint8Array.fromBase64(base64);
    const text = window.atob(base64);
    const bytes = new Uint8Array(text.length);
    for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
    return bytes;
  };

  // A number as the page writes it; the same rule as sheet.show in Python.
  AM.show = (number, digits = 4) => {
    if (Number.isNaN(number)) return "NaN";
    if (!Number.isFinite(number)) return number > 0 ? "∞" : "-∞";
    if (number !== 0 && (Math.abs(number) < 10 ** -digits || Math.abs(number) >= 1e6)) {
      const [mantissa, exponent] = number.toExponential(2).split("e");
      return `${mantissa}e${exponent[0]}${exponent.slice(1).padStart(2, "0")}`;
    }
    return number.toFixed(digits);
  };

  // The same inside a small cell: fixed decimals; the exact number is in the cell's label and sheet.
  AM.brief = (number, digits) =>
    Number.isFinite(number) && Math.abs(number) < 1e5 ? (Math.abs(number) < 0.5 * 10 ** -digits ? 0 : number).toFixed(digits) : AM.show(number, digits);

  AM.isDark = () => Boolean(document.body && document.body.classList.contains("dark"));

  // Make these the children. What is in its place stays untouched: whatever moves is laid out anew.
  const arrange = (parent, nodes) => {
    for (const child of [...parent.childNodes]) if (!nodes.includes(child)) child.remove();
    nodes.forEach((node, i) => { if (parent.childNodes[i] !== node) parent.insertBefore(node, parent.childNodes[i] || null); });
  };

  // A view: draws payloads into root. server is null in a saved page.
  class View {
    constructor(root, server) {
      this.root = root;
      this.server = server;
      this.drawn = new Map(); // panel place -> {json, node}: a panel that did not change is kept
      this.sections = []; // of the page: a heading and its panels each
      this.state = {}; // what panels remember between payloads (frame of a player, table or picture)
      this.opened = null; // {panel, row, column} of the open sheet
      this.asked = 0; // number of the latest question, so that a late answer is dropped
    }

    word(key, values = {}) {
      const words = AM.words[this.payload ? this.payload.language : AM.pageLanguage()] || AM.words.en;
      return (words[key] || key).replace(/\{(\w+)\}/g, (_, name) => String(values[name] ?? ""));
    }

    update(payload) {
      if (!payload) return;
      if (this.alert) this.alert.remove();
      this.alert = null;
      if (payload.error) { // refused: one sentence, and the last picture stays
        this.alert = AM.el("p", { class: "am-note am-alert", role: "alert" }, payload.error);
        this.root.prepend(this.alert);
        return;
      }
      this.payload = payload;
      this.draw();
      AM.afterPaint(() => this.writeLink()); // which takes longer than the picture
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
      payload.panels.forEach((panel, place) => {
        if (panel.kind === "heading" || groups.length === 0) groups.push([]);
        groups[groups.length - 1].push(this.panel(panel, `${place}:${panel.id}`, kept));
      });
      this.drawn = kept;
      const notices = (payload.notices || []).map((text) => AM.el("p", { class: "am-note" }, text));
      this.sheet = this.sheet || AM.el("section", { class: "am-sheet", hidden: true, tabindex: "-1" });
      if (!this.opened) this.sheet.hidden = true;
      this.sections = groups.map((nodes, i) => {
        const section = this.sections[i] || AM.el("section", { class: "am-group" });
        arrange(section, this.opened && this.sheet.parentNode === section ? [...nodes, this.sheet] : nodes);
        return section;
      });
      const parts = [this.toolbar(), ...notices, this.tasks(), ...this.sections, this.pitfalls && this.pitfalls(), this.code()];
      arrange(this.root, parts.filter(Boolean));
      this.veil();
      if (AM.linkTerms && this.server) for (const node of this.root.querySelectorAll(".am-heading p:not([data-terms])")) {
        node.dataset.terms = "1"; // kept panels are linked already
        AM.linkTerms(node);
      }
      if (this.opened) this.placeSheet();
      if (focus) {
        const again = this.root.querySelector(`[data-focus="${window.CSS.escape(focus)}"]`);
        if (again) again.focus({ preventScroll: true });
      }
    }

    panel(panel, place, kept) {
      const json = JSON.stringify(panel);
      const before = this.drawn.get(place);
      let entry = before;
      if (!before || before.json !== json) {
        // a late panel shows its old picture until the ones above it are painted
        const late = panel.late && before;
        entry = { json, node: late ? before.node : this.build(panel), panel: late ? panel : null };
        if (late) AM.afterPaint(() => this.finish(entry));
      }
      kept.set(place, entry);
      return entry.node;
    }

    build(panel) {
      const kind = AM.kinds[panel.kind];
      const node = kind ? kind(panel, this) : AM.el("p", {}, panel.kind);
      node.dataset.panel = panel.id;
      node.classList.add("am-panel", `am-${panel.kind}`);
      if (panel.wide) node.classList.add("am-wide");
      return node;
    }

    finish(entry) { // draw a late panel, unless a newer one has taken its place
      if (!entry.panel || ![...this.drawn.values()].includes(entry)) return;
      const focus = this.focusKey();
      const node = this.build(entry.panel);
      entry.node.replaceWith(node);
      Object.assign(entry, { node, panel: null });
      this.veil();
      const again = focus && this.root.querySelector(`[data-focus="${window.CSS.escape(focus)}"]`);
      if (again && again !== document.activeElement) again.focus({ preventScroll: true });
    }

    focusKey() {
      const active = document.activeElement;
      return active && this.root.contains(active) ? active.dataset.focus : null;
    }

    toolbar() {
      const copy = AM.el("button", { type: "button", class: "am-button", "data-focus": "copy-link" }, this.word("copy_link"));
      copy.addEventListener("click", () => AM.copy(AM.address(this), copy, this));
      const all = this.server && AM.el("button", { type: "button", class: "am-button", "data-focus": "save-all",
        onclick: () => this.save(null, "html") }, this.word("save_all"));
      return AM.el("div", { class: "am-toolbar" }, AM.el("span", { class: "am-hint" }, this.word("hint")), copy, all);
    }

    // The cell that the page's link names is opened once its panel is there.
    async openLinked() {
      const cell = AM.linked && AM.linked.tab === this.payload.tab && this.server ? AM.linked.cell : null;
      if (!cell || !this.root.querySelector(`[data-panel="${window.CSS.escape(cell.panel)}"]`)) return;
      AM.linked = null;
      await this.open(cell, false);
      this.sheet.scrollIntoView({ block: "nearest" });
    }

    // Open the arithmetic of a cell: {panel, row, column}. move: whether focus goes to the sheet.
    async open(cell, move = true) {
      this.opened = cell;
      const number = ++this.asked;
      const panel = cell.frame === undefined ? cell.panel : `${cell.panel}@${cell.frame}`;
      const sheet = await this.ask("sheet", { ...cell, panel });
      if (number !== this.asked || !this.opened) return;
      AM.fillSheet(this, sheet);
      this.placeSheet();
      this.writeLink();
      if (move) this.sheet.focus({ preventScroll: true });
      if (move) this.sheet.scrollIntoView({ block: "nearest", behavior: AM.still() ? "auto" : "smooth" });
    }

    async ask(name, question) {
      if (!this.server || !this.server[name]) return { error: this.word("offline") };
      try {
        return await this.server[name]({ inputs: this.payload && this.payload.inputs, ...question });
      } catch (error) {
        return { error: this.word("failed") };
      }
    }

    close() {
      const cell = this.opened;
      this.opened = null;
      this.sheet.hidden = true;
      this.writeLink();
      const panel = cell && this.root.querySelector(`[data-panel="${window.CSS.escape(cell.panel)}"]`);
      const target = panel && panel.querySelector('[tabindex="0"]');
      if (target) target.focus({ preventScroll: true });
    }

    placeSheet() { // below the group of the panel it belongs to
      const panel = this.root.querySelector(`[data-panel="${window.CSS.escape(this.opened.panel)}"]`);
      const group = panel && panel.closest(".am-group");
      if (!group) return;
      this.sheet.hidden = false;
      if (group.lastElementChild !== this.sheet) group.append(this.sheet);
    }

    async save(panel, format) {
      const file = await this.ask("export", { panel, format });
      if (file.error) return this.say(file.error);
      const blob = new Blob([AM.bytes(file.base64)], { type: file.type });
      const link = AM.el("a", { href: URL.createObjectURL(blob), download: file.name });
      link.click();
      window.setTimeout(() => URL.revokeObjectURL(link.href), 10000);
    }

    say(sentence) { // a sentence for the eye and for the screen reader
      const note = AM.el("p", { class: "am-note", role: "status" }, sentence);
      this.root.prepend(note);
      window.setTimeout(() => note.remove(), 8000);
    }

    writeLink() {
      if (!this.server || !this.payload || !this.root.offsetParent) return;
      const query = AM.address(this, true);
      // with the path: the page has a <base>, against which a bare query would resolve
      if (query !== window.location.search) window.history.replaceState(window.history.state, "", window.location.pathname + query);
    }
  }

  AM.afterPaint = (act) => window.requestAnimationFrame(() => window.setTimeout(act, 0));

  AM.still = () => window.matchMedia("(prefers-reduced-motion: reduce)").matches;

  // The full address of a view, or only its query: inputs, open cell, language, theme and embed mode.
  AM.address = ({ payload, opened, root }, onlyQuery = false) => {
    const now = new URLSearchParams(window.location.search);
    const query = new URLSearchParams(payload.link);
    const frame = opened && opened.frame !== undefined ? `@${opened.frame}` : "";
    const there = opened && root.querySelector(`[data-panel="${window.CSS.escape(opened.panel)}"]`); // not of another mode
    if (there) query.set("cell", `${opened.panel}${frame}.${opened.row}.${opened.column}`);
    for (const name of ["__theme", "embed"]) if (now.has(name)) query.set(name, now.get(name));
    query.set("lang", payload.language);
    if (onlyQuery) return `?${query}`;
    return `${window.location.origin}${window.location.pathname}?${query}`;
  };

  AM.View = View;
})();
