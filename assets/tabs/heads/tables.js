// Heads in tables: roles, maps of layers and heads, the overview by numbers.
import { css, inkOn, mix, rampOf } from "../../view/core/colours.js";
import { el } from "../../view/core/dom.js";
import { fill } from "../../view/core/words.js";
import { cellTable } from "../../view/panels/cells.js";
import { panelFrame } from "../../view/panels/frame.js";
import { heatmap } from "../../view/panels/heatmap.js";
import { pickHead } from "./pick.js";

// A small map with one number a head: a click opens the head, not a sheet.
export const headmap = (panel, view) => {
  const opening = Object.create(view);
  opening.open = ({ row, column }) => pickHead(view, row, column);
  const figure = heatmap({ ...panel, opens: true }, opening);
  figure.style.setProperty("--am-across", panel.columns.length);
  return figure;
};

// The overview by numbers: of every head its largest weight, and the query and key it joins, as far
// as the picture's bytes tell (the first of equal ones). Enter or a click opens the head.
export const overviewTable = (panel, view, tiles) => {
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
  opening.open = ({ row, column }) => pickHead(view, row, column);
  opening.word = (name, { row, column } = {}) => {
    if (name !== "cell") return view.word(name);
    const { weight, query, key } = peaks[Number(row) * heads + Number(column)];
    const head = words.cell.replace("{layer}", row).replace("{head}", column) + (out.has(`${row},${column}`) ? ` (${view.word("knocked_out")})` : "");
    return view.word("overview_cell", { head, weight: weight.toFixed(2), query, key });
  };
  const names = (count) => Array.from({ length: count }, (_, i) => String(i));
  const data = peaks.map((peak) => peak.weight);
  const body = cellTable({ ...panel, rows: names(panel.layers), columns: names(heads), row_title: words.layer, column_title: words.head,
    low: 0, high: 1, digits: 2, opens: true, masked: null }, opening, panel.layers, heads, data);
  const ramp = rampOf("sequential");
  const cells = [...body.querySelectorAll("td[role=gridcell]")];
  const place = (cell) => cell.dataset.focus.split(".").slice(1).join(",");
  cells.forEach((cell, i) => {
    const { level, query, key } = peaks[i];
    const colour = mix(ramp, level); // as in the picture
    cell.style.backgroundColor = css(colour);
    cell.style.color = inkOn(colour);
    cell.append(el("small", { dir: "auto" }, `${query} →`), el("small", { dir: "auto" }, key));
    cell.classList.toggle("am-knocked", out.has(place(cell)));
  });
  const note = el("p", { class: "am-caption" }, view.word("overview_table"));
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

export const roles = (panel, view) => {
  const rows = panel.items.map((role, r) => el("tr", {},
    el("th", { scope: "row" }, role.name, el("p", { class: "am-caption" }, role.text)),
    el("td", {}, role.heads.length ? el("div", { class: "am-options" }, role.heads.map(([layer, head, score, chance]) =>
      el("button", { type: "button", class: "am-button am-role", "data-focus": `role.${r}.${layer}.${head}`,
        title: fill(panel.words.role_score, { score, chance }),
        "aria-label": `${fill(panel.words.cell, { layer, head })}. ${fill(panel.words.role_score, { score, chance })}`,
        onclick: () => pickHead(view, layer, head) }, `${layer}.${head}`, el("span", { class: "am-caption" }, ` ${score} / ${chance}`))),
    role.count > role.heads.length ? el("span", { class: "am-caption" }, fill(panel.words.role_more, { count: role.count - role.heads.length })) : null)
      : el("span", { class: "am-caption" }, panel.words.role_none))));
  return panelFrame(panel, view, el("div", { class: "am-scroll", tabindex: "0", role: "group", "aria-label": panel.title }, el("table", { class: "am-roles" }, el("tbody", {}, rows))));
};
