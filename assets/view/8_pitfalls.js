// Pitfalls: exercises on common mistakes, asked for when their section is opened. The learner
// predicts, then both ways stand side by side, with the why and a knob to turn.
"use strict";
(() => {
  const AM = window.AttentionMatchmaker;

  // A picture of an exercise: not one of the view's panels, so it has no sheet and is not saved.
  const picture = (panel, view) => {
    let node;
    if (panel.kind === "heatmap") {
      const { shape, data } = AM.decode(panel.data);
      node = AM.frame(panel, view, AM.cellTable(panel, view, shape[0], shape[1], data), [AM.legend(panel)]);
    } else {
      node = AM.kinds[panel.kind](panel, view);
    }
    node.classList.add(`am-pitfall-${panel.kind}`);
    return node;
  };

  const exercise = (item, kept, view) => {
    const key = `${view.payload.tab}.pitfall.${item.id}`;
    const pictures = AM.el("div", { class: "am-pitfall-pictures" });
    const draw = () => pictures.replaceChildren(...(item.turned || item.panels).map((panel) => picture(panel, view)));
    const result = AM.el("p", { class: "am-result", role: "status" });
    const reveal = AM.el("div", { class: "am-pitfall-reveal", hidden: true }, AM.el("p", {}, item.why), pictures, turn(item, kept, view, draw));
    const done = AM.el("span", { class: "am-done", "aria-hidden": "true" }, AM.remembered(key) ? "✓ " : "");
    const buttons = item.options.map((option, i) => AM.el("button", { type: "button", class: "am-button",
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
      if (right) { AM.remember(key); done.textContent = "✓ "; }
    };
    if (kept.chosen[item.id] !== undefined) choose(kept.chosen[item.id]);
    return AM.el("li", {}, AM.el("h3", { class: "am-title" }, done, item.title), AM.el("p", {}, item.question),
      AM.el("div", { class: "am-options", role: "group", "aria-label": item.title }, buttons), result, reveal);
  };

  // The knob and the dice of an exercise: the pictures follow, the question stays as it was asked.
  const turn = (item, kept, view, draw) => {
    const knob = item.knob;
    item.seed = item.seed || 0;
    const start = Math.max(knob.choices.indexOf(knob.value), 0);
    const shown = AM.el("output", {}, knob.labels[start]);
    const range = AM.el("input", { type: "range", min: 0, max: knob.choices.length - 1, step: 1, value: start,
      "data-focus": `pitfall.${item.id}.knob`, "aria-label": knob.label, "aria-valuetext": knob.labels[start] });
    const failed = AM.el("p", { class: "am-result am-wrong", role: "status" });
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
    const dice = AM.el("button", { type: "button", class: "am-button", "data-focus": `pitfall.${item.id}.again`,
      onclick: () => { item.seed = (item.seed + 1) % 1000; ask(); } }, kept.words.again);
    return AM.el("div", { class: "am-pitfall-turn" }, AM.el("label", {}, AM.el("span", {}, knob.label), range, shown), dice, failed);
  };

  AM.View.prototype.pitfalls = function () {
    if (!this.server || !this.server.pitfalls) return null;
    const kept = (this.state.pitfalls = this.state.pitfalls || { chosen: {}, open: false });
    if (kept.box && kept.dark === AM.isDark()) return kept.box; // it does not depend on the inputs
    kept.dark = AM.isDark();
    const body = AM.el("div", { class: "am-pitfall-body" });
    const box = AM.el("details", { class: "am-tasks am-pitfalls", open: kept.open },
      AM.el("summary", { "data-focus": "pitfalls" }, this.word("pitfalls")), body);
    const fill = () => body.replaceChildren(AM.el("p", { class: "am-caption" }, kept.words.note),
      AM.el("ol", {}, kept.items.map((item) => exercise(item, kept, this))));
    const load = async () => {
      if (kept.items || kept.loading) return;
      kept.loading = true;
      body.replaceChildren(AM.el("p", { class: "am-caption", role: "status" }, this.word("loading")));
      const answer = await this.ask("pitfalls", {});
      kept.loading = false;
      if (answer.error) return body.replaceChildren(AM.el("p", { class: "am-result am-wrong", role: "status" }, answer.error));
      Object.assign(kept, { items: answer.exercises, words: answer.words });
      kept.fill();
    };
    kept.box = box;
    kept.fill = fill;
    if (kept.items) fill();
    box.addEventListener("toggle", () => {
      kept.open = box.open;
      if (box.open) load();
    });
    return box;
  };
})();
