// What the training believes, as a bar for each trait, at the step that the player shows: the kind "belief".
// panel: {names, frames: {shape: [k, d]}, steps: [k], follows: id of the player}
import { el } from "../../view/core/dom.js";
import { showNumber, unpack } from "../../view/core/numbers.js";
import { panelFrame, saveMenu } from "../../view/panels/frame.js";
import { whileShown } from "../../view/panels/rows.js";

export const belief = (panel, view) => {
  const { shape: [count, d], data } = unpack(panel.frames);
  const most = Math.max(...data.map(Math.abs).filter(Number.isFinite), 1e-9);
  const rows = panel.names.map((name) => el("div", { class: "am-belief-row", role: "listitem" },
    el("span", { class: "am-belief-name", dir: "auto" }, name),
    el("span", { class: "am-belief-track" }, el("span", { class: "am-belief-bar" })),
    el("span", { class: "am-belief-number" })));
  const now = el("p", { class: "am-caption" });
  const show = (frame) => {
    now.textContent = `${view.word("step")} ${panel.steps[frame]}`;
    rows.forEach((row, i) => {
      const number = data[frame * d + i];
      const bar = row.querySelector(".am-belief-bar");
      const size = (Math.abs(number) / most) * 50;
      bar.style.width = `${size}%`;
      bar.style.left = `${number < 0 ? 50 - size : 50}%`;
      bar.classList.toggle("am-negative", number < 0);
      row.querySelector(".am-belief-number").textContent = showNumber(number, 2);
    });
  };
  show(Math.min(view.state[panel.follows]?.frame ?? count - 1, count - 1));
  const list = el("div", { class: "am-belief-rows", role: "list", tabindex: "0", "aria-label": panel.title }, rows);
  const figure = panelFrame(panel, view, el("div", {}, now, list), [saveMenu(panel, view, { formats: ["csv", "npz"] })]);
  whileShown(view, figure, ["am-frame"], (event) => { if (event.detail.panel === panel.follows) show(event.detail.frame); });
  return figure;
};
