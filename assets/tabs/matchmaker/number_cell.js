// A number in a cell: typed, nudged by the arrow keys, or dragged sideways; steps of 0.1.
import { withPoint } from "../../view/page/decimal.js";

const STEP = 0.1, MOST = 100;
const PACE = 8; // pixels of a drag that are one step
const START = 4; // pixels after which a press is a drag and no click

// "０，９", "−1" -> 0.9, -1; NaN for what is no number.
export const readNumber = (text) => {
  const plain = withPoint(text.normalize("NFKC").replace(/[−–]/g, "-").trim());
  return plain === "" ? NaN : Number(plain);
};

export const isAllowed = (number) => Number.isFinite(number) && Math.abs(number) <= MOST;

export const nudged = (number, steps) => Math.min(Math.max(Math.round((number + steps * STEP) * 1000) / 1000, -MOST), MOST);

// changed(number): a number of the learner's; or the text as it stands, where that is none.
export const numberCell = (input, changed) => {
  const tell = () => {
    const number = readNumber(input.value);
    input.setAttribute("aria-invalid", String(!isAllowed(number)));
    changed(isAllowed(number) ? number : input.value.trim());
  };
  const set = (number) => {
    if (String(number) === input.value) return;
    input.value = String(number);
    tell();
  };
  input.addEventListener("input", tell);
  input.addEventListener("focus", () => input.select());
  input.addEventListener("keydown", (event) => {
    const step = { ArrowUp: 1, ArrowDown: -1 }[event.key];
    const number = readNumber(input.value);
    if (!step || !Number.isFinite(number)) return;
    event.preventDefault();
    set(nudged(number, step));
  });
  return (node) => drag(node, input, set);
};

// A press on the cell that moves sideways changes its number; one that does not move begins to type.
const drag = (node, input, set) => {
  let from = null; // {x, number, moved} while pressed
  node.addEventListener("mousedown", (event) => { if (event.target === input && document.activeElement !== input) event.preventDefault(); });
  input.addEventListener("pointerdown", (event) => {
    const number = readNumber(input.value);
    if (event.button !== 0 || input.readOnly || document.activeElement === input || !Number.isFinite(number)) return;
    from = { x: event.clientX, number, moved: false };
    input.setPointerCapture(event.pointerId);
  });
  input.addEventListener("pointermove", (event) => {
    if (!from) return;
    const far = event.clientX - from.x;
    from.moved = from.moved || Math.abs(far) >= START;
    if (from.moved) set(nudged(from.number, Math.round(far / PACE)));
  });
  const end = (event) => {
    const clicked = from && !from.moved && event.type === "pointerup";
    from = null;
    if (clicked || (event.type === "pointerup" && input.readOnly)) input.focus();
  };
  for (const name of ["pointerup", "pointercancel"]) input.addEventListener(name, end);
};
