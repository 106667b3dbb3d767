// The picture of the matchmaker is one stop of the Tab key. Arrows go from number to number, Enter or a first
// letter edits one, Escape or Enter again is done with it.
const MOVES = { ArrowUp: [0, -1], ArrowDown: [0, 1], ArrowLeft: [-1, 0], ArrowRight: [1, 0] };
const ASIDE = 3; // how much farther a place seems that lies off the way

const placesOf = (art) => [...art.querySelectorAll("input, button.am-match-found")].filter((one) => one.offsetParent !== null && !one.disabled);

const middle = (node) => {
  const { left, right, top, bottom } = node.getBoundingClientRect();
  return [(left + right) / 2, (top + bottom) / 2];
};

// The nearest place that way, null at the picture's edge.
const nextOf = (art, from, [across, down]) => {
  const [x, y] = middle(from);
  let found = null, least = Infinity;
  for (const one of placesOf(art)) {
    const [u, v] = middle(one);
    const along = (u - x) * across + (v - y) * down;
    const aside = Math.abs((u - x) * down) + Math.abs((v - y) * across);
    if (one === from || along < 4 || along + ASIDE * aside >= least) continue;
    found = one;
    least = along + ASIDE * aside;
  }
  return found;
};

// Whether the learner is writing in an input, instead of standing on it.
export const isEditing = (input) => input.classList.contains("am-editing");

const edit = (input, on) => {
  input.classList.toggle("am-editing", on && !input.readOnly);
  if (!on) input.select();
};

export const rove = (art) => {
  const stop = (node) => {
    for (const one of placesOf(art)) one.tabIndex = one === node ? 0 : -1;
  };
  stop(placesOf(art)[0] || art.querySelector("input"));
  art.addEventListener("focusin", (event) => { if (event.target.matches("input, .am-match-found")) stop(event.target); });
  art.addEventListener("focusout", (event) => event.target.classList.remove("am-editing"));
  art.addEventListener("input", (event) => edit(event.target, true));
  art.addEventListener("click", (event) => { if (event.target.matches("input")) edit(event.target, true); });
  // before the number's own arrows, which count while it is edited
  art.addEventListener("keydown", (event) => {
    const at = event.target, typed = at.matches("input");
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (typed && (event.key === "Enter" || (event.key === "Escape" && isEditing(at)))) {
      event.preventDefault();
      event.stopPropagation();
      edit(at, !isEditing(at));
    }
    if (!MOVES[event.key] || (typed && isEditing(at))) return;
    event.preventDefault();
    event.stopPropagation();
    nextOf(art, at, MOVES[event.key])?.focus();
  }, { capture: true });
};
