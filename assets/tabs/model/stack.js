// A large model's pass: a row a layer, the shares that its parts add to the next word, the total down the spine.
import { css, mix, rampOf } from "../../view/core/colours.js";
import { el, svg } from "../../view/core/dom.js";
import { showNumber } from "../../view/core/numbers.js";
import { fill } from "../../view/core/words.js";
import { panelFrame, saveMenu } from "../../view/panels/frame.js";
import { columns, vectorsOf } from "./story.js";
import { nextWord } from "./story_next.js";
import { LEFT, RIGHT, ROOM, SPINE, STRIP, WIDE, columnsOf, inked } from "./story_plan.js";
import { steer } from "./story_steer.js";
import { writer } from "./story_write.js";

const ROW = 24; // a layer
const CUT = 16; // nothing stands left of it
const TALL = 16; // a cell, and the bars of a head
const CELLS = 606; // the heads' cells begin
const NET = [762, 22]; // the feed-forward's cell: where, how wide
const TOTAL = [788, 42];
const SAYS = 836; // the word that the stream would say

export const stack = (panel, view) => {
  const plan = planOf(panel);
  const vectors = vectorsOf(panel);
  const art = svg("svg", { class: "am-pass-art am-stack-art", viewBox: `${CUT} 0 ${WIDE - CUT} ${plan.height}`, role: "application", tabindex: "0",
    "aria-label": `${panel.title}. ${panel.words.hint}`, "data-focus": "pass" });
  const marks = svg("g", { class: "am-pass-marks" });
  art.append(...rails(panel, plan), ...rows(panel, plan, vectors), ...nextWord(panel, plan, view), ...columns(panel, plan, view), marks);
  const status = el("p", { class: "am-caption am-pass-status", role: "status", "aria-live": "polite" }, panel.words.hint);
  steer(art, marks, panel, plan, view, (at) => { status.textContent = at ? sentence(panel, vectors, at) : panel.words.hint; });
  const body = el("div", { class: "am-pass-body" }, writer(panel, view), el("div", { class: "am-scroll", tabindex: "-1" }, art), status);
  return panelFrame(panel, view, body, [saveMenu(panel, view, { formats: ["csv", "npz"] })]);
};

// Where each point stands: boxes in the order of the points, as story_steer.js reads them.
const planOf = (panel) => {
  const across = columnsOf(panel.tokens);
  const plan = { columns: across, boxes: [], heads: [], layers: [] };
  let y = across.tall + 34;
  for (const point of panel.points) {
    const box = { y, tall: TALL, x: CELLS, wide: 0 };
    if (point.kind === "weights") {
      plan.heads.push({ layer: point.layer, head: point.head });
      plan.layers.push({ y, layer: point.layer });
      Object.assign(box, { x: across.start, wide: across.wide * point.size, bars: true });
    } else if (point.kind === "net") Object.assign(box, { x: NET[0], wide: NET[1] });
    else if (point.kind === "total") Object.assign(box, { x: TOTAL[0], wide: TOTAL[1] });
    else if (point.kind === "logits") Object.assign(box, { x: STRIP, wide: ROOM, tall: 15, rows: true, y: y + 12 });
    else box.wide = point.kind === "size" ? TOTAL[1] * 2 : Math.min(point.kind === "begun" ? 50 : 15, 150 / point.size) * point.size;
    box.cell = box.wide / point.size;
    plan.boxes.push(box);
    if (point.kind === "begun" || point.kind === "total" || point.kind === "size") y += ROW;
  }
  plan.end = y - ROW;
  plan.bottom = y + 12;
  plan.height = plan.bottom + 17 * panel.candidates.length + 14;
  return plan;
};

const sentence = (panel, vectors, [row, column]) => {
  const point = panel.points[row];
  const value = showNumber(vectors[row][column]);
  if (point.kind === "weights") return `${point.name} · ${fill(panel.words.weights, { word: panel.tokens[column], weight: value })}`;
  if (point.kind === "logits") return `${point.name} · ${panel.candidates[column][0]} = ${value}`;
  if (point.kind === "begun") return `${point.name} · ${panel.begun[column]} ${value}`;
  return point.kind === "shares" ? `${point.name} · ${point.layer}.${column}: ${value}` : `${point.name}: ${value}`;
};

// The words' columns, the way of one of them to the spine, and the spine.
const rails = (panel, plan) => {
  const { start, wide, tall } = plan.columns;
  const top = tall + 4;
  const at = (j) => start + wide * (j + 0.5);
  const others = panel.tokens.map((_, j) => svg("line", { class: j > panel.place ? "am-pass-later" : "am-pass-rail",
    x1: at(j), x2: at(j), y1: top, y2: j === panel.place ? top + 6 : plan.end }));
  const own = at(panel.place);
  const spine = svg("path", { class: "am-pass-spine", d: `M${own} ${top} V${top + 4} Q${own} ${top + 12} ${own + 8} ${top + 12} H${SPINE - 8} Q${SPINE} ${top + 12} ${SPINE} ${top + 20} V${plan.bottom - 8}` });
  return [...others, spine];
};

