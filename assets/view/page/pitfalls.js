// Pitfalls: exercises on common mistakes, on what is often said, and programs with a bug, asked for when their
// section is opened. The learner predicts, then both ways stand side by side, with the why and a knob to turn.
import { el, isDark } from "../core/dom.js";
import { unpack } from "../core/numbers.js";
import { remember, remembered } from "../core/progress.js";
import { drawerOf } from "../core/registry.js";
import { cellTable } from "../panels/cells.js";
import { colourLegend, panelFrame } from "../panels/frame.js";
import { bug } from "./bugs.js";

// A picture of an exercise: not one of the view's panels, so it has no sheet and is not saved.
const picture = (panel, view) => {
  let node;
  if (panel.kind === "heatmap") {
    const { shape, data } = unpack(panel.data);
    node = panelFrame(panel, view, cellTable(panel, view, shape[0], shape[1], data), [colourLegend(panel)]);
  } else {
    node = drawerOf(panel.kind)(panel, view);
  }
  node.classList.add(`am-pitfall-${panel.kind}`);
  return node;
};

const exercise = (item, kept, view) => {
  const key = `${view.payload.tab}.pitfall.${item.id}`;
  const pictures = el("div", { class: "am-pitfall-pictures" });
  const draw = () => pictures.replaceChildren(...(item.turned || item.panels).map((panel) => picture(panel, view)));
  const result = el("p", { class: "am-result", role: "status" });
  const reveal = el("div", { class: "am-pitfall-reveal", hidden: true }, el("p", {}, item.why), pictures, turn(item, kept, view, draw));
  const done = el("span", { class: "am-done", "aria-hidden": "true" }, remembered(key) ? "✓ " : "");
  const buttons = item.options.map((option, i) => el("button", { type: "button", class: "am-button",
    "data-focus": `pitfall.${item.id}.${i}`, "aria-pressed": "false", onclick: () => choose(i) }, option));
  const choose = (i) => {
    const first = reveal.hidden;
    kept.chosen[item.id] = i;
    buttons.forEach((button, k) => {
      button.setAttribute("aria-pressed", String(k === i));
      button.classList.toggle("am-chosen", k === i);
    });
    const right = i === item.answer;
    result.textContent = right ? view.word("right") : kept.words.wrong.replace("{answer}", () => item.options[item.answer]);
    result.className = `am-result ${right ? "am-right" : "am-wrong"}`;
    reveal.hidden = false;
    if (first) draw();
    if (right) { remember(key); done.textContent = "✓ "; }
  };
  if (kept.chosen[item.id] !== undefined) choose(kept.chosen[item.id]);
  return el("li", {}, el("h3", { class: "am-title" }, done, item.title), el("p", {}, item.question),
    el("div", { class: "am-options", role: "group", "aria-label": item.title }, buttons), result, reveal);
};

// The knob and the dice of an exercise: the pictures follow, the question stays as it was asked.
const turn = (item, kept, view, draw) => {
  const knob = item.knob;
  item.seed = item.seed || 0;
  const start = Math.max(knob.choices.indexOf(knob.value), 0);
  const shown = el("output", {}, knob.labels[start]);
  const range = el("input", { type: "range", min: 0, max: knob.choices.length - 1, step: 1, value: start,
    "data-focus": `pitfall.${item.id}.knob`, "aria-label": knob.label, "aria-valuetext": knob.labels[start] });
  const failed = el("p", { class: "am-result am-wrong", role: "status" });
  let asked = 0;
  const ask = async () => {
    const number = ++asked;
    const answer = await view.ask("pitfalls", { pitfall: item.id, seed: item.seed, value: knob.value });
    if (number !== asked) return; // a later one is under way
    failed.textContent = answer.error || "";
    if (answer.error) return;
    item.turned = answer.panels;
    draw();
  };
  range.addEventListener("input", () => {
    const i = Number(range.value);
    knob.value = knob.choices[i];
    shown.textContent = knob.labels[i];
    range.setAttribute("aria-valuetext", knob.labels[i]);
    ask();
  });
  const dice = el("button", { type: "button", class: "am-button", "data-focus": `pitfall.${item.id}.again`,
    onclick: () => { item.seed = (item.seed + 1) % 1000; ask(); } }, kept.words.again);
  return el("div", { class: "am-pitfall-turn" }, el("label", {}, el("span", {}, knob.label), range, shown), knob.dice ? dice : null, failed);
};

export const pitfallsBox = (view) => {
  if (!view.server || !view.server.pitfalls) return null;
  const kept = (view.state.pitfalls = view.state.pitfalls || { chosen: {}, open: false });
  if (kept.box && kept.dark === isDark()) return kept.box; // it does not depend on the inputs
  kept.dark = isDark();
  const body = el("div", { class: "am-pitfall-body" });
  const box = el("details", { class: "am-tasks am-pitfalls", open: kept.open },
    el("summary", { "data-focus": "pitfalls" }, view.word("pitfalls")), body);
  const list = (name, made) => (kept[name].length ? [el("p", { class: "am-caption" }, kept.words[name]), el("ol", {}, kept[name].map(made))] : []);
  const fill = () => body.replaceChildren(...list("exercises", (item) => exercise(item, kept, view)),
    ...list("claims", (item) => exercise(item, kept, view)), ...list("bugs", (item) => bug(item, kept, view)));
  const load = async () => {
    if (kept.words || kept.loading) return;
    kept.loading = true;
    body.replaceChildren(el("p", { class: "am-caption", role: "status" }, view.word("loading")));
    const answer = await view.ask("pitfalls", {});
    kept.loading = false;
    if (answer.error) return body.replaceChildren(el("p", { class: "am-result am-wrong", role: "status" }, answer.error));
    Object.assign(kept, answer);
    kept.fill();
  };
  kept.box = box;
  kept.fill = fill;
  if (kept.words) fill();
  box.addEventListener("toggle", () => {
    kept.open = box.open;
    if (box.open) load();
  });
  return box;
};
