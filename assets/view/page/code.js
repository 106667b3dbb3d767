// The code beside a view: the snippet that prints its numbers.
import { el } from "../core/dom.js";
import { copyText } from "./copy.js";

export const codeBox = (view) => {
  if (!view.payload.code) return null;
  const copy = el("button", { type: "button", class: "am-button", "data-focus": "copy-code" }, view.word("copy_code"));
  copy.addEventListener("click", () => copyText(view.payload.code, copy, view));
  const open = view.state.code;
  const box = el("details", { class: "am-code", open }, el("summary", {}, view.word("code")),
    el("div", { class: "am-panel-head" }, el("p", { class: "am-caption" }, view.word("code_note")), copy),
    el("pre", { tabindex: "0", class: "am-scroll" }, el("code", {}, view.payload.code)));
  box.addEventListener("toggle", () => (view.state.code = box.open));
  return box;
};
