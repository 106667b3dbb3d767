// The test before and after: twelve items, one at a time, by choice. What was chosen becomes a CSV in this
// browser; answers are told after the second test alone, so that the first teaches nothing.
import { toCsv } from "../core/csv.js";
import { el } from "../core/dom.js";
import { reach } from "../core/transport.js";
import { button, fileName, redraw, saveFile, word } from "./page.js";

const HEAD = ["name", "test", "seed", "item", "chosen", "right", "mistake", "seconds"];

const table = (name, rows, padding) => el("table", { class: "am-list am-given-numbers" }, el("caption", {}, word(name)), el("tbody", {},
  rows.map((row, i) => el("tr", {}, el("th", { scope: "row" }, `${i + 1}${padding && padding[i] ? ` ${word("test_padding")}` : ""}`), row.map((one) => el("td", {}, one))))));

const item = (test) => {
  const one = test.items[test.at];
  const choose = (place) => {
    test.chosen.push({ place, seconds: Math.round((performance.now() - test.since) / 100) / 10 });
    Object.assign(test, { at: test.at + 1, since: performance.now() });
    draw(test);
  };
  const padding = { query: one.padding.query, key: one.padding.key, value: one.padding.key };
  return [el("p", { class: "am-course-place", role: "status" }, word("test_place", { at: test.at + 1, count: test.items.length })),
    el("p", {}, one.setting), el("div", { class: "am-given-all" }, Object.entries(one.tables).map(([name, rows]) => table(name, rows, padding[name]))),
    el("p", { class: "am-own-prompt" }, one.prompt),
    el("div", { class: "am-options", role: "group", "aria-label": one.prompt },
      one.choices.map((choice, i) => el("button", { type: "button", class: "am-button", "data-focus": `test.${i}`, onclick: () => choose(i) }, choice.text)),
      el("button", { type: "button", class: "am-button", "data-focus": "test.none", onclick: () => choose(null) }, word("test_none")))];
};

const rowsOf = (test) => test.items.map((one, i) => {
  const { place, seconds } = test.chosen[i];
  const choice = place === null ? null : one.choices[place];
  return [test.name, test.when, test.seed, one.mistake, choice ? Number(choice.text) : "", place === one.right ? 1 : 0, choice ? choice.mistake : "", seconds];
});

const answers = (test) => el("ol", { class: "am-test-answers" }, test.items.map((one, i) => {
  const { place } = test.chosen[i];
  const right = place === one.right;
  const says = right || place === null ? "" : one.choices[place].says;
  return el("li", {}, one.prompt, " ", el("span", { class: right ? "am-right" : "am-wrong" }, right ? word("right") : word("wrong", { answer: one.choices[one.right].text })), says ? ` ${says}` : "");
}));

const end = (test) => {
  const right = test.items.filter((one, i) => test.chosen[i].place === one.right).length;
  const csv = () => saveFile(fileName(`${word("test")} ${test.name} ${test.when} ${test.seed}`, ".csv"), "text/csv", toCsv([HEAD, ...rowsOf(test)]));
  const after = test.when === "after";
  return [el("p", {}, word(after ? "test_score" : "test_kept", { right, count: test.items.length })), after ? el("p", {}, word("test_honest")) : null,
    el("div", { class: "am-options" }, button("save_csv", csv, true)), after ? answers(test) : null];
};

const intro = (test) => {
  const name = el("input", { type: "text", maxlength: 60, "data-focus": "test.name" });
  const begin = () => {
    Object.assign(test, { name: name.value.trim(), at: 0, since: performance.now() });
    draw(test);
  };
  return [el("p", {}, word("test_intro")), el("p", {}, word("test_honest")), el("label", { class: "am-label-line" }, word("test_name"), name), el("div", { class: "am-options" }, button("begin", begin, true))];
};

const draw = (test) => redraw(test.root, [el("div", { class: "am-course-card am-hand-in" }, el("h2", {}, word(`test_${test.when}`)),
  (test.at < 0 ? intro : test.at < test.items.length ? item : end)(test))]);

export const testIn = async (root, server, query) => {
  const when = query.get("test") === "after" ? "after" : "before";
  const seed = /^\d{1,6}$/.test(query.get("seed")) ? Number(query.get("seed")) : 0;
  document.documentElement.classList.add("am-in-course", "am-no-picture");
  const found = (await reach(() => server.test({ seed, after: when === "after" }))) ?? { error: word("failed") };
  if (found.error) return root.replaceChildren(el("p", { class: "am-note am-alert", role: "alert" }, found.error));
  return draw({ root, when, seed, items: found.items, chosen: [], at: -1, name: "" });
};
