// The decoder, step by step: rows of weights grow as its characters are written.
// The step is one number of the view; panels draw themselves anew on "am-step", nothing is fetched.
"use strict";
(() => {
  const AM = window.AttentionMatchmaker;
  const PACE = 650; // milliseconds a character while playing
  const DENSE = 24; // characters read from which on cells are narrower and bare
  const SETTLE = 300; // milliseconds of rest after which the step goes into the link

  const fill = (text, values) => text.replace(/\{(\w+)\}/g, (_, name) => String(values[name] ?? ""));
  const percent = (share) => `${(100 * share).toFixed(1)}%`;
  const button = (label, focus, onclick, more = {}) => AM.el("button", { type: "button", class: "am-button", "data-focus": focus, onclick, ...more }, label);

  // How many characters are written on the page now.
  const stepOf = (view) => view.state.step ?? view.payload.inputs.step;
  const setStep = (view, step) => {
    view.state.step = step;
    view.root.dispatchEvent(new CustomEvent("am-step"));
    window.clearTimeout(view.state.settling);
    view.state.settling = window.setTimeout(() => settle(view, step), SETTLE);
  };
  const settle = (view, step) => { // into the link, and into Gradio's hidden input
    view.state.step = undefined;
    const link = new URLSearchParams(view.payload.link);
    link.set("step", step);
    view.payload = { ...view.payload, link: String(link), inputs: { ...view.payload.inputs, step } };
    view.writeLink();
    if (view.choose) view.choose({});
  };

  // Another text or kind: the whole view comes back, then Gradio's inputs follow.
  const look = async (view, changes) => {
    const { text } = view.payload.inputs;
    const answer = await view.ask("draw", { inputs: { ...view.payload.inputs, step: stepOf(view), ...changes } });
    if (text !== view.payload.inputs.text) return; // the learner typed on meanwhile
    if (answer.error) view.say(answer.error);
    else (view.settle || view.update).call(view, answer);
  };

  // The first `upto` rows of a matrix (n, m) as small cells; the rest of the rows stays blank.
  const alignmentTable = (AM.alignmentTable = (panel, view, data, m, upto, extra = {}) => {
    const labels = Array.from({ length: upto }, (_, i) => Array.from({ length: m }, (_, j) => {
      const weight = data[i * m + j];
      return weight < 0.05 ? "" : weight > 0.995 ? "1" : weight.toFixed(2).slice(1);
    }));
    const body = AM.cellTable({ ...panel, cell_labels: labels, sums: false }, view, upto, m, data, extra);
    const rows = body.querySelector("tbody");
    if (!panel.whole && rows.lastElementChild) rows.lastElementChild.classList.add("am-now");
    for (let i = upto; i < panel.rows.length; i++) {
      rows.append(AM.el("tr", { "aria-hidden": "true" }, AM.el("th", {}, `${i + 1}. ·`), Array.from({ length: m }, () => AM.el("td", { class: "am-ahead" }))));
    }
    body.querySelectorAll("thead th").forEach((head, j) => { if (panel.unknown && panel.unknown[j]) head.classList.add("am-unknown"); });
    body.classList.add("am-alignment-map");
    if (m > DENSE) body.classList.add("am-dense");
    return body;
  });

  // Probabilities of the next character as bars, with their numbers.
  const bars = (AM.characterBars = (title, characters, row) => {
    const best = row.indexOf(Math.max(...row));
    return AM.el("div", { class: "am-characters" }, AM.el("h4", {}, title), AM.el("ul", {}, row.map((share, i) => {
      const bar = AM.el("span", { class: "am-character-bar", "aria-hidden": "true" });
      bar.style.width = `${100 * share}%`;
      return AM.el("li", { class: i === best ? "am-best" : "", "data-value": String(share) }, AM.el("b", {}, characters[i]), AM.el("span", { class: "am-character-room" }, bar), AM.el("span", {}, percent(share)));
    })));
  });

  // On a narrow page: scroll the table, and only it, so that this cell is seen.
  const bring = (stage, focus) => {
    const cell = stage.querySelector(`[data-focus="${focus}"]`);
    const room = cell && cell.closest(".am-scroll");
    if (!room || room.scrollWidth <= room.clientWidth) return;
    room.scrollLeft += cell.getBoundingClientRect().left - room.getBoundingClientRect().left - room.clientWidth / 2;
  };

  const slots = (panel, step) => AM.el("div", { class: "am-slots", "aria-label": `${panel.words.output}: ${panel.output.slice(0, step)}`, role: "img" },
    [...panel.output].map((character, i) => AM.el("span", { class: i === step - 1 ? "am-now" : "" }, i < step ? character : "·")));

  AM.kinds.alignment = (panel, view) => {
    AM.followRows(view);
    const { words } = panel;
    const count = panel.output.length;
    const m = panel.columns.length;
    const weights = panel.data ? AM.decode(panel.data).data : null;
    const chances = AM.decode(panel.probabilities);
    let timer = null;

    const written = AM.el("div", {});
    const stage = AM.el("div", { class: "am-stage" });
    const now = AM.el("output", { class: "am-player-now", "aria-live": "polite" });
    const slider = AM.el("input", { type: "range", min: 1, max: count, step: 1, class: "am-player-slider", "aria-label": words.output, "data-focus": "alignment.slider" });

    const draw = () => {
      const step = stepOf(view), i = step - 1;
      const row = Array.from(chances.data.slice(i * chances.shape[1], (i + 1) * chances.shape[1]));
      const parts = [fill(words.step, { step, count }), fill(words.says, { character: panel.output[i], share: percent(Math.max(...row)) })];
      if (weights) {
        const line = Array.from(weights.slice(i * m, (i + 1) * m));
        const most = line.indexOf(Math.max(...line));
        parts.push(fill(words.looks, { character: panel.columns[most], weight: AM.show(line[most], 2) }));
        window.requestAnimationFrame(() => bring(stage, `alignment.${i}.${most}`));
      }
      now.textContent = parts.join(" · ");
      slider.value = step;
      slider.setAttribute("aria-valuetext", now.textContent);
      written.replaceChildren(slots(panel, step));
      const map = weights ? alignmentTable(panel, view, weights, m, step) : AM.el("p", { class: "am-note am-no-weights" }, words.none);
      stage.replaceChildren(map, bars(words.bars, panel.characters, row));
    };
    const stop = () => { window.clearInterval(timer); timer = null; play.textContent = words.play; };
    const to = (step) => setStep(view, Math.min(Math.max(step, 1), count));
    const move = (step) => { stop(); to(step); };
    const start = () => {
      if (stepOf(view) === count) to(1);
      play.textContent = words.pause;
      timer = window.setInterval(() => {
        if (!stage.isConnected) return stop();
        to(stepOf(view) + 1);
        if (stepOf(view) === count) stop();
      }, PACE);
    };
    const play = button(words.play, "alignment.play", () => (timer ? stop() : start()));
    slider.addEventListener("input", () => move(Number(slider.value)));
    const another = view.server && button(words.another, "alignment.another", () => {
      view.state.another = ((view.state.another ?? -1) + 1) % panel.more.length;
      look(view, { text: panel.more[view.state.another], step: count });
    });
    const controls = AM.el("div", { class: "am-player-bar" }, play,
      button("◀", "alignment.back", () => move(stepOf(view) - 1), { "aria-label": words.back }), slider,
      button("▶", "alignment.forward", () => move(stepOf(view) + 1), { "aria-label": words.forward }), another);
    const body = AM.el("div", {}, controls, written, now, stage);
    AM.whileShown(view, body, ["am-step", "am-update"], draw);
    draw();
    return AM.frame(panel, view, body, weights ? [AM.legend(panel), AM.saveMenu(panel, view)] : []);
  };

  // One card for each kind of attention; their little pictures grow with the same step.
  AM.kinds.decoders = (panel, view) => {
    const { words } = panel;
    const cards = AM.el("div", { class: "am-cards" });
    const draw = () => {
      const step = stepOf(view);
      cards.replaceChildren(...panel.cards.map((card) => one(panel, card, step, view)));
    };
    const one = (panel, card, step, view) => {
      const done = step === card.output.length;
      const wrong = (i) => card.truth !== null && card.truth[i] !== card.output[i];
      const output = AM.el("p", { class: "am-output", "aria-label": `${words.output}: ${card.output.slice(0, step)}` }, [...card.output].map((character, i) =>
        AM.el("span", { class: i < step && wrong(i) ? "am-miss" : "" }, i < step ? character : "·")));
      const choose = button(card.chosen ? words.shown : words.enlarge, `kinds.${card.id}`, () => look(view, { attention: card.id }), { "aria-pressed": String(card.chosen), "aria-label": `${card.name}: ${words.enlarge}` });
      if (!view.server) choose.disabled = true;
      return AM.el("section", { class: `am-card${card.chosen ? " am-chosen" : ""}`, "data-kind": card.id },
        AM.el("div", { class: "am-panel-head" }, AM.el("h3", {}, card.name), choose), output,
        AM.el("p", { class: `am-verdict${done ? ` am-${card.verdict}` : ""}` }, done ? card.sentence : "\u00a0"),
        card.data ? mini(card, step, view) : AM.el("p", { class: "am-mini am-no-weights" }, words.none_small), AM.el("p", { class: "am-caption" }, card.share));
    };
    AM.whileShown(view, cards, ["am-step", "am-update"], draw);
    draw();
    return AM.frame(panel, view, cards);
  };

  const mini = (card, step, view) => {
    const { shape: [n, m], data } = AM.decode(card.data);
    const ramp = AM.ramp("sequential");
    const art = AM.svg("svg", { viewBox: `0 0 ${m} ${n}`, preserveAspectRatio: "none", class: "am-mini", role: "img", "aria-label": card.name });
    for (let i = 0; i < step; i++) {
      for (let j = 0; j < m; j++) {
        art.append(AM.svg("rect", { x: j + 0.03, y: i + 0.04, width: 0.94, height: 0.92, fill: AM.css(AM.mix(ramp, data[i * m + j])), "data-cell": `${i}.${j}` },
          AM.svg("title", {}, view.word("cell", { row: `${i + 1}. ${card.output[i]}`, column: card.columns[j], value: AM.show(data[i * m + j]) }))));
      }
    }
    art.addEventListener("click", (event) => {
      const cell = event.target.closest("rect");
      if (!cell) return;
      const [row, column] = cell.dataset.cell.split(".").map(Number);
      view.open({ panel: "kinds", frame: card.id, row, column });
    });
    return art;
  };
})();
