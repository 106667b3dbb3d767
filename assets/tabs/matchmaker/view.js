// The matchmaker's picture, and its people as three tables of number cells, folded until somebody wants them.
import { el } from "../../view/core/dom.js";
import { register } from "../../view/core/registry.js";
import { fill, pageLanguage, wordsIn } from "../../view/core/words.js";
import { belief } from "./belief.js";
import { match } from "./match.js";
import { numberCell } from "./number_cell.js";

register({ belief, match });

const MOST = { candidates: 8, traits: 6 };

export const mountPeople = (element, props, watch, changed) => {
  const words = wordsIn(pageLanguage());
  const root = element.querySelector(".am-people");
  root.setAttribute("aria-label", props.label || "");
  root.setAttribute("role", "group");
  const tables = el("div");
  root.replaceChildren(el("details", { class: "am-people-fold" }, el("summary", {}, words.tables), tables));
  const grid = { people: null, word: (key, values) => fill(words[key] || key, values) };
  let sent = "";
  const take = () => {
    grid.people = JSON.parse(JSON.stringify(props.value));
    sent = JSON.stringify(grid.people);
    draw(tables, grid);
  };
  grid.send = () => {
    sent = JSON.stringify(grid.people);
    props.value = JSON.parse(sent);
    changed();
  };
  grid.reshape = (change) => { change(); draw(tables, grid); grid.send(); };
  take();
  watch("value", () => { // set from outside: an example, a link
    if (JSON.stringify(props.value) !== sent) take();
  });
};

// A number cell bound to row[i]; text that is no number is sent as it stands, and refused by name.
const cell = ({ send }, row, i, label, key) => {
  const input = el("input", { type: "text", inputmode: "decimal", "aria-label": label, "data-key": key, autocomplete: "off" });
  input.value = String(row[i]);
  numberCell(input, (number) => {
    row[i] = number;
    send();
  });
  return el("td", {}, input);
};

const name = ({ people, word, send }, i) => {
  const input = el("input", { type: "text", maxlength: "24", class: "am-name", dir: "auto", "aria-label": word("candidate_name", { number: i + 1 }), "data-key": `name.${i}` });
  input.value = people.names[i];
  input.addEventListener("input", () => { people.names[i] = input.value; send(); });
  return el("th", { scope: "row" }, input);
};

const button = (text, label, action, disabled = false) =>
  el("button", { type: "button", class: "am-button", "aria-label": label, title: label, disabled, onclick: action }, text);

const table = (title, note, heads, rows, actions) => el("section", {},
  el("h2", { class: "am-title" }, title, el("span", { class: "am-caption" }, ` ${note}`)),
  el("div", { class: "am-scroll" }, el("table", { "aria-label": title },
    el("thead", {}, el("tr", {}, el("td"), heads.map((text) => el("th", { scope: "col", title: text }, text)))),
    el("tbody", {}, rows))),
  el("div", { class: "am-people-actions" }, actions));

// What the traits of keys, or of values, are called: as the learner says, else by number.
const callings = ({ people }, part, count) => Array.from({ length: count }, (_, i) => people[part]?.[i] || people.traits?.[i] || String(i + 1));

const draw = (root, grid) => {
  const focus = root.contains(document.activeElement) ? document.activeElement.dataset.key : null;
  root.replaceChildren(queryTable(grid), keysTable(grid), valuesTable(grid));
  const again = focus && root.querySelector(`[data-key="${window.CSS.escape(focus)}"]`);
  if (again) again.focus();
};

const queryTable = (grid) => {
  const { people, word, reshape } = grid;
  const d = people.query.length;
  const query = el("tr", {}, el("th", { scope: "row" }, word("you")),
    people.query.map((_, i) => cell(grid, people.query, i, word("cell_query", { trait: i + 1 }), `query.${i}`)));
  return table(word("query"), word("query_note"), callings(grid, "traits", d), [query], [
    button(word("add_trait"), word("add_trait"), () => reshape(() => { people.query.push(0); people.keys.forEach((row) => row.push(0)); people.traits?.push(""); }), d >= MOST.traits),
    button(word("drop_trait"), word("drop_trait"), () => reshape(() => { people.query.pop(); people.keys.forEach((row) => row.pop()); people.traits?.pop(); }), d <= 1)]);
};

const keysTable = (grid) => {
  const { people, word, reshape } = grid;
  const d = people.query.length;
  const v = people.values.length ? people.values[0].length : 1;
  const count = people.names.length;
  const keys = people.keys.map((row, j) => el("tr", {}, name(grid, j),
    row.map((_, i) => cell(grid, row, i, word("cell_key", { name: people.names[j], trait: i + 1 }), `key.${j}.${i}`)),
    el("td", {}, button("×", word("remove_candidate", { name: people.names[j] }), () => reshape(() => {
      for (const part of ["names", "keys", "values"]) people[part].splice(j, 1);
    }), count <= 1))));
  return table(word("keys"), word("keys_note"), callings(grid, "traits", d), keys, [
    button(word("add_candidate"), word("add_candidate"), () => reshape(() => {
      people.names.push(word("newcomer", { number: count + 1 }));
      people.keys.push(Array(d).fill(0.5));
      people.values.push(Array(v).fill(0.5));
    }), count >= MOST.candidates)]);
};

const valuesTable = (grid) => {
  const { people, word, reshape } = grid;
  const v = people.values.length ? people.values[0].length : 1;
  const values = people.values.map((row, j) => el("tr", {}, el("th", { scope: "row", dir: "auto" }, people.names[j]),
    row.map((_, i) => cell(grid, row, i, word("cell_value", { name: people.names[j], trait: i + 1 }), `value.${j}.${i}`))));
  return table(word("values"), word("values_note"), callings(grid, "facts", v), values, [
    button(word("add_fact"), word("add_fact"), () => reshape(() => { people.values.forEach((row) => row.push(0)); people.facts?.push(""); }), v >= MOST.traits),
    button(word("drop_fact"), word("drop_fact"), () => reshape(() => { people.values.forEach((row) => row.pop()); people.facts?.pop(); }), v <= 1)]);
};
