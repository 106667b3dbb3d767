// The ways between the numbers, drawn behind them, and redrawn when the numbers move.
import { svg } from "../../view/core/dom.js";

// nodes: name -> element; edges: [[from, to]]. -> Map "from>to" -> path, in the picture `art`.
export const drawLines = (picture, art, nodes, edges) => {
  const frame = art.getBoundingClientRect();
  const lines = new Map();
  picture.setAttribute("viewBox", `0 0 ${frame.width} ${frame.height}`);
  const box = (node) => {
    const { left, right, top, bottom } = nodes.get(node).getBoundingClientRect();
    return { left: left - frame.left, right: right - frame.left, top: top - frame.top, bottom: bottom - frame.top };
  };
  for (const [from, to] of edges) {
    const d = way(from, to, box(from), box(to));
    if (d) lines.set(`${from}>${to}`, svg("path", { d, class: "am-match-line" }));
  }
  picture.replaceChildren(...lines.values());
  return lines;
};

const middle = (low, high) => ((low + high) / 2).toFixed(1);

// Down from a query and from values, else to the right; the sum's way goes through the gap to every share.
const way = (from, to, a, b) => {
  const down = to.startsWith("key.") || to.startsWith("output.") || to === "sum";
  if (down) {
    if (Math.abs((a.left + a.right) - (b.left + b.right)) > 8) return null; // of another trait: no line of its own
    return `M${middle(a.left, a.right)} ${a.bottom.toFixed(1)}V${b.top.toFixed(1)}`;
  }
  if (to.startsWith("through.") || b.left < a.right) return null; // the parts stand one above the other
  if (from === "sum") return `M${a.right.toFixed(1)} ${middle(a.top, a.bottom)}H${(b.left - 12).toFixed(1)}V${middle(b.top, b.bottom)}H${b.left.toFixed(1)}`;
  return `M${a.right.toFixed(1)} ${middle(a.top, a.bottom)}H${b.left.toFixed(1)}`;
};
