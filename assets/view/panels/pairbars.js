// Bars beside bars: for each name one bar a series.
import { el } from "../core/dom.js";
import { showNumber } from "../core/numbers.js";
import { panelFrame, saveMenu } from "./frame.js";

export const pairbars = (panel, view) => {
  const most = Math.max(1e-9, ...panel.series.flatMap((one) => one.values));
  const legend = panel.series.length > 1 ? el("span", { class: "am-legend" }, panel.series.map((one, s) =>
    el("span", { class: `am-key am-series-${s}` }, one.name))) : null;
  const rows = panel.names.map((name, i) => el("div", { class: "am-bar-row", role: "listitem" }, el("span", { class: "am-bar-name", dir: "auto", title: name }, name),
    el("div", {}, panel.series.map((one, s) => {
      const bar = el("span", { class: `am-bar am-series-${s}` });
      bar.style.width = `${(70 * one.values[i]) / most}%`;
      return el("div", { class: "am-bar-line", "aria-label": `${one.name}: ${showNumber(one.values[i], panel.digits)}` }, bar, el("span", { class: "am-bar-number" }, one.values[i].toFixed(panel.digits)));
    }))));
  return panelFrame(panel, view, el("div", { class: "am-bars", role: "list", tabindex: "0", "aria-label": panel.title }, rows), [legend, saveMenu(panel, view)]);
};
