// The form for a question of the teacher's own: free text, a number, a choice; a number of a collected picture to
// be typed, or to be made so.
import { el } from "../core/dom.js";
import { reach } from "../core/transport.js";
import { isMet, plainly } from "./aim.js";
import { readNumber } from "./own.js";
import { button, word } from "./page.js";

const KINDS = ["text", "number", "choice", "cell", "target"];
const RELATIONS = ["at least", "at most", "equal"];
const relationWord = (one) => word(`relation_${one.replace(" ", "_")}`);

const menu = (name, entries) => el("select", { "data-focus": `own.${name}` }, entries.map(([value, text]) => el("option", { value }, text)));
const refill = (select, entries) => {
  const before = select.value;
  select.replaceChildren(...entries.map(([value, text]) => el("option", { value }, text)));
  if (entries.some(([value]) => String(value) === before)) select.value = before;
};
const line = (name, field) => el("label", { class: "am-label-line" }, word(name), field);

// Which number of a collected view: picture, row, column, offered as the view names them.
const numberPicker = (server) => {
  const [panel, row, column] = ["panel", "row", "column"].map((name) => menu(name, []));
  const said = el("span", { class: "am-caption" });
  let panels = [];
  let view = null;
  const fill = () => {
    const one = panels[Number(panel.value)] || { rows: [], columns: [] };
    refill(row, one.rows.map((text, i) => [i, `${i + 1}. ${text}`]));
    refill(column, one.columns.map((text, i) => [i, `${i + 1}. ${text}`]));
  };
  panel.addEventListener("change", fill);
  const root = el("div", { class: "am-aim" }, line("aim_panel", panel), line("aim_row", row), line("aim_column", column), said);
  const read = async (item) => {
    if (!item || item.view === view) return;
    view = item.view;
    const found = (await reach(() => server.numbers({ view: item.view }))) ?? { error: word("failed") };
    panels = found.panels || [];
    said.textContent = found.error || (panels.length ? "" : word("aim_none"));
    refill(panel, panels.map((one, i) => [i, one.title]));
    fill();
  };
  const target = () => {
    const one = panels[Number(panel.value)];
    return one ? { panel: one.id, row: Number(row.value), column: Number(column.value) } : null;
  };
  return { root, read, target };
};

// The fields of an own question -> it, or null where something is missing.
const ownOf = (kind, prompt, rest) => {
  const own = { kind, prompt: prompt.trim() };
  if (!own.prompt) return null;
  if (kind === "text") return own;
  if (kind === "number") {
    const read = readNumber(rest);
    return read ? { ...own, answer: read.value } : null;
  }
  const lines = rest.split("\n").map((one) => one.trim()).filter(Boolean);
  const right = lines.findIndex((one) => one.startsWith("*"));
  if (lines.length < 2 || lines.length > 12 || right < 0) return null;
  return { ...own, choices: lines.map((one) => one.replace(/^\*\s*/, "").slice(0, 200)), answer: right };
};

const aimedOf = (kind, prompt, place, view, relation, text) => {
  if (!prompt.trim() || !place) return null;
  const own = { kind: kind === "cell" ? "number" : "target", prompt: prompt.trim(), view };
  if (kind === "cell") return { ...own, target: { ...place, relation: "equal", value: 0 } };
  const read = readNumber(text);
  return read ? { ...own, target: { ...place, relation, value: read.value, ...(relation === "equal" && read.half ? { tolerance: read.half } : {}) } } : null;
};

// Where the question goes: onto the picture it belongs to where that asks nothing yet, else after it.
const placed = (items, at, own) => {
  const title = own.prompt.slice(0, 80);
  const host = items[at];
  if (!host) return [...items, { view: "?", title, own }];
  if (!host.task && !host.own) return items.map((one, i) => (i === at ? { ...one, own } : one));
  return [...items.slice(0, at + 1), { view: host.view, title, own }, ...items.slice(at + 1)];
};

const already = async (server, own) => {
  if (own.kind !== "target") return "";
  const { panel, row, column } = own.target;
  const found = (await reach(() => server.number({ view: own.view, base: own.view, panel, row, column }))) ?? {};
  return found.error || (isMet(own.target, found.value) ? word("aim_already", { now: plainly(found.value) }) : "");
};

export const ownForm = (server, state) => {
  const kind = menu("kind", KINDS.map((one) => [one, word(`kind_${one}`)]));
  const prompt = el("textarea", { rows: 2, maxlength: 1000, "data-focus": "own.prompt" });
  const rest = el("textarea", { rows: 3, maxlength: 2000, "data-focus": "own.rest" });
  const beside = menu("beside", [["", word("beside_none")], ...state.made.items.map((one, i) => [i, `${i + 1}. ${one.title}`]).filter(([i]) => state.made.items[i].view !== "?")]);
  const relation = menu("relation", RELATIONS.map((one) => [one, relationWord(one)]));
  const value = el("input", { type: "text", inputmode: "decimal", "data-focus": "own.value", autocomplete: "off" });
  const goal = el("div", { class: "am-aim" }, line("aim_relation", relation), line("aim_value", value));
  const [picker, hint, said] = [numberPicker(server), el("span", { class: "am-caption" }), el("p", { class: "am-caption am-wrong", role: "status" })];
  const aimed = () => kind.value === "cell" || kind.value === "target";
  const turn = () => {
    rest.hidden = kind.value === "text" || aimed();
    picker.root.hidden = !aimed();
    goal.hidden = kind.value !== "target";
    hint.textContent = word(`rest_${kind.value}`);
    rest.setAttribute("aria-label", hint.textContent);
    if (aimed() && beside.value === "" && beside.options.length > 1) beside.selectedIndex = beside.options.length - 1;
    if (aimed()) picker.read(state.made.items[Number(beside.value)]);
  };
  for (const one of [kind, beside]) one.addEventListener("change", turn);
  turn();
  const add = async () => {
    const at = beside.value === "" ? -1 : Number(beside.value);
    const host = state.made.items[at];
    const own = aimed() ? host && aimedOf(kind.value, prompt.value, picker.target(), host.view, relation.value, value.value) : ownOf(kind.value, prompt.value, rest.value);
    said.textContent = own ? await already(server, own) : word(aimed() ? "aim_missing" : "own_missing");
    if (!own || said.textContent) return;
    state.set({ items: placed(state.made.items, at, own) });
  };
  return el("details", { class: "am-own-form" }, el("summary", {}, word("own_question")), line("kind", kind), line("prompt", prompt), hint, rest,
    line("beside", beside), picker.root, goal, button("add_own", add), said);
};
