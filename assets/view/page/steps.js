// The lesson of a tab: a step says something, moves the inputs, shows the controls and panels it speaks of,
// and asks before it shows. The last step is free play. The payload says at which step it was drawn.
import { el } from "../core/dom.js";
import { remembered } from "../core/progress.js";
import { drawGuess, question } from "./question.js";

const count = (view) => view.lesson.steps.length;

// The step that is shown, null in free play and where there is no lesson.
export const stepOf = (view) => (!view.alone && view.lesson && view.payload && view.lesson.steps[view.payload.step - 1]) || null;

// The question that a step asks of the picture shown, null for none.
export const taskOf = (view) => {
  const step = stepOf(view);
  return (step && step.task && (view.payload.tasks || []).find((task) => task.id === step.task)) || null;
};

// Ids of the panels that are in sight at this step, null for all.
const inSight = (view) => {
  if (view.alone) return new Set([view.alone]);
  const step = stepOf(view);
  if (document.documentElement.classList.contains("am-projector")) return new Set([pictureOnWall(view)]);
  return step && step.panels.length ? new Set(step.panels) : null;
};

// Ids of the pictures that a step speaks of, in free play of all, in their order.
export const picturesOf = (view) => {
  const step = stepOf(view);
  const ids = view.payload.panels.map((panel) => panel.id).filter(Boolean);
  const spoken = step ? step.panels.filter((id) => ids.includes(id)) : [];
  return spoken.length ? spoken : ids;
};

// On a wall one picture is enough: the first, or the one that was stepped to (view.onWall).
export const pictureOnWall = (view) => {
  const ids = picturesOf(view);
  return ids.includes(view.onWall) ? view.onWall : ids[0];
};

const dots = (view) => el("nav", { class: "am-step-dots", "aria-label": view.word("lesson") },
  Array.from({ length: count(view) + 1 }, (_, i) => {
    const step = view.lesson.steps[i];
    const here = view.payload.step === i + 1;
    const done = step && step.task && remembered(`${view.payload.tab}.step.${i + 1}`);
    return el("button", { type: "button", class: `am-dot${done ? " am-right" : ""}`, title: step ? step.title : view.word("free_play"),
      "aria-label": step ? `${i + 1}. ${step.title}` : view.word("free_play"), "aria-current": here ? "step" : null,
      "data-focus": `step.${i + 1}`, onclick: () => view.enter(i + 1) }, step ? (done ? "✓" : String(i + 1)) : "…");
  }));

const head = (view, step) => [
  el("div", { class: "am-step-line" }, el("span", { class: "am-step-count" },
    step ? view.word("step_of", { step: view.payload.step, count: count(view) }) : view.word("free_play")), dots(view)),
  step ? el("h2", { class: "am-step-title" }, step.title) : el("p", { class: "am-caption" }, view.word("free_play_note")),
];

const ways = (view) => {
  const at = view.payload.step;
  const button = (name, to, strong) => el("button", { type: "button", class: `am-button${strong ? " am-strong" : ""}`,
    "data-focus": name, onclick: () => view.enter(to) }, view.word(to > count(view) ? "free_play" : name));
  return el("div", { class: "am-step-ways" }, at > 1 ? button("back", at - 1, false) : el("span"),
    at <= count(view) ? button("next", at + 1, true) : null);
};

const drawer = (view, tab) => el("button", { type: "button", class: "am-button am-drawer", "data-focus": "drawer",
  "aria-expanded": String(tab.classList.contains("am-open")), onclick: (event) => {
    const open = tab.classList.toggle("am-open");
    event.target.setAttribute("aria-expanded", String(open));
  } }, view.word("controls"));

// The Tab key comes to the lesson before its picture; where the picture leads (in free play, and on a phone)
// it comes to the picture first, and to the controls after it. Where they stand is the style's matter.
const inOrder = (tab, column, lessonFirst) => {
  const shown = tab.querySelector(".am-shown");
  if (!shown || shown.parentNode !== column.parentNode) return;
  const follows = Boolean(column.compareDocumentPosition(shown) & Node.DOCUMENT_POSITION_FOLLOWING);
  if (follows === lessonFirst || tab.contains(document.activeElement) && shown.contains(document.activeElement)) return;
  column.parentNode.insertBefore(shown, lessonFirst ? column.nextSibling : column);
};

// The left column as the step wants it: what it says, its controls, its question.
export const drawStep = (view) => {
  const tab = view.root.closest(".am-tab");
  if (!tab || !view.lesson) return;
  const column = tab.querySelector(".am-inputs");
  const [above, below] = [".am-step-head", ".am-step-foot"].map((name) => tab.querySelector(name));
  if (!above || !below) { // Gradio has not yet drawn the left column
    window.requestAnimationFrame(() => drawStep(view));
    return;
  }
  const step = stepOf(view);
  inOrder(tab, column, Boolean(step) && window.innerWidth >= 1000);
  column.dataset.step = view.payload.step;
  tab.classList.toggle("am-stepping", Boolean(step));
  tab.classList.toggle("am-many", Boolean(step) && step.controls.length > 1);
  for (const field of tab.querySelectorAll(".am-field")) {
    const name = [...field.classList].find((one) => one.startsWith("am-field-")).slice(9);
    field.classList.toggle("am-asked", Boolean(step) && step.controls.includes(name));
  }
  const focus = column.contains(document.activeElement) ? document.activeElement.dataset.focus : null;
  above.replaceChildren(...head(view, step));
  const task = taskOf(view);
  below.replaceChildren(...(step ? [task ? question(task, view, step) : null, ways(view)] : [drawer(view, tab), ways(view)]).filter(Boolean));
  const again = focus && column.querySelector(`[data-focus="${window.CSS.escape(focus)}"]`);
  if (again && again !== document.activeElement) again.focus({ preventScroll: true });
  if (task) drawGuess(task, view);
};

// Panels that the step does not speak of are put aside, with sections that are left empty.
export const putAside = (view) => {
  const shown = inSight(view);
  const stays = (node) => !shown || shown.has(node.dataset.panel) || node.matches(".am-waiting, .am-failed");
  for (const node of view.root.querySelectorAll(".am-group .am-panel")) node.toggleAttribute("data-aside", !stays(node));
  for (const group of view.sections) group.toggleAttribute("data-aside", [...group.querySelectorAll(".am-panel")].every((node) => "aside" in node.dataset));
};

// The step at which a tab that nobody has linked to is opened.
export const startStep = (view, query, tab) => {
  const steps = view.lesson.steps.length;
  if (query.get("step") === "free" || view.alone) return steps + 1;
  if (query.get("tab") !== tab) return 1;
  const own = [...query.keys()].some((name) => !["tab", "step", "lang", "__theme", "embed", "panel"].includes(name));
  if (!query.has("step")) return own ? steps + 1 : 1;
  const step = Number(query.get("step"));
  return Number.isInteger(step) && step >= 1 ? Math.min(step, steps + 1) : steps + 1;
};
