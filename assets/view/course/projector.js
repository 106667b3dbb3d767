// For the wall of a classroom: one picture, large type, the question; R shows the answer, N goes on.
import { el } from "../core/dom.js";
import { stepOf, taskOf } from "../page/steps.js";
import { truthOf } from "./own.js";
import { word } from "./page.js";
import { draw, go, openCourse, questionAt, viewOf } from "./run.js";

const NEXT = ["n", "N", "PageDown"]; // a pointer for lectures sends PageDown
const BACK = ["b", "B", "PageUp"];

const shown = () => {
  const holder = [...document.querySelectorAll("[id^='view-']")].find((one) => one.offsetParent);
  return holder ? viewOf(holder.id.slice(5)) : null;
};

const answerOf = (task) => (task.kind === "choice" ? `${task.options[task.answer]}. ` : "");

// The truth as if it had been answered: nothing is remembered, and no assignment hears of it.
const uncover = (view) => {
  const [step, task] = [stepOf(view), taskOf(view)];
  if (!step || !task) return;
  const [cell] = task.kind === "point" ? task.cells : [[0, 0]];
  const guess = task.kind === "point" ? { row: cell[0], column: cell[1] } : task.answer ?? null;
  view.state.answers = view.state.answers || {};
  view.state.answers[`step.${view.payload.step}`] = { guess, right: true, tries: 0, done: true, inputs: JSON.stringify(view.payload.inputs), said: `${answerOf(task)}${task.why}` };
  view.draw();
};

const reveal = () => {
  const course = openCourse();
  const question = course && questionAt(course, course.at);
  if (question && question.kind !== "task") {
    draw(course);
    const truth = question.kind === "text" ? word("no_one_answer") : truthOf(question);
    course.root.querySelector(".am-own").append(el("p", { class: "am-right", role: "status" }, truth));
    return;
  }
  const view = shown();
  if (view) uncover(view);
};

const move = (by) => {
  const course = openCourse();
  if (course) return go(course, course.at + by);
  const view = shown();
  const last = view && view.lesson ? view.lesson.steps.length + 1 : 0;
  return last ? view.enter(Math.max(1, Math.min(last, view.payload.step + by))) : undefined;
};

const pressed = (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || (event.target.closest && event.target.closest("input, textarea, select"))) return;
  const act = event.key === "r" || event.key === "R" ? reveal : NEXT.includes(event.key) ? () => move(1) : BACK.includes(event.key) ? () => move(-1) : null;
  if (!act) return;
  event.preventDefault();
  act();
};

export const startProjector = () => {
  document.documentElement.classList.add("am-projector");
  document.addEventListener("keydown", pressed);
  const help = () => document.body.append(el("p", { class: "am-projector-keys" }, word("keys")));
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", help);
  else window.setTimeout(help, 0); // the words come after this script
};
