// The bottom of the pass: logits, their shares, and the line from 0 to 1 on which the seed's number falls.
import { svg } from "../../view/core/dom.js";
import { fill } from "../../view/core/words.js";
import { LEFT, NAMES, RIGHT, SPINE, STRIP, inked } from "./story_plan.js";

const STEP = 17; // a candidate's row, where the plan says nothing else
const BARS = 92; // pixels that a share of 1 takes

export const nextWord = (panel, plan, view) => [...candidates(panel, plan, view), ...line(panel, plan)];

// A bar for each of the likeliest words: its logit, its share.
const candidates = (panel, plan, view) => {
  const step = plan.line || STEP;
  const row = panel.points.length - 1;
  const falls = panel.drawn && panel.drawn[3];
  const last = plan.bottom + step * panel.candidates.length - 8;
  const trunk = svg("path", { class: "am-pass-wire", d: `M${SPINE} ${plan.bottom - 8} V${last}` });
  return [trunk, ...panel.candidates.map(([word, logit, share], j) => {
    const y = plan.bottom + step * j;
    const node = svg("g", { class: `am-pass-candidate${word === falls ? " am-chosen" : ""}`, "data-focus": `pass.${row}.${j}` },
      svg("path", { class: "am-pass-wire", d: `M${SPINE} ${y + 8} H${NAMES - 8}` }),
      svg("rect", { class: "am-pass-hit", x: NAMES - 4, y, width: STRIP + 200 - NAMES + 4, height: step - 1, rx: 3 }),
      svg("text", { class: "am-pass-name", x: STRIP - 5, y: y + 12, "text-anchor": "end" }, short(word)),
      svg("rect", { class: "am-pass-share", x: STRIP, y: y + 2, width: Math.max(BARS * share, 0.75), height: 12, rx: 2 }),
      svg("text", { class: "am-pass-soft", x: STRIP + BARS + 6, y: y + 12 }, share ? share.toFixed(3) : "–"),
      svg("text", { class: "am-pass-soft", x: STRIP + 200, y: y + 12, "text-anchor": "end" }, logit.toFixed(2)));
    node.addEventListener("click", () => view.open({ panel: panel.id, row, column: j }));
    return node;
  })];
};

const short = (word) => (inked(word) > 58 ? `${word.slice(0, 6)}…` : word);

// The words side by side, each as wide as its share; the drawn number falls on one.
const line = (panel, plan) => {
  const top = plan.bottom + 34;
  const wide = RIGHT - LEFT;
  const at = (share) => LEFT + wide * share;
  const falls = panel.drawn && panel.drawn[3];
  const parts = panel.stretches.map(([word, start, stop], j) => svg("g", { class: `am-pass-stretch${word === falls ? " am-chosen" : ""}` },
    svg("rect", { x: at(start), y: top, width: Math.max(at(stop) - at(start) - 1, 0.5), height: 22, class: j % 2 ? "am-odd" : "" }),
    inked(word) + 8 < at(stop) - at(start) ? svg("text", { x: (at(start) + at(stop)) / 2, y: top + 15, "text-anchor": "middle" }, word) : null));
  const end = panel.stretches.length ? panel.stretches[panel.stretches.length - 1][2] : 0;
  const others = end < 0.995 ? svg("rect", { class: "am-pass-others", x: at(end), y: top, width: at(1) - at(end), height: 22 }) : null;
  const title = svg("text", { class: "am-pass-name", x: LEFT, y: plan.bottom + 8 }, panel.words.next_title);
  const heading = svg("text", { class: "am-pass-soft", x: LEFT, y: top + 38 }, "0");
  const one = svg("text", { class: "am-pass-soft", x: RIGHT, y: top + 38, "text-anchor": "end" }, "1");
  return [title, ...parts, others, heading, one, ...told(panel, at, top)].filter(Boolean);
};

// The marker with its number, or what was typed next.
const told = (panel, at, top) => {
  const below = top + 62;
  if (!panel.drawn) {
    return [svg("text", { class: "am-pass-soft", x: LEFT, y: below }, fill(panel.words.typed, { word: panel.following }))];
  }
  const [number, , , word] = panel.drawn;
  const x = at(number);
  const text = `${fill(panel.words.drawn_here, { number: number.toFixed(3) })} `;
  return [
    svg("path", { class: "am-pass-marker", d: `M${x} ${top - 3} l-5 -8 h10 z M${x} ${top - 3} V${top + 25}` }),
    svg("text", { class: "am-pass-soft", x: LEFT, y: below }, text, svg("tspan", { class: "am-pass-result" }, `→ ${word}`)),
  ];
};
