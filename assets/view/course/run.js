// An open assignment: a bar with its name and place, the teacher's note and question above the picture, the
// hand-in at the end. Answers stay in this browser until the learner gives them to somebody.
import { el } from "../core/dom.js";
import { reach } from "../core/transport.js";
import { startQuery } from "../core/link.js";
import { taskOf } from "../page/steps.js";
import { aimedQuestion, isAimed, isMet, isTyped, numberAt, plainly, wanted } from "./aim.js";
import { noteDeeds } from "./deeds.js";
import { handIn } from "./handin.js";
import { keep, load } from "./kept.js";
import { ownQuestion } from "./own.js";
import { button, redraw, word } from "./page.js";
import { seedFor } from "./seed.js";
import { testIn } from "./test.js";

const GUESSES = 20; // kept of an answer, as attention/course/format.py has it
const LONGEST_WAIT = 30000; // milliseconds for a tab's first picture

const open = { course: null, server: null };
export const openCourse = () => open.course;
export const courseServer = () => open.server;

const stepsOf = (course) => course.assignment.steps || [];
export const questionAt = (course, at) => {
  const step = stepsOf(course)[at];
  return (step && step.question && course.assignment.questions.find((one) => one.id === step.question)) || null;
};

export const save = (course) => keep(`course.${course.key}`, { at: course.at, name: course.name, answers: course.answers, did: course.did });

// Whether marks stand beside the answers of a question at once.
const isTold = (course, question) => course.assignment.marks !== "at the end" && !isKept(course, question);

// Whether the answer of a question stays veiled to the end: then the latest one counts.
const isKept = (course, question) => Boolean(question) && (course.assignment.veiled || []).includes(question.id);

// One more try at a question: the latest counts, those before it are kept as guesses. done: the truth was
// shown; what is typed after that is no answer.
export const noteAnswer = (course, question, { given, inputs, right, done, truth }) => {
  const before = course.answers[question.id];
  if (before && before.done) return;
  if (before && before.given === given && JSON.stringify(before.inputs) === JSON.stringify(inputs)) return;
  const guesses = before && question.kind !== "text" ? [...(before.guesses || []), before.given].slice(-GUESSES) : [];
  const attempts = before && question.kind !== "text" ? Math.min(before.attempts + 1, 1000) : 1;
  course.answers[question.id] = { given, inputs, attempts, guesses, right, done, truth };
  save(course);
  if (question.kind !== "text") draw(course); // a click that ends the typing must find its button where it was
};

const givenOf = (guess) => (guess === null ? "" : typeof guess === "object" ? `${guess.row},${guess.column}` : String(guess));

// What the page's own questions hear: the view tells of every answer (page/question.js).
const listen = (course) => document.addEventListener("am-answer", (event) => {
  const question = questionAt(course, course.at);
  const place = course.places[course.at];
  const { tab, step, task, guess, right, done } = event.detail;
  if (!question || question.kind !== "task" || question.task !== task || !place || place.tab !== tab || place.step !== step) return;
  const view = viewOf(tab);
  noteAnswer(course, question, { given: givenOf(guess), inputs: { view: `?${view.payload.link}` }, right, done: done && !isKept(course, question) });
}, true);

// A number that the teacher asks about: where it stands, whenever the picture has changed.
const aim = async (course) => {
  const question = questionAt(course, course.at);
  const place = course.places[course.at];
  const view = place && viewOf(place.tab);
  if (!isAimed(question) || !course.arrived || !view || !view.payload) return;
  const link = `?${view.payload.link}`;
  const found = await numberAt(course.server, question, link, place.view);
  if (course.places[course.at] !== place || link !== `?${view.payload.link}`) return;
  course.now = { id: question.id, ...found };
  const right = question.kind === "target" && found.moved && found.own && isMet(question.target, found.value);
  if (right) noteAnswer(course, question, { given: plainly(found.value), inputs: { view: link }, right, done: true });
  draw(course);
};

const typedAt = async (course, question, given) => {
  const place = course.places[course.at];
  const link = `?${viewOf(place.tab).payload.link}`;
  const found = await numberAt(course.server, question, link, place.view);
  if (found.error) course.now = { id: question.id, ...found };
  else noteAnswer(course, question, { given, inputs: { view: link }, right: isTyped(given, found.value, question.tolerance), done: isTold(course, question), truth: plainly(found.value) });
  draw(course);
};

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
  Object.assign(course, { now: null, arrived: false, revealed: null });
  document.documentElement.classList.toggle("am-no-picture", !place);
  draw(course);
  window.scrollTo(0, 0);
  return place ? show(course, place).then(() => looked(course)) : undefined;
};

// How far a number is that is to be reached: on a phone the picture may be far below the question.
const nowOf = (course) => {
  const question = questionAt(course, course.at);
  if (!isAimed(question) || question.kind !== "target" || !course.now || course.now.error) return null;
  return el("span", { class: `am-course-now${course.answers[question.id] ? " am-right" : ""}` }, `${plainly(course.now.value)} (${wanted(question.target)})`);
};

const bar = (course) => {
  const count = stepsOf(course).length;
  const last = course.at >= count;
  const done = course.assignment.questions || [];
  return [el("b", { class: "am-course-title" }, course.assignment.title),
    el("span", { class: "am-course-place", role: "status" }, last ? word("end") : word("place", { at: course.at + 1, count })),
    nowOf(course), el("span", { class: "am-course-done" }, word("answered", { done: done.filter((one) => course.answers[one.id]).length, count: done.length })),
    el("span", { class: "am-course-ways" }, button("back", () => go(course, course.at - 1), false, { disabled: course.at === 0 }),
      last ? null : button(course.at === count - 1 ? "to_hand_in" : "next", () => go(course, course.at + 1), true))];
};

