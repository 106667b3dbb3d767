// A teacher's own question: free text, a number, a choice. Marked by the rule of attention/course/marks.py.
import { el } from "../core/dom.js";
import { showNumber } from "../core/numbers.js";
import { withPoint } from "../page/decimal.js";
import { word } from "./page.js";

export const COARSEST = 0.005; // a number needs two decimals

// {value, half} of a typed number: half a unit in its last digit; null for no number.
export const readNumber = (text) => {
  const plain = withPoint(text.normalize("NFKC").trim());
  const [, above, below] = /^([+-]?\d{1,9}) ?\/ ?(\d{1,9})$/.exec(plain) || [];
  if (below && Number(below)) return { value: Number(above) / Number(below), half: 0 };
  const found = /^[+-]?(?:\d+(?:\.(\d*))?|\.(\d+))(?:e([+-]?\d{1,2}))?$/i.exec(plain);
  if (!found) return null;
  return { value: Number(plain), half: 0.5 * 10 ** (Number(found[3] || 0) - (found[1] || found[2] || "").length) };
};

// right, wrong, or null for what a teacher reads.
export const isRight = (question, given) => {
  if (question.kind === "choice") return given === String(question.answer);
  const typed = question.kind === "number" && readNumber(given);
  if (!typed || question.answer === undefined) return null;
  return Math.abs(typed.value - question.answer) <= Math.max(question.tolerance || 0, Math.min(typed.half, COARSEST)) + 1e-9;
};

export const truthOf = (question) => (question.kind === "choice" ? question.choices[question.answer] : String(Number(showNumber(question.answer, 4))));

export const typedForm = (question, given, answer) => {
  const field = el("input", { type: "text", inputmode: "decimal", "aria-label": question.prompt, autocomplete: "off", "data-focus": "own.number" });
  field.value = given ? given.given : "";
  return el("form", { class: "am-options", onsubmit: (event) => {
    event.preventDefault();
    const read = readNumber(field.value);
    field.setAttribute("aria-invalid", String(!read));
    if (read) answer(withPoint(field.value.normalize("NFKC").trim()));
  } }, field, el("button", { type: "submit", class: "am-button am-strong", "data-focus": "own.commit" }, word("commit")));
};

const written = (question, given, answer) => {
  const field = el("textarea", { rows: 3, maxlength: 2000, "aria-label": question.prompt, "data-focus": "own.text" });
  field.value = given ? given.given : "";
  field.addEventListener("change", () => answer(field.value));
  return el("div", {}, field, el("p", { class: "am-caption" }, word("text_kept")));
};

const choices = (question, given, answer) => el("div", { class: "am-options", role: "group", "aria-label": question.prompt },
  question.choices.map((one, i) => el("button", { type: "button", class: `am-button${given && given.given === String(i) ? " am-chosen" : ""}`,
    "aria-pressed": String(Boolean(given) && given.given === String(i)), "data-focus": `own.${i}`, onclick: () => answer(String(i)) }, one)));

// given: what was answered before, or null. told: whether the mark is shown at once.
export const ownQuestion = (question, given, told, answer) => {
  const form = { text: written, number: typedForm, choice: choices }[question.kind];
  const right = given ? isRight(question, given.given) : null;
  const verdict = told && right !== null ? (right ? word("right") : word("wrong", { answer: truthOf(question) })) : given && right !== null ? word("noted") : "";
  const made = form ? form(question, given, answer) : null;
  if (made && told && right !== null) for (const one of made.querySelectorAll("button, input")) one.disabled = true;
  return el("div", { class: "am-own" }, el("p", { class: "am-own-prompt" }, question.prompt), made,
    el("p", { class: `am-result${told && right !== null ? (right ? " am-right" : " am-wrong") : ""}`, role: "status" }, verdict));
};
