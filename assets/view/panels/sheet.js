// The sheet of a cell: its arithmetic, in a box that has its place below the panel's group.
import { el } from "../core/dom.js";

export const fillSheet = (view, sheet) => {
  const close = el("button", { type: "button", class: "am-button", "data-focus": "close-sheet", onclick: () => view.close() }, view.word("close"));
  const more = sheet.error || !view.sheetTools ? [] : view.sheetTools();
  const title = el("h3", { dir: "auto" }, sheet.error || sheet.title);
  view.sheet.replaceChildren(el("div", { class: "am-panel-head" }, title, el("div", { class: "am-actions" }, more, close)),
    el("div", { class: "am-sections" }, sectionsOf(sheet.sections || [])));
  // the arithmetic builds up line by line; at once where motion is reduced (view.css)
  [...view.sheet.querySelectorAll(".am-numbers tbody tr, .am-lines > div")].forEach((line, i) => line.style.setProperty("--at", Math.min(i, 14)));
  view.sheet.setAttribute("aria-label", sheet.error || sheet.title);
  view.sheet.onkeydown = (event) => { if (event.key === "Escape") view.close(); };
};

// The sections of a sheet; an entry that is no text is drawn by blank.
export const sectionsOf = (sections, blank = null) => sections.map((part) => section(part, (entry) => (typeof entry === "string" ? entry : blank(entry))));

const section = (part, shown) => el("section", {}, part.title ? el("h4", { class: "am-title" }, part.title) : null,
  part.text ? el("p", { class: "am-caption", dir: "auto" }, part.text) : null,
  part.table ? numbers(part.table, shown) : null,
  part.lines ? el("dl", { class: "am-lines" }, part.lines.map(([label, formula, value]) =>
    el("div", {}, el("dt", {}, label), el("dd", { class: "am-formula" }, formula), el("dd", { class: "am-value" }, shown(value))))) : null);

const numbers = (table, shown) => el("div", { class: "am-scroll", tabindex: "0", role: "group", "aria-label": table.columns.join(", ") },
  el("table", { class: "am-numbers" },
    el("thead", {}, el("tr", {}, table.columns.map((name) => el("th", { scope: "col" }, name)))),
    el("tbody", {}, table.rows.map((row, i) => el("tr", { class: table.total && i === table.rows.length - 1 ? "am-total" : "" },
      row.map((text, j) => (j === 0 ? el("th", { scope: "row", dir: "auto" }, text) : el("td", {}, shown(text)))))))));
