// An open assignment: a bar with its name and place, the teacher's note and question above the picture, the
// hand-in at the end. Answers stay in this browser until the learner gives them to somebody.
import { el } from "../core/dom.js";
import { reach } from "../core/transport.js";
import { startQuery } from "../page/link.js";
import { handIn } from "./handin.js";
import { keep, load } from "./kept.js";
import { ownQuestion } from "./own.js";
import { button, redraw, word } from "./page.js";

const GUESSES = 20; // kept of an answer, as attention/course/format.py has it
const LONGEST_WAIT = 30000; // milliseconds for a tab's first picture

const open = { course: null };
export const openCourse = () => open.course;

const stepsOf = (course) => course.assignment.steps || [];
export const questionAt = (course, at) => {
  const step = stepsOf(course)[at];
  return (step && step.question && course.assignment.questions.find((one) => one.id === step.question)) || null;
};

const save = (course) => keep(`course.${course.key}`, { at: course.at, name: course.name, answers: course.answers });

// One more try at a question: the latest counts, those before it are kept as guesses. done: the truth was
// shown; what is typed after that is no answer.
export const noteAnswer = (course, question, { given, inputs, right, done }) => {
  const before = course.answers[question.id];
  if (before && before.done) return;
  if (before && before.given === given && JSON.stringify(before.inputs) === JSON.stringify(inputs)) return;
  const guesses = before && question.kind !== "text" ? [...(before.guesses || []), before.given].slice(-GUESSES) : [];
  const attempts = before && question.kind !== "text" ? Math.min(before.attempts + 1, 1000) : 1;
  course.answers[question.id] = { given, inputs, attempts, guesses, right, done };
  save(course);
  draw(course);
};

const givenOf = (guess) => (guess === null ? "" : typeof guess === "object" ? `${guess.row},${guess.column}` : String(guess));

// What the page's own questions hear: the view tells of every answer (page/question.js).
const listen = (course) => document.addEventListener("am-answer", (event) => {
  const question = questionAt(course, course.at);
  const place = course.places[course.at];
  const { tab, step, task, guess, right, done } = event.detail;
  if (!question || question.kind !== "task" || question.task !== task || !place || place.tab !== tab || place.step !== step) return;
  const view = viewOf(tab);
  noteAnswer(course, question, { given: givenOf(guess), inputs: { view: `?${view.payload.link}` }, right, done });
}, true);

export const viewOf = (tab) => {
  const holder = document.querySelector(`#view-${tab}`);
  const found = holder && [holder, ...holder.querySelectorAll("*")].find((node) => node.amView);
  return found ? found.amView : null;
};

const ready = async (tab) => {
  const end = performance.now() + LONGEST_WAIT;
  while (performance.now() < end) {
    const view = viewOf(tab);
    if (view && view.payload && view.root.offsetParent) return view;
    await new Promise((wake) => window.setTimeout(wake, 60));
  }
  return null;
};

const show = async (course, place) => {
  const label = document.querySelector(`#tab-${place.tab}-button`);
  if (label && label.getAttribute("aria-selected") !== "true") label.click();
  const view = await ready(place.tab);
  if (!view || course.places[course.at] !== place) return;
  if (view.lesson) view.enter(place.step, place.inputs);
  else if (JSON.stringify(view.payload.inputs) !== JSON.stringify(place.inputs)) { // a tab without steps opens by its link
    const query = new URLSearchParams(stepsOf(course)[course.at].view);
    const now = new URLSearchParams(window.location.search);
    for (const name of ["assignment", "lang", "__theme", "projector"]) if (now.has(name)) query.set(name, now.get(name));
    window.location.assign(`${window.location.pathname}?${query}`);
  }
};

export const go = (course, at) => {
  course.at = Math.max(0, Math.min(stepsOf(course).length, at));
  save(course);
  const place = course.places[course.at] || null;
  document.documentElement.classList.toggle("am-no-picture", !place);
  draw(course);
  window.scrollTo(0, 0);
  return place ? show(course, place) : undefined;
};

const bar = (course) => {
  const count = stepsOf(course).length;
  const last = course.at >= count;
  const done = course.assignment.questions || [];
  return [el("b", { class: "am-course-title" }, course.assignment.title),
    el("span", { class: "am-course-place", role: "status" }, last ? word("end") : word("place", { at: course.at + 1, count })),
    el("span", { class: "am-course-done" }, word("answered", { done: done.filter((one) => course.answers[one.id]).length, count: done.length })),
    el("span", { class: "am-course-ways" }, button("back", () => go(course, course.at - 1), false, { disabled: course.at === 0 }),
      last ? null : button(course.at === count - 1 ? "to_hand_in" : "next", () => go(course, course.at + 1), true))];
};

const card = (course) => {
  const step = stepsOf(course)[course.at];
  if (!step) return handIn(course, () => { save(course); });
  const question = questionAt(course, course.at);
  const told = course.assignment.marks !== "at the end";
  const done = told && Boolean(question) && question.kind !== "text"; // the truth stands beside it from now on
  const note = (given) => noteAnswer(course, question, { given, inputs: {}, right: null, done });
  const own = question && question.kind !== "task" ? ownQuestion(question, course.answers[question.id] || null, told, note) : null;
  return step.note || own ? el("div", { class: "am-course-card" }, step.note ? el("p", { class: "am-course-note" }, step.note) : null, own) : null;
};

export const draw = (course) => {
  redraw(course.bar, bar(course));
  redraw(course.root, [card(course)]);
};

// An answer's own picture, veiled to the end where the assignment says so.
const veilStyle = (course) => {
  const names = (course.assignment.veiled || []).filter((one) => /^[\w-]+$/.test(one));
  if (!names.length) return;
  const rule = names.map((one) => `.am-panel[data-panel="${one}"] > :not(.am-panel-head)`).join(", ");
  document.head.append(el("style", {}, `${rule} { filter: blur(10px); pointer-events: none; }`));
};

export const courseInGradio = async (element, server) => {
  const given = new URLSearchParams(startQuery).get("assignment");
  if (!given) return;
  const root = element.querySelector(".am-course");
  const found = await reach(() => server.assignment({ assignment: given }));
  if (!found || found.error) {
    root.replaceChildren(el("p", { class: "am-note am-alert", role: "alert" }, found ? found.error : word("failed")));
    return;
  }
  const key = given.length < 30 ? given : `${given.slice(-24)}${given.length}`;
  const before = load(`course.${key}`, {});
  const strip = el("section", { class: "am-course-bar", "aria-label": word("assignment") });
  const course = { key, root, bar: strip, ...found, name: before.name || "", answers: before.answers || {}, at: 0 };
  document.body.prepend(strip);
  document.documentElement.classList.add("am-in-course");
  if (course.assignment.marks === "at the end") document.documentElement.classList.add("am-marks-later");
  veilStyle(course);
  listen(course);
  open.course = course;
  go(course, before.at || 0);
};