const questionCard = (course, question) => {
  const told = isTold(course, question);
  const given = course.answers[question.id] || null;
  if (isAimed(question)) {
    const now = course.now && course.now.id === question.id ? course.now : null;
    return aimedQuestion(question, { now, given, told, answer: (text) => typedAt(course, question, text) });
  }
  const done = told && question.kind !== "text"; // the truth stands beside it from now on
  return ownQuestion(question, given, told, (text) => noteAnswer(course, question, { given: text, inputs: {}, right: null, done }));
};

const card = (course) => {
  if (isNameless(course)) return begin(course);
  const step = stepsOf(course)[course.at];
  if (!step) return handIn(course, () => { save(course); });
  const question = questionAt(course, course.at);
  const noted = question && !isTold(course, question) && course.answers[question.id] ? el("p", { class: "am-caption", role: "status" }, word("noted")) : null;
  const own = question && question.kind !== "task" ? questionCard(course, question) : noted;
  return step.note || own ? el("div", { class: "am-course-card" }, step.note ? el("p", { class: "am-course-note" }, step.note) : null, own) : null;
};

// Panels that stay veiled at a step: those of an answer that the teacher keeps to the end, of a number that is
// still to be typed, and those that an assignment names.
const veiledAt = (course) => {
  const question = questionAt(course, course.at);
  const names = course.assignment.veiled || [];
  const questions = new Set((course.assignment.questions || []).map((one) => one.id));
  const panels = names.filter((one) => !questions.has(one));
  if (!question) return panels;
  const place = course.places[course.at];
  const view = place && viewOf(place.tab);
  const kept = isKept(course, question);
  if (kept && view && view.payload && question.kind === "task") panels.push(...((taskOf(view) || {}).hides || []));
  const typed = isAimed(question) && question.kind === "number";
  if (typed && course.revealed !== question.id && (kept || !course.answers[question.id])) panels.push(question.target.panel, ...((course.now && course.now.shown) || []));
  return panels;
};

// The picture has changed. What is on its way from another step counts for nothing: not before the step's own
// inputs have stood there.
const looked = (course) => {
  const place = course.places[course.at];
  const view = place && viewOf(place.tab);
  if (!view || !view.payload) return;
  course.arrived = course.arrived || (view.payload.step === place.step && JSON.stringify(view.payload.inputs) === JSON.stringify(place.inputs));
  veil(course);
  aim(course);
};

const veil = (course) => {
  const place = course.places[course.at];
  const view = place && viewOf(place.tab);
  if (!view || !view.payload) return;
  const hides = veiledAt(course);
  if (hides.join() === (view.hides || []).join()) return;
  view.hides = hides;
  view.draw();
};

export const draw = (course) => {
  document.documentElement.classList.toggle("am-marks-later", !isTold(course, questionAt(course, course.at)));
  redraw(course.bar, isNameless(course) ? [el("b", { class: "am-course-title" }, course.assignment.title)] : bar(course));
  redraw(course.root, [card(course)]);
  veil(course);
};

// Numbers of one's own are drawn from the name, so it is asked for first.
const isNameless = (course) => Boolean(course.assignment.own_numbers) && !course.name;

const begin = (course) => {
  const name = el("input", { type: "text", maxlength: 200, autocomplete: "name", "data-focus": "begin.name", required: true });
  return el("form", { class: "am-course-card am-hand-in", onsubmit: (event) => {
    event.preventDefault();
    if (!name.value.trim()) return;
    course.name = name.value.trim();
    start(course);
  } }, el("p", {}, word("begin_note")), el("label", { class: "am-label-line" }, word("your_name"), name), el("button", { type: "submit", class: "am-button am-strong" }, word("begin")));
};

const start = async (course) => {
  if (isNameless(course)) {
    document.documentElement.classList.add("am-no-picture");
    return draw(course);
  }
  if (course.assignment.own_numbers) {
    const found = await reach(() => course.server.assignment({ assignment: course.given, seed: seedFor(course.assignment, course.name) }));
    if (!found || found.error) return refuse(course.root, found);
    Object.assign(course, { places: found.places });
  }
  return go(course, course.at);
};

const refuse = (root, found) => root.replaceChildren(el("p", { class: "am-note am-alert", role: "alert" }, found ? found.error : word("failed")));

export const courseInGradio = async (element, server) => {
  open.server = server;
  const query = new URLSearchParams(startQuery);
  const given = query.get("assignment");
  const root = element.querySelector(".am-course");
  if (!given && query.get("test")) return testIn(root, server, query);
  if (!given) return undefined;
  const found = await reach(() => server.assignment({ assignment: given }));
  if (!found || found.error) return refuse(root, found);
  const key = given.length < 30 ? given : `${given.slice(-24)}${given.length}`;
  const before = load(`course.${key}`, {});
  const strip = el("section", { class: "am-course-bar", "aria-label": word("assignment") });
  const at = /^\d{1,3}$/.test(query.get("from")) ? Number(query.get("from")) - 1 : before.at || 0;
  const course = { key, root, server, given, bar: strip, ...found, name: before.name || "", answers: before.answers || {}, did: before.did || [], at, now: null };
  document.body.prepend(strip);
  document.documentElement.classList.add("am-in-course");
  listen(course);
  document.addEventListener("am-update", () => looked(course), true);
  noteDeeds(course, viewOf, () => save(course));
  open.course = course;
  return start(course);
};
