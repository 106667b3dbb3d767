"""What a learner could not read: text that is cut off, lies over other text, or reaches out of the page."""

from __future__ import annotations

CLIPPED = """(id) => {
  const tab = document.querySelector(`#view-${id}`).closest(".am-tab");
  const seen = (node) => node.checkVisibility({ visibilityProperty: true, opacityProperty: true })
    && !node.closest(".katex, .am-offscreen, .am-menu, .am-sheet, .am-veiled, [aria-hidden=true]");
  const name = (node) => `${node.tagName}.${node.className.baseVal ?? node.className} "${node.textContent.trim().slice(0, 40)}"`;
  const found = [], texts = [];
  const styles = new Map();
  const styleOf = (node) => styles.get(node) || styles.set(node, getComputedStyle(node)).get(node);
  for (const node of tab.querySelectorAll("*")) {
    if (node.namespaceURI.endsWith("svg") || !node.textContent.trim() || !node.clientWidth || !seen(node)) continue;
    const { overflowX, overflowY } = styleOf(node);
    if (["hidden", "clip"].includes(overflowX) && node.scrollWidth > node.clientWidth + 1) found.push(`cut: ${name(node)}`);
    if (["hidden", "clip"].includes(overflowY) && node.scrollHeight > node.clientHeight + 3) found.push(`cut below: ${name(node)}`);
  }
  // three dots come as soon as a text is longer than its line, which the box around the padding does not show
  const dotted = [...tab.querySelectorAll("*")].filter((node) => styleOf(node).textOverflow === "ellipsis" && styleOf(node).overflowX !== "visible"
    && node.textContent.trim() && node.clientWidth && seen(node) && !node.matches("input"));
  const whole = document.head.appendChild(document.createElement("style"));
  whole.textContent = "* { text-overflow: clip !important; }";
  for (const node of dotted) {
    const inner = document.createRange();
    inner.selectNodeContents(node);
    const { paddingLeft, paddingRight, paddingTop, paddingBottom, writingMode } = styleOf(node);
    const [long, room] = writingMode.startsWith("vertical") ? [inner.getBoundingClientRect().height, node.getBoundingClientRect().height - parseFloat(paddingTop) - parseFloat(paddingBottom)]
      : [inner.getBoundingClientRect().width, node.getBoundingClientRect().width - parseFloat(paddingLeft) - parseFloat(paddingRight)];
    if (long > room + 0.1) found.push(`dots: ${name(node)}`);
  }
  whole.remove();
  // cut by a script; three dots of their own stand after a blank or alone
  for (const node of tab.querySelectorAll(".am-panel *")) {
    if (!node.children.length && /[\\p{L}\\p{N}]…$/u.test(node.textContent.trim()) && seen(node) && !node.closest("[role=status], .am-caption, title, option")) found.push(`dots: ${name(node)}`);
  }
  for (const canvas of tab.querySelectorAll("canvas")) {
    if (canvas.amCut && seen(canvas)) found.push(`dots: CANVAS "${canvas.amCut}"`);
  }
  // too small to be read: a picture may be drawn smaller than it is written
  const written = document.createTreeWalker(tab, NodeFilter.SHOW_TEXT);
  while (written.nextNode()) {
    const node = written.currentNode.parentElement;
    if (!written.currentNode.data.trim() || !node.closest(".am-panel, .am-inputs") || !seen(node) || node.closest("sup, sub")) continue;
    const { a, b } = (node.closest("svg") && node.closest("text")?.getScreenCTM()) || { a: 1, b: 0 };
    const size = parseFloat(styleOf(node).fontSize) * Math.hypot(a, b);
    if (size < 11.8) found.push(`small (${size.toFixed(1)}): ${name(node)}`);
  }
  // where a text is in sight: its own box within every box that scrolls or cuts
  const inSight = (node, box) => {
    let { left, right, top, bottom } = box;
    for (let at = node; at && at !== tab; at = at.parentElement) {
      if (at.namespaceURI.endsWith("svg") || styleOf(at).overflowX === "visible" && styleOf(at).overflowY === "visible") continue;
      const frame = at.getBoundingClientRect();
      [left, right, top, bottom] = [Math.max(left, frame.left), Math.min(right, frame.right), Math.max(top, frame.top), Math.min(bottom, frame.bottom)];
    }
    return right - left > 1 && bottom - top > 1 ? { node, left, right, top, bottom } : null;
  };
  // the opaque bar that a text stands in, if that stays while what is below it is scrolled: it may cover what it passes
  const clear = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const opaque = (colour) => {
    clear.clearRect(0, 0, 1, 1);
    clear.fillStyle = colour;
    clear.fillRect(0, 0, 1, 1);
    return clear.getImageData(0, 0, 1, 1).data[3] === 255;
  };
  const barOf = (node) => {
    for (let at = node; at && at !== tab; at = at.parentElement) {
      if (at.matches(".am-panel")) return null;
      if (["sticky", "fixed"].includes(styleOf(at).position) && opaque(styleOf(at).backgroundColor)) return at;
    }
    return null;
  };
  const range = document.createRange();
  const walk = document.createTreeWalker(tab, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const text = walk.currentNode, node = text.parentElement;
    if (!text.data.trim() || !node.closest(".am-panel, .am-inputs") || !seen(node)) continue;
    range.selectNodeContents(text);
    for (const box of range.getClientRects()) {
      const place = inSight(node, box);
      if (place) texts.push(place);
      if (place && (place.right > innerWidth + 1 || place.left < -1)) found.push(`outside: ${name(node)}`);
    }
  }
  texts.sort((a, b) => a.top - b.top);
  texts.forEach((one, i) => {
    for (let j = i + 1; j < texts.length && texts[j].top < one.bottom - 4; j++) {
      const two = texts[j];
      const wide = Math.min(one.right, two.right) - Math.max(one.left, two.left);
      if (wide > 2.5 && Math.min(one.bottom, two.bottom) - two.top > 4 && one.node !== two.node
        && barOf(one.node) === barOf(two.node)) found.push(`over: ${name(one.node)} ${name(two.node)}`);
    }
  });
  for (const text of tab.querySelectorAll("svg text")) {
    const svg = text.ownerSVGElement;
    if (!seen(text) || styleOf(svg).overflow === "visible") continue;
    const box = text.getBoundingClientRect(), frame = svg.getBoundingClientRect();
    if (box.left < frame.left - 2 || box.right > frame.right + 2 || box.top < frame.top - 3 || box.bottom > frame.bottom + 3) found.push(`cut: ${name(text)}`);
  }
  if (document.documentElement.scrollWidth > innerWidth) found.push("the page scrolls sideways");
  return [...new Set(found)];
}"""  # noqa: E501

