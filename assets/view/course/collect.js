// "Add to assignment" beside Copy link: the view as it stands, for the builder on the page for teachers.
import { el } from "../core/dom.js";
import { addressOf } from "../core/link.js";
import { stepOf, taskOf } from "../page/steps.js";
import { keep, load } from "./kept.js";
import { word } from "./page.js";

const MOST = 60;
export const EMPTY = { title: "", marks: "at once", seed: 0, ownNumbers: false, names: true, items: [] };
export const draft = () => ({ ...EMPTY, ...load("draft", {}) });
export const keepDraft = (made) => keep("draft", made);

// {view, title, task, prompt}: where a step stands and what the page asks there.
const itemOf = (view) => {
  const query = new URLSearchParams(addressOf(view, true));
  for (const name of ["__theme", "embed", "panel", "assignment", "projector", "lang"]) query.delete(name);
  const [step, task] = [stepOf(view), taskOf(view)];
  const tab = document.querySelector(`#tab-${view.payload.tab}-button`);
  return { view: `?${query}`, title: `${tab ? tab.textContent.trim() : view.payload.tab}${step ? `: ${step.title}` : ""}`,
    ...(task ? { task: task.id, prompt: task.question } : {}) };
};

export const collectButton = (view) => {
  const made = el("button", { type: "button", class: "am-button am-collect", "data-focus": "collect" }, word("add"));
  made.addEventListener("click", () => {
    const now = draft();
    if (now.items.length < MOST) keepDraft({ ...now, items: [...now.items, itemOf(view)] });
    made.textContent = word("added", { count: Math.min(now.items.length + 1, MOST) });
    window.setTimeout(() => (made.textContent = word("add")), 1800);
  });
  return made;
};
