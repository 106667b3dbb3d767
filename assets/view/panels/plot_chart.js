// The picture of a plot: axes, series, and what moves over them.
import { svg } from "../core/dom.js";
import { showNumber } from "../core/numbers.js";
import { grown } from "./canvas_labels.js";
import { extent, logTicks, ticks, written } from "./plot_scale.js";

const DASHES = { accent: "", data: "2 4", truth: "8 5", muted: "1 4" };

export const dash = (one) => (one.repeat ? ["6 3 1 3", "12 4", "3 3", "1 2"][(one.repeat - 1) % 4] : DASHES[one.role]);

export const sign = (one, cx, cy) => { // a point: the role decides the shape too
  if (one.role === "accent") return svg("rect", { x: cx - 3, y: cy - 3, width: 6, height: 6, class: "am-dot" });
  if (one.role === "truth") return svg("path", { d: `M${cx - 4} ${cy + 3}L${cx + 4} ${cy + 3}L${cx} ${cy - 4}Z`, class: "am-dot" });
  return svg("circle", { cx, cy, r: one.role === "muted" ? 2 : 3.2, class: "am-dot" });
};

// The line through finite points, broken at gaps.
const path = (one, px, py) => {
  let d = "", pen = false;
  one.x.forEach((x, i) => {
    const cx = px(x), cy = py(one.y[i]);
    if (!Number.isFinite(cx) || !Number.isFinite(cy)) { pen = false; return; }
    d += `${pen ? "L" : "M"}${cx.toFixed(2)} ${cy.toFixed(2)}`;
    if (!pen && !Number.isFinite(py(one.y[i + 1]))) d += "h0.01"; // a lone point still shows
    pen = true;
  });
  return d;
};

// -> {picture, px, guideAt, drawRow, width}: px(x) in the picture's pixels; guideAt(x) draws a guide there, at
// NaN none; drawRow(i) draws row i of the linked matrix as bars, null none.
export const chart = (panel, series, rows, width) => {
  const space = spaceOf(panel, series, rows, width);
  const { px, box } = space;
  const picture = svg("svg", { viewBox: `0 0 ${width} ${space.height}`, class: "am-plot-art", "aria-hidden": "true" });
  picture.append(...axes(panel, space));
  const over = svg("g", { class: "am-series am-role-weight" }); // the row as bars, under the lines
  picture.append(over);
  const order = { bars: 0, points: 1, line: 2 };
  for (const one of [...series].sort((a, b) => (order[a.kind] ?? 2) - (order[b.kind] ?? 2))) picture.append(drawn(one, space));
  if (Number.isFinite(panel.marker)) picture.append(svg("line", { x1: px(panel.marker), x2: px(panel.marker), y1: box.top, y2: box.bottom, class: "am-marker" }));
  const guide = svg("g", { class: "am-guide" });
  picture.append(guide);
  const guideAt = (x) => guide.replaceChildren(...(Number.isFinite(px(x)) ? [svg("line", { x1: px(x), x2: px(x), y1: box.top, y2: box.bottom })] : []));
  const drawRow = (i) => over.replaceChildren(...(i === null || !rows ? [] : rowBars(rows, i, space)));
  return { picture, px, guideAt, drawRow, width };
};

// Where things stand: ranges of x (scaled) and y, the frame in pixels, and the two maps from one to the other.
const spaceOf = (panel, series, rows, width) => {
  const height = Math.round(Math.min(Math.max(width * 0.62, 220), window.innerHeight < 900 ? 260 : 360));
  const scaleX = panel.log_x ? (x) => (x > 0 ? Math.log10(x) : NaN) : (x) => x;
  let [x0, x1] = extent([...series.flatMap((one) => one.x), ...(rows ? rows.x : [])].map(scaleX));
  const bars = series.filter((one) => one.kind === "bars");
  const gap = Math.min(...bars.map((one) => extent(one.x.map((x, i) => (i ? scaleX(x) - scaleX(one.x[i - 1]) : NaN)).filter((g) => g > 0))[0]));
  if (bars.length) { x0 -= gap / 2; x1 += gap / 2; }
  if (x0 === x1) { x0 -= 0.5; x1 += 0.5; }
  let [y0, y1] = extent([...series.flatMap((one) => one.y), ...(bars.length ? [0] : [])]);
  if (y0 === y1) { const pad = Math.abs(y0) * 0.1 || 1; y0 -= pad; y1 += pad; }
  if (y0 > 0 && y0 < 0.35 * y1) y0 = 0; // near enough to zero: start there
  const spread = y1 - y0;
  const vertical = ticks(y0, y1, height / 52);
  y1 = Math.max(y1 + (y1 === 0 ? 0 : spread * 0.04), y0);
  if (y0 !== 0) y0 -= spread * 0.04;
  const names = vertical.marks.map((mark) => written(mark, vertical.digits));
  const unit = grown();
  const left = 14 + 7.2 * unit * Math.max(...names.map((name) => name.length), 2);
  const box = { left, right: width - (rows ? 46 * unit : 12), top: panel.y_title || rows ? 23 * unit : 8, bottom: height - (panel.x_title ? 40 : 23) * unit };
  const px = (x) => box.left + ((scaleX(x) - x0) / (x1 - x0)) * (box.right - box.left);
  const py = (y) => box.bottom - ((y - y0) / (y1 - y0)) * (box.bottom - box.top);
  return { height, x0, x1, bars, gap, marks: vertical.marks, names, box, px, py };
};

