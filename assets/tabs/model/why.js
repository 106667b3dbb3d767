// Pictures of the scene "why": signed bars that add up, pairs that sort, a map whose cells pick.
import { el } from "../../view/core/dom.js";
import { showNumber } from "../../view/core/numbers.js";
import { panelFrame, saveMenu } from "../../view/panels/frame.js";
import { move } from "./move.js";
import { heatmap } from "../../view/panels/heatmap.js";

// Bars to both sides of zero, a button each; the last line is their sum.
export const sumbars = (panel, view) => {
  const values = [...panel.items.map((item) => item.value), panel.total.value];
  const low = Math.min(0, ...values), high = Math.max(0, ...values);
  const span = high - low || 1;
  const zero = (-100 * low) / span;
  const line = (item) => {
    const bar = el("span", { class: `am-sum-bar ${item.value < 0 ? "am-sum-against" : "am-sum-for"}` });
    bar.style.left = `${zero + Math.min(0, (100 * item.value) / span)}%`;
    bar.style.width = `${(100 * Math.abs(item.value)) / span}%`;
    const axis = el("span", { class: "am-sum-zero" });
    axis.style.left = `${zero}%`;
    return [el("span", { class: "am-sum-name" }, item.name), el("span", { class: "am-sum-track", "aria-hidden": "true" }, axis, bar),
      el("span", { class: "am-sum-number" }, showNumber(item.value, 2))];
  };
  const rows = panel.items.map((item, i) => el("li", {}, el("button", { type: "button", class: "am-sum-row", tabindex: "0", "data-focus": `${panel.id}.${i}.0`,
    "data-value": String(item.value), onclick: () => view.open({ panel: panel.id, row: i, column: 0 }) }, line(item))));
  const total = el("li", { class: "am-sum-row am-sum-total" }, line(panel.total));
  const body = el("ul", { class: "am-sums", "aria-label": panel.title }, rows, total);
  return panelFrame(panel, view, body, [saveMenu(panel, view)]);
};

// The strongest cells as a list: a heading sorts it (again: the other way round), a row opens its cell.
export const pairs = (panel, view) => {
  const sorts = (view.state.sorts = view.state.sorts || {});
  const names = ["from", "to", "value"];
  const head = el("tr"), rows = el("tbody");
  const draw = () => {
    const { by, down } = sorts[panel.id] || { by: "value", down: true };
    const way = (one, other) => (by === "value" ? one.value - other.value : one[by].localeCompare(other[by]));
    const items = [...panel.items].sort((one, other) => (down ? -way(one, other) : way(one, other)));
    head.replaceChildren(...names.map((name, i) => el("th", { scope: "col", "aria-sort": name !== by ? "none" : down ? "descending" : "ascending" },
      el("button", { type: "button", class: "am-pairs-sort", "data-focus": `${panel.id}.sort.${name}`, onclick: () => sort(name) },
        panel.columns[i], name !== by ? "" : down ? " ↓" : " ↑"))));
    rows.replaceChildren(...items.map((item) => row(item)));
  };
  const sort = (name) => {
    const { by, down } = sorts[panel.id] || { by: "value", down: true };
    sorts[panel.id] = { by: name, down: name === by ? !down : name === "value" };
    draw();
    head.querySelector(`[data-focus="${window.CSS.escape(`${panel.id}.sort.${name}`)}"]`).focus({ preventScroll: true });
  };
  const open = (item) => view.open({ panel: panel.of, row: item.row, column: item.column });
  const row = (item) => el("tr", { onclick: () => open(item) },
    el("th", { scope: "row" }, el("button", { type: "button", class: "am-pairs-open", dir: "auto", "data-focus": `${panel.id}.${item.row}.${item.column}` }, item.from)),
    el("td", { dir: "auto" }, item.to), el("td", { class: "am-pairs-number" }, showNumber(item.value, 2)));
  draw();
  const table = el("table", { class: "am-pairs-table" }, el("thead", {}, head), rows);
  return panelFrame(panel, view, el("div", { class: "am-scroll am-pairs-scroll", tabindex: "0", role: "group", "aria-label": panel.title }, table),
    [saveMenu(panel, view, { formats: ["csv", "npz"] })]);
};

// A heatmap whose click sets two inputs, its row's and its column's, in place of opening a sheet.
export const pickmap = (panel, view) => {
  const picking = Object.create(view);
  picking.open = ({ row, column }) => move(view, { [panel.picks[0]]: row, [panel.picks[1]]: column });
  return heatmap({ ...panel, opens: true }, picking);
};
