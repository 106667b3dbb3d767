// Pointer and keyboard on the pass: what is pointed at is named and lights its way; Enter or a click opens it.
import { svg } from "../../view/core/dom.js";
import { ROOM, STRIP } from "./story_plan.js";

export const steer = (art, marks, panel, plan, view, tell) => {
  let at = null;
  const move = (place) => {
    if (String(place) === String(at)) return;
    at = place;
    light(art, marks, panel, plan, at);
    tell(at);
  };
  const open = () => at && view.open({ panel: panel.id, row: at[0], column: at[1] });
  const find = (event) => {
    const box = art.getBoundingClientRect();
    const [left, , wide, tall] = art.getAttribute("viewBox").split(" ").map(Number);
    return placeAt(panel, plan, left + ((event.clientX - box.left) / box.width) * wide, ((event.clientY - box.top) / box.height) * tall);
  };
  art.addEventListener("mousemove", (event) => move(find(event)));
  art.addEventListener("mouseleave", () => move(null));
  art.addEventListener("click", (event) => {
    move(find(event));
    if (at && panel.points[at[0]].kind !== "logits") open(); // a candidate opens itself
  });
  art.addEventListener("focus", () => { if (art.matches(":focus-visible")) move(at || [0, 0]); });
  art.addEventListener("blur", () => move(null));
  art.addEventListener("keydown", (event) => {
    const steps = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
    if (event.key === "Enter" || event.key === " ") open();
    else if (steps[event.key]) move(stepped(panel, at || [0, 0], steps[event.key]));
    else return;
    event.preventDefault();
  });
};

const stepped = (panel, [row, column], [down, right]) => {
  const next = Math.min(Math.max(row + down, 0), panel.points.length - 1);
  return [next, Math.min(Math.max(column + right, 0), panel.points[next].size - 1)];
};

// Which number stands at x, y -> [point, number] or null.
const placeAt = (panel, plan, x, y) => {
  const line = plan.line || 17;
  for (let i = 0; i < plan.boxes.length; i++) {
    const box = plan.boxes[i];
    const size = panel.points[i].size;
    const tall = box.rows ? line * size : box.tall;
    if (x < (box.rows ? STRIP - 60 : box.x) || x >= box.x + box.wide || y < box.y - 2 || y > box.y + tall + 2) continue;
    const at = box.rows ? Math.floor((y - box.y) / line) : Math.floor((x - box.x) / box.cell);
    return [i, Math.min(Math.max(at, 0), size - 1)];
  }
  return null;
};

// A frame around the number; the same number of the stream above and below; its head's or net's wires.
const light = (art, marks, panel, plan, at) => {
  for (const node of art.querySelectorAll(".am-lit")) node.classList.remove("am-lit");
  if (!at) return marks.replaceChildren();
  const [row, column] = at;
  const point = panel.points[row];
  const box = plan.boxes[row];
  const frame = box.rows ? { x: STRIP - 62, y: box.y + (plan.line || 17) * column, width: ROOM + 62, height: (plan.line || 17) - 1 }
    : { x: box.x + column * box.cell, y: box.y - 1, width: box.cell, height: box.tall + 2 };
  const drawn = [svg("rect", { class: "am-pass-frame", ...frame, rx: 1 })];
  if (box.wide === ROOM && !box.rows) {
    const x = box.x + (column + 0.5) * box.cell;
    drawn.push(svg("line", { class: "am-pass-thread", x1: x, x2: x, y1: plan.boxes[0].y, y2: plan.bottom - 8 }));
  }
  marks.replaceChildren(...drawn);
  const head = plan.heads.findIndex((one) => one.layer === point.layer && one.head === point.head);
  const lit = point.head >= 0 ? `[data-head="${head}"]` : ["hidden", "feed_forward", "norm_2"].includes(point.kind) ? `[data-net="${point.layer}"]` : null;
  if (lit) for (const node of art.querySelectorAll(lit)) node.classList.add("am-lit");
  return null;
};
