// The pixels of a large matrix: its cells, hatching and labels, and how large all that is drawn.
import { mix, rampOf } from "../core/colours.js";
import { el, isDark } from "../core/dom.js";
import { fit, fontOf, lineOf, widest, widthOf } from "./canvas_labels.js";

const LARGEST = 26, SMALLEST = 3, READABLE = 13; // cell sizes in css pixels; READABLE: a label fits
const HEIGHT = 640; // css pixels a map may take before its cells give way

// n x m numbers as one small picture, a pixel a cell; drawn larger without smoothing.
const paint = (panel, n, m, data) => {
  const ramp = rampOf(panel.diverging ? "diverging" : "sequential");
  const colours = Array.from({ length: 256 }, (_, i) => mix(ramp, i / 255));
  const table = new Uint8ClampedArray([...colours, isDark() ? [92, 44, 60] : [255, 214, 214]].flatMap((rgb) => [...rgb, 255]));
  const packed = new Uint32Array(table.buffer); // one 32-bit store a cell; entry 256 is NaN
  const span = panel.high - panel.low || 1;
  const picture = new ImageData(m, n);
  const cells = new Uint32Array(picture.data.buffer);
  for (let i = 0; i < n * m; i++) {
    const t = Math.round((255 * (data[i] - panel.low)) / span);
    cells[i] = packed[t !== t ? 256 : t < 0 ? 0 : t > 255 ? 255 : t];
  }
  return sheetOf(picture);
};

const sheetOf = (picture) => {
  const canvas = el("canvas", { width: picture.width, height: picture.height });
  canvas.getContext("2d").putImageData(picture, 0, 0);
  return canvas;
};

// Hatching over masked cells: their picture is the stencil of one pattern.
const hatch = (panel, n, m, width, height, dpr) => {
  const stencil = new ImageData(m, n);
  for (let i = 0; i < n; i++) for (let j = 0; j < m; j++) if (panel.masked[i][j]) stencil.data[4 * (i * m + j) + 3] = 255;
  const step = Math.round(5 * dpr);
  const tile = el("canvas", { width: step, height: step });
  const pen = tile.getContext("2d");
  pen.strokeStyle = isDark() ? "rgba(182,192,211,.55)" : "rgba(74,85,104,.5)";
  pen.lineWidth = dpr;
  for (const shift of [-step, 0, step]) { pen.moveTo(shift, step); pen.lineTo(shift + step, 0); }
  pen.stroke();
  const canvas = el("canvas", { width, height });
  const context = canvas.getContext("2d");
  context.imageSmoothingEnabled = false;
  context.drawImage(sheetOf(stencil), 0, 0, width, height);
  context.globalCompositeOperation = "source-in";
  context.fillStyle = context.createPattern(tile, "repeat");
  context.fillRect(0, 0, width, height);
  return canvas;
};

// The widest labels of rows and columns, measured once, and the titles in the corner.
export const measureLabels = ({ panel, rowNames, columnNames, corner }) => {
  const titles = Math.max(...[...corner.children].map((span) => widthOf(span.textContent))) + 6;
  return { row: widest(rowNames), column: widest(columnNames), titles: panel.row_title || panel.column_title ? titles : 0 };
};

// The geometry of a map in `width` css pixels: cell, width and height in device pixels, the others in css ones.
export const layout = ({ panel, n, m, widths }, width) => {
  const dpr = window.devicePixelRatio || 1;
  const gutter = Math.ceil(Math.max(widths.row + 8, widths.titles));
  const room = (width - gutter) * dpr;
  const tall = Math.min(HEIGHT, Math.max(window.innerHeight - 430, 240)); // with its title on one screen
  let cell = Math.floor(Math.min(room / m, Math.max(READABLE, tall / n) * dpr, LARGEST * dpr));
  if (cell < SMALLEST) cell = room / m >= 2 ? 2 : SMALLEST;
  const upright = widths.column + 6 > cell / dpr;
  const line = lineOf();
  const depth = Math.ceil(Math.max(upright ? Math.min(widths.column, 7 * line) + 8 : line + 6, panel.row_title && panel.column_title ? 2 * line + 4 : 0));
  return { dpr, gutter, depth, cell, upright, width: m * cell, height: n * cell };
};

const resize = (canvas, width, height, dpr) => { // css size from whole device pixels, so it stays crisp
  canvas.width = width;
  canvas.height = height;
  canvas.style.width = `${width / dpr}px`;
  canvas.style.height = `${height / dpr}px`;
  return canvas.getContext("2d");
};

// style: the computed one of the map's body, for the page's colours.
export const drawMap = ({ panel, n, m, data, heat, top, left, rowNames, columnNames }, size, style) => {
  const { dpr, cell } = size;
  const context = resize(heat, size.width, size.height, dpr);
  context.imageSmoothingEnabled = false;
  context.drawImage(paint(panel, n, m, data), 0, 0, size.width, size.height);
  if (panel.masked) context.drawImage(hatch(panel, n, m, size.width, size.height, dpr), 0, 0);
  if (cell >= 9 * dpr) { // hair lines between cells that are large enough to have some
    context.fillStyle = style.getPropertyValue("--am-paper") || "#fff";
    for (let j = 1; j < m; j++) context.fillRect(j * cell, 0, 1, size.height);
    for (let i = 1; i < n; i++) context.fillRect(0, i * cell, size.width, 1);
  }
  drawLabels(top, columnNames, true, size, style);
  drawLabels(left, rowNames, false, size, style);
};

// Labels of one axis, thinned so that they never stand on top of each other.
const drawLabels = (canvas, names, horizontal, size, style) => {
  const { dpr, cell, gutter, depth, upright } = size;
  const context = horizontal ? resize(canvas, size.width, Math.round(depth * dpr), dpr) : resize(canvas, Math.round(gutter * dpr), size.height, dpr);
  context.scale(dpr, dpr);
  context.textBaseline = "middle";
  context.textAlign = !horizontal ? "right" : upright ? "left" : "center";
  context.font = fontOf(false);
  context.fillStyle = style.getPropertyValue("--am-soft");
  const pitch = cell / dpr, line = lineOf();
  const flat = horizontal && !upright;
  const step = flat ? 1 : Math.max(1, Math.ceil(line / pitch));
  const room = flat ? pitch - 2 : horizontal ? depth - 6 : gutter - 6;
  if (horizontal && upright) { context.translate(0, depth - 3); context.rotate(-Math.PI / 2); }
  for (let k = 0; k < names.length; k += step) {
    const text = fit(names[k], room);
    const end = names.length * pitch; // the first and last label stay inside the canvas
    const middle = flat ? (k + 0.5) * pitch : Math.min(Math.max((k + 0.5) * pitch, line / 2), Math.max(end - line / 2, line / 2));
    if (flat) context.fillText(text, middle, depth - line / 2 - 2);
    else if (horizontal && widthOf(names[k]) <= pitch - 2) level(context, names[k], middle);
    else if (horizontal) context.fillText(text, 0, middle);
    else context.fillText(text, gutter - 5, middle);
  }
};

// A label that fits over its cell stands level among turned ones: "<" on its side would read as another sign.
const level = (context, text, middle) => {
  context.save();
  context.translate(0, middle);
  context.rotate(Math.PI / 2);
  context.textAlign = "center";
  context.fillText(text, 0, -lineOf() / 2);
  context.restore();
};
