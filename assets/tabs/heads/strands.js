// Two columns of tokens and lines between them: the row of one query, with its numbers.
import { el, svg } from "../../view/core/dom.js";
import { showNumber, unpack } from "../../view/core/numbers.js";
import { panelFrame } from "../../view/panels/frame.js";
import { whileShown } from "../../view/panels/rows.js";

const STEP = 22; // pixels a token
const WIDE = 340, FROM = 104, TO = 216; // the picture; where the names on the left end, and those on the right begin
const LEAST = 0.005; // weights below are no line

const middle = (i) => STEP * i + STEP / 2 + 4;

export const strands = (panel, view) => {
  const source = view.payload.panels.find((other) => other.id === panel.of);
  const { shape, data } = unpack(source.data);
  const [n, m] = shape;
  const height = STEP * Math.max(n, m) + 8;
  const art = svg("svg", { class: "am-lines-picture", viewBox: `0 0 ${WIDE} ${height}`, role: "application", tabindex: "0", "data-focus": "lines" });
  const lines = svg("g");
  const left = tokens(source.rows, FROM, "end", "from");
  const right = tokens(source.columns, TO, "start", "to");
  art.append(lines, ...left, ...right);
  const status = el("p", { class: "am-offscreen", role: "status" });
  const sentence = (i, j, weight) => panel.word.replace("{query}", () => source.rows[i]).replace("{key}", () => source.columns[j]).replace("{weight}", showNumber(weight));
  let chosen = Math.min(panel.start, n - 1);

  const select = (row) => { // -> the key with the largest weight
    chosen = row;
    const weights = Array.from(data.subarray(row * m, row * m + m));
    lines.replaceChildren(...weights.map((weight, j) => (weight < LEAST ? null : svg("line", {
      x1: FROM + 8, y1: middle(row), x2: TO - 8, y2: middle(j), "stroke-width": (0.75 + 7 * weight).toFixed(2), "stroke-opacity": (0.25 + 0.75 * weight).toFixed(2) },
    svg("title", {}, sentence(row, j, weight))))).filter(Boolean));
    left.forEach((node, i) => node.classList.toggle("am-chosen", i === row));
    right.forEach((node, j) => {
      node.classList.toggle("am-strong", weights[j] >= 0.1);
      node.querySelector(".am-number").textContent = weights[j] < LEAST ? "" : weights[j].toFixed(2);
    });
    const best = weights.map((weight, j) => [weight, j]).sort((a, b) => b[0] - a[0]).slice(0, 3);
    art.setAttribute("aria-label", `${panel.title}. ${best.map(([weight, j]) => sentence(row, j, weight)).join("; ")}`);
    return best[0][1];
  };
  const open = (column) => view.open({ panel: panel.of, row: chosen, column });
  steer(art, n, { now: () => chosen, select, open, say: () => { status.textContent = art.getAttribute("aria-label"); } });
  const follow = () => { // the open cell
    const { panel: id, row, column } = view.opened || {};
    const open = id === panel.of && row < n && column < m;
    if (open) select(row);
    right.forEach((node, j) => node.classList.toggle("am-open-cell", open && j === column));
  };
  whileShown(view, art, ["am-row", "am-update", "click", "keyup"], (event) => {
    if (event.type !== "am-row") return window.setTimeout(follow, 0); // a click opens a cell after it was heard here
    const { panel: id, row } = event.detail;
    if (id !== panel.of || row >= n) return undefined;
    return row === null || row < 0 ? follow() : select(row);
  });
  select(chosen);
  follow();
  const body = el("div", { class: "am-lines-scroll" }, art, status);
  const titles = el("p", { class: "am-lines-titles", "aria-hidden": "true" }, el("span", {}, panel.row_title), el("span", {}, panel.column_title));
  return panelFrame(panel, view, el("div", {}, titles, body));
};

const tokens = (labels, x, anchor, name) => labels.map((label, i) => {
  const node = svg("g", { class: `am-token am-${name}`, "data-at": i },
    svg("rect", { x: name === "from" ? 0 : TO - 8, y: middle(i) - STEP / 2, width: name === "from" ? FROM + 8 : WIDE - TO + 8, height: STEP, rx: 4 }),
    svg("text", { x, y: middle(i), "text-anchor": anchor, "dominant-baseline": "central", direction: "ltr" }, svg("tspan", {}, cut(label)), svg("tspan", { class: "am-number", dx: 6 })));
  if (label.length > 14) node.append(svg("title", {}, label));
  return node;
});

// Pointer and keyboard: point at a query to select its row, at a key to open their cell.
const steer = (art, n, { now, select, open, say }) => {
  const at = (event, name) => {
    const node = event.target.closest(`.am-${name}`);
    return node ? Number(node.dataset.at) : null;
  };
  const point = (event) => {
    const row = at(event, "from");
    if (row !== null && row !== now()) select(row);
  };
  art.addEventListener("mouseover", point);
  art.addEventListener("click", (event) => {
    point(event);
    const column = at(event, "to");
    if (column !== null) open(column);
  });
  art.addEventListener("keydown", (event) => {
    const moves = { ArrowUp: now() - 1, ArrowDown: now() + 1, Home: 0, End: n - 1 };
    if (event.key === "Enter") open(select(now()));
    else if (event.key in moves) {
      select(Math.min(Math.max(moves[event.key], 0), n - 1));
      say();
    } else return;
    event.preventDefault();
  });
};

const cut = (label) => (label.length > 14 ? `${label.slice(0, 13)}…` : label);
