// Heads in tables: roles, maps of layers and heads, the overview by numbers, and bars beside bars.
"use strict";
(() => {
  const AM = window.AttentionMatchmaker;

  // A small map with one number a head: a click opens the head, not a sheet.
  AM.kinds.headmap = (panel, view) => {
    const opening = Object.create(view);
    opening.open = ({ row, column }) => AM.pickHead(view, row, column);
    return AM.kinds.heatmap({ ...panel, opens: true }, opening);
  };

  // The overview by numbers: of every head its largest weight, and the query and key it joins, as far
  // as the picture's bytes tell (the first of equal ones). Enter or a click opens the head.
  AM.overviewTable = (panel, view, tiles) => {
    const { heads, rows, cols, words, labels, counts, pool } = panel;
    const side = (names, count, step, i) => (names ? names[i] : step === 1 ? `${i}` : `${i * step}–${Math.min((i + 1) * step, count) - 1}`);
    const peaks = tiles.flatMap((bytes) => Array.from({ length: heads }, (_, h) => {
      const head = bytes.subarray(h * rows * cols, (h + 1) * rows * cols);
      let at = 0;
      for (let i = 1; i < head.length; i++) if (head[i] > head[at]) at = i;
      return { level: head[at] / 255, weight: (head[at] / 255) ** 2,
        query: side(labels.queries, counts[0], pool.pool_rows, Math.floor(at / cols)), key: side(labels.keys, counts[1], pool.pool_cols, at % cols) };
    }));
    const out = new Set((panel.marks || []).map(String));
    const opening = Object.create(view);
    opening.open = ({ row, column }) => AM.pickHead(view, row, column);
    opening.word = (name, { row, column } = {}) => {
      if (name !== "cell") return view.word(name);
      const { weight, query, key } = peaks[Number(row) * heads + Number(column)];
      const head = words.cell.replace("{layer}", row).replace("{head}", column) + (out.has(`${row},${column}`) ? ` (${view.word("knocked_out")})` : "");
      return view.word("overview_cell", { head, weight: weight.toFixed(2), query, key });
    };
    const names = (count) => Array.from({ length: count }, (_, i) => String(i));
    const data = peaks.map((peak) => peak.weight);
    const body = AM.cellTable({ ...panel, rows: names(panel.layers), columns: names(heads), row_title: words.layer, column_title: words.head,
      low: 0, high: 1, digits: 2, opens: true, masked: null }, opening, panel.layers, heads, data);
    const ramp = AM.ramp("sequential");
    const cells = [...body.querySelectorAll("td[role=gridcell]")];
    const place = (cell) => cell.dataset.focus.split(".").slice(1).join(",");
    cells.forEach((cell, i) => {
      const { level, query, key } = peaks[i];
      const colour = AM.mix(ramp, level); // as in the picture
      cell.style.backgroundColor = AM.css(colour);
      cell.style.color = AM.ink(colour);
      cell.append(AM.el("small", { dir: "auto" }, `${query} →`), AM.el("small", { dir: "auto" }, key));
      cell.classList.toggle("am-knocked", out.has(place(cell)));
    });
    const note = AM.el("p", { class: "am-caption" }, view.word("overview_table"));
    const choose = (chosen) => { // the open head; where nobody has moved yet, Tab leads to it
      const untouched = !body.contains(document.activeElement);
      for (const cell of cells) {
        const open = place(cell) === String(chosen);
        cell.setAttribute("aria-selected", String(open));
        if (untouched) cell.tabIndex = open ? 0 : -1;
      }
    };
    return { nodes: [body, note], choose };
  };

  AM.kinds.roles = (panel, view) => {
    const say = (text, values) => text.replace(/\{(\w+)\}/g, (_, name) => String(values[name] ?? ""));
    const rows = panel.items.map((role, r) => AM.el("tr", {},
      AM.el("th", { scope: "row" }, role.name, AM.el("p", { class: "am-caption" }, role.text)),
      AM.el("td", {}, role.heads.length ? AM.el("div", { class: "am-options" }, role.heads.map(([layer, head, score, chance]) =>
        AM.el("button", { type: "button", class: "am-button am-role", "data-focus": `role.${r}.${layer}.${head}`,
          title: say(panel.words.role_score, { score, chance }),
          "aria-label": `${say(panel.words.cell, { layer, head })}. ${say(panel.words.role_score, { score, chance })}`,
          onclick: () => AM.pickHead(view, layer, head) }, `${layer}.${head}`, AM.el("span", { class: "am-caption" }, ` ${score} / ${chance}`))),
      role.count > role.heads.length ? AM.el("span", { class: "am-caption" }, say(panel.words.role_more, { count: role.count - role.heads.length })) : null)
        : AM.el("span", { class: "am-caption" }, panel.words.role_none))));
    return AM.frame(panel, view, AM.el("div", { class: "am-scroll", tabindex: "0", role: "group", "aria-label": panel.title }, AM.el("table", { class: "am-roles" }, AM.el("tbody", {}, rows))));
  };

  AM.kinds.pairbars = (panel, view) => {
    const most = Math.max(1e-9, ...panel.series.flatMap((one) => one.values));
    const legend = panel.series.length > 1 ? AM.el("span", { class: "am-legend" }, panel.series.map((one, s) =>
      AM.el("span", { class: `am-key am-series-${s}` }, one.name))) : null;
    const rows = panel.names.map((name, i) => AM.el("div", { class: "am-bar-row", role: "listitem" }, AM.el("span", { class: "am-bar-name", dir: "auto", title: name }, name),
      AM.el("div", {}, panel.series.map((one, s) => {
        const bar = AM.el("span", { class: `am-bar am-series-${s}` });
        bar.style.width = `${(70 * one.values[i]) / most}%`;
        return AM.el("div", { class: "am-bar-line", "aria-label": `${one.name}: ${AM.show(one.values[i], panel.digits)}` }, bar, AM.el("span", { class: "am-bar-number" }, one.values[i].toFixed(panel.digits)));
      }))));
    return AM.frame(panel, view, AM.el("div", { class: "am-bars", role: "list", tabindex: "0", "aria-label": panel.title }, rows), [legend, AM.saveMenu(panel, view)]);
  };
})();