const text = (x, y, content, anchor = "middle", more = "") => svg("text", { x, y, "text-anchor": anchor, class: `am-tick ${more}` }, content);

const axes = (panel, { height, x0, x1, marks, names, box, px, py }) => {
  const parts = marks.flatMap((mark, i) => [svg("line", { x1: box.left, x2: box.right, y1: py(mark), y2: py(mark), class: mark === 0 ? "am-zero" : "am-grid" }), text(box.left - 6, py(mark) + 4, names[i], "end")]);
  const plain = ticks(x0, x1, (box.right - box.left) / 70);
  const across = panel.log_x ? logTicks(x0, x1).map((mark) => [10 ** mark, String(+(10 ** mark).toPrecision(1))])
    : plain.marks.map((mark) => [mark, written(mark, plain.digits)]);
  parts.push(...across.flatMap(([mark, name]) => [svg("line", { x1: px(mark), x2: px(mark), y1: box.bottom, y2: box.bottom + 4, class: "am-zero" }), text(px(mark), box.bottom + 4 + 13 * grown(), name)]));
  parts.push(svg("line", { x1: box.left, x2: box.right, y1: box.bottom, y2: box.bottom, class: "am-zero" }));
  if (panel.y_title) parts.push(text(2, 13 * grown(), panel.y_title, "start", "am-axis"));
  if (panel.x_title) parts.push(text((box.left + box.right) / 2, height - 4, panel.x_title, "middle", "am-axis"));
  return parts;
};

// One series as points, bars or a line.
const drawn = (one, { x0, x1, bars, gap, box, px, py }) => {
  const group = svg("g", { class: `am-series am-role-${one.role}` });
  if (one.kind === "points") {
    one.x.forEach((x, i) => { if (Number.isFinite(px(x)) && Number.isFinite(one.y[i])) group.append(sign(one, px(x), py(one.y[i]))); });
  } else if (one.kind === "bars") {
    const slot = Math.max(gap / (x1 - x0) * (box.right - box.left), 1);
    const wide = (slot * 0.78) / bars.length, place = bars.indexOf(one);
    one.x.forEach((x, i) => {
      if (!Number.isFinite(px(x)) || !Number.isFinite(one.y[i])) return;
      const [a, b] = [py(Math.max(one.y[i], 0)), py(Math.min(one.y[i], 0))];
      group.append(svg("rect", { x: px(x) - slot * 0.39 + place * wide, y: a, width: Math.max(wide, 1), height: Math.max(b - a, 0.5), class: "am-bar" }));
    });
  } else {
    group.append(svg("path", { d: path(one, px, py), "stroke-dasharray": dash(one), class: "am-line" }));
  }
  return group;
};

// Row i of the linked matrix: heights share one scale, written at the right, so rows compare.
const rowBars = (rows, i, { box, px }) => {
  const tall = 0.6 * (box.bottom - box.top);
  const wide = Math.min(Math.max(((box.right - box.left) / Math.max(rows.m, 1)) * 0.6, 2), 9);
  const art = [svg("line", { x1: box.right + 3, x2: box.right + 3, y1: box.bottom, y2: box.bottom - tall, class: "am-zero" }),
    text(box.right + 7, box.bottom - tall + 4, showNumber(rows.high, 2), "start"), text(box.right + 7, box.bottom, "0", "start")];
  for (let j = 0; j < rows.m; j++) {
    const size = (rows.data[i * rows.m + j] / rows.high) * tall;
    if (size > 0 && Number.isFinite(px(rows.x[j]))) art.push(svg("rect", { x: px(rows.x[j]) - wide / 2, y: box.bottom - size, width: wide, height: size, class: "am-bar" }));
  }
  return art;
};
