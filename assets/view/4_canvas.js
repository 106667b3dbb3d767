// A matrix too large for table cells, as canvases: labels stay in sight while the cells scroll.
// AM.canvasMap(panel, view, n, m, data) -> element; data is row by row, (n, m).
"use strict";
(() => {
  const AM = window.AttentionMatchmaker;
  const LARGEST = 26, SMALLEST = 3, READABLE = 13; // cell sizes in css pixels; READABLE: a label fits
  const HEIGHT = 640; // css pixels a map may take before its cells give way
  const FONT = 11, LINE = 13, ROOM = 132; // label size, its line, the widest label, in css pixels
  const CUT = 64; // rows and columns of the table view

  // n x m numbers as one small picture, a pixel a cell; drawn larger without smoothing.
  const paint = (panel, n, m, data) => {
    const ramp = AM.ramp(panel.diverging ? "diverging" : "sequential");
    const colours = Array.from({ length: 256 }, (_, i) => AM.mix(ramp, i / 255));
    const table = new Uint8ClampedArray([...colours, AM.isDark() ? [92, 44, 60] : [255, 214, 214]].flatMap((rgb) => [...rgb, 255]));
    const packed = new Uint32Array(table.buffer); // one 32-bit store a cell; entry 256 is NaN
    const span = panel.high - panel.low || 1;
    const picture = new ImageData(m, n);
    const cells = new Uint32Array(picture.data.buffer);
    for (let i = 0; i < n * m; i++) {
      const t = Math.round((255 * (data[i] - panel.low)) / span);
      cells[i] = packed[t !== t ? 256 : t < 0 ? 0 : t > 255 ? 255 : t];
    }
    return sheetOf(picture);
  };

  const sheetOf = (picture) => {
    const canvas = AM.el("canvas", { width: picture.width, height: picture.height });
    canvas.getContext("2d").putImageData(picture, 0, 0);
    return canvas;
  };

  // Hatching over masked cells: their picture is the stencil of one pattern.
  const hatch = (panel, n, m, width, height, dpr) => {
    const stencil = new ImageData(m, n);
    for (let i = 0; i < n; i++) for (let j = 0; j < m; j++) if (panel.masked[i][j]) stencil.data[4 * (i * m + j) + 3] = 255;
    const step = Math.round(5 * dpr);
    const tile = AM.el("canvas", { width: step, height: step });
    const pen = tile.getContext("2d");
    pen.strokeStyle = AM.isDark() ? "rgba(182,192,211,.55)" : "rgba(74,85,104,.5)";
    pen.lineWidth = dpr;
    for (const shift of [-step, 0, step]) { pen.moveTo(shift, step); pen.lineTo(shift + step, 0); }
    pen.stroke();
    const canvas = AM.el("canvas", { width, height });
    const context = canvas.getContext("2d");
    context.imageSmoothingEnabled = false;
    context.drawImage(sheetOf(stencil), 0, 0, width, height);
    context.globalCompositeOperation = "source-in";
    context.fillStyle = context.createPattern(tile, "repeat");
    context.fillRect(0, 0, width, height);
    return canvas;
  };

  const measure = AM.el("canvas").getContext("2d");
  const fontOf = (bold) => `${bold ? "650 " : ""}${FONT}px ui-sans-serif, system-ui, "PingFang SC", "Microsoft YaHei", "Noto Sans CJK SC", sans-serif`;
  const widthOf = (text, bold = false) => {
    measure.font = fontOf(bold);
    return measure.measureText(text).width;
  };
  const fit = (label, room, bold = false) => { // cut at the end, by whole characters
    const signs = [...label.slice(0, 80)];
    if (widthOf(signs.join(""), bold) <= room && signs.join("") === label) return label;
    while (signs.length && widthOf(`${signs.join("")}…`, bold) > room) signs.pop();
    return `${signs.join("")}…`;
  };
  const widest = (labels) => Math.min([...new Set(labels)].reduce((most, label) => Math.max(most, widthOf(label.slice(0, 40), true)), 8), ROOM);

  AM.canvasMap = (panel, view, n, m, data) => {
    if (!n || !m) return AM.el("p", { class: "am-caption" }, "∅");
    const remembered = (view.state.maps = view.state.maps || {});
    const memory = (remembered[panel.id] = remembered[panel.id] || { row: 0, column: 0, table: false });
    memory.row = Math.min(memory.row, n - 1);
    memory.column = Math.min(memory.column, m - 1);
    const rowNames = panel.rows.map(String), columnNames = panel.columns.map(String);
    const corner = AM.el("div", { class: "am-map-corner", "aria-hidden": "true" },
      AM.el("span", {}, panel.column_title ? `${panel.column_title} →` : ""), AM.el("span", {}, panel.row_title ? `${panel.row_title} ↓` : ""));
    const topCanvas = AM.el("canvas"), leftCanvas = AM.el("canvas"), heat = AM.el("canvas", { class: "am-map-heat" });
    const mark = (name) => AM.el("div", { class: `am-map-mark ${name}`, hidden: true, "aria-hidden": "true" });
    const marks = { row: mark("am-mark-row"), column: mark("am-mark-column"), cell: mark("am-mark-cell"), top: mark("am-mark-top"), left: mark("am-mark-left") };
    marks.top.dir = marks.left.dir = "auto";
    const top = AM.el("div", { class: "am-map-top" }, topCanvas, marks.top), left = AM.el("div", { class: "am-map-left" }, leftCanvas, marks.left);
    const cells = AM.el("div", { class: `am-map-cells${panel.opens ? " am-opens" : ""}` }, heat, marks.row, marks.column, marks.cell);
    const grid = AM.el("div", { class: "am-map-grid" }, corner, top, left, cells);
    const readout = AM.el("p", { class: "am-readout", "aria-live": "polite" });
    const map = AM.el("div", { class: "am-map", tabindex: "0", role: "application", "data-focus": `${panel.id}.map`,
      "aria-label": `${panel.title}. ${view.word(panel.opens ? "map_help" : "map_help_closed", { rows: n, columns: m })}` }, grid);
    const toggle = AM.el("button", { type: "button", class: "am-button", "data-focus": `${panel.id}.toggle` });
    const table = AM.el("div", { class: "am-map-table", hidden: true });
    const body = AM.el("div", { class: "am-map-body" }, map, table, AM.el("div", { class: "am-map-foot" }, readout, toggle));
    let widths = null; // of the widest labels, measured once
    let size = null; // the geometry of the last drawing, in device pixels
    let at = null; // the cell under the pointer or the cursor
    let linked = null; // a row that another panel points at

    const layout = (width) => {
      const dpr = window.devicePixelRatio || 1;
      widths = widths || [widest(rowNames), widest(columnNames)];
      const [rowWidth, columnWidth] = widths;
      const titles = Math.max(...[...corner.children].map((span) => widthOf(span.textContent))) + 6;
      const gutter = Math.ceil(Math.max(rowWidth + 8, panel.row_title || panel.column_title ? titles : 0));
      const room = (width - gutter) * dpr;
      let cell = Math.floor(Math.min(room / m, Math.max(READABLE, HEIGHT / n) * dpr, LARGEST * dpr));
      if (cell < SMALLEST) cell = room / m >= 2 ? 2 : SMALLEST;
      const upright = columnWidth + 6 > cell / dpr;
      const depth = Math.ceil(Math.max(upright ? Math.min(columnWidth, 96) + 8 : LINE + 6, panel.row_title && panel.column_title ? 2 * LINE + 4 : 0));
      return { dpr, gutter, depth, cell, upright, width: m * cell, height: n * cell };
    };

    const resize = (canvas, width, height, dpr) => { // css size from whole device pixels, so it stays crisp
      canvas.width = width;
      canvas.height = height;
      canvas.style.width = `${width / dpr}px`;
      canvas.style.height = `${height / dpr}px`;
      return canvas.getContext("2d");
    };

    const draw = () => {
      const width = body.clientWidth;
      if (!width || memory.table) return;
      size = layout(width);
      const { dpr, cell } = size;
      const context = resize(heat, size.width, size.height, dpr);
      context.imageSmoothingEnabled = false;
      context.drawImage(paint(panel, n, m, data), 0, 0, size.width, size.height);
      if (panel.masked) context.drawImage(hatch(panel, n, m, size.width, size.height, dpr), 0, 0);
      if (cell >= 9 * dpr) { // hair lines between cells that are large enough to have some
        context.fillStyle = window.getComputedStyle(body).getPropertyValue("--am-paper") || "#fff";
        for (let j = 1; j < m; j++) context.fillRect(j * cell, 0, 1, size.height);
        for (let i = 1; i < n; i++) context.fillRect(0, i * cell, size.width, 1);
      }
      corner.style.width = `${size.gutter}px`;
      corner.style.height = `${size.depth}px`;
      labels(topCanvas, columnNames, true);
      labels(leftCanvas, rowNames, false);
      follow();
    };

    // Labels of one axis, thinned so that they never stand on top of each other.
    const labels = (canvas, names, horizontal) => {
      const { dpr, cell, gutter, depth, upright } = size;
      const context = horizontal ? resize(canvas, size.width, Math.round(depth * dpr), dpr) : resize(canvas, Math.round(gutter * dpr), size.height, dpr);
      context.scale(dpr, dpr);
      context.textBaseline = "middle";
      context.textAlign = !horizontal ? "right" : upright ? "left" : "center";
      context.font = fontOf(false);
      context.fillStyle = window.getComputedStyle(body).getPropertyValue("--am-soft");
      const pitch = cell / dpr;
      const flat = horizontal && !upright;
      const step = flat ? 1 : Math.max(1, Math.ceil(LINE / pitch));
      const room = flat ? pitch - 2 : horizontal ? depth - 6 : gutter - 6;
      if (horizontal && upright) { context.translate(0, depth - 3); context.rotate(-Math.PI / 2); }
      for (let k = 0; k < names.length; k += step) {
        const text = fit(names[k], room);
        const end = names.length * pitch; // the first and last label stay inside the canvas
        const middle = flat ? (k + 0.5) * pitch : Math.min(Math.max((k + 0.5) * pitch, LINE / 2), Math.max(end - LINE / 2, LINE / 2));
        if (flat) context.fillText(text, middle, depth - LINE / 2 - 2);
        else if (horizontal) context.fillText(text, 0, middle);
        else context.fillText(text, gutter - 5, middle);
      }
    };

    // Row and column of the marked cell, or a row that a plot points at, and their labels: elements
    // over the canvases, so that moving the pointer draws nothing again.
    const place = (node, where) => {
      node.hidden = !where;
      if (where) for (const [name, value] of Object.entries(where)) node.style[name] = typeof value === "number" ? `${value}px` : value;
    };
    const follow = () => {
      const row = at ? at.row : linked;
      if (!size || row === null) return Object.values(marks).forEach((node) => place(node, null));
      const pitch = size.cell / size.dpr, width = size.width / size.dpr, height = size.height / size.dpr;
      const between = (middle, half, end) => Math.min(Math.max(middle - half, 0), Math.max(end - 2 * half, 0));
      place(marks.row, { left: 0, top: row * pitch, width, height: pitch });
      place(marks.left, { right: "0", top: between((row + 0.5) * pitch, LINE / 2, height), maxWidth: `${size.gutter}px` });
      marks.left.textContent = rowNames[row];
      place(marks.column, at && { left: at.column * pitch, top: 0, width: pitch, height });
      place(marks.cell, at && { left: at.column * pitch, top: row * pitch, width: pitch, height: pitch });
      if (!at) return place(marks.top, null);
      marks.top.textContent = columnNames[at.column];
      marks.top.classList.toggle("am-mark-upright", size.upright);
      const half = size.upright ? LINE / 2 : widthOf(columnNames[at.column].slice(0, 80), true) / 2 + 3;
      place(marks.top, { left: between((at.column + 0.5) * pitch, half, width), maxWidth: `${width}px`, maxHeight: `${size.depth}px` });
    };

    const point = (cell) => { // mark a cell (or null), say it, and tell the panels that follow rows
      if (at === cell || (at && cell && at.row === cell.row && at.column === cell.column)) return;
      const before = at ? at.row : null;
      at = cell;
      follow();
      const value = at && data[at.row * m + at.column];
      let text = at ? view.word("cell", { row: rowNames[at.row], column: columnNames[at.column], value: AM.show(value) }) : "";
      if (at && panel.masked && panel.masked[at.row][at.column]) text += `, ${view.word("masked")}`;
      if (at && panel.sums) text += `  (Σ ${AM.show(data.subarray(at.row * m, (at.row + 1) * m).reduce((a, b) => a + b, 0), 2)})`;
      readout.textContent = text;
      if (before !== (at ? at.row : null)) AM.tellRow(body, panel, at ? at.row : null);
    };
    const cursor = () => ({ row: memory.row, column: memory.column });
    const under = (event) => {
      const box = heat.getBoundingClientRect();
      const row = Math.floor(((event.clientY - box.top) / box.height) * n);
      const column = Math.floor(((event.clientX - box.left) / box.width) * m);
      return row >= 0 && row < n && column >= 0 && column < m ? { row, column } : null;
    };
    const open = ({ row, column }) => panel.opens && view.open({ panel: panel.id, row, column });

    cells.addEventListener("pointermove", (event) => point(under(event)));
    cells.addEventListener("pointerleave", () => point(map.matches(":focus-visible") ? cursor() : null));
    cells.addEventListener("click", (event) => {
      const cell = under(event);
      if (!cell) return;
      Object.assign(memory, cell);
      point(cell);
      open(cell);
    });
    map.addEventListener("focus", () => { if (map.matches(":focus-visible")) point(cursor()); });
    map.addEventListener("blur", () => point(null));
    map.addEventListener("keydown", (event) => {
      if (event.key === "Enter" || event.key === " ") {
        event.preventDefault();
        open(cursor());
        return;
      }
      const leap = event.shiftKey ? 10 : 1;
      const moves = { ArrowUp: [-leap, 0], ArrowDown: [leap, 0], ArrowLeft: [0, -leap], ArrowRight: [0, leap], Home: [0, -m], End: [0, m], PageUp: [-n, 0], PageDown: [n, 0] };
      if (!moves[event.key] || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      memory.row = Math.min(Math.max(memory.row + moves[event.key][0], 0), n - 1);
      memory.column = Math.min(Math.max(memory.column + moves[event.key][1], 0), m - 1);
      point(cursor());
      reveal();
    });

    const reveal = () => { // scroll so that the cursor stands clear of the sticky labels
      const pitch = size.cell / size.dpr;
      const x = memory.column * pitch, y = memory.row * pitch;
      if (x < map.scrollLeft) map.scrollLeft = x;
      if (x + pitch > map.scrollLeft + map.clientWidth - size.gutter) map.scrollLeft = x + pitch - map.clientWidth + size.gutter;
      if (y < map.scrollTop) map.scrollTop = y;
      if (y + pitch > map.scrollTop + map.clientHeight - size.depth) map.scrollTop = y + pitch - map.clientHeight + size.depth;
    };

    const show = () => { // picture or table
      map.hidden = memory.table;
      table.hidden = !memory.table;
      toggle.textContent = view.word(memory.table ? "picture" : "table");
      if (memory.table) table.replaceChildren(...numbers(panel, view, n, m, data, rowNames, columnNames));
      else table.replaceChildren();
      draw();
    };
    toggle.addEventListener("click", () => {
      memory.table = !memory.table;
      show();
    });
    body.amRow = (row, id) => {
      if (id !== panel.id) return;
      linked = row;
      follow();
    };
    body.classList.add("am-follows");
    let drawn = 0; // an observer of its own dies with the element; a listener on the root would stay
    new ResizeObserver(() => {
      if (body.clientWidth !== drawn) draw();
      drawn = body.clientWidth;
    }).observe(body);
    show();
    return body;
  };

  // The numbers themselves, as far as a table of them can be read.
  const numbers = (panel, view, n, m, data, rowNames, columnNames) => {
    const rows = Math.min(n, CUT), columns = Math.min(m, CUT);
    const line = (i) => AM.el("tr", {}, AM.el("th", { scope: "row", dir: "auto" }, rowNames[i]),
      Array.from({ length: columns }, (_, j) => AM.el("td", {}, panel.masked && panel.masked[i][j] ? "–" : AM.show(data[i * m + j], Math.max(panel.digits, 3)))));
    const head = AM.el("tr", {}, AM.el("td", {}), columnNames.slice(0, columns).map((name) => AM.el("th", { scope: "col", dir: "auto" }, name)));
    const cut = rows < n || columns < m ? AM.el("p", { class: "am-caption" }, view.word("table_cut", { rows, columns, all_rows: n, all_columns: m })) : null;
    return [AM.el("div", { class: "am-scroll am-map-numbers", tabindex: "0", role: "group", "aria-label": panel.title, "data-focus": `${panel.id}.numbers` },
      AM.el("table", { class: "am-numbers" }, AM.el("thead", {}, head), AM.el("tbody", {}, Array.from({ length: rows }, (_, i) => line(i))))), cut].filter(Boolean);
  };
})();
