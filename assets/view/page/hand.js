// By hand: numbers of a sheet are left empty, filled in and marked one by one, a known mistake by its name. The
// seed of the blanks is in the link. A drawn sheet of its own stands in free play where the server names its kind.
import { el } from "../core/dom.js";
import { sectionsOf } from "../panels/sheet.js";
import { startQuery } from "../core/link.js";

const SEEDS = 1000;
const KINDS = { masks: "attention", kernel: "distance" }; // tabs that draw a sheet of their own
const fresh = () => Math.floor(Math.random() * SEEDS);
const seedIn = (text) => (/^\d{1,15}$/.test(text || "") ? Number(text) : null);
const linked = () => seedIn(new URLSearchParams(startQuery).get("hand"));

// The blanks that the page's link names, for the sheet that it opens.
export const linkedHand = () => (linked() === null ? null : { seed: linked(), given: {} });

// What a question about the open sheet says of its blanks. What was typed belongs to one cell and its inputs.
export const asksOf = (view) => {
  if (!view.hand) return {};
  const at = JSON.stringify([view.opened, view.payload.inputs]);
  if (view.hand.at !== at) Object.assign(view.hand, { at, given: {}, reveal: false });
  const { seed, given, reveal } = view.hand;
  return { seed, given, reveal };
};

const again = (view) => view.open(view.opened, false);
const button = (view, word, act, more = {}) => el("button", { type: "button", class: "am-button", "data-focus": word, onclick: act, ...more }, view.word(word));

export const handButton = (view) => (view.server && view.server.hand ? button(view, "by_hand", async () => {
  view.hand = { seed: fresh(), given: {} };
  await again(view);
  const first = view.sheet.querySelector("input");
  if (first) first.focus({ preventScroll: true });
}) : null);

// One blank: a field with its sign, and what was said of the number typed.
const blank = (view, sheet, given) => ({ blank: sign }) => {
  const mark = sheet.marks[sign];
  const answer = sheet.answers && sheet.answers[sign];
  const field = el("input", { type: "text", inputmode: "decimal", autocomplete: "off", maxlength: 40, name: sign, "data-focus": `hand.${sign}`,
    "aria-label": view.word("hand_blank", { sign: (mark && mark.at) || sign }), "aria-invalid": mark ? String(mark.verdict !== "right") : null,
    title: mark ? mark.says : null, class: mark ? `am-blank-${mark.verdict}` : "" });
  field.value = given[sign] || "";
  return el("span", { class: "am-blank" }, sign.length === 1 ? `${sign} ` : "", field, answer ? el("b", {}, ` ${answer}`) : "");
};

const said = (view, sheet) => el("div", { class: "am-hand-said", role: "status" }, Object.entries(sheet.marks).map(([sign, mark]) =>
  el("p", { class: mark.verdict === "right" ? "am-right" : "am-wrong" }, `${mark.at || sign}: ${mark.says}`)),
sheet.together ? el("p", { class: "am-wrong" }, view.word("paper_together", { says: sheet.together })) : null);

// A form around the sections of a sheet; check: what was typed, all of it.
const form = (view, sheet, given, check, tools) => {
  const body = el("form", { class: "am-hand", autocomplete: "off", onsubmit: (event) => {
    event.preventDefault();
    check(Object.fromEntries([...body.querySelectorAll("input")].map((field) => [field.name, field.value]).filter(([, text]) => text.trim())));
  } }, el("div", { class: "am-sections" }, sectionsOf(sheet.sections, blank(view, sheet, given))), said(view, sheet),
  el("div", { class: "am-options" }, el("button", { type: "submit", class: "am-button am-strong", "data-focus": `${sheet.title}.check` }, view.word("check")), tools));
  return body;
};

const refocus = (host, draw) => {
  const focus = host.contains(document.activeElement) ? document.activeElement.dataset.focus : null;
  draw();
  const node = focus && host.querySelector(`[data-focus="${window.CSS.escape(focus)}"]`);
  if (node) node.focus({ preventScroll: true });
};

