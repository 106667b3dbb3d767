// A refusal at its field: it names the field first, in the words of the field's own label.
import { el, prefersStill } from "../core/dom.js";

const NOTE = "am-refused";

// The widget whose label the sentence begins with; null where it is out of sight or on another page.
const widgetOf = (root, sentence) => {
  const widgets = [...(root.closest(".am-tab")?.querySelectorAll(".am-inputs .block") || [])];
  const names = (block) => [...block.querySelectorAll('[data-testid="block-info"], .label-text, .am-people'), block]
    .map((node) => (node.matches(".am-people") ? node.getAttribute("aria-label") : node === block ? "" : node.textContent)?.trim());
  const named = (block) => names(block).some((name) => name && [":", "："].some((colon) => sentence.startsWith(name + colon)));
  return widgets.find((block) => block.offsetParent && named(block) && !block.querySelector(".block")) || null;
};

// Say the sentence at the field too, and bring that into sight. -> what takes it back
export const refuseAt = (root, sentence) => {
  const widget = widgetOf(root, sentence);
  if (!widget) return () => {};
  const id = `${NOTE}-${root.closest("[id]")?.id || "view"}`;
  const inputs = [...widget.querySelectorAll("input:not([type=hidden]), textarea")].filter((input) => !input.closest(".am-people"));
  const note = el("p", { class: NOTE, id }, sentence);
  for (const input of inputs) {
    input.setAttribute("aria-invalid", "true");
    input.setAttribute("aria-describedby", id);
  }
  // among the people, at the table that holds the wrong number
  const wrong = widget.querySelector('.am-people [aria-invalid="true"]');
  (wrong?.closest("section") || widget).append(note);
  const { top, bottom } = note.getBoundingClientRect();
  if (top < 0 || bottom > window.innerHeight) note.scrollIntoView({ block: "nearest", behavior: prefersStill() ? "auto" : "smooth" });
  return () => {
    note.remove();
    for (const input of inputs) {
      input.removeAttribute("aria-invalid");
      if (input.getAttribute("aria-describedby") === id) input.removeAttribute("aria-describedby");
    }
  };
};
