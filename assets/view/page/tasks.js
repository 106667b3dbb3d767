// Exercises: the learner answers, the page marks it against the computed value and says why.
import { el } from "../core/dom.js";
import { showNumber } from "../core/numbers.js";
import { remember, remembered } from "../core/progress.js";

export const tasksBox = (view) => {
  const tasks = (view.payload.tasks || []).filter((task) => task.kind === "number" || task.kind === "choice"); // a step asks the others
  if (!tasks.length) return null;
  const box = el("details", { class: "am-tasks", open: view.state.tasks },
    el("summary", {}, view.word("tasks")), el("ol", {}, tasks.map((task) => exercise(task, view))));
  box.addEventListener("toggle", () => { view.state.tasks = box.open; veil(view); });
  return box;
};

// While the exercises are open, a panel that would give an answer away is veiled until it is given.
export const veil = (view) => {
  const answers = view.state.answers || {};
  const open = (view.payload.tasks || []).filter((task) => view.state.tasks && !(task.id in answers));
  const hidden = new Set(open.flatMap((task) => task.hides || []));
  for (const panel of view.root.querySelectorAll(".am-panel")) {
    const veiled = hidden.has(panel.dataset.panel);
    panel.classList.toggle("am-veiled", veiled);
    for (const part of panel.children) if (!part.classList.contains("am-panel-head")) part.inert = veiled;
  }
};

// 180, not 180.00; 0.5, not 0.50.
const plainly = (number) => {
  const shown = showNumber(number, 2);
  return Number.isFinite(Number(shown)) && !shown.includes("e") ? String(Number(shown)) : shown;
};

const exercise = (task, view) => {
  const key = `${view.payload.tab}.${task.id}`;
  const answers = (view.state.answers = view.state.answers || {});
  const given = answers[task.id];
  const result = el("p", { class: "am-result", role: "status" });
  const mark = (answer) => {
    answers[task.id] = answer;
    veil(view);
    const right = task.kind === "choice" ? answer === task.answer : Math.abs(answer - task.answer) <= task.tolerance;
    const shown = task.kind === "choice" ? task.options[task.answer] : plainly(task.answer) + (task.unit || "");
    result.textContent = `${right ? view.word("right") : view.word("wrong", { answer: shown })} ${task.why}`;
    result.className = `am-result ${right ? "am-right" : "am-wrong"}`;
    if (right) remember(key);
  };
  let form;
  if (task.kind === "choice") {
    form = el("div", { class: "am-options", role: "group" }, task.options.map((option, i) =>
      el("button", { type: "button", class: "am-button", "data-focus": `task.${task.id}.${i}`, onclick: () => mark(i) }, option)));
  } else {
    const field = el("input", { type: "number", step: "any", "aria-label": view.word("your_answer"), "data-focus": `task.${task.id}` });
    if (given !== undefined) field.value = given;
    form = el("form", { class: "am-options", onsubmit: (event) => { event.preventDefault(); if (field.value !== "") mark(Number(field.value)); } },
      field, task.unit || "", el("button", { type: "submit", class: "am-button" }, view.word("check")));
  }
  const done = remembered(key) ? el("span", { class: "am-done", "aria-label": view.word("right") }, "✓ ") : null;
  if (given !== undefined) mark(given);
  return el("li", {}, el("p", {}, done, task.question), form, result);
};
