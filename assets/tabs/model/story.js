// One forward pass as one picture: words across, the residual stream as its spine, every number opens.
import { css, mix, rampOf } from "../../view/core/colours.js";
import { el, svg } from "../../view/core/dom.js";
import { showNumber, unpack } from "../../view/core/numbers.js";
import { fill } from "../../view/core/words.js";
import { stepOf } from "../../view/page/steps.js";
import { panelFrame, saveMenu } from "../../view/panels/frame.js";
import { whileShown } from "../../view/panels/rows.js";
import { nextWord } from "./story_next.js";
import { NAMES, RIGHT, ROOM, SPINE, STRIP, WIDE, inked, planOf } from "./story_plan.js";
import { steer } from "./story_steer.js";
import { writer } from "./story_write.js";

const ONE_SCALE = ["stream", "middle", "after", "embedding", "position", "written", "feed_forward"];
const SHORT = { query: "q", key: "k", value: "v", head: "Σ" };

export const pass = (panel, view) => {
  const vectors = vectorsOf(panel);
  const status = el("p", { class: "am-caption am-pass-status", role: "status", "aria-live": "polite" }, panel.words.hint);
  const scroll = el("div", { class: "am-scroll", tabindex: "-1" });
  const told = (at) => { status.textContent = at ? sentence(panel, vectors, at) : panel.words.hint; };
  let tight = null;
  const draw = () => { // free play has more room, and keeps a picture that a step has drawn
    if (tight === Boolean(stepOf(view))) return;
    tight = Boolean(stepOf(view));
    scroll.replaceChildren(artOf(panel, planOf(panel, tight), vectors, view, told));
  };
  draw();
  whileShown(view, scroll, ["am-update"], draw);
  const body = el("div", { class: "am-pass-body" }, writer(panel, view), scroll, status);
  return panelFrame(panel, view, body, [saveMenu(panel, view, { formats: ["csv", "npz"] })]);
};

const artOf = (panel, plan, vectors, view, told) => {
  const art = svg("svg", { class: "am-pass-art", viewBox: `0 0 ${WIDE} ${plan.height}`, role: "application", tabindex: "0",
    "aria-label": `${panel.title}. ${panel.words.hint}`, "data-focus": "pass" });
  art.style.setProperty("--am-wide", WIDE / plan.height);
  const marks = svg("g", { class: "am-pass-marks" });
  art.append(...rails(panel, plan), ...wires(panel, plan), ...heads(panel, plan, vectors), ...strips(panel, plan, vectors),
    ...nextWord(panel, plan, view), ...columns(panel, plan, view), marks);
  steer(art, marks, panel, plan, view, told);
  return art;
};

// A vector for each point.
export const vectorsOf = (panel) => {
  const { data } = unpack(panel.data);
  let start = 0;
  return panel.points.map((point) => {
    start += point.size;
    return data.subarray(start - point.size, start);
  });
};

const sentence = (panel, vectors, [row, column]) => {
  const point = panel.points[row];
  const value = showNumber(vectors[row][column]);
  if (point.kind === "weights") return `${point.name} · ${fill(panel.words.weights, { word: panel.tokens[column], weight: value })}`;
  if (point.kind === "logits") return `${point.name} · ${panel.candidates[column][0]} = ${value}`;
  return `${point.name} · ${column + 1} / ${point.size} = ${value}`;
};

// The columns of the other words, the layers' grounds, and the spine.
const rails = (panel, plan) => {
  const { start, wide } = plan.columns;
  const end = plan.layers[plan.layers.length - 1].end;
  const top = plan.columns.tall + 4;
  const grounds = plan.layers.map((layer) => svg("g", {},
    svg("rect", { class: "am-pass-ground", x: 0.5, y: layer.y, width: WIDE - 1, height: layer.end - layer.y, rx: 8 }),
    svg("text", { class: "am-pass-layer", x: 10, y: layer.y + 15 },
      fill(panel.words.layer, { layer: layer.number }) + (plan.tight ? ` · ${fill(panel.words.head, { head: "" }).trim()}` : ""))));
  const others = panel.tokens.map((_, j) => svg("line", { class: j > panel.place ? "am-pass-later" : "am-pass-rail",
    x1: start + wide * (j + 0.5), x2: start + wide * (j + 0.5), y1: top, y2: j === panel.place ? top + 6 : end }));
  const own = start + wide * (panel.place + 0.5);
  const down = plan.bottom - 8;
  const spine = svg("path", { class: "am-pass-spine", d: `M${own} ${top} V${top + 6} Q${own} ${top + 14} ${own + 8} ${top + 14} H${SPINE - 8} Q${SPINE} ${top + 14} ${SPINE} ${top + 22} V${down}` });
  return [...grounds, ...others, spine];
};

