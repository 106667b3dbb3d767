// Who reads whose keys: query heads above, key heads below, a line for each that reads.
import { svg } from "../../view/core/dom.js";
import { panelFrame } from "../../view/panels/frame.js";

const WIDE = 360, TOP = 34, BOTTOM = 98, SIZE = 18;

// panel: {heads, groups (0: one short vector of `size` numbers), size, name, labels: [queries, keys, vector]}
export const sharedheads = (panel, view) => {
  const count = panel.groups || 1;
  const x = (i, all) => ((i + 0.5) * WIDE) / all;
  const parts = [svg("text", { x: 2, y: 14, class: "am-tick" }, panel.labels[0])];
  for (let i = 0; i < panel.heads; i++) {
    const reads = Math.floor((i * count) / panel.heads);
    parts.push(svg("line", { x1: x(i, panel.heads), y1: TOP + SIZE / 2, x2: x(reads, count), y2: BOTTOM - SIZE / 2, class: "am-heads-line" }));
  }
  for (let i = 0; i < panel.heads; i++) parts.push(svg("circle", { cx: x(i, panel.heads), cy: TOP, r: SIZE / 2, class: "am-heads-query" }));
  for (let j = 0; j < count; j++) {
    const half = panel.groups ? SIZE / 2 : 70;
    for (const [down, kind] of panel.groups ? [[0, "key"], [SIZE + 4, "value"]] : [[0, "latent"]])
      parts.push(svg("rect", { x: x(j, count) - half, y: BOTTOM - SIZE / 2 + down, width: 2 * half, height: SIZE, rx: 3, class: `am-heads-${kind}` }));
  }
  parts.push(svg("text", { x: 2, y: BOTTOM + SIZE + 32, class: "am-tick" }, panel.groups ? panel.labels[1] : panel.labels[2]));
  const picture = svg("svg", { viewBox: `0 0 ${WIDE} 156`, class: "am-heads-art", role: "img", "aria-label": `${panel.name}. ${panel.caption}` }, parts);
  return panelFrame(panel, view, picture);
};
