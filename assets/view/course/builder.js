// Making an assignment: collected steps and own questions in an order, then a link or a file.
import { el } from "../core/dom.js";
import { reach } from "../core/transport.js";
import { wanted } from "./aim.js";
import { EMPTY, draft, keepDraft } from "./collect.js";
import { pack } from "./compact.js";
import { ownForm } from "./builder_own.js";
import { qrButton } from "./qr.js";
import { button, copyButton, fileName, lessonPage, redraw, saveFile, word } from "./page.js";

const asks = (item) => Boolean(item.own || item.task);

// The assignment that the draft describes, in the form of attention/course/format.py.
export const assignmentOf = (made) => {
  const questions = [];
  const veiled = [];
  const steps = made.items.map((item) => {
    const id = `q${questions.length + 1}`;
    const step = { view: item.view, ...(item.note ? { note: item.note } : {}) };
    if (item.own) questions.push({ id, ...item.own });
    else if (item.task) questions.push({ id, kind: "task", prompt: item.prompt, view: item.view, task: item.task });
    if (item.veil && asks(item)) veiled.push(id);
    return asks(item) ? { ...step, question: id } : step;
  });
  return { version: 1, title: made.title.trim() || word("untitled"), steps, questions, marks: made.marks, veiled,
    ...(made.seed ? { seed: made.seed } : {}), ...(made.ownNumbers ? { own_numbers: true } : {}), ...(made.names ? {} : { names: false }) };
};

const linkOf = async (made) => `${lessonPage()}?assignment=${await pack(assignmentOf(made), "a1.")}`;

const labelled = (name, field) => el("label", { class: "am-label-line" }, word(name), field);

const tick = (name, focus, on, changed) => {
  const box = el("input", { type: "checkbox", checked: on, "data-focus": focus });
  box.addEventListener("change", () => changed(box.checked));
  return el("label", { class: "am-tick" }, box, word(name));
};

// What is asked at an item, in short.
const saying = (one) => {
  if (!one.own) return one.prompt || word("no_question");
  const kind = one.own.kind === "number" && one.own.target ? "cell" : one.own.kind;
  const goal = kind === "target" ? ` (${wanted(one.own.target)})` : "";
  return `${word(`kind_${kind}`)}: ${one.own.prompt}${goal}`;
};

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
  const veil = asks(one) ? tick("veil", `veil.${i}`, Boolean(one.veil), (on) => state.note({ items: state.made.items.map((other, at) => (at === i ? { ...other, veil: on } : other)) })) : null;
  return el("li", {}, el("div", { class: "am-item" }, one.view === "?" ? el("b", {}, one.title) : el("a", { href: `${lessonPage()}${one.view}` }, one.title), el("span", { class: "am-caption" }, saying(one))),
    note, veil, el("div", { class: "am-item-ways" }, act("up", "↑", i === 0, () => move(-1)), act("down", "↓", i === items.length - 1, () => move(1)),
      act("remove", "×", false, () => state.set({ items: state.made.items.filter((_, at) => at !== i) }))));
};

const options = (state) => {
  const title = el("input", { type: "text", maxlength: 200, "data-focus": "title" });
  title.value = state.made.title;
  title.addEventListener("input", () => state.note({ title: title.value }));
  const marks = el("select", { "data-focus": "marks" }, ["at once", "at the end"].map((one) => el("option", { value: one, selected: state.made.marks === one }, word(one === "at once" ? "marks_once" : "marks_end"))));
  marks.addEventListener("change", () => state.set({ marks: marks.value }));
  const seed = el("input", { type: "text", inputmode: "numeric", maxlength: 6, size: 6, "data-focus": "seed" });
  seed.value = state.made.seed ? String(state.made.seed) : "";
  seed.addEventListener("input", () => {
    const plain = seed.value.normalize("NFKC").trim();
    seed.setAttribute("aria-invalid", String(!/^\d*$/.test(plain)));
    if (/^\d*$/.test(plain)) state.note({ seed: Number(plain) });
  });
  return el("div", { class: "am-build-options" }, labelled("title", title), labelled("when_marks", marks), labelled("seed", seed),
    tick("own_numbers", "own_numbers", state.made.ownNumbers, (ownNumbers) => state.set({ ownNumbers })),
    state.made.ownNumbers ? null : tick("ask_name", "ask_name", state.made.names, (names) => state.note({ names })), el("p", { class: "am-caption" }, word("seed_note")));
};

const given = (server, state) => {
  const out = el("div", { class: "am-options" }, copyButton("copy_assignment", () => linkOf(state.made), true),
    button("save_assignment", () => saveFile(fileName(assignmentOf(state.made).title, ".json"), "application/json", JSON.stringify(assignmentOf(state.made), null, 1))),
    button("try_it", async () => window.open(await linkOf(state.made), "_blank", "noopener")), button("empty", () => state.set({ ...EMPTY })), ...qrButton(server, () => linkOf(state.made)));
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
    ownForm(server, state), ...(state.made.items.length ? given(server, state) : []), el("p", { class: "am-caption" }, word("answers_inside"))]);
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
