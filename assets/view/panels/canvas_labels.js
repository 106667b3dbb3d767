// Labels on canvases: how wide they are, and cut to fit.
import { el } from "../core/dom.js";

// In css pixels, times what the page's own type grows on a wide screen (steps.css).
const wide = window.matchMedia("(min-width: 1700px)");
export const grown = () => (wide.matches ? 18 / 16 : 1);
export const lineOf = () => 14 * grown(); // of a label
const FONT = 12, ROOM = 142; // label size, the widest label

const measure = el("canvas").getContext("2d");
export const fontOf = (bold) => `${bold ? "650 " : ""}${FONT * grown()}px ui-sans-serif, system-ui, "PingFang SC", "Microsoft YaHei", "Noto Sans CJK SC", sans-serif`;
export const widthOf = (text, bold = false) => {
  measure.font = fontOf(bold);
  return measure.measureText(text).width;
};

export const fit = (label, room, bold = false) => { // cut at the end, by whole characters
  const signs = [...label.slice(0, 80)];
  if (widthOf(signs.join(""), bold) <= room && signs.join("") === label) return label;
  while (signs.length && widthOf(`${signs.join("")}…`, bold) > room) signs.pop();
  return `${signs.join("")}…`;
};

export const widest = (labels) => Math.min([...new Set(labels)].reduce((most, label) => Math.max(most, widthOf(label.slice(0, 40), true)), 8), ROOM * grown());
