// The code beside a view: the snippet that prints its numbers, and the same without this package.
import { el } from "../core/dom.js";
import { copyText } from "./copy.js";

const block = (view, code, note, name, files = []) => {
  const copy = el("button", { type: "button", class: "am-button", "data-focus": name }, view.word("copy_code"));
  copy.addEventListener("click", () => copyText(code, copy, view));
  const saves = view.server ? files.map((file) => el("button", { type: "button", class: "am-button", "data-focus": `save-${file}`,
    onclick: () => view.save(file, "safetensors") }, view.word("save_file", { file }))) : [];
  return [el("div", { class: "am-panel-head" }, el("p", { class: "am-caption" }, note), el("span", { class: "am-actions" }, saves, copy)),
    el("pre", { tabindex: "0", class: "am-scroll" }, el("code", {}, code))];
};

export const codeBox = (view) => {
  const { code, plain, files = [] } = view.payload;
  if (!code) return null;
  const open = view.state.code;
  const box = el("details", { class: "am-code", open }, el("summary", {}, view.word("code")),
    block(view, code, view.word("code_note"), "copy-code"),
    plain ? block(view, plain, [view.word("plain_note"), files.length ? view.word("plain_files") : ""].join(" "), "copy-plain", files) : null);
  box.addEventListener("toggle", () => (view.state.code = box.open));
  return box;
};
