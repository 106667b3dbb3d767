// What an open question veils in the picture: the numbers of the panels it veils, and all that follows from them.
const ORDER = ["score", "scaled", "numerator", "sum", "share", "contribution", "output"];
const FIRST = { similarity: "score", scaled: "scaled", numerators: "numerator", weights: "share", contributions: "contribution", output: "output" };

const isVeiled = (node) => node.classList.contains("am-veiled") || node.dataset.veiled !== undefined;

// -> Set of kinds of number. Nothing unless the picture itself is veiled; then from the first veiled number on,
// and from the shares on where no panel says more.
export const veiledParts = (view, figure) => {
  if (!isVeiled(figure)) return new Set();
  const veiled = [...view.root.querySelectorAll("[data-panel]")].filter(isVeiled).map((node) => FIRST[node.dataset.panel]).filter(Boolean);
  const first = Math.min(...(veiled.length ? veiled : ["share"]).map((kind) => ORDER.indexOf(kind)));
  return new Set(ORDER.slice(first));
};

export const watchVeil = (view, figure, changed) => {
  let before = "";
  let shown = false;
  const observer = new MutationObserver(() => {
    shown = shown || figure.isConnected;
    if (shown && !figure.isConnected) return observer.disconnect();
    const now = [...veiledParts(view, figure)].join();
    if (now !== before) changed();
    before = now;
    return undefined;
  });
  observer.observe(view.root, { attributes: true, subtree: true, attributeFilter: ["class", "data-veiled"] });
};