// What reads from the spine and what is added to it.
const wires = (panel, plan) => {
  const middle = (y) => y + plan.thin / 2;
  const reads = plan.reads.map((read) => {
    const to = read.kind === "norm_1" ? plan.heads.filter((head) => head.layer === read.layer).pop().y + 6 : null;
    const down = to ? ` M${NAMES - 6} ${middle(read.y)} V${to}` : "";
    return svg("path", { class: "am-pass-wire", "data-reads": `${read.kind}.${read.layer}`, d: `M${SPINE} ${middle(read.y)} H${NAMES - 2}${down}` });
  });
  const gathers = plan.heads.map((head, i) => svg("path", { class: "am-pass-wire am-pass-gather", "data-head": i,
    d: `M${head.box.x} ${head.y + head.box.tall} H${RIGHT + 8} V${middle(head.y)} H${NAMES - 2}` }));
  const nets = plan.nets.map((net, i) => svg("path", { class: "am-pass-wire am-pass-gather", "data-net": i,
    d: `M${NAMES - 2} ${net.y - 11} H${RIGHT + 8} V${net.y + 5} H${SPINE - 8}` }));
  const adds = plan.adds.map((add) => svg("g", { class: "am-pass-add", "data-head": add.head, "data-net": add.net },
    svg("path", { class: "am-pass-wire am-pass-back", d: `M${NAMES - 2} ${middle(add.y)} H${SPINE + 7}` }),
    svg("circle", { cx: SPINE, cy: middle(add.y), r: 6.5 }),
    svg("path", { d: `M${SPINE - 3.5} ${middle(add.y)} h7 M${SPINE} ${middle(add.y) - 3.5} v7` })));
  return [...gathers, ...nets, ...reads, ...adds];
};

// What a head is called, and what it looks at most: two lines, or one where it is tight.
const namesOf = (panel, plan, { layer, head, y }, most) => {
  const name = `${layer}.${head}`;
  const [at, called] = plan.tight ? [[46, 13], name] : [[24, 24], fill(panel.words.head, { head: name })];
  return [svg("text", { class: "am-pass-name", x: plan.tight ? 20 : 24, y: y + (plan.tight ? 13 : 10) }, called),
    svg("text", { class: "am-pass-soft", x: at[0], y: y + at[1] }, most)];
};

// Each head's weights as bars on the words' columns, and what it looks at most.
const heads = (panel, plan, vectors) => plan.heads.map((head, i) => {
  const row = panel.points.findIndex((point) => point.kind === "weights" && point.layer === head.layer && point.head === head.head);
  const weights = Array.from(vectors[row]);
  const best = weights.indexOf(Math.max(...weights));
  const { box } = head;
  const bars = weights.map((weight, j) => svg("rect", { class: `am-pass-bar${j === best ? " am-pass-best" : ""}`, "data-focus": `pass.${row}.${j}`,
    x: box.x + box.cell * (j + 0.5) - Math.min(box.cell * 0.36, 9), width: Math.min(box.cell * 0.72, 18),
    y: box.y + box.tall - Math.max(weight * box.tall, 0.75), height: Math.max(weight * box.tall, 0.75), rx: 1.5 }));
  const word = panel.tokens[best];
  return svg("g", { class: "am-pass-head", "data-head": i },
    ...namesOf(panel, plan, head, `${word} ${weights[best].toFixed(2)}`), ...bars);
});

