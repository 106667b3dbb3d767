// Find the bug: a program to run, whose faulty line is clicked; then the repair and what it prints.
import { el } from "../core/dom.js";
import { remember, remembered } from "../core/progress.js";
import { fill } from "../core/words.js";

const program = (item, kept, choose) => el("div", { class: "am-program am-scroll", role: "group", "aria-label": kept.words.program },
  item.code.map((text, i) => (text.trim() ? el("button", { type: "button", "data-focus": `bug.${item.id}.${i + 1}`,
    "aria-label": fill(kept.words.line, { line: i + 1, code: text.trim() }), onclick: () => choose(i + 1) },
  el("span", {}, String(i + 1)), el("code", {}, text)) : el("div", {}, el("span", {}, String(i + 1))))));

const repair = (item, kept) => el("div", { class: "am-pitfall-reveal", hidden: true }, el("p", { class: "am-caption" }, kept.words.repair),
  el("div", { class: "am-program am-scroll", tabindex: "0", role: "group", "aria-label": kept.words.repair },
    item.repair.map(([sign, text]) => el("div", { class: sign === "+" ? "am-right" : "am-wrong" }, el("span", {}, sign === "-" ? "−" : sign), el("code", {}, text)))),
  el("p", {}, item.prints), el("p", {}, item.why));

export const bug = (item, kept, view) => {
  const { words } = kept;
  const key = `${view.payload.tab}.bug.${item.id}`;
  const state = (kept.bugs_state = kept.bugs_state || {})[item.id] ||= { ran: false, line: 0, open: false };
  const done = el("span", { class: "am-done", "aria-hidden": "true" }, remembered(key) ? "✓ " : "");
  const happens = el("p", { class: "am-caption", role: "status" });
  const result = el("p", { class: "am-result", role: "status" });
  const shown = repair(item, kept);
  const show = () => {
    const right = item.lines.includes(state.line);
    happens.textContent = state.ran ? item.happens : "";
    const missed = state.line === item.stops && state.ran ? words.where_it_stops : words.not_here;
    result.textContent = state.line ? fill(right ? words.found : missed, { line: state.line }) : "";
    result.className = `am-result ${right ? "am-right" : "am-wrong"}`;
    shown.hidden = !state.open;
    for (const [i, line] of [...lines.children].entries()) {
      line.classList.toggle("am-chosen", state.line === i + 1);
      line.classList.toggle("am-stops", state.ran && item.stops === i + 1);
      if (line.matches("button")) line.setAttribute("aria-pressed", String(state.line === i + 1));
    }
  };
  const choose = (line) => {
    const right = item.lines.includes(line);
    Object.assign(state, { line, ran: state.ran || right, open: state.open || right });
    if (right) { remember(key); done.textContent = "✓ "; }
    show();
  };
  const lines = program(item, kept, choose);
  const button = (name, act) => el("button", { type: "button", class: "am-button", "data-focus": `bug.${item.id}.${name}`, onclick: act }, words[name]);
  const buttons = el("div", { class: "am-options" }, button("run", () => { state.ran = true; show(); }),
    button("show", () => { Object.assign(state, { ran: true, open: true }); show(); }));
  show();
  return el("li", {}, el("h3", { class: "am-title" }, done, item.title), el("p", {}, item.about), lines, buttons, happens, result, shown);
};