const rows = (panel, plan, vectors) => {
  const top = (kinds) => panel.points.reduce((most, point, i) => (kinds.includes(point.kind) ? Math.max(most, ...vectors[i].map(Math.abs)) : most), 1e-9);
  const most = top(["shares", "net", "begun"]);
  const makers = {
    begun: (i, box) => [said(box.x - 46, box, panel.words.big_begun, "end", "am-pass-soft"), ...cells(vectors[i], box, most), plus(box), ...says(panel, 0, box)],
    weights: (i, box) => bars(panel, plan, vectors, i, box),
    shares: (i, box) => [...cells(vectors[i], box, most), plus(box)],
    net: (i, box) => cells(vectors[i], box, most),
    total: (i, box) => [said(box.x + box.wide, box, vectors[i][0].toFixed(2), "end", "am-pass-name"), ...says(panel, panel.points[i].layer + 1, box)],
    size: (i, box) => [said(box.x, box, `${panel.words.big_size} ${vectors[i][0].toFixed(2)}`, "start", "am-pass-soft"), link(box)],
    logits: () => [],
  };
  return [...titles(panel, plan), ...panel.points.map((point, i) => svg("g", { "data-point": i }, ...makers[point.kind](i, plan.boxes[i])))];
};

const said = (x, box, text, anchor, kind) => svg("text", { class: kind, x, y: box.y + 12, "text-anchor": anchor }, text);

// What the columns on the right hold.
const titles = (panel, plan) => {
  const y = plan.boxes[0].y - 6;
  const one = (x, text, anchor) => svg("text", { class: "am-pass-soft", x, y, "text-anchor": anchor }, text);
  return [one(NET[0] + NET[1] / 2, panel.words.big_net, "middle"), one(TOTAL[0] + TOTAL[1], panel.words.big_total, "end"), one(SAYS, panel.words.big_would_say, "start")];
};

const says = (panel, at, box) => {
  const [word, share] = panel.lens[at];
  const short = inked(word) > WIDE - SAYS ? `${[...word].slice(0, 4).join("")}…` : word;
  return [svg("text", { class: "am-stack-word", x: SAYS, y: box.y + 12, opacity: Math.max(share, 0.45).toFixed(2) }, short, svg("title", {}, `${word} ${share.toFixed(3)}`))];
};

const link = (box) => svg("path", { class: "am-pass-wire", d: `M${SPINE} ${box.y + TALL / 2} H${CELLS - 2}` });

// What is added to the spine here.
const plus = (box) => {
  const y = box.y + TALL / 2;
  return svg("g", { class: "am-pass-add" }, link(box), svg("circle", { cx: SPINE, cy: y, r: 5.5 }), svg("path", { d: `M${SPINE - 3} ${y} h6 M${SPINE} ${y - 3} v6` }));
};

const cells = (vector, box, most) => {
  const ramp = rampOf("diverging");
  return Array.from(vector, (x, i) => svg("rect", { class: "am-stack-cell", x: box.x + i * box.cell + 0.5, y: box.y, width: box.cell - 1, height: box.tall, rx: 1.5,
    fill: css(mix(ramp, 0.5 + (Math.sign(x) * Math.sqrt(Math.abs(x) / most)) / 2)) }));
};

// The strongest head of a layer over the words, and what it looks at most.
const bars = (panel, plan, vectors, i, box) => {
  const point = panel.points[i];
  const weights = Array.from(vectors[i]);
  const best = weights.indexOf(Math.max(...weights));
  const word = inked(panel.tokens[best]) > 40 ? `${[...panel.tokens[best]].slice(0, 5).join("")}…` : panel.tokens[best];
  const wide = Math.min(box.cell * 0.72, 18);
  const name = `${point.layer}.${point.head} ${word} ${weights[best].toFixed(2)}`;
  return [svg("g", { class: "am-pass-head", "data-head": plan.heads.findIndex((one) => one.layer === point.layer) },
    svg("text", { class: "am-pass-soft", x: LEFT - 6, y: box.y + 12, "text-anchor": "end" }, name),
    svg("line", { class: "am-stack-line", x1: LEFT, x2: RIGHT, y1: box.y + TALL, y2: box.y + TALL }),
    ...weights.map((weight, j) => svg("rect", { class: `am-pass-bar${j === best ? " am-pass-best" : ""}`, x: box.x + box.cell * (j + 0.5) - wide / 2, width: wide,
      y: box.y + TALL - Math.max(weight * TALL, 0.75), height: Math.max(weight * TALL, 0.75), rx: 1.5 })))];
};
