// A matrix as a table of coloured cells with their numbers. Arrows move, Enter or a click opens.
// Matrices too large for that go to AM.canvasMap (4_canvas.js).
"use strict";
(() => {
  const AM = window.AttentionMatchmaker;
  const SMALL = 420; // cells drawn as table cells; beyond, one canvas

  AM.frame = (panel, view, body, actions = []) => { // title, actions, body, caption: every panel's frame
    const title = panel.title ? AM.el("h3", { class: "am-title" }, panel.title) : AM.el("span");
    const head = AM.el("div", { class: "am-panel-head" }, title, AM.el("span", { class: "am-actions" }, actions));
    const caption = panel.caption ? AM.el("p", { class: "am-caption" }, panel.caption) : null;
    return AM.el("figure", {}, head, body, caption);
  };

  // A menu of formats for one panel of the view; a picture that the view's inputs do not make again
  // (in a pitfall, in a saved page) has none. id: what the server is asked for. own: {format: f}, files
  // that the page itself makes.
  AM.saveMenu = (panel, view, { formats = ["png", "svg", "csv", "npz"], id = () => panel.id, own = {} } = {}) => {
    const able = formats.filter((format) => own[format] || (view.server && view.payload.panels.some((one) => one.id === panel.id)));
    if (!able.length) return null;
    const summary = AM.el("summary", { class: "am-button", "data-focus": `${panel.id}.save`, "aria-label": `${view.word("save_panel")}: ${panel.title}` }, view.word("save"));
    const items = able.map((format) => AM.el("button", { type: "button", class: "am-button", onclick: () => {
      if (own[format]) own[format]();
      else view.save(id(), format);
      close();
    } }, format.toUpperCase()));
    const menu = AM.el("details", { class: "am-menu" }, summary, AM.el("div", { class: "am-menu-items" }, items));
    const close = () => {
      menu.open = false;
      summary.focus({ preventScroll: true });
    };
    menu.addEventListener("keydown", (event) => { if (event.key === "Escape" && menu.open) { event.stopPropagation(); close(); } });
    return menu;
  };

  // A file made in the page.
  AM.download = (name, address) => AM.el("a", { href: address, download: name }).click();

  // Rows of cells as a CSV file. What a spreadsheet would run as a formula gets a ' in front, by the
  // rule of packing.py; numbers are left as they are.
  AM.csv = (rows) => "\ufeff" + rows.map((row) => row.map(csvCell).join(",") + "\r\n").join("");
  const csvCell = (cell) => {
    if (typeof cell === "number") return String(cell);
    const text = /^[\s\x1c-\x1f\x85]*[=+\-@\t\r\n＝＋－＠]/.test(cell) || /^[\t\r\n]/.test(cell) ? `'${cell}` : String(cell);
    return /[",\r\n]/.test(text) ? `"${text.replace(/"/g, '""')}"` : text;
  };
  AM.downloadCsv = (name, rows) => {
    const address = URL.createObjectURL(new Blob([AM.csv(rows)], { type: "text/csv" }));
    AM.download(name, address);
    window.setTimeout(() => URL.revokeObjectURL(address), 10000);
  };

  // Which row a panel points at now (null: none), told to the panels that follow it (see followRows).
  AM.tellRow = (node, panel, row) => {
    const event = new CustomEvent("am-row", { bubbles: true, detail: { panel: panel.id, row } });
    (node.closest("figure") || node).dispatchEvent(event);
  };

  // One listener per view, whatever comes and goes: elements of class am-follows have amRow(row, id).
  AM.followRows = (view) => {
    if (view.state.followsRows) return;
    view.state.followsRows = true;
    view.root.addEventListener("am-row", (event) => {
      for (const node of view.root.querySelectorAll(".am-follows")) {
        if (!node.contains(event.target) && !event.target.contains(node)) node.amRow(event.detail.row, event.detail.panel);
      }
    });
  };

  AM.kinds.heatmap = (panel, view) => {
    AM.followRows(view);
    const { shape, data } = AM.decode(panel.data);
    const [n, m] = shape;
    const large = n * m > SMALL || m > 24;
    const body = large && AM.canvasMap ? AM.canvasMap(panel, view, n, m, data) : cells(panel, view, n, m, data);
    return AM.frame(panel, view, body, [AM.legend(panel), AM.saveMenu(panel, view)]);
  };

  // extra: more of what view.open gets to know about a cell (the frame of a player)
  const cells = (AM.cellTable = (panel, view, n, m, data, extra = {}) => {
    const ramp = AM.ramp(panel.diverging ? "diverging" : "sequential");
    const span = panel.high - panel.low || 1;
    const upright = m > 6 && panel.columns.some((label) => label.length > 4);
    const table = AM.el("table", { role: "grid", "aria-label": panel.title, class: `am-cells${upright ? " am-upright" : ""}${panel.opens ? " am-opens" : ""}` });
    const corner = AM.el("td", { class: "am-corner" }, panel.row_title ? `${panel.row_title} ↓` : "",
      panel.row_title && panel.column_title ? AM.el("br") : null, panel.column_title ? `${panel.column_title} →` : "");
    const labels = panel.columns.map((label) => AM.el("th", { scope: "col", dir: "auto", title: label }, AM.el("span", {}, label)));
    if (panel.sums) labels.push(AM.el("th", { scope: "col", class: "am-sum" }, "Σ"));
    table.append(AM.el("thead", {}, AM.el("tr", { role: "row" }, corner, labels)));
    const rows = [];
    const grid = [];
    for (let i = 0; i < n; i++) {
      const row = [];
      let sum = 0;
      for (let j = 0; j < m; j++) {
        const number = data[i * m + j];
        sum += number;
        row.push(cell(panel, view, i, j, number, ramp, span));
      }
      grid.push(row);
      if (panel.sums) row.push(AM.el("td", { class: "am-sum" }, AM.show(sum, 2)));
      rows.push(AM.el("tr", { role: "row" }, AM.el("th", { scope: "row", dir: "auto", title: panel.rows[i] }, panel.rows[i]), row));
    }
    table.append(AM.el("tbody", {}, rows));
    if (n && m) arrows(table, grid, n, m, panel, view, extra);
    return AM.el("div", { class: "am-scroll", tabindex: "-1" }, table);
  });

  const cell = (panel, view, i, j, number, ramp, span) => {
    const text = panel.cell_labels ? panel.cell_labels[i][j] : AM.brief(number, panel.digits);
    const masked = panel.masked && panel.masked[i][j];
    const label = view.word("cell", { row: panel.rows[i], column: panel.columns[j], value: AM.show(number) });
    const node = AM.el("td", { role: "gridcell", tabindex: "-1", "data-focus": `${panel.id}.${i}.${j}`, "data-value": String(number),
      "aria-label": masked ? `${label}, ${view.word("masked")}` : label, title: label, class: masked ? "am-masked" : "" }, text);
    if (Number.isFinite(number)) {
      const colour = AM.mix(ramp, (number - panel.low) / span);
      node.style.backgroundColor = AM.css(colour);
      node.style.color = AM.ink(colour);
    } else {
      node.classList.add("am-undefined");
    }
    return node;
  };

  // One cell at a time is in the tab order; arrows, Home and End move it.
  const arrows = (table, grid, n, m, panel, view, extra) => {
    grid[0][0].tabIndex = 0;
    let told = null;
    const tell = (row) => {
      if (row !== told) AM.tellRow(table, panel, row);
      told = row;
    };
    const place = (target) => {
      const parts = (target.closest("td[role=gridcell]")?.dataset.focus || "").split(".").slice(-2);
      return parts.length === 2 ? parts.map(Number) : null;
    };
    const follow = (event) => tell(place(event.target)?.[0] ?? null);
    table.addEventListener("mouseover", follow);
    table.addEventListener("focusin", follow);
    table.addEventListener("mouseleave", () => tell(null));
    table.addEventListener("focusout", () => tell(null));
    table.addEventListener("click", (event) => {
      const at = place(event.target);
      if (at && panel.opens) view.open({ panel: panel.id, row: at[0], column: at[1], ...extra });
    });
    table.addEventListener("keydown", (event) => {
      const at = place(event.target);
      if (!at) return;
      let [i, j] = at;
      if (event.key === "Enter" || event.key === " ") {
        event.preventDefault();
        if (panel.opens) view.open({ panel: panel.id, row: i, column: j, ...extra });
        return;
      }
      const moves = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
      if (moves[event.key]) { i += moves[event.key][0]; j += moves[event.key][1]; }
      else if (event.key === "Home") j = 0;
      else if (event.key === "End") j = m - 1;
      else return;
      event.preventDefault();
      i = Math.min(Math.max(i, 0), n - 1);
      j = Math.min(Math.max(j, 0), m - 1);
      grid[at[0]][at[1]].tabIndex = -1;
      grid[i][j].tabIndex = 0;
      grid[i][j].focus();
    });
  };

  AM.kinds.heading = (panel) => AM.el("div", {}, AM.el("h2", {}, panel.title),
    panel.caption ? AM.el("p", {}, panel.caption) : null);

  AM.kinds.readouts = (panel) => AM.el("figure", {}, panel.title ? AM.el("h3", { class: "am-title" }, panel.title) : null,
    AM.el("dl", { class: "am-figures" }, panel.items.map((item) => AM.el("div", {}, AM.el("dt", {}, item.label),
      AM.el("dd", {}, item.value), item.note ? AM.el("dd", { class: "am-caption" }, item.note) : null))));
})();
