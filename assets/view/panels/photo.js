// A panel as it stands on the page, as an SVG of its own: what the page alone knows (a training, a learner's
// own numbers, a moving hand) has no other maker. Text stays text; a scrolled table is taken whole.
import { el, svg } from "../core/dom.js";

const MARGIN = 16, LINE = 18;
const LEFT_OUT = ".am-actions, .am-menu, button.am-button, input[type=range], progress, .am-guess, [hidden], [data-aside]";
const PAINT = ["fill", "stroke", "stroke-width", "stroke-dasharray", "stroke-linecap", "stroke-linejoin", "opacity", "fill-opacity",
  "stroke-opacity", "font-size", "font-family", "font-weight", "text-anchor", "dominant-baseline"];
const clear = (colour) => colour === "transparent" || /, 0\)$/.test(colour);
const round = (number) => Math.round(number * 100) / 100;

// {name: number} -> the same as attributes, to a hundredth of a pixel
const placed = (box) => Object.fromEntries(Object.entries(box).map(([name, number]) => [name, round(number)]));

const rectOf = (box, fill, more = {}) => svg("rect", { ...placed({ x: box.left, y: box.top, width: box.width, height: box.height }), fill, ...more });

// A legend's ramp, or the hatching of a masked cell.
const pattern = (image, box, sheet, more) => {
  const colours = image.match(/rgba?\([^)]*\)|color\([^)]*\)/g) || [];
  const name = `p${sheet.names++}`;
  if (image.startsWith("repeating")) {
    const strip = svg("pattern", { id: name, width: 5, height: 5, patternUnits: "userSpaceOnUse", patternTransform: "rotate(135)" },
      svg("line", { x1: 0, y1: 4.5, x2: 5, y2: 4.5, stroke: colours.at(-1), "stroke-width": 1 }));
    return [svg("defs", {}, strip), rectOf(box, `url(#${name})`, more)];
  }
  if (!image.startsWith("linear-gradient") || colours.length < 2) return [];
  const stops = colours.map((colour, i) => svg("stop", { offset: round(i / (colours.length - 1)), "stop-color": colour }));
  return [svg("defs", {}, svg("linearGradient", { id: name }, stops)), rectOf(box, `url(#${name})`, more)];
};

// An element's own surface: its ground and its borders.
const surface = (node, style, box, sheet) => {
  const drawn = [];
  const round_ = { rx: round(Math.min(parseFloat(style.borderTopLeftRadius) || 0, box.height / 2)) };
  if (!clear(style.backgroundColor)) drawn.push(rectOf(box, style.backgroundColor, round_));
  if (style.backgroundImage !== "none") drawn.push(...pattern(style.backgroundImage, box, sheet, round_));
  const sides = [["Top", box.left, box.top, box.right, box.top], ["Bottom", box.left, box.bottom, box.right, box.bottom],
    ["Left", box.left, box.top, box.left, box.bottom], ["Right", box.right, box.top, box.right, box.bottom]];
  const widths = sides.map(([side]) => (style[`border${side}Style`] === "none" ? 0 : parseFloat(style[`border${side}Width`])));
  if (widths.every((width) => width > 0)) drawn.push(rectOf(box, "none", { ...round_, stroke: style.borderTopColor, "stroke-width": widths[0] }));
  else sides.forEach(([side, x1, y1, x2, y2], i) => {
    if (widths[i] > 0) drawn.push(svg("line", { ...placed({ x1, y1, x2, y2 }), stroke: style[`border${side}Color`], "stroke-width": widths[i] }));
  });
  return drawn;
};

const written = (text, box, style) => {
  const up = style.writingMode.startsWith("vertical");
  const [x, y] = [round(box.left + box.width / 2), round(box.top + box.height / 2)];
  return svg("text", { x, y, "text-anchor": "middle", "dominant-baseline": "central", fill: style.color, "font-family": style.fontFamily,
    "font-size": style.fontSize, "font-weight": style.fontWeight, "font-style": style.fontStyle, transform: up ? `rotate(-90 ${x} ${y})` : null,
    textLength: round(up ? box.height : box.width), lengthAdjust: "spacingAndGlyphs" }, text);
};

// A text node, a line at a time.
const lines = (node, style) => {
  const range = document.createRange();
  const found = []; // [text, box] of each line
  for (const { 0: word, index } of node.data.matchAll(/\S+/g)) {
    range.setStart(node, index);
    range.setEnd(node, index + word.length);
    const box = range.getBoundingClientRect();
    const last = found.at(-1);
    if (!box.width) continue;
    if (last && Math.abs(last.box.top - box.top) < 3 && !style.writingMode.startsWith("vertical")) {
      last.box = new window.DOMRect(last.box.left, last.box.top, box.right - last.box.left, last.box.height);
      last.text += ` ${word}`;
    } else found.push({ text: word, box });
  }
  return found.map(({ text, box }) => written(text, box, style));
};