// The open sheet with its blanks.
export const fillHand = (view, sheet) => {
  const { hand } = view;
  const close = button(view, "close", () => view.close(), { "data-focus": "close-sheet" });
  const whole = button(view, "hand_full", () => { view.hand = null; again(view); });
  const head = el("div", { class: "am-panel-head" }, el("h3", { dir: "auto" }, sheet.error || sheet.title), el("div", { class: "am-actions" }, whole, close));
  const tools = [button(view, "hand_reveal", () => { hand.reveal = true; again(view); }),
    button(view, "hand_again", () => { view.hand = { seed: (hand.seed + 1) % SEEDS, given: {} }; again(view); })];
  const check = (given) => { Object.assign(hand, { given }); again(view); };
  refocus(view.sheet, () => view.sheet.replaceChildren(...[head, ...(sheet.error ? [] : [el("p", { class: "am-caption" }, view.word("by_hand_note")),
    form(view, sheet, hand.given, check, tools)])]));
  view.sheet.setAttribute("aria-label", sheet.error || sheet.title);
  view.sheet.onkeydown = (event) => { if (event.key === "Escape") view.close(); };
};

const print = async (view, kept, which) => {
  const page = await view.ask("hand", { paper: kept.kind, seed: kept.seed, print: which });
  if (page.error) return view.say(page.error);
  const address = URL.createObjectURL(new Blob([page.html], { type: "text/html" }));
  el("a", { href: address, target: "_blank", rel: "noopener" }).click();
  return window.setTimeout(() => URL.revokeObjectURL(address), 60000);
};

const seedField = (view, kept, draw) => {
  const field = el("input", { type: "text", inputmode: "numeric", maxlength: 15, "aria-label": view.word("paper_seed"), "data-focus": "paper_seed" });
  field.value = String(kept.seed);
  field.addEventListener("change", () => {
    const seed = seedIn(field.value.normalize("NFKC").trim());
    if (seed === null) field.value = String(kept.seed);
    else draw({ seed, given: {}, reveal: false });
  });
  return el("label", { class: "am-paper-seed" }, `${view.word("paper_seed")} `, field);
};

// A drawn sheet, in free play of the tabs that have one.
export const paperBox = (view) => {
  const kind = KINDS[view.payload.tab];
  if (!kind || !view.server || !view.server.hand) return null;
  const given = linked();
  const kept = (view.state.paper = view.state.paper || { kind, seed: given ?? fresh(), given: {}, open: given !== null && !new URLSearchParams(startQuery).has("cell") });
  if (kept.box) return kept.box;
  const body = el("div", { class: "am-pitfall-body" });
  kept.box = el("details", { class: "am-tasks am-paper", open: kept.open }, el("summary", { "data-focus": "paper" }, view.word("paper")), body);
  const draw = async (change = {}) => {
    Object.assign(kept, change);
    const sheet = await view.ask("hand", { paper: kind, seed: kept.seed, given: kept.given, reveal: kept.reveal });
    view.writeLink();
    if (sheet.error) return body.replaceChildren(el("p", { class: "am-result am-wrong", role: "status" }, sheet.error));
    const tools = [button(view, "hand_reveal", () => draw({ reveal: true }), { "data-focus": "paper_reveal" }), button(view, "paper_new", () => draw({ seed: (kept.seed + 1) % SEEDS, given: {}, reveal: false })),
      button(view, "paper_print", () => print(view, kept, "sheet")), button(view, "paper_key", () => print(view, kept, "key"))];
    return refocus(body, () => body.replaceChildren(el("p", { class: "am-caption" }, view.word("paper_note")), seedField(view, kept, draw),
      form(view, sheet, kept.given, (typed) => draw({ given: typed }), tools)));
  };
  const open = () => {
    kept.open = kept.box.open;
    if (kept.open && !body.children.length) draw();
    else view.writeLink();
  };
  kept.box.addEventListener("toggle", open);
  if (kept.open) draw();
  return kept.box;
};
