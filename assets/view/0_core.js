// The page's side of AttentionView: a payload in, panels out. No dependency, nothing fetched.
// A panel kind is a function kinds.NAME(panel, context) -> element; see heatmap.js for one.
// Text from a payload reaches the DOM through textContent only: el() has no way to take HTML.
"use strict";
(() => {
  const AM = (window.AttentionMatchmaker = window.AttentionMatchmaker || { kinds: {}, words: {} });
  AM.startQuery = AM.startQuery ?? window.location.search; // before any view rewrites it

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

  // A view: draws payloads into root. server is null in a saved page.
  class View {
    constructor(root, server) {
      this.root = root;
      this.server = server;
      this.drawn = new Map(); // panel place -> {json, node}: a panel that did not change is kept
      this.state = {}; // what panels remember between payloads (frame of a player, table or picture)
      this.opened = null; // {panel, row, column} of the open sheet
      this.asked = 0; // number of the latest question, so that a late answer is dropped
    }

    word(key, values = {}) {
      const words = AM.words[this.payload ? this.payload.language : "en"] || AM.words.en;
      return (words[key] || key).replace(/\{(\w+)\}/g, (_, name) => String(values[name] ?? ""));
    }

    update(payload) {
      if (!payload) return;
      if (this.alert) this.alert.remove();
      if (payload.error) { // refused: one sentence, and the last picture stays
        this.alert = AM.el("p", { class: "am-note am-alert", role: "alert" }, payload.error);
        this.root.prepend(this.alert);
        return;
      }
      this.payload = payload;
      this.draw();
      this.writeLink();
      if (this.opened) this.open(this.opened, false); // the sheet follows the numbers
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
      const sections = groups.map((nodes) => AM.el("section", { class: "am-group" }, nodes));
      const parts = [this.toolbar(), ...notices, this.tasks(), ...sections, this.pitfalls && this.pitfalls(), this.code()];
      this.root.replaceChildren(...parts.filter(Boolean));
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
      copy.addEventListener("click", () => AM.copy(AM.address(this.payload), copy, this));
      const all = this.server && AM.el("button", { type: "button", class: "am-button", "data-focus": "save-all",
        onclick: () => this.save(null, "html") }, this.word("save_all"));
      return AM.el("div", { class: "am-toolbar" }, AM.el("span", { class: "am-hint" }, this.word("hint")), copy, all);
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
      if (move) this.sheet.focus({ preventScroll: true });
      if (move) this.sheet.scrollIntoView({ block: "nearest", behavior: AM.still() ? "auto" : "smooth" });
    }

    async ask(name, question) {
      if (!this.server || !this.server[name]) return { error: this.word("offline") };
      try {
        return await this.server[name]({ inputs: this.payload.inputs, ...question });
      } catch (error) {
        return { error: this.word("failed") };
      }
    }

    close() {
      const cell = this.opened;
      this.opened = null;
      this.sheet.hidden = true;
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
      const query = AM.address(this.payload, true);
      // with the path: the page has a <base>, against which a bare query would resolve
      if (query !== window.location.search) window.history.replaceState(window.history.state, "", window.location.pathname + query);
    }
  }

  AM.afterPaint = (act) => window.requestAnimationFrame(() => window.setTimeout(act, 0));

  AM.still = () => window.matchMedia("(prefers-reduced-motion: reduce)").matches;

  // The full address of a payload, or only its query: the inputs plus language, theme and embed mode.
  AM.address = (payload, onlyQuery = false) => {
    const now = new URLSearchParams(window.location.search);
    const query = new URLSearchParams(payload.link);
    for (const name of ["__theme", "embed"]) if (now.has(name)) query.set(name, now.get(name));
    query.set("lang", payload.language);
    if (onlyQuery) return `?${query}`;
    return `${window.location.origin}${window.location.pathname}?${query}`;
  };

  AM.copy = async (text, button, view) => {
    const label = button.textContent;
    try {
      await navigator.clipboard.writeText(text);
    } catch (error) { // no permission, or plain http: select a field the old way
      const field = AM.el("textarea", { class: "am-offscreen" });
      field.value = text;
      document.body.append(field);
      field.select();
      document.execCommand("copy");
      field.remove();
    }
    button.textContent = view.word("copied");
    window.setTimeout(() => (button.textContent = label), 1500);
  };

  AM.picks = {};
  AM.picked = (tab, names) => names.map((name) => AM.picks[tab][name]);

  AM.mount = (root, payload, server) => {
    const view = new View(root, server);
    root.classList.add("am-view");
    if (payload) view.update(payload);
    let width = root.offsetWidth;
    new ResizeObserver(() => { // a tab that was hidden has width 0: it is shown now
      if (width === 0 && root.offsetWidth > 0) view.writeLink();
      if (width !== root.offsetWidth) root.dispatchEvent(new CustomEvent("am-resize"));
      width = root.offsetWidth;
    }).observe(root);
    let dark = AM.isDark();
    new MutationObserver(() => {
      if (dark !== AM.isDark()) view.redraw();
      dark = AM.isDark();
    }).observe(document.body, { attributes: true, attributeFilter: ["class"] });
    return view;
  };

  // need: ask for a first picture; pick: tell Gradio's inputs what was picked in a picture.
  AM.mountInGradio = (element, props, watch, server, need, pick) => {
    const root = element.querySelector(".am-view");
    const view = AM.mount(root, props.value, server);
    element.amView = view;
    watch("value", () => view.update(props.value));
    view.need = need;
    view.settle = (payload) => { // the page itself moved some inputs and drew them
      view.update(payload);
      props.value = payload;
      view.choose({});
    };
    view.choose = (changes) => { // move some of Gradio's inputs, which then ask for a new picture
      AM.picks[view.payload.tab] = { ...view.payload.inputs, ...changes };
      pick();
    };
    if (!props.value) {
      root.replaceChildren(AM.el("p", { class: "am-loading", role: "status" }, AM.words[AM.pageLanguage()].loading));
      need();
    }
    return view;
  };
  AM.View = View;
})();