// Every other vector as a strip of cells, or as bars up and down.
const strips = (panel, plan, vectors) => {
  const tops = {};
  const kindOf = (point) => (ONE_SCALE.includes(point.kind) ? "stream" : point.kind === "hidden" ? `hidden ${point.layer}` : point.kind);
  panel.points.forEach((point, i) => {
    const kind = kindOf(point);
    tops[kind] = vectors[i].reduce((top, x) => Math.max(top, Math.abs(x)), tops[kind] || 1e-9);
  });
  return panel.points.map((point, i) => {
    if (point.kind === "weights" || point.kind === "logits") return null;
    const box = plan.boxes[i];
    const draw = box.bars ? neurons : cells;
    return svg("g", { "data-point": i }, nameOf(panel, point, box), ...draw(vectors[i], box, tops[kindOf(point)]),
      ["stream", "middle", "after"].includes(point.kind) ? onSpine(box) : null);
  }).filter(Boolean);
};

const nameOf = (panel, point, box) => {
  const short = SHORT[point.kind];
  if (short) return svg("text", { class: "am-pass-soft", x: box.x - 3, y: box.y + 9, "text-anchor": "end" }, short);
  const key = { stream: "in_stream", middle: "in_stream", after: "in_stream", norm_1: "norm", norm_2: "norm", normed: "norm", written: "writes" }[point.kind];
  if (point.kind === "hidden") return svg("text", { class: "am-pass-name", x: 24, y: box.y + 19 }, panel.words.feed_forward);
  const text = key ? panel.words[key] : { embedding: panel.words.one_word, position: panel.words.one_place, feed_forward: panel.words.writes }[point.kind];
  return svg("text", { class: key === "in_stream" ? "am-pass-name" : "am-pass-soft", x: STRIP - 5, y: box.y + 9.5, "text-anchor": "end" }, text);
};

const cells = (vector, box, top) => {
  const ramp = rampOf("diverging");
  return Array.from(vector, (x, i) => svg("rect", { x: (box.x + i * box.cell).toFixed(2), y: box.y, width: (box.cell + 0.15).toFixed(2), height: box.tall,
    fill: css(mix(ramp, 0.5 + x / top / 2)) }));
};

const neurons = (vector, box, top) => Array.from(vector, (x, i) => {
  const tall = Math.max((Math.abs(x) / top) * (box.tall / 2), 0.5);
  return svg("rect", { class: x < 0 ? "am-pass-low" : "am-pass-high", x: (box.x + (i + 0.15) * box.cell).toFixed(2), y: (box.y + box.tall / 2 - (x < 0 ? 0 : tall)).toFixed(2),
    width: (box.cell * 0.7).toFixed(2), height: tall.toFixed(2) });
});

const onSpine = (box) => svg("g", { class: "am-pass-knot" },
  svg("rect", { x: STRIP - 1, y: box.y - 1, width: ROOM + 2, height: box.tall + 2, rx: 2 }),
  svg("circle", { cx: SPINE, cy: box.y + box.tall / 2, r: 4 }));

// The words themselves; a click draws another word's column.
export const columns = (panel, plan, view) => {
  const { start, wide, turned, tall } = plan.columns;
  const every = turned ? Math.ceil(14 / wide) : 1;
  return panel.tokens.map((word, j) => {
    const x = start + wide * (j + 0.5);
    const kind = [j === panel.place ? "am-chosen" : "", j > panel.place ? "am-later" : "", j >= panel.given ? "am-written" : ""].join(" ");
    const shown = j % every === 0 || j === panel.place;
    const label = turned ? svg("text", { x, y: tall - 6, transform: `rotate(-90 ${x} ${tall - 6})`, "dominant-baseline": "central" }, word)
      : svg("text", { x, y: tall - 7, "text-anchor": "middle" }, word);
    const broad = turned ? Math.min(wide - 1, 18) : Math.min(wide - 1, inked(word) + 14);
    const node = svg("g", { class: `am-pass-word ${kind}`, "data-word": j },
      svg("rect", { x: x - broad / 2, y: 1, width: broad, height: tall, rx: 5 }), shown ? label : null, svg("title", {}, word));
    node.addEventListener("click", () => view.state.column && view.state.column(j + 1));
    return node;
  });
};
