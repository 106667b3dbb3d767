// The matchmaker's people: three tables of number cells. Arrow up and down nudge a number by 0.1.
"use strict";
(() => {
  const AM = window.AttentionMatchmaker;
  const MOST = { candidates: 8, traits: 6 };

  AM.mountPeople = (element, props, watch, changed) => {
    const root = element.querySelector(".am-people");
    const language = document.documentElement.lang.startsWith("zh") ? "zh" : "en";
    const word = (key, values = {}) => (AM.words[language][key] || key).replace(/\{(\w+)\}/g, (_, name) => String(values[name] ?? ""));
    let people = JSON.parse(JSON.stringify(props.value));
    let sent = JSON.stringify(people);

    const send = () => {
      sent = JSON.stringify(people);
      props.value = JSON.parse(sent);
      changed();
    };
    const reshape = (change) => { change(); draw(); send(); };

    // A number cell bound to row[i]; text that is no number is sent as it stands, and refused by name.
    const cell = (row, i, label, key) => {
      const input = AM.el("input", { type: "text", inputmode: "decimal", "aria-label": label, "data-key": key, autocomplete: "off" });
      input.value = String(row[i]);
      const read = () => {
        const text = input.value.trim();
        const number = Number(text);
        const fine = text !== "" && Number.isFinite(number) && Math.abs(number) <= 100;
        input.setAttribute("aria-invalid", String(!fine));
        row[i] = fine ? number : text;
        send();
      };
      input.addEventListener("input", read);
      input.addEventListener("keydown", (event) => {
        const step = { ArrowUp: 0.1, ArrowDown: -0.1 }[event.key];
        if (!step || !Number.isFinite(Number(input.value))) return;
        event.preventDefault();
        input.value = String(Math.round((Number(input.value) + step) * 1000) / 1000);
        read();
      });
      input.addEventListener("focus", () => input.select());
      return AM.el("td", {}, input);
    };

    const name = (i) => {
      const input = AM.el("input", { type: "text", maxlength: "24", class: "am-name", dir: "auto", "aria-label": word("candidate_name", { number: i + 1 }), "data-key": `name.${i}` });
      input.value = people.names[i];
      input.addEventListener("input", () => { people.names[i] = input.value; send(); });
      return AM.el("th", { scope: "row" }, input);
    };

    const button = (text, label, action, disabled = false) =>
      AM.el("button", { type: "button", class: "am-button", "aria-label": label, title: label, disabled, onclick: action }, text);

    const table = (title, note, width, rows, actions) => AM.el("section", {},
      AM.el("h2", { class: "am-title" }, title, AM.el("span", { class: "am-caption" }, ` ${note}`)),
      AM.el("div", { class: "am-scroll" }, AM.el("table", { "aria-label": title },
        AM.el("thead", {}, AM.el("tr", {}, AM.el("td"), Array.from({ length: width }, (_, i) => AM.el("th", { scope: "col" }, String(i + 1))))),
        AM.el("tbody", {}, rows))),
      AM.el("div", { class: "am-people-actions" }, actions));

    const draw = () => {
      const focus = root.contains(document.activeElement) ? document.activeElement.dataset.key : null;
      const d = people.query.length;
      const v = people.values.length ? people.values[0].length : 1;
      const count = people.names.length;
      const query = AM.el("tr", {}, AM.el("th", { scope: "row" }, word("you")),
        people.query.map((_, i) => cell(people.query, i, word("cell_query", { trait: i + 1 }), `query.${i}`)));
      const keys = people.keys.map((row, j) => AM.el("tr", {}, name(j),
        row.map((_, i) => cell(row, i, word("cell_key", { name: people.names[j], trait: i + 1 }), `key.${j}.${i}`)),
        AM.el("td", {}, button("×", word("remove_candidate", { name: people.names[j] }), () => reshape(() => {
          for (const part of ["names", "keys", "values"]) people[part].splice(j, 1);
        }), count <= 1))));
      const values = people.values.map((row, j) => AM.el("tr", {}, AM.el("th", { scope: "row", dir: "auto" }, people.names[j]),
        row.map((_, i) => cell(row, i, word("cell_value", { name: people.names[j], trait: i + 1 }), `value.${j}.${i}`))));
      root.replaceChildren(
        table(word("query"), word("query_note"), d, [query], [
          button(word("add_trait"), word("add_trait"), () => reshape(() => { people.query.push(0); people.keys.forEach((row) => row.push(0)); }), d >= MOST.traits),
          button(word("drop_trait"), word("drop_trait"), () => reshape(() => { people.query.pop(); people.keys.forEach((row) => row.pop()); }), d <= 1)]),
        table(word("keys"), word("keys_note"), d, keys, [
          button(word("add_candidate"), word("add_candidate"), () => reshape(() => {
            people.names.push(word("newcomer", { number: count + 1 }));
            people.keys.push(Array(d).fill(0.5));
            people.values.push(Array(v).fill(0.5));
          }), count >= MOST.candidates)]),
        table(word("values"), word("values_note"), v, values, [
          button(word("add_fact"), word("add_fact"), () => reshape(() => people.values.forEach((row) => row.push(0))), v >= MOST.traits),
          button(word("drop_fact"), word("drop_fact"), () => reshape(() => people.values.forEach((row) => row.pop())), v <= 1)]));
      const again = focus && root.querySelector(`[data-key="${window.CSS.escape(focus)}"]`);
      if (again) again.focus();
    };

    draw();
    watch("value", () => { // set from outside: an example, a link
      if (JSON.stringify(props.value) === sent) return;
      people = JSON.parse(JSON.stringify(props.value));
      sent = JSON.stringify(people);
      draw();
    });
  };
})();
