// The end of an assignment: what was answered, and the hand-in as a link and a file.
import { el } from "../core/dom.js";
import { isAimed } from "./aim.js";
import { isRight } from "./own.js";
import { pack } from "./compact.js";
import { classPage, copyButton, fileName, button, saveFile, word } from "./page.js";

const plain = (course) => ({
  version: 1, assignment: course.assignment, ...(course.name ? { name: course.name } : {}), ...(course.did.length ? { did: course.did } : {}),
  answers: (course.assignment.questions || []).filter((one) => course.answers[one.id]).map((one) => {
    const { given, inputs, attempts, guesses } = course.answers[one.id];
    return { question: one.id, given, inputs, attempts, guesses };
  }),
});

export const linkOf = async (course) => `${classPage()}#handin=${await pack(plain(course), "h1.")}`;

const markOf = (question, answer) => {
  if (!answer) return "";
  const right = question.kind === "task" || isAimed(question) ? answer.right : isRight(question, answer.given);
  return right === null || right === undefined ? word("teacher_reads") : word(right ? "right" : "not_right");
};

const told = (question, answer) => {
  if (!answer) return word("no_answer");
  if (question.kind === "choice") return question.choices[Number(answer.given)] || answer.given;
  return answer.given || word("done");
};

const rows = (course) => (course.assignment.questions || []).map((question) => {
  const answer = course.answers[question.id];
  const mark = markOf(question, answer);
  const cell = (name, text, look = "") => el("td", { class: look, "data-name": text ? word(name) : null }, text);
  return el("tr", {}, el("th", { scope: "row" }, question.prompt), cell("your_answer", told(question, answer)), cell("tries", answer ? String(answer.attempts) : ""),
    cell("mark", mark, mark === word("right") ? "am-right" : mark === word("not_right") ? "am-wrong" : ""));
});

export const handIn = (course, changed) => {
  const name = el("input", { type: "text", maxlength: 200, autocomplete: "name", "data-focus": "handin.name" });
  name.value = course.name;
  name.addEventListener("input", () => {
    course.name = name.value.trim();
    changed();
  });
  name.disabled = Boolean(course.assignment.own_numbers); // the numbers are those of this name
  const head = ["question", "your_answer", "tries", "mark"].map((one) => el("th", { scope: "col" }, word(one)));
  return el("div", { class: "am-course-card am-hand-in" }, el("h2", {}, word("hand_in")), el("p", {}, word("hand_in_note")),
    course.assignment.names === false ? null : el("label", { class: "am-label-line" }, word("your_name"), name),
    el("div", { class: "am-scroll" }, el("table", { class: "am-list" }, el("thead", {}, el("tr", {}, head)), el("tbody", {}, rows(course)))),
    el("div", { class: "am-options" }, copyButton("copy_hand_in", () => linkOf(course), true),
      button("save_hand_in", () => saveFile(fileName(`${course.assignment.title} ${course.name}`, ".json"), "application/json", JSON.stringify(plain(course), null, 1)))));
};