// An SVG of the page's, with the style that it takes from the page.
const inlined = (node, box) => {
  const copy = node.cloneNode(true);
  const [from, to] = [node, copy].map((one) => [one, ...one.querySelectorAll("*")]);
  from.forEach((one, i) => {
    const style = window.getComputedStyle(one);
    for (const name of PAINT) to[i].style.setProperty(name, style.getPropertyValue(name));
    to[i].removeAttribute("class");
  });
  for (const [name, value] of Object.entries(placed({ x: box.left, y: box.top, width: box.width, height: box.height }))) copy.setAttribute(name, value);
  copy.setAttribute("overflow", "visible");
  return copy;
};

const taken = (node, sheet) => {
  if (node.nodeType === Node.TEXT_NODE) return lines(node, window.getComputedStyle(node.parentElement));
  if (node.nodeType !== Node.ELEMENT_NODE || node.matches(LEFT_OUT)) return [];
  const style = window.getComputedStyle(node);
  const box = node.getBoundingClientRect();
  if (style.visibility === "hidden" || style.opacity === "0" || !node.getClientRects().length) return style.display === "contents" ? within(node, sheet) : [];
  sheet.right = Math.max(sheet.right, box.right);
  sheet.bottom = Math.max(sheet.bottom, box.bottom);
  if (node instanceof window.SVGElement) return [inlined(node, box)];
  if (node instanceof window.HTMLCanvasElement) return [svg("image", { ...placed({ x: box.left, y: box.top, width: box.width, height: box.height }), href: node.toDataURL() })];
  const typed = node instanceof window.HTMLInputElement ? [written(node.value, box, style)].filter(() => node.value) : [];
  for (const one of typed) {
    one.removeAttribute("textLength");
    if (["left", "start"].includes(style.textAlign)) {
      one.setAttribute("text-anchor", "start");
      one.setAttribute("x", round(box.left + parseFloat(style.paddingLeft) + parseFloat(style.borderLeftWidth)));
    }
  }
  return [...surface(node, style, box, sheet), ...typed, ...within(node, sheet)];
};

const within = (node, sheet) => [...node.childNodes].flatMap((one) => taken(one, sheet));

// The boxes of the model and the texts of a scene: those that free play shows, whatever a step has put away.
const boxesOf = (tab) => {
  const before = tab.className;
  tab.classList.remove("am-stepping");
  tab.classList.add("am-open");
  const boxes = [...tab.querySelectorAll(".am-field textarea, .am-field-model input")].filter((box) => box.checkVisibility());
  tab.className = before;
  return boxes;
};

// What stands below: whose picture it is, the model and the texts it is of, and its link.
const notesOf = (view) => {
  const tab = view.root.closest(".am-tab");
  const boxes = tab ? boxesOf(tab) : [];
  const named = boxes.map((box) => [box.closest(".am-field").querySelector("[data-testid=block-info]")?.textContent.trim(), box.value.trim()])
    .filter(([name, value]) => name && value).map(([name, value]) => `${name}: ${value.replace(/\s+/g, " ").slice(0, 300)}`);
  return [document.title, ...named, view.address ? view.address() : ""].filter(Boolean);
};

// A note in lines that are no wider than the picture; a link has no blanks to break at.
const pen = el("canvas").getContext("2d");
const folded = (note, width, font) => {
  pen.font = font;
  const lines = [""];
  for (const piece of note.match(/\S{1,12}\s*|\s+/gu) || []) {
    if (lines.at(-1) && pen.measureText(lines.at(-1) + piece.trimEnd()).width > width) lines.push("");
    lines[lines.length - 1] += piece;
  }
  return lines;
};

// -> the panel as an <svg>.
export const photograph = (panel, view) => {
  const start = panel.getBoundingClientRect();
  const sheet = { right: start.right, bottom: start.bottom, names: 0 };
  const drawn = taken(panel, sheet);
  const style = window.getComputedStyle(view.root);
  const width = Math.ceil(sheet.right - start.left) + 2 * MARGIN;
  const notes = notesOf(view).flatMap((note) => folded(note, width - 2 * MARGIN, `12px ${style.fontFamily}`));
  const ends = Math.ceil(sheet.bottom - start.top) + MARGIN;
  const height = ends + LINE * notes.length + MARGIN;
  const foot = notes.map((note, i) => svg("text", { x: MARGIN, y: ends + LINE * (i + 1), fill: style.color, "font-family": style.fontFamily, "font-size": 12 }, note));
  return svg("svg", { xmlns: "http://www.w3.org/2000/svg", width, height, viewBox: `0 0 ${width} ${height}` },
    svg("rect", { width, height, fill: window.getComputedStyle(document.body).backgroundColor }),
    svg("g", { transform: `translate(${round(MARGIN - start.left)} ${round(MARGIN - start.top)})` }, drawn), foot);
};

const SCALE = 2; // pixels of the PNG for one of the page's

// -> a file of the panel: "svg" or "png".
export const photoOf = async (panel, view, format) => {
  const picture = photograph(panel, view);
  const text = new window.XMLSerializer().serializeToString(picture);
  if (format === "svg") return new Blob([text], { type: "image/svg+xml" });
  const image = new window.Image();
  image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(text)}`;
  await image.decode();
  const canvas = el("canvas", { width: SCALE * picture.getAttribute("width"), height: SCALE * picture.getAttribute("height") });
  canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
  return new Promise((done) => canvas.toBlob(done, "image/png"));
};
