// A question with a computed answer: the learner commits, then the truth stands beside the guess. An answer
// belongs to the inputs it was given for: after a change it is asked anew.
import { el } from "../core/dom.js";
import { showNumber } from "../core/numbers.js";
import { remember, remembered } from "../core/progress.js";
import { withPoint } from "./decimal.js";

// 180, not 180.00; 0.5, not 0.50.
const plainly = (number) => {
  const shown = showNumber(number, 2);
  return Number.isFinite(Number(shown)) && !shown.includes("e") ? String(Number(shown)) : shown;
};

const inputsOf = (view) => JSON.stringify(view.payload.inputs);
const idOf = (task, step, view) => (step ? `step.${view.payload.step}` : task.id);
const answersOf = (view) => (view.state.answers = view.state.answers || {});

// What was answered to this question: {guess, right, tries, done, inputs, said}, null for nothing yet.
export const answered = (task, view, step = null) => answersOf(view)[idOf(task, step, view)] || null;

// Whether the answer is given and stands for the inputs shown.
export const isSettled = (task, view, step = null) => {
  const given = answered(task, view, step);
  if (task.kind === "goal") return true; // nothing to hide
  return Boolean(given && given.done && (step || given.inputs === inputsOf(view)));
};

const isRight = (task, guess) => {
  if (task.kind === "choice") return guess === task.answer;
  if (task.kind === "point") return task.cells.some(([row, column]) => guess.row === row && guess.column === column);
  return Math.abs(guess - task.answer) <= task.tolerance;
};

const truth = (task) => {
  if (task.kind === "choice") return task.options[task.answer];
  return task.kind === "number" ? plainly(task.answer) + (task.unit || "") : "";
};

// Commit: right, or a hint at the first miss, or the truth with its reason.
export const commit = (task, view, step, guess) => {
  const before = answered(task, view, step);
  const right = isRight(task, guess);
  const tries = (before && before.inputs === inputsOf(view) ? before.tries : 0) + 1;
  const hint = !right && tries === 1 && step && step.hint;
  const verdict = right ? view.word("right") : task.kind === "point" ? view.word("not_there") : view.word("wrong", { answer: truth(task) });
  const said = hint ? `${view.word("not_yet")} ${hint}` : `${verdict} ${task.why}`;
  keep(task, view, step, { guess, right, tries, done: right || !hint, inputs: inputsOf(view), said });
};

const keep = (task, view, step, given) => {
  answersOf(view)[idOf(task, step, view)] = given;
  if (given.right) remember(`${view.payload.tab}.${idOf(task, step, view)}`);
  view.root.dispatchEvent(new CustomEvent("am-answer", { detail: { tab: view.payload.tab, step: step ? view.payload.step : 0, task: task.id, ...given } }));
  view.draw();
};

// A goal is reached by what the learner did, not by what stood there. What was said goes with the inputs: while
// the goal stays reached the reason is that of the inputs as they stand, else it is one from before the change.
const look = (task, view, step) => {
  const given = answered(task, view, step);
  if (given && given.done && given.inputs !== inputsOf(view)) return { ...given, said: task.reached ? `${view.word("right")} ${task.why}` : `${view.word("for_before")} ${given.said}` };
  if (!task.reached || (given && given.done) || (step && inputsOf(view) === JSON.stringify(step.inputs))) return given;
  const fresh = { guess: null, right: true, tries: 1, done: true, inputs: inputsOf(view), said: `${view.word("right")} ${task.why}` };
  window.setTimeout(() => keep(task, view, step, fresh), 0); // a drawing is under way
  return fresh;
};

const choices = (task, view, step, given, off) => el("div", { class: "am-options", role: "group", "aria-label": task.question },
  task.options.map((option, i) => el("button", { type: "button", class: `am-button${given && given.guess === i ? " am-chosen" : ""}`, disabled: off,
    "aria-pressed": String(Boolean(given) && given.guess === i), "data-focus": `task.${task.id}.${i}`, onclick: () => commit(task, view, step, i) }, option)));

