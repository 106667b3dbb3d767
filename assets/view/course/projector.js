// For the wall of a classroom: one picture, large type, the question; R shows the answer, N goes on, P shows
// another picture, C the controls of free play, Q the code that brings a phone here.
import { el } from "../core/dom.js";
import { addressOf } from "../core/link.js";
import { pictureOnWall, picturesOf, stepOf, taskOf } from "../page/steps.js";
import { isAimed, numberAt, plainly } from "./aim.js";
import { truthOf } from "./own.js";
import { lessonPage, word } from "./page.js";
import { qrOf } from "./qr.js";
import { courseServer, draw, go, openCourse, questionAt, viewOf } from "./run.js";

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

// What is to be told of a question of the teacher's own.
const truthAt = async (course, question) => {
  if (question.kind === "text" || question.kind === "target") return word("no_one_answer");
  if (!isAimed(question)) return truthOf(question);
  const { tab, view } = course.places[course.at];
  const found = await numberAt(course.server, question, `?${viewOf(tab).payload.link}`, view);
  return found.error || plainly(found.value);
};

const reveal = async () => {
  const course = openCourse();
  const question = course && questionAt(course, course.at);
  if (question && question.kind !== "task") {
    const truth = await truthAt(course, question);
    course.revealed = question.id;
    draw(course);
    course.root.querySelector(".am-own").append(el("p", { class: "am-right", role: "status" }, truth));
    return;
  }
  const view = shown();
  if (view) uncover(view);
};

const turn = (by) => {
  const view = shown();
  if (!view || !view.payload) return;
  const ids = picturesOf(view);
  view.onWall = ids[(ids.indexOf(pictureOnWall(view)) + by + ids.length) % ids.length];
  view.draw();
};

// Where a phone goes on: the assignment at this place, or the view as it stands.
const phoneLink = () => {
  const course = openCourse();
  if (course) return `${lessonPage()}?assignment=${course.given}&from=${course.at + 1}`;
  const view = shown();
  return view ? addressOf(view) : lessonPage();
};

const toggleCode = async () => {
  const open = document.querySelector(".am-wall-code");
  if (open) return open.remove();
  const holder = el("div", { class: "am-wall-code", role: "dialog", "aria-label": word("qr") }, await qrOf(courseServer(), phoneLink()));
  holder.addEventListener("click", () => holder.remove());
  return document.body.append(holder);
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
  const keys = { r: reveal, p: () => turn(event.shiftKey ? -1 : 1), q: toggleCode, c: () => document.documentElement.classList.toggle("am-wall-controls") };
  const act = NEXT.includes(event.key) ? () => move(1) : BACK.includes(event.key) ? () => move(-1) : keys[event.key.toLowerCase()];
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
