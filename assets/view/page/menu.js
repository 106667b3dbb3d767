// On a phone the tabs are a menu with their names: Gradio would hide most of them behind three dots. Gradio's
// own row stays, out of sight and as wide as it likes (steps.css), and is told what was chosen.
import { el } from "../core/dom.js";
import { pageLanguage, wordsIn } from "../core/words.js";

const rowOf = () => document.querySelector("#tabs [role='tablist']");
const buttonsOf = (row) => [...row.querySelectorAll("[role='tab']")];

const refill = (menu, row) => {
  const buttons = buttonsOf(row);
  const names = buttons.map((one) => one.textContent.trim());
  if (names.join("\n") !== menu.dataset.names) {
    menu.dataset.names = names.join("\n");
    menu.replaceChildren(...names.map((name, i) => el("option", { value: i }, name)));
  }
  menu.value = String(buttons.findIndex((one) => one.getAttribute("aria-selected") === "true"));
};

// Called whenever the page's tabs may have changed.
export const tendMenu = () => {
  const row = rowOf();
  const home = row && row.closest("#tabs");
  if (!home) return;
  let menu = home.previousElementSibling;
  if (!menu || !menu.classList.contains("am-tab-menu")) {
    menu = el("select", { class: "am-tab-menu", "aria-label": wordsIn(pageLanguage()).tabs });
    menu.addEventListener("change", () => buttonsOf(rowOf())[Number(menu.value)].click());
    home.before(menu);
  }
  refill(menu, row);
};
