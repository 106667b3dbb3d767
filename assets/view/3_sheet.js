// The sheet of a cell, the code beside a view, and the exercises.
"use strict";
(() => {
  const AM = window.AttentionMatchmaker;

  AM.fillSheet = (view, sheet) => {
    const close = AM.el("button", { type: "button", class: "am-button", "data-focus": "close-sheet", onclick: () => view.close() }, view.word("close"));
    const title = AM.el("h3", { dir: "auto" }, sheet.error || sheet.title);
    const sections = (sheet.sections || []).map(section);
    view.sheet.replaceChildren(AM.el("div", { class: "am-panel-head" }, title, close), AM.el("div", { class: "am-sections" }, sections));
    view.sheet.setAttribute("aria-label", sheet.error || sheet.title);
    view.sheet.onkeydown = (event) => { if (event.key === "Escape") view.close(); };
  };

  const section = (part) => AM.el("section", {}, part.title ? AM.el("h4", { class: "am-title" }, part.title) : null,
    part.text ? AM.el("p", { class: "am-caption", dir: "auto" }, part.text) : null,
    part.table ? numbers(part.table) : null,
    part.lines ? AM.el("dl", { class: "am-lines" }, part.lines.map(([label, formula, value]) =>
      AM.el("div", {}, AM.el("dt", {}, label), AM.el("dd", { class: "am-formula" }, formula), AM.el("dd", { class: "am-value" }, value)))) : null);

  const numbers = (table) => AM.el("div", { class: "am-scroll", tabindex: "0", role: "group", "aria-label": table.columns.join(", ") },
    AM.el("table", { class: "am-numbers" },
      AM.el("thead", {}, AM.el("tr", {}, table.columns.map((name) => AM.el("th", { scope: "col" }, name)))),
      AM.el("tbody", {}, table.rows.map((row, i) => AM.el("tr", { class: table.total && i === table.rows.length - 1 ? "am-total" : "" },
        row.map((text, j) => (j === 0 ? AM.el("th", { scope: "row", dir: "auto" }, text) : AM.el("td", {}, text))))))));

  AM.View.prototype.code = function () {
    if (!this.payload.code) return null;
    const copy = AM.el("button", { type: "button", class: "am-button", "data-focus": "copy-code" }, this.word("copy_code"));
    copy.addEventListener("click", () => AM.copy(this.payload.code, copy, this));
    const open = this.state.code;
    const box = AM.el("details", { class: "am-code", open }, AM.el("summary", {}, this.word("code")),
      AM.el("div", { class: "am-panel-head" }, AM.el("p", { class: "am-caption" }, this.word("code_note")), copy),
      AM.el("pre", { tabindex: "0", class: "am-scroll" }, AM.el("code", {}, this.payload.code)));
    box.addEventListener("toggle", () => (this.state.code = box.open));
    return box;
  };

  // Exercises: the learner answers, the page marks it against the computed value and says why.
  AM.View.prototype.tasks = function () {
    const tasks = this.payload.tasks || [];
    if (!tasks.length) return null;
    const box = AM.el("details", { class: "am-tasks", open: this.state.tasks },
      AM.el("summary", {}, this.word("tasks")), AM.el("ol", {}, tasks.map((task) => exercise(task, this))));
    box.addEventListener("toggle", () => { this.state.tasks = box.open; this.veil(); });
    return box;
  };

  // While the exercises are open, a panel that would give an answer away is veiled until it is given.
  AM.View.prototype.veil = function () {
    const answers = this.state.answers || {};
    const open = (this.payload.tasks || []).filter((task) => this.state.tasks && !(task.id in answers));
    const hidden = new Set(open.flatMap((task) => task.hides || []));
    for (const panel of this.root.querySelectorAll(".am-panel")) {
      const veiled = hidden.has(panel.dataset.panel);
      panel.classList.toggle("am-veiled", veiled);
      for (const part of panel.children) if (!part.classList.contains("am-panel-head")) part.inert = veiled;
    }
  };

  const exercise = (task, view) => {
    const key = `${view.payload.tab}.${task.id}`;
    const answers = (view.state.answers = view.state.answers || {});
    const given = answers[task.id];
    const result = AM.el("p", { class: "am-result", role: "status" });
    const mark = (answer) => {
      answers[task.id] = answer;
      view.veil();
      const right = task.kind === "choice" ? answer === task.answer : Math.abs(answer - task.answer) <= task.tolerance;
      const shown = task.kind === "choice" ? task.options[task.answer] : AM.show(task.answer, 2) + (task.unit || "");
      result.textContent = `${right ? view.word("right") : view.word("wrong", { answer: shown })} ${task.why}`;
      result.className = `am-result ${right ? "am-right" : "am-wrong"}`;
      if (right) AM.remember(key);
    };
    let form;
    if (task.kind === "choice") {
      form = AM.el("div", { class: "am-options", role: "group" }, task.options.map((option, i) =>
        AM.el("button", { type: "button", class: "am-button", "data-focus": `task.${task.id}.${i}`, onclick: () => mark(i) }, option)));
    } else {
      const field = AM.el("input", { type: "number", step: "any", "aria-label": view.word("your_answer"), "data-focus": `task.${task.id}` });
      if (given !== undefined) field.value = given;
      form = AM.el("form", { class: "am-options", onsubmit: (event) => { event.preventDefault(); if (field.value !== "") mark(Number(field.value)); } },
        field, task.unit || "", AM.el("button", { type: "submit", class: "am-button" }, view.word("check")));
    }
    const done = AM.remembered(key) ? AM.el("span", { class: "am-done", "aria-label": view.word("right") }, "✓ ") : null;
    if (given !== undefined) mark(given);
    return AM.el("li", {}, AM.el("p", {}, done, task.question), form, result);
  };

  // Progress lives in this browser only.
  AM.remember = (key) => {
    try { window.localStorage.setItem(`am.done.${key}`, "1"); } catch (error) { /* storage is closed: nothing to keep */ }
  };
  AM.remembered = (key) => {
    try { return window.localStorage.getItem(`am.done.${key}`) === "1"; } catch (error) { return false; }
  };
})();
