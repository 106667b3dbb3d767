// The page for teachers: hand-ins in, a class out; an assignment made from collected steps. Nothing is kept on the server.
import { el } from "../core/dom.js";
import { reach } from "../core/transport.js";
import { builder } from "./builder.js";
import { base64 } from "./compact.js";
import { button, fileName, lessonPage, saveFile, word } from "./page.js";
import { qrButton } from "./qr.js";
import { classTable } from "./table.js";

const LARGEST = 2000000; // bytes of a file; more is not read
const MOST = 2500; // hand-ins at once

// The hand-in's text inside a link, or the text itself: as from_link of attention/course/__main__.py.
export const fromLink = (text) => {
  if (!/^https?:\/\//.test(text)) return text;
  const [, query = "", hash = ""] = /^[^?#]*(?:\?([^#]*))?(?:#(.*))?$/s.exec(text) || [];
  return new URLSearchParams(query).get("handin") || new URLSearchParams(hash).get("handin") || text;
};

// [source, text] of every hand-in in a text: one JSON object, or links and texts, one a line.
export const sourcesIn = (name, text) => {
  const plain = text.replace(/^\ufeff/, "").trim();
  const lines = plain.split(/\r?\n/).filter((line) => line.trim());
  if (!plain) return [];
  if (plain.startsWith("{") || lines.length < 2) return [[name, fromLink(plain)]];
  return lines.map((line, i) => [`${name}:${i + 1}`, fromLink(line.trim())]);
};

const readFiles = (files) => Promise.all([...files].slice(0, MOST).map(async (file) => (file.size > LARGEST
  ? [[file.name, ""]] : sourcesIn(file.name, await file.text()))));

const collated = async (server, sources) => {
  const bytes = new window.TextEncoder().encode(JSON.stringify(sources.slice(0, MOST)));
  return (await reach(() => server.collate({ state: base64(bytes) }))) ?? { error: word("failed") };
};

const handIns = (server) => {
  const pasted = el("textarea", { rows: 4, class: "am-paste", "aria-label": word("paste"), placeholder: word("paste"), spellcheck: "false", "data-focus": "paste" });
  const result = el("div", { class: "am-class-result", "aria-live": "polite" });
  const state = { dropped: [] };
  const collate = async () => {
    const sources = [...sourcesIn(word("pasted"), pasted.value), ...state.dropped];
    if (!sources.length) return result.replaceChildren(el("p", { class: "am-note" }, word("nothing_pasted")));
    const found = await collated(server, sources);
    if (found.error) return result.replaceChildren(el("p", { class: "am-note am-alert", role: "alert" }, found.error));
    const csv = found.csv ? button("save_csv", () => saveFile(fileName(found.title, ".csv"), "text/csv", `\ufeff${found.csv}`)) : null;
    return result.replaceChildren(...classTable(found), ...(csv ? [csv] : []));
  };
  const take = async (files) => {
    state.dropped.push(...(await readFiles(files)).flat());
    collate();
  };
  const picker = el("input", { type: "file", multiple: true, accept: ".json,.txt", class: "am-offscreen", tabindex: "-1", "aria-hidden": "true" });
  picker.addEventListener("change", () => take(picker.files));
  const clear = () => {
    Object.assign(state, { dropped: [] });
    pasted.value = "";
    result.replaceChildren();
  };
  const zone = el("div", { class: "am-drop" }, pasted, el("div", { class: "am-options" }, button("collate", collate, true),
    button("choose_files", () => picker.click()), button("clear", clear), el("span", { class: "am-caption" }, word("or_drop")), picker));
  zone.addEventListener("dragover", (event) => event.preventDefault());
  zone.addEventListener("drop", (event) => {
    event.preventDefault();
    if (event.dataTransfer.files.length) take(event.dataTransfer.files);
  });
  const linked = new URLSearchParams(window.location.hash.slice(1)).get("handin");
  if (linked) {
    pasted.value = linked;
    collate();
  }
  return el("section", { class: "am-class-part" }, el("h2", {}, word("collect")), el("p", {}, word("collect_note")), zone, result,
    el("details", {}, el("summary", {}, word("known_title")), el("p", {}, word("known")), el("p", {}, word("unknown"))));
};

const openFile = (server) => {
  const said = el("p", { class: "am-caption am-wrong", role: "status" });
  const picker = el("input", { type: "file", accept: ".json,.txt", class: "am-offscreen", tabindex: "-1", "aria-hidden": "true" });
  picker.addEventListener("change", async () => {
    const text = picker.files[0].size > LARGEST ? "" : await picker.files[0].text();
    const found = (await reach(() => server.assignment({ assignment: text }))) ?? { error: word("failed") };
    if (found.error) said.textContent = found.error;
    else window.location.assign(`${lessonPage()}?assignment=${found.text}`);
  });
  return el("div", { class: "am-options" }, button("open_file", () => picker.click()), picker, said);
};

const shipped = (server) => el("section", { class: "am-class-part" }, el("h2", {}, word("ready")), el("ul", { class: "am-ready" },
  ["lesson", "course"].map((name) => el("li", {}, el("a", { href: `${lessonPage()}?assignment=${name}` }, word(`ready_${name}`)), " ", word(`ready_${name}_note`), " ",
    el("a", { href: `${lessonPage()}?assignment=${name}&projector=1` }, word("projector")), ...qrButton(server, () => `${lessonPage()}?assignment=${name}`)))), openFile(server));

// A test before and after a course: two links, and how to run the comparison.
const comparison = () => {
  const seed = el("input", { type: "text", inputmode: "numeric", maxlength: 6, size: 6, value: "1", "data-focus": "test.seed" });
  const links = ["before", "after"].map((when) => el("a", { href: "" }, word(`test_${when}`)));
  const follow = () => links.forEach((link, i) => { link.href = `${lessonPage()}?test=${["before", "after"][i]}&seed=${/^\d{1,6}$/.test(seed.value) ? seed.value : 0}`; });
  seed.addEventListener("input", follow);
  follow();
  return el("section", { class: "am-class-part" }, el("h2", {}, word("compare")), el("p", {}, word("compare_what")), el("p", {}, word("test_honest")),
    el("label", { class: "am-label-line" }, word("test_seed"), seed), el("ul", {}, links.map((link) => el("li", {}, link))),
    el("details", {}, el("summary", {}, word("compare_how")), el("ol", {}, ["1", "2", "3", "4", "5", "6"].map((one) => el("li", {}, word(`compare_${one}`))))));
};

export const classInGradio = (element, server) => {
  const root = element.querySelector(".am-class");
  root.replaceChildren(handIns(server), shipped(server), builder(server), comparison());
};
