// Copy a text, and say so on the button that asked for it.
import { el } from "../core/dom.js";

export const copyText = async (text, button, view) => {
  const label = button.textContent;
  try {
    await navigator.clipboard.writeText(text);
  } catch { // no permission, or plain http: select a field the old way
    const field = el("textarea", { class: "am-offscreen" });
    field.value = text;
    document.body.append(field);
    field.select();
    document.execCommand("copy");
    field.remove();
  }
  button.textContent = view.word("copied");
  window.setTimeout(() => (button.textContent = label), 1500);
};
