// The grid's pixels: every head's bytes as a small picture, layers downwards and heads across.
import { mix, rampOf } from "../../view/core/colours.js";
import { el, isDark } from "../../view/core/dom.js";

const GAP = 5; // room for a frame
export const EDGE = 22; // room for the numbers of rows and columns
const TALL = 420; // css pixels that the grid may take before its cells give way
const LARGEST = 72; // css pixels of a cell

// 256 colours as the 32-bit pixels that an ImageData takes; a byte is 255 sqrt(weight) already.
const palette = () => {
  const ramp = rampOf("sequential");
  const bytes = new Uint8ClampedArray(4 * 256);
  for (let i = 0; i < 256; i++) bytes.set([...mix(ramp, i / 255), 255], 4 * i);
  return new Uint32Array(bytes.buffer);
};

// The heads of a layer below one another in one picture, a pixel a cell; each is scaled to its place.
const strips = (panel, tiles) => {
  const colours = palette();
  const { heads, rows, cols } = panel;
  return tiles.map((bytes) => {
    const image = new ImageData(cols, rows * heads); // bytes in order
    const pixels = new Uint32Array(image.data.buffer);
    for (let i = 0; i < bytes.length; i++) pixels[i] = colours[bytes[i]];
    const strip = el("canvas", { width: cols, height: rows * heads });
    strip.getContext("2d").putImageData(image, 0, 0);
    return strip;
  });
};

// frames: {"layer.head": colour}. grid keeps the geometry of the last drawing, and the pictures of the
// heads, which a move does not change.
export const paint = (canvas, panel, tiles, grid, chosen, width, frames) => {
  grid.cell = Math.max(8, Math.floor(Math.min((width - EDGE) / panel.heads, TALL / panel.layers, LARGEST)));
  const { cell } = grid;
  const dark = isDark();
  if (!grid.strips || grid.dark !== dark) grid.strips = strips(panel, tiles);
  grid.dark = dark;
  const style = window.getComputedStyle(canvas); // read before the size changes: after, it is worked out anew
  const [ink, font] = [style.color, style.fontFamily];
  const [mark, soft, strong] = ["--am-mark", "--am-soft", "--am-ink"].map((name) => style.getPropertyValue(name));
  const pen = clear(canvas, EDGE + panel.heads * cell, EDGE + panel.layers * cell);
  const side = cell - (cell < 14 ? 2 : GAP);
  grid.side = side;
  pen.imageSmoothingEnabled = panel.rows > side; // shrinking: average; growing: keep cells sharp
  pen.lineWidth = cell < 14 ? 1 : 2;
  for (let l = 0; l < panel.layers; l++) {
    for (let h = 0; h < panel.heads; h++) {
      const [x, y] = corner(grid, [l, h]);
      pen.drawImage(grid.strips[l], 0, h * panel.rows, panel.cols, panel.rows, x, y, side, side);
      const colour = frames[`${l}.${h}`];
      if (!colour) continue;
      pen.strokeStyle = colour;
      pen.strokeRect(x - 1, y - 1, side + 2, side + 2);
    }
  }
  pen.fillStyle = ink;
  pen.font = `12px ${font}`;
  count(pen, panel.layers, panel.heads, grid);
  canvas.title = `${panel.words.layer} ↓ ${panel.words.head} →`;
  pen.strokeStyle = mark;
  pen.lineWidth = 1.5;
  for (const at of panel.marks || []) {
    const [x, y] = corner(grid, at);
    pen.stroke(new Path2D(`M${x},${y}l${side},${side}M${x + side},${y}l${-side},${side}`));
  }
  if (grid.at) outline(pen, grid, grid.at, soft, 1.5);
  outline(pen, grid, chosen, strong, 3);
};

// One head enlarged, from the same bytes.
export const enlarge = (canvas, panel, grid, [layer, head], side) => {
  const pen = clear(canvas, side * Math.min(1, panel.cols / panel.rows), side * Math.min(1, panel.rows / panel.cols));
  pen.imageSmoothingEnabled = panel.rows > side;
  const [width, height] = [canvas.style.width, canvas.style.height].map(parseFloat);
  pen.drawImage(grid.strips[layer], 0, head * panel.rows, panel.cols, panel.rows, 0, 0, width, height);
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
const count = (pen, down, right, { cell, side }) => {
  pen.textAlign = "center";
  pen.textBaseline = "middle";
  const sparse = cell < 18 ? 2 : 1;
  for (let j = 0; j < right; j += sparse) pen.fillText(String(j), EDGE + j * cell + side / 2, EDGE / 2);
  for (let i = 0; i < down; i += sparse) pen.fillText(String(i), EDGE / 2 - 2, EDGE + i * cell + side / 2);
  pen.textAlign = "left";
};

const corner = ({ cell }, [layer, head]) => [EDGE + head * cell, EDGE + layer * cell];

const outline = (pen, grid, at, colour, thick) => {
  const [x, y] = corner(grid, at);
  pen.strokeStyle = colour;
  pen.lineWidth = thick;
  pen.strokeRect(x - 1, y - 1, grid.side + 2, grid.side + 2);
};
