// The overview's pixels: every head's bytes as a small picture, in a grid of layers and heads.
import { mix, rampOf } from "../../view/core/colours.js";
import { el, isDark } from "../../view/core/dom.js";

const GAP = 3;
export const EDGE = 22; // room for the numbers of rows and columns

// 256 colours as the 32-bit pixels that an ImageData takes; a byte is 255 sqrt(weight) already.
const palette = () => {
  const ramp = rampOf("sequential");
  const bytes = new Uint8ClampedArray(4 * 256);
  for (let i = 0; i < 256; i++) bytes.set([...mix(ramp, i / 255), 255], 4 * i);
  return new Uint32Array(bytes.buffer);
};

// All thumbnails side by side in one picture, then each scaled to its place.
const strips = (panel, tiles) => {
  const colours = palette();
  const { heads, rows, cols } = panel;
  return tiles.map((bytes) => {
    const image = new ImageData(cols, rows * heads); // heads below one another: bytes in order
    const pixels = new Uint32Array(image.data.buffer);
    for (let i = 0; i < bytes.length; i++) pixels[i] = colours[bytes[i]];
    const strip = el("canvas", { width: cols, height: rows * heads });
    strip.getContext("2d").putImageData(image, 0, 0);
    return strip;
  });
};

// Rows are layers, or heads where that lets the cells be larger.
const arrange = (panel, width) => {
  const room = width - EDGE;
  const size = (down, right) => Math.min(room / right, 620 / down, 84);
  const across = size(panel.layers, panel.heads) >= size(panel.heads, panel.layers);
  const cell = Math.floor(across ? size(panel.layers, panel.heads) : size(panel.heads, panel.layers));
  return { across, cell };
};

// grid keeps the geometry of the last drawing, and the pictures of the heads, which a move does not change.
export const paint = (canvas, panel, tiles, grid, chosen, width) => {
  const { across, cell } = Object.assign(grid, arrange(panel, width));
  const [down, right] = across ? [panel.layers, panel.heads] : [panel.heads, panel.layers];
  const dark = isDark();
  if (!grid.strips || grid.dark !== dark) grid.strips = strips(panel, tiles);
  grid.dark = dark;
  const style = window.getComputedStyle(canvas); // read before the size changes: after, it is worked out anew
  const [ink, font] = [style.color, style.fontFamily];
  const [mark, soft] = ["--am-mark", "--am-soft"].map((name) => style.getPropertyValue(name));
  const pen = clear(canvas, EDGE + right * cell, EDGE + down * cell);
  const side = cell - GAP;
  pen.imageSmoothingEnabled = panel.rows > side; // shrinking: average; growing: keep cells sharp
  for (let l = 0; l < panel.layers; l++) {
    for (let h = 0; h < panel.heads; h++) {
      const [i, j] = across ? [l, h] : [h, l];
      pen.drawImage(grid.strips[l], 0, h * panel.rows, panel.cols, panel.rows, EDGE + j * cell, EDGE + i * cell, side, side);
    }
  }
  pen.fillStyle = ink;
  pen.font = `11px ${font}`;
  count(pen, down, right, cell);
  const [first, second] = across ? [panel.words.layer, panel.words.head] : [panel.words.head, panel.words.layer];
  canvas.title = `${first} ↓ ${second} →`;
  pen.strokeStyle = mark;
  pen.lineWidth = 1.5;
  for (const at of panel.marks || []) {
    const [x, y] = corner(grid, at);
    pen.stroke(new Path2D(`M${x},${y}l${side},${side}M${x + side},${y}l${-side},${side}`));
  }
  if (grid.at) outline(pen, grid, grid.at, soft, 1.5);
  outline(pen, grid, chosen, mark, 3);
};

// The canvas at this size in css pixels, empty; its memory changes only where the size does.
const clear = (canvas, width, height) => {
  const ratio = window.devicePixelRatio || 1;
  if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
    canvas.style.width = `${width}px`;
    canvas.style.height = `${height}px`;
  }
  const pen = canvas.getContext("2d");
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  pen.clearRect(0, 0, width, height);
  return pen;
};

// The numbers of rows and columns, every second one where cells are small.
const count = (pen, down, right, cell) => {
  const side = cell - GAP;
  pen.textAlign = "center";
  pen.textBaseline = "middle";
  const sparse = cell < 18 ? 2 : 1;
  for (let j = 0; j < right; j += sparse) pen.fillText(String(j), EDGE + j * cell + side / 2, EDGE / 2 + 2);
  for (let i = 0; i < down; i += sparse) pen.fillText(String(i), EDGE / 2 - 2, EDGE + i * cell + side / 2);
  pen.textAlign = "left";
};

const corner = ({ across, cell }, [layer, head]) => {
  const [i, j] = across ? [layer, head] : [head, layer];
  return [EDGE + j * cell, EDGE + i * cell];
};

const outline = (pen, grid, at, colour, thick) => {
  const [x, y] = corner(grid, at);
  const side = grid.cell - GAP;
  pen.strokeStyle = colour;
  pen.lineWidth = thick;
  pen.strokeRect(x - 1, y - 1, side + 2, side + 2);
};
