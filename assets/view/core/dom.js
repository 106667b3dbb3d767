// Elements, and what the browser knows of its reader. Text reaches the DOM through textContent only:
// el() has no way to take HTML.

// el("p", {class: "x", onclick: f, "aria-label": "y"}, "text", child) -> element
export const el = (tag, attributes = {}, ...children) => furnish(document.createElement(tag), attributes, children);

export const svg = (tag, attributes = {}, ...children) =>
  furnish(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);

const furnish = (node, attributes, children) => {
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (value === true) node.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) node.setAttribute(name, value);
  }
  node.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return node;
};

export const isDark = () => Boolean(document.body && document.body.classList.contains("dark"));

export const prefersStill = () => window.matchMedia("(prefers-reduced-motion: reduce)").matches;

export const afterPaint = (act) => window.requestAnimationFrame(() => window.setTimeout(act, 0));
