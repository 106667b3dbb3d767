// Lines, points and bars over x: kinds.plot for view.plot(). Roles differ in colour, dash and sign.
// A plot with "rows" ({panel, x, matrix, queries?, name?}) draws a row of that matrix as bars: the
// row pointed at in the linked heatmap, or the query nearest to the pointer in the plot itself.
"use strict";
(() => {
  const AM = window.AttentionMatchmaker;
  const DASHES = { accent: "", data: "2 4", truth: "8 5", muted: "1 4" };
  const ROLES = ["accent", "data", "truth", "muted"];
  const TABLE = 400; // rows of numbers listed

  const values = (packed) => Array.from(packed && packed.f32 !== undefined ? AM.decode(packed).data : packed || []);

  // About `count` round numbers that cover [low, high].
  const ticks = (low, high, count) => {
    const raw = (high - low) / Math.max(count, 1);
    const power = 10 ** Math.floor(Math.log10(raw));
    const step = [1, 2, 5, 10].map((k) => k * power).find((k) => k >= raw * 0.999) || 10 * power;
    const first = Math.ceil(low / step - 1e-9), last = Math.floor(high / step + 1e-9);
    const digits = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
    return { step, marks: Array.from({ length: Math.max(last - first + 1, 0) }, (_, i) => (first + i) * step), digits };
  };
  const written = (number, digits) => (Math.abs(number) >= 1e5 || (digits > 5 && number !== 0) ? number.toExponential(1).replace("e+", "e") : (number + 0).toFixed(Math.min(digits, 6)));

  const logTicks = (low, high) => {
    const marks = [];
    for (let p = Math.floor(low); p <= Math.ceil(high); p++) {
      for (const k of high - low < 2 ? [1, 2, 5] : [1]) {
        const place = p + Math.log10(k);
        if (place >= low - 1e-9 && place <= high + 1e-9) marks.push(place);
      }
    }
    return marks;
  };

  const extent = (numbers) => {
    let low = Infinity, high = -Infinity;
    for (const number of numbers) {
      if (!Number.isFinite(number)) continue;
      low = Math.min(low, number);
      high = Math.max(high, number);
    }
    return low <= high ? [low, high] : [0, 1];
  };

  const read = (panel) => {
    const seen = {};
    const series = panel.series.map((one, i) => {
      const role = ROLES.includes(one.role) ? one.role : ROLES[i % ROLES.length];
      const key = `${role}.${one.kind}`;
      seen[key] = (seen[key] ?? -1) + 1; // a second line of one role gets its own dash
      return { name: one.name || "", kind: one.kind, role, repeat: seen[key], x: values(one.x), y: values(one.y) };
    });
    let rows = null;
    if (panel.rows) {
      const packed = panel.rows.matrix.f32 !== undefined ? AM.decode(panel.rows.matrix) : null;
      const data = packed ? packed.data : panel.rows.matrix.flat();
      const x = values(panel.rows.x);
      rows = { panel: panel.rows.panel, name: panel.rows.name || "", x, data, m: x.length, n: data.length / (x.length || 1),
        queries: panel.rows.queries ? values(panel.rows.queries) : null, high: Math.max(extent(data)[1], 1e-12) };
    }
    return { series, rows };
  };

  const dash = (one) => (one.repeat ? ["6 3 1 3", "12 4", "3 3", "1 2"][(one.repeat - 1) % 4] : DASHES[one.role]);

  const sign = (one, cx, cy) => { // a point: the role decides the shape too
    if (one.role === "accent") return AM.svg("rect", { x: cx - 3, y: cy - 3, width: 6, height: 6, class: "am-dot" });
    if (one.role === "truth") return AM.svg("path", { d: `M${cx - 4} ${cy + 3}L${cx + 4} ${cy + 3}L${cx} ${cy - 4}Z`, class: "am-dot" });
    return AM.svg("circle", { cx, cy, r: one.role === "muted" ? 2 : 3.2, class: "am-dot" });
  };

  const legend = (series, rows) => {
    const item = (one, name) => {
      const art = AM.svg("svg", { width: 26, height: 12, "aria-hidden": "true", class: `am-series am-role-${one.role}` });
      if (one.kind === "points") art.append(sign(one, 13, 6));
      else if (one.kind === "bars") art.append(AM.svg("rect", { x: 8, y: 2, width: 10, height: 10, class: "am-bar" }));
      else art.append(AM.svg("line", { x1: 1, x2: 25, y1: 6, y2: 6, "stroke-dasharray": dash(one), class: "am-line" }));
      return AM.el("li", {}, art, name);
    };
    const items = series.filter((one) => one.name).map((one) => item(one, one.name));
    if (rows && rows.name) items.push(item({ role: "weight", kind: "bars" }, rows.name));
    return items.length ? AM.el("ul", { class: "am-plot-legend" }, items) : null;
  };

  // The line through finite points, broken at gaps.
  const path = (one, px, py) => {
    let d = "", pen = false;
    one.x.forEach((x, i) => {
      const cx = px(x), cy = py(one.y[i]);
      if (!Number.isFinite(cx) || !Number.isFinite(cy)) { pen = false; return; }
      d += `${pen ? "L" : "M"}${cx.toFixed(2)} ${cy.toFixed(2)}`;
      if (!pen && !Number.isFinite(py(one.y[i + 1]))) d += "h0.01"; // a lone point still shows
      pen = true;
    });
    return d;
  };

  const chart = (panel, series, rows, width, view) => {
    const height = Math.round(Math.min(Math.max(width * 0.62, 220), 360));
    const scaleX = panel.log_x ? (x) => (x > 0 ? Math.log10(x) : NaN) : (x) => x;
    let [x0, x1] = extent([...series.flatMap((one) => one.x), ...(rows ? rows.x : [])].map(scaleX));
    const bars = series.filter((one) => one.kind === "bars");
    const gaps = bars.map((one) => extent(one.x.map((x, i) => (i ? scaleX(x) - scaleX(one.x[i - 1]) : NaN)).filter((g) => g > 0))[0]);
    if (bars.length) { x0 -= Math.min(...gaps) / 2; x1 += Math.min(...gaps) / 2; }
    if (x0 === x1) { x0 -= 0.5; x1 += 0.5; }
    let [y0, y1] = extent([...series.flatMap((one) => one.y), ...(bars.length ? [0] : [])]);
    if (y0 === y1) { const pad = Math.abs(y0) * 0.1 || 1; y0 -= pad; y1 += pad; }
    if (y0 > 0 && y0 < 0.35 * y1) y0 = 0; // near enough to zero: start there
    const spread = y1 - y0;
    const vertical = ticks(y0, y1, height / 52);
    y1 = Math.max(y1 + (y1 === 0 ? 0 : spread * 0.04), y0);
    if (y0 !== 0) y0 -= spread * 0.04;
    const names = vertical.marks.map((mark) => written(mark, vertical.digits));
    const left = 14 + 6.6 * Math.max(...names.map((name) => name.length), 2);
    const box = { left, right: width - (rows ? 44 : 12), top: panel.y_title || rows ? 22 : 8, bottom: height - (panel.x_title ? 38 : 22) };
    const px = (x) => box.left + ((scaleX(x) - x0) / (x1 - x0)) * (box.right - box.left);
    const py = (y) => box.bottom - ((y - y0) / (y1 - y0)) * (box.bottom - box.top);

    const picture = AM.svg("svg", { viewBox: `0 0 ${width} ${height}`, class: "am-plot-art", "aria-hidden": "true" });
    const text = (x, y, content, anchor = "middle", more = "") => AM.svg("text", { x, y, "text-anchor": anchor, class: `am-tick ${more}` }, content);
    vertical.marks.forEach((mark, i) => picture.append(AM.svg("line", { x1: box.left, x2: box.right, y1: py(mark), y2: py(mark), class: mark === 0 ? "am-zero" : "am-grid" }), text(box.left - 6, py(mark) + 4, names[i], "end")));
    const across = panel.log_x ? logTicks(x0, x1).map((mark) => [10 ** mark, String(+(10 ** mark).toPrecision(1))]) : (() => {
      const { marks, digits } = ticks(x0, x1, (box.right - box.left) / 70);
      return marks.map((mark) => [mark, written(mark, digits)]);
    })();
    across.forEach(([mark, name]) => picture.append(AM.svg("line", { x1: px(mark), x2: px(mark), y1: box.bottom, y2: box.bottom + 4, class: "am-zero" }), text(px(mark), box.bottom + 17, name)));
    picture.append(AM.svg("line", { x1: box.left, x2: box.right, y1: box.bottom, y2: box.bottom, class: "am-zero" }));
    if (panel.y_title) picture.append(text(2, 13, panel.y_title, "start", "am-axis"));
    if (panel.x_title) picture.append(text((box.left + box.right) / 2, height - 4, panel.x_title, "middle", "am-axis"));

    const over = AM.svg("g", { class: "am-series am-role-weight" }); // the row as bars, under the lines
    picture.append(over);
    const order = { bars: 0, points: 1, line: 2 };
    for (const one of [...series].sort((a, b) => (order[a.kind] ?? 2) - (order[b.kind] ?? 2))) {
      const group = AM.svg("g", { class: `am-series am-role-${one.role}` });
      if (one.kind === "points") {
        one.x.forEach((x, i) => { if (Number.isFinite(px(x)) && Number.isFinite(one.y[i])) group.append(sign(one, px(x), py(one.y[i]))); });
      } else if (one.kind === "bars") {
        const slot = Math.max(Math.min(...gaps) / (x1 - x0) * (box.right - box.left), 1);
        const wide = (slot * 0.78) / bars.length, place = bars.indexOf(one);
        one.x.forEach((x, i) => {
          if (!Number.isFinite(px(x)) || !Number.isFinite(one.y[i])) return;
          const [a, b] = [py(Math.max(one.y[i], 0)), py(Math.min(one.y[i], 0))];
          group.append(AM.svg("rect", { x: px(x) - slot * 0.39 + place * wide, y: a, width: Math.max(wide, 1), height: Math.max(b - a, 0.5), class: "am-bar" }));
        });
      } else {
        group.append(AM.svg("path", { d: path(one, px, py), "stroke-dasharray": dash(one), class: "am-line" }));
      }
      picture.append(group);
    }
    if (Number.isFinite(panel.marker)) picture.append(AM.svg("line", { x1: px(panel.marker), x2: px(panel.marker), y1: box.top, y2: box.bottom, class: "am-marker" }));
    const guide = AM.svg("g", { class: "am-guide" });
    picture.append(guide);

    const guideAt = (x) => guide.replaceChildren(...(Number.isFinite(px(x)) ? [AM.svg("line", { x1: px(x), x2: px(x), y1: box.top, y2: box.bottom })] : []));
    // Row i of the linked matrix: heights share one scale, written at the right, so rows compare.
    const drawRow = (i) => {
      if (i === null || !rows) return over.replaceChildren();
      const tall = 0.6 * (box.bottom - box.top);
      const wide = Math.min(Math.max(((box.right - box.left) / Math.max(rows.m, 1)) * 0.6, 2), 9);
      const art = [AM.svg("line", { x1: box.right + 3, x2: box.right + 3, y1: box.bottom, y2: box.bottom - tall, class: "am-zero" }),
        text(box.right + 7, box.bottom - tall + 4, AM.show(rows.high, 2), "start"), text(box.right + 7, box.bottom, "0", "start")];
      for (let j = 0; j < rows.m; j++) {
        const size = (rows.data[i * rows.m + j] / rows.high) * tall;
        if (size > 0 && Number.isFinite(px(rows.x[j]))) art.push(AM.svg("rect", { x: px(rows.x[j]) - wide / 2, y: box.bottom - size, width: wide, height: size, class: "am-bar" }));
      }
      over.replaceChildren(...art);
    };
    return { picture, px, guideAt, drawRow, width };
  };

  AM.kinds.plot = (panel, view) => {
    AM.followRows(view);
    const { series, rows } = read(panel);
    const stops = [...new Set([...series.flatMap((one) => one.x), ...(rows && rows.queries ? rows.queries : [])])].filter(Number.isFinite).sort((a, b) => a - b);
    const readout = AM.el("p", { class: "am-readout", "aria-live": "polite" });
    const frame = AM.el("div", { class: "am-plot-frame", tabindex: "0", role: "application", "data-focus": `${panel.id}.plot`,
      "aria-label": `${panel.title}. ${series.map((one) => one.name).filter(Boolean).join(", ")}. ${view.word("plot_help")}` });
    const body = AM.el("div", { class: "am-plot-body am-follows" }, legend(series, rows), frame, readout, numbers(panel, series, view));
    let art = null, drawn = 0, row = null, told = null;
    const cursors = (view.state.plots = view.state.plots || {});

    const draw = () => {
      if (!frame.clientWidth) return;
      drawn = frame.clientWidth;
      art = chart(panel, series, rows, Math.max(drawn, 160), view);
      frame.replaceChildren(art.picture);
      art.drawRow(row);
    };
    const tell = (next) => {
      if (rows && next !== told) AM.tellRow(body, { id: rows.panel }, next);
      told = next;
    };
    const bars = (i, say = true) => {
      row = i !== null && i >= 0 && i < rows.n ? i : null;
      art?.drawRow(row);
      if (!say || row === null) return "";
      let best = 0;
      for (let j = 1; j < rows.m; j++) if (rows.data[row * rows.m + j] > rows.data[row * rows.m + best]) best = j;
      return view.word("row_weights", { weight: AM.show(rows.data[row * rows.m + best], 3), place: AM.show(rows.x[best], 2) });
    };
    const nearest = (list, x) => list.reduce((best, one, i) => (Math.abs(one - x) < Math.abs(list[best] - x) ? i : best), 0);

    // Stop k: every series that has a point at this very x is read out; nothing is interpolated.
    const point = (k) => {
      if (k === null || !stops.length || !art) {
        art?.guideAt(NaN);
        if (rows) bars(null);
        readout.textContent = "";
        tell(null);
        return;
      }
      const x = stops[k];
      art.guideAt(x);
      const parts = series.flatMap((one) => one.x.flatMap((there, i) => (there === x ? [`${one.name || panel.y_title}: ${AM.show(one.y[i])}`] : [])));
      if (rows && rows.queries) {
        const query = nearest(rows.queries, x);
        parts.push(bars(query));
        tell(query);
      }
      readout.textContent = `${panel.x_title || "x"} = ${AM.show(x, Number.isInteger(x) ? 0 : 3)} · ${parts.filter(Boolean).join(" · ")}`;
    };
    const stopAt = (event) => {
      const box = frame.getBoundingClientRect();
      const x = ((event.clientX - box.left) / box.width) * art.width;
      return nearest(stops.map(art.px), x);
    };
    frame.addEventListener("pointermove", (event) => { if (art && stops.length) point(stopAt(event)); });
    frame.addEventListener("pointerleave", () => point(null));
    frame.addEventListener("focus", () => { if (frame.matches(":focus-visible")) point(Math.min(cursors[panel.id] || 0, stops.length - 1)); });
    frame.addEventListener("blur", () => point(null));
    frame.addEventListener("keydown", (event) => {
      const now = Math.min(cursors[panel.id] || 0, stops.length - 1);
      const next = { ArrowLeft: now - 1, ArrowDown: now - 1, ArrowRight: now + 1, ArrowUp: now + 1, Home: 0, End: stops.length - 1 }[event.key];
      if (next === undefined || !stops.length || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      cursors[panel.id] = Math.min(Math.max(next, 0), stops.length - 1);
      point(cursors[panel.id]);
    });
    body.amRow = (next, id) => { // the linked heatmap points at a row
      if (!rows || id !== rows.panel) return;
      const said = bars(next);
      const query = row !== null && rows.queries ? rows.queries[row] : NaN;
      art?.guideAt(query);
      readout.textContent = row === null ? "" : [Number.isFinite(query) ? `${panel.x_title || "x"} = ${AM.show(query, 3)}` : "", said].filter(Boolean).join(" · ");
    };
    new ResizeObserver(() => { if (frame.clientWidth !== drawn) draw(); }).observe(body);
    return AM.frame(panel, view, body, [AM.saveMenu(panel, view)]);
  };

  // The numbers of a plot, listed by x; made when first asked for.
  const numbers = (panel, series, view) => {
    const remembered = (view.state.listed = view.state.listed || {});
    const holder = AM.el("div", { class: "am-scroll am-map-numbers", tabindex: "0", role: "group", "aria-label": panel.title, "data-focus": `${panel.id}.numbers` });
    const box = AM.el("details", { class: "am-plot-numbers", open: remembered[panel.id] },
      AM.el("summary", { "data-focus": `${panel.id}.listed` }, view.word("table")), holder);
    const fill = () => {
      if (!box.open || holder.firstChild) return;
      const lines = new Map();
      series.forEach((one, s) => one.x.forEach((x, i) => {
        if (!lines.has(x)) lines.set(x, series.map(() => []));
        lines.get(x)[s].push(AM.show(one.y[i]));
      }));
      const sorted = [...lines].sort((a, b) => a[0] - b[0]);
      const head = AM.el("tr", {}, AM.el("th", { scope: "col" }, panel.x_title || "x"), series.map((one) => AM.el("th", { scope: "col" }, one.name || panel.y_title || "y")));
      const rows = sorted.slice(0, TABLE).map(([x, cells]) => AM.el("tr", {}, AM.el("th", { scope: "row" }, AM.show(x, Number.isInteger(x) ? 0 : 3)), cells.map((cell) => AM.el("td", {}, cell.join(", ")))));
      holder.append(AM.el("table", { class: "am-numbers" }, AM.el("thead", {}, head), AM.el("tbody", {}, rows)));
      if (sorted.length > TABLE) box.append(AM.el("p", { class: "am-caption" }, view.word("list_cut", { rows: TABLE, all_rows: sorted.length })));
    };
    box.addEventListener("toggle", () => { remembered[panel.id] = box.open; fill(); });
    fill();
    return box;
  };
})();