const typed = (task, view, step, given, off) => {
  const field = el("input", { type: "text", inputmode: "decimal", "aria-label": view.word("your_answer"), "data-focus": `task.${task.id}`, disabled: off, autocomplete: "off" });
  if (given) field.value = String(given.guess);
  return el("form", { class: "am-options", onsubmit: (event) => {
    event.preventDefault();
    const text = withPoint(field.value.normalize("NFKC").trim()).replace(/%$/, "");
    const number = text === "" ? NaN : Number(text);
    field.setAttribute("aria-invalid", String(!Number.isFinite(number)));
    if (Number.isFinite(number)) commit(task, view, step, number);
  } }, field, task.unit || "", el("button", { type: "submit", class: "am-button am-strong", disabled: off, "data-focus": `task.${task.id}.check` }, view.word("check")));
};

const dragged = (task, view, step, given, off) => {
  const [low, high] = task.bar;
  const drawn = (view.state.bars = view.state.bars || {});
  const start = given ? given.guess : drawn[task.id] ?? (low + high) / 2;
  const told = el("output", {}, plainly(start) + (task.unit || ""));
  const range = el("input", { type: "range", min: low, max: high, step: (high - low) / 100, value: start, disabled: off,
    "aria-label": view.word("your_answer"), "data-focus": `task.${task.id}` });
  range.addEventListener("input", () => {
    drawn[task.id] = Number(range.value);
    told.textContent = plainly(Number(range.value)) + (task.unit || "");
  });
  return el("div", { class: "am-options am-bar-guess" }, range, told,
    el("button", { type: "button", class: "am-button am-strong", disabled: off, "data-focus": `task.${task.id}.check`, onclick: () => commit(task, view, step, Number(range.value)) }, view.word("commit")));
};

const form = (task, view, step, given, off) => {
  if (task.kind === "choice") return choices(task, view, step, given, off);
  if (task.kind === "point") return el("p", { class: "am-caption" }, view.word("point_here"));
  if (task.kind === "goal") return el("p", { class: "am-goal" }, task.now);
  return (task.bar ? dragged : typed)(task, view, step, given, off);
};

// The question as it stands in a step (with its hint), or among the exercises of free play (step null).
export const question = (task, view, step = null) => {
  const given = task.kind === "goal" ? look(task, view, step) : answered(task, view, step);
  const old = given && task.kind !== "goal" && given.inputs !== inputsOf(view);
  const done = remembered(`${view.payload.tab}.${idOf(task, step, view)}`) ? el("span", { class: "am-done", "aria-label": view.word("right") }, "✓ ") : null;
  const again = () => {
    delete answersOf(view)[idOf(task, step, view)];
    view.draw();
  };
  const shown = old && !step ? null : given; // among the exercises the new inputs simply ask anew
  const result = el("p", { class: `am-result ${shown ? (shown.right ? "am-right" : "am-wrong") : ""}`, role: "status" },
    shown ? (old ? `${view.word("for_before")} ${shown.said}` : shown.said) : "");
  const fresh = old && step ? el("button", { type: "button", class: "am-button", "data-focus": `task.${task.id}.again`, onclick: again }, view.word("ask_again")) : null;
  return el("div", { class: "am-question" }, el("p", {}, done, task.question), form(task, view, step, shown, Boolean(old && step)), result, fresh);
};

// The guess in the picture, beside the truth: two bars over one scale at the panel asked about.
export const drawGuess = (task, view) => {
  const given = answersOf(view)[`step.${view.payload.step}`];
  if (task.kind !== "number" || !given || !given.done || given.inputs !== inputsOf(view)) return;
  const panel = view.root.querySelector(`[data-panel="${window.CSS.escape(task.cell ? task.cell[0] : (task.hides || [])[0] || "")}"]`);
  if (!panel) return;
  const [low, high] = task.bar || [Math.min(0, given.guess, task.answer), Math.max(given.guess, task.answer, 1e-9)];
  const bar = (name, number) => {
    const length = el("span", { class: "am-guess-bar" });
    length.style.width = `${100 * Math.max(0, Math.min(1, (number - low) / (high - low)))}%`;
    return el("div", { class: `am-guess-${name}` }, el("span", {}, view.word(name === "yours" ? "your_guess" : "the_truth")),
      el("span", { class: "am-guess-rail" }, length), el("b", {}, plainly(number) + (task.unit || "")));
  };
  const mark = el("div", { class: "am-guess" }, bar("yours", given.guess), bar("truth", task.answer));
  const first = panel.querySelector(".am-panel-head");
  if (first) first.after(mark);
  else panel.prepend(mark);
};
