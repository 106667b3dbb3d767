// Making an assignment: collected steps and own questions in an order, then a link or a file.
import { el } from "../core/dom.js";
import { reach } from "../core/transport.js";
import { EMPTY, draft, keepDraft } from "./collect.js";
import { pack } from "./compact.js";
import { readNumber } from "./own.js";
import { button, copyButton, fileName, lessonPage, redraw, saveFile, word } from "./page.js";

// The assignment that the draft describes, in the form of attention/course/format.py.
export const assignmentOf = (made) => {
  const questions = [];
  const steps = made.items.map((item) => {
    const id = `q${questions.length + 1}`;
    const step = { view: item.view, ...(item.note ? { note: item.note } : {}) };
    if (item.own) questions.push({ id, ...item.own });
    else if (item.task) questions.push({ id, kind: "task", prompt: item.prompt, view: item.view, task: item.task });
    return item.own || item.task ? { ...step, question: id } : step;
  });
  const veiled = made.veil ? [...new Set(made.items.flatMap((one) => one.hides || []))].slice(0, 60) : [];
  return { version: 1, title: made.title.trim() || word("untitled"), steps, questions, marks: made.marks, veiled };
};

const linkOf = async (made) => `${lessonPage()}?assignment=${await pack(assignmentOf(made), "a1.")}`;

const labelled = (name, field) => el("label", { class: "am-label-line" }, word(name), field);

const item = (state, one, i) => {
  const { items } = state.made;
  const move = (by) => {
    const now = [...state.made.items];
    [now[i], now[i + by]] = [now[i + by], now[i]];
    state.set({ items: now });
  };
  const act = (name, sign, off, does) => el("button", { type: "button", class: "am-button", "aria-label": word(name, { title: one.title }), title: word(name, { title: one.title }),
    disabled: off, "data-focus": `${name}.${i}`, onclick: does }, sign);
  const note = el("input", { type: "text", maxlength: 500, placeholder: word("note"), "aria-label": word("note"), "data-focus": `note.${i}` });
  note.value = one.note || "";
  note.addEventListener("input", () => state.note({ items: state.made.items.map((other, at) => (at === i ? { ...other, note: note.value } : other)) }));
  return el("li", {}, el("div", { class: "am-item" }, one.view === "?" ? el("b", {}, one.title) : el("a", { href: `${lessonPage()}${one.view}` }, one.title), el("span", { class: "am-caption" }, one.prompt || (one.own ? word(`kind_${one.own.kind}`) : word("no_question")))),
    note, el("div", { class: "am-item-ways" }, act("up", "↑", i === 0, () => move(-1)), act("down", "↓", i === items.length - 1, () => move(1)),
      act("remove", "×", false, () => state.set({ items: state.made.items.filter((_, at) => at !== i) }))));
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

const ownForm = (state) => {
  const kind = el("select", { "data-focus": "own.kind" }, ["text", "number", "choice"].map((one) => el("option", { value: one }, word(`kind_${one}`))));
  const prompt = el("textarea", { rows: 2, maxlength: 1000, "data-focus": "own.prompt" });
  const rest = el("textarea", { rows: 3, maxlength: 2000, "data-focus": "own.rest" });
  const hint = el("span", { class: "am-caption" });
  const turn = () => {
    rest.hidden = kind.value === "text";
    hint.textContent = word(`rest_${kind.value}`);
    rest.setAttribute("aria-label", word(`rest_${kind.value}`));
  };
  kind.addEventListener("change", turn);
  turn();
  const beside = el("input", { type: "checkbox", "data-focus": "own.beside" });
  const said = el("p", { class: "am-caption am-wrong", role: "status" });
  const add = () => {
    const own = ownOf(kind.value, prompt.value, rest.value);
    said.textContent = own ? "" : word("own_missing");
    if (!own) return;
    const last = state.made.items[state.made.items.length - 1];
    const view = beside.checked && last ? last.view : "?";
    state.set({ items: [...state.made.items, { view, title: own.prompt.slice(0, 80), own }] });
  };
  return el("details", { class: "am-own-form" }, el("summary", {}, word("own_question")), labelled("kind", kind), labelled("prompt", prompt), hint, rest,
    el("label", { class: "am-tick" }, beside, word("beside")), button("add_own", add), said);
};

const options = (state) => {
  const title = el("input", { type: "text", maxlength: 200, "data-focus": "title" });
  title.value = state.made.title;
  title.addEventListener("input", () => state.note({ title: title.value }));
  const marks = el("select", { "data-focus": "marks" }, ["at once", "at the end"].map((one) => el("option", { value: one, selected: state.made.marks === one }, word(one === "at once" ? "marks_once" : "marks_end"))));
  marks.addEventListener("change", () => state.set({ marks: marks.value }));
  const veil = el("input", { type: "checkbox", checked: state.made.veil, "data-focus": "veil" });
  veil.addEventListener("change", () => state.set({ veil: veil.checked }));
  return el("div", { class: "am-build-options" }, labelled("title", title), labelled("when_marks", marks), el("label", { class: "am-tick" }, veil, word("veil")));
};

const given = (server, state) => {
  const out = el("div", { class: "am-options" }, copyButton("copy_assignment", () => linkOf(state.made), true),
    button("save_assignment", () => saveFile(fileName(assignmentOf(state.made).title, ".json"), "application/json", JSON.stringify(assignmentOf(state.made), null, 1))),
    button("try_it", async () => window.open(await linkOf(state.made), "_blank", "noopener")), button("empty", () => state.set({ ...EMPTY })));
  const said = el("p", { class: "am-caption am-wrong", role: "status" });
  pack(assignmentOf(state.made), "a1.").then(async (text) => { // refused here rather than before the class
    const found = await reach(() => server.assignment({ assignment: text }));
    if (found && found.error) said.textContent = found.error;
  });
  return [out, said];
};

export const builder = (server) => {
  const root = el("section", { class: "am-class-part am-build" });
  const state = { made: draft() };
  const draw = () => redraw(root, [el("h2", {}, word("build")), el("p", {}, word("build_note")), options(state),
    state.made.items.length ? el("ol", { class: "am-items" }, state.made.items.map((one, i) => item(state, one, i))) : el("p", { class: "am-note" }, word("nothing_collected")),
    ownForm(state), ...(state.made.items.length ? given(server, state) : []), el("p", { class: "am-caption" }, word("answers_inside"))]);
  state.note = (changes) => { // what is being typed: kept, not drawn anew
    state.made = { ...state.made, ...changes };
    keepDraft(state.made);
  };
  state.set = (changes) => {
    state.note(changes);
    draw();
  };
  window.addEventListener("storage", (event) => { // collected in another window
    if (event.key !== "am.draft") return;
    state.made = draft();
    draw();
  });
  draw();
  return root;
};