# On a canvas the dots are painted: from now on it keeps the last text that ends in them.
PAINTED = """() => {
  const paint = CanvasRenderingContext2D.prototype.fillText;
  CanvasRenderingContext2D.prototype.fillText = function (text, ...where) {
    if (/[\\p{L}\\p{N}]…$/u.test(text)) this.canvas.amCut = text;
    return paint.call(this, text, ...where);
  };
  for (const name of ["width", "height"]) { // which empties it
    const { get, set } = Object.getOwnPropertyDescriptor(HTMLCanvasElement.prototype, name);
    Object.defineProperty(HTMLCanvasElement.prototype, name, { configurable: true, get, set(size) { this.amCut = ""; set.call(this, size); } });
  }
}"""  # noqa: E501

# What the Tab key comes to before the first picture: in a row of buttons or radios it stops once.
STOPS = """(id) => {
  const picture = [...document.querySelectorAll(`#view-${id} .am-panel:not(.am-heading)`)].find((one) => one.checkVisibility());
  const able = [...document.querySelectorAll("a[href], button, input, select, textarea, summary, [tabindex]")]
    .filter((one) => one.tabIndex >= 0 && !one.disabled && !one.closest("[inert]") && one.checkVisibility({ visibilityProperty: true }));
  const groups = new Set(), stops = [];
  for (const one of able) {
    if (picture.contains(one) || picture.compareDocumentPosition(one) & Node.DOCUMENT_POSITION_FOLLOWING) break;
    if (one.type === "radio" && groups.has(one.name)) continue;
    if (one.type === "radio") groups.add(one.name);
    stops.push(one.dataset.focus || one.getAttribute("aria-label") || one.textContent.trim() || one.className);
  }
  return stops;
}"""  # noqa: E501
