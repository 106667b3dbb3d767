// The exercises of free play, and the veil over what would answer a question that is open.
import { el } from "../core/dom.js";
import { isSettled, question } from "./question.js";
import { stepOf, taskOf } from "./steps.js";

export const tasksBox = (view) => {
  const tasks = (view.payload.tasks || []).filter((task) => task.kind === "number" || task.kind === "choice"); // a step asks the others
  if (!tasks.length) return null;
  const list = () => el("ol", {}, tasks.map((task) => el("li", {}, question(task, view))));
  const box = el("details", { class: "am-tasks", open: view.state.tasks }, el("summary", {}, view.word("tasks")), view.state.tasks ? list() : null);
  box.addEventListener("toggle", () => {
    view.state.tasks = box.open;
    if (box.open && box.children.length === 1) box.append(list());
    veil(view);
  });
  return box;
};

const openTasks = (view) => {
  const step = stepOf(view);
  const task = taskOf(view);
  if (step) return task && !isSettled(task, view, step) ? [task] : [];
  return view.state.tasks ? (view.payload.tasks || []).filter((one) => !isSettled(one, view)) : [];
};

// While a question is open, a panel that would give its answer away is veiled until it is given;
// view.hides: panels that an open assignment veils besides.
export const veil = (view) => {
  const hidden = new Set([...openTasks(view).flatMap((task) => task.hides || []), ...(view.hides || [])]);
  for (const panel of view.root.querySelectorAll(".am-panel")) {
    const veiled = hidden.has(panel.dataset.panel);
    panel.classList.toggle("am-veiled", veiled);
    if (veiled) panel.dataset.veiled = view.word("veiled");
    else delete panel.dataset.veiled;
    for (const part of panel.children) if (!part.classList.contains("am-panel-head")) part.inert = veiled;
  }
};
