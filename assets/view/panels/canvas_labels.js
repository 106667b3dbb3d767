// Labels on canvases: how wide they are, and cut to fit.
import { el } from "../core/dom.js";

export const LINE = 13; // the line of a label, in css pixels
const FONT = 11, ROOM = 132; // label size, the widest label, in css pixels

const measure = el("canvas").getContext("2d");
export const fontOf = (bold) => `${bold ? "650 " : ""}${FONT}px ui-sans-serif, system-ui, "PingFang SC", "Microsoft YaHei", "Noto Sans CJK SC", sans-serif`;
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

export const widest = (labels) => Math.min([...new Set(labels)].reduce((most, label) => Math.max(most, widthOf(label.slice(0, 40), true)), 8), ROOM);
