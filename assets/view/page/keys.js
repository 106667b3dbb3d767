// The keyboard's way: a link past the inputs to the picture, and rows of buttons that are one stop each.
import { tendMenu } from "./menu.js";

// The first thing in the open tab's view that can be walked into: a canvas, a table's cell, a plot.
export const skipToPicture = () => {
  const view = [...document.querySelectorAll(".am-view")].find((one) => one.offsetParent);
  if (!view) return;
  const able = [...view.querySelectorAll('.am-panel [tabindex="0"]')];
  const target = able.find((one) => one.offsetParent !== null && !one.closest("[inert], [hidden]")) || view;
  if (target === view) view.tabIndex = -1;
  target.focus({ preventScroll: true });
  (target.closest(".am-panel") || view).scrollIntoView({ block: "start" });
};

// In a row of tabs or examples Tab stops once, at the chosen or latest one; arrows go along it.
const ROWS = '[role="tablist"], .am-examples, .am-step-dots, .am-nav, .am-toolbar, .am-question .am-options:not(:has(input)), .am-chips, .am-shelf';
const steps = { ArrowLeft: -1, ArrowUp: -1, ArrowRight: 1, ArrowDown: 1 };
const buttonsOf = (row) => [...row.querySelectorAll("button:not(:disabled), a[href]")].filter((one) => one.offsetParent !== null);

const settle = () => {
  tendMenu();
  for (const row of document.querySelectorAll(ROWS)) {
    const buttons = buttonsOf(row);
    if (!buttons.length) continue;
    const stop = buttons.find((one) => one === document.activeElement) || buttons.find((one) => one.getAttribute("aria-selected") === "true")
      || buttons.find((one) => one.tabIndex === 0) || buttons[0];
    for (const one of buttons) if (one.tabIndex !== (one === stop ? 0 : -1)) one.tabIndex = one === stop ? 0 : -1;
  }
};

export const watchRows = () => {
  document.addEventListener("keydown", (event) => {
    const button = event.target.closest && event.target.closest("button, a");
    const row = button && button.closest(ROWS);
    if (!row || event.ctrlKey || event.metaKey || event.altKey) return;
    const buttons = buttonsOf(row);
    const ends = { Home: 0, End: buttons.length - 1 };
    const at = event.key in ends ? ends[event.key] : buttons.indexOf(button) + (steps[event.key] || NaN);
    if (Number.isNaN(at)) return;
    event.preventDefault();
    buttons[(at + buttons.length) % buttons.length].focus();
  });
  document.addEventListener("focusin", (event) => { if (event.target.closest && event.target.closest(ROWS)) settle(); });
  let waiting = false;
  const soon = () => {
    if (waiting) return;
    waiting = true;
    window.setTimeout(() => { waiting = false; settle(); }, 120);
  };
  const look = () => new MutationObserver(soon).observe(document.body, { childList: true, subtree: true, attributes: true, attributeFilter: ["aria-selected"] });
  if (document.body) look();
  else document.addEventListener("DOMContentLoaded", look);
};
