// A teacher's question about a number of the picture: to be made so, or to be typed. The server computes it
// from the inputs as they stand; whoever collates computes it again.
import { el } from "../core/dom.js";
import { showNumber } from "../core/numbers.js";
import { reach } from "../core/transport.js";
import { COARSEST, readNumber, typedForm } from "./own.js";
import { word } from "./page.js";

export const isAimed = (question) => Boolean(question && question.view && question.target);
export const plainly = (number) => (number === null ? "NaN" : String(Number(showNumber(number, 4))));

// The rule of Target.met in attention/course/format.py.
export const isMet = ({ relation, value, tolerance = 0 }, number) => {
  if (number === null) return false;
  if (relation === "at least") return number >= value - tolerance;
  if (relation === "at most") return number <= value + tolerance;
  return Math.abs(number - value) <= tolerance + 1e-9;
};

const SIGNS = { "at least": "≥", "at most": "≤", equal: "=" };
export const wanted = ({ relation, value, tolerance = 0 }) => `${SIGNS[relation]} ${plainly(value)}${tolerance ? ` ± ${plainly(tolerance)}` : ""}`;

// {value, label, moved, own} of the number at a view (its link from the ? on); base: the view it began with.
export const numberAt = async (server, { target }, view, base) =>
  (await reach(() => server.number({ view, base, panel: target.panel, row: target.row, column: target.column }))) ?? { error: word("failed") };

export const isTyped = (text, value, tolerance = 0) => {
  const read = readNumber(text);
  return Boolean(read) && value !== null && Math.abs(read.value - value) <= Math.max(tolerance, Math.min(read.half, COARSEST)) + 1e-9;
};

// now: what numberAt found, null before; given: the answer so far; told: whether marks come at once.
export const aimedQuestion = (question, { now, given, told, answer }) => {
  const lines = [el("p", { class: "am-own-prompt" }, question.prompt)];
  if (now && now.error) lines.push(el("p", { class: "am-wrong", role: "alert" }, now.error));
  if (question.kind === "target") {
    if (now && !now.error) lines.push(el("p", { class: "am-goal", role: "status" }, word("aim_now", { label: now.label, now: plainly(now.value), wanted: wanted(question.target) })));
    if (now && now.own === false) lines.push(el("p", { class: "am-wrong" }, word("aim_own")));
    if (given) lines.push(el("p", { class: "am-result am-right", role: "status" }, word("right")));
    return el("div", { class: "am-own am-question" }, lines);
  }
  const form = typedForm(question, given, answer);
  if (given && told) for (const one of form.querySelectorAll("button, input")) one.disabled = true;
  const verdict = !given ? "" : !told ? word("noted") : given.right ? word("right") : word("wrong", { answer: given.truth });
  return el("div", { class: "am-own" }, lines, form, el("p", { class: `am-result${given && told ? (given.right ? " am-right" : " am-wrong") : ""}`, role: "status" }, verdict));
};
