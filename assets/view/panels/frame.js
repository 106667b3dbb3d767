// What every panel has around its picture: title, actions, caption, the colour legend, the menu of files.
import { css, rampOf } from "../core/colours.js";
import { toCsv } from "../core/csv.js";
import { el } from "../core/dom.js";
import { showNumber } from "../core/numbers.js";
import { photoOf } from "./photo.js";

// Title, actions, body, caption. level: "h2" for the one picture of a tab without parts.
export const panelFrame = (panel, view, body, actions = [], level = "h3") => {
  const title = panel.title ? el(level, { class: "am-title" }, panel.title) : el("span");
  const head = el("div", { class: "am-panel-head" }, title, el("span", { class: "am-actions" }, actions));
  const caption = panel.caption ? el("p", { class: "am-caption" }, panel.caption) : null;
  return el("figure", {}, head, body, caption);
};

const PICTURES = ["png", "svg"];

// A menu of formats for one panel of the view; a picture that the view's inputs do not make again
// (in a pitfall) has none. id: what the server is asked for. own: {format: f}, files
// that the page itself makes. formats: what the server or the page makes; a picture that is not among
// them, and any in a saved page, is taken of the panel as it stands.
export const saveMenu = (panel, view, { formats = ["png", "svg", "csv", "npz"], id = () => panel.id, own = {} } = {}) => {
  const again = view.payload.panels.some((one) => one.id === panel.id);
  const made = formats.filter((format) => own[format] || (view.server && again));
  if (!made.length && formats.length && (view.server || !again)) return null;
  const seen = PICTURES.filter((format) => !formats.includes(format) || !view.server);
  const able = [...PICTURES, "csv", "npz"].filter((format) => made.includes(format) || seen.includes(format));
  const summary = el("summary", { class: "am-button", "data-focus": `${panel.id}.save`, "aria-label": `${view.word("save_panel")}: ${panel.title}` }, view.word("save"));
  const items = able.map((format) => el("button", { type: "button", class: "am-button", onclick: () => {
    close();
    if (own[format]) own[format]();
    else if (seen.includes(format)) photo(menu.closest(".am-panel"), panel, view, format);
    else view.save(id(), format);
  } }, format.toUpperCase()));
  const menu = el("details", { class: "am-menu" }, summary, el("div", { class: "am-menu-items" }, items));
  const close = () => {
    menu.open = false;
    summary.focus({ preventScroll: true });
  };
  menu.addEventListener("keydown", (event) => { if (event.key === "Escape" && menu.open) { event.stopPropagation(); close(); } });
  return menu;
};

// The colour scale of a panel: its ends, and the ramp between them.
export const colourLegend = (panel) => {
  const ramp = rampOf(panel.diverging ? "diverging" : "sequential");
  const bar = el("span", { class: "am-legend-bar", "aria-hidden": "true" });
  bar.style.background = `linear-gradient(to right, ${ramp.map(css).join(", ")})`;
  const text = (number) => showNumber(number, Number.isInteger(number) ? 0 : 2);
  return el("span", { class: "am-legend" }, text(panel.low), bar, text(panel.high));
};

// A file made in the page.
export const download = (name, address) => el("a", { href: address, download: name }).click();

const downloadBlob = (name, blob) => {
  const address = URL.createObjectURL(blob);
  download(name, address);
  window.setTimeout(() => URL.revokeObjectURL(address), 10000);
};

export const downloadCsv = (name, rows) => downloadBlob(name, new Blob([toCsv(rows)], { type: "text/csv" }));

const photo = async (node, panel, view, format) => downloadBlob(`${view.payload.tab}-${panel.id}.${format}`, await photoOf(node, view, format));
