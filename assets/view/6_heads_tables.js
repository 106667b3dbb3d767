// Roles of heads, maps of layers and heads, and bars beside bars.
"use strict";
(() => {
  const AM = window.AttentionMatchmaker;

  // A small map with one number a head: a click opens the head, not a sheet.
  AM.kinds.headmap = (panel, view) => {
    const opening = Object.create(view);
    opening.open = ({ row, column }) => AM.pickHead(view, row, column);
    return AM.kinds.heatmap({ ...panel, opens: true }, opening);
  };

  AM.kinds.roles = (panel, view) => {
    const say = (text, values) => text.replace(/\{(\w+)\}/g, (_, name) => String(values[name] ?? ""));
    const rows = panel.items.map((role, r) => AM.el("tr", {},
      AM.el("th", { scope: "row" }, role.name, AM.el("p", { class: "am-caption" }, role.text)),
      AM.el("td", {}, role.heads.length ? AM.el("div", { class: "am-options" }, role.heads.map(([layer, head, score, chance]) =>
        AM.el("button", { type: "button", class: "am-button am-role", "data-focus": `role.${r}.${layer}.${head}`,
          title: say(panel.words.role_score, { score, chance }),
          "aria-label": `${say(panel.words.cell, { layer, head })}. ${say(panel.words.role_score, { score, chance })}`,
          onclick: () => AM.pickHead(view, layer, head) }, `${layer}.${head}`, AM.el("span", { class: "am-caption" }, ` ${score} / ${chance}`))),
      role.count > role.heads.length ? AM.el("span", { class: "am-caption" }, say(panel.words.role_more, { count: role.count - role.heads.length })) : null)
        : AM.el("span", { class: "am-caption" }, panel.words.role_none))));
    return AM.frame(panel, view, AM.el("div", { class: "am-scroll", tabindex: "0", role: "group", "aria-label": panel.title }, AM.el("table", { class: "am-roles" }, AM.el("tbody", {}, rows))));
  };

  AM.kinds.pairbars = (panel, view) => {
    const most = Math.max(1e-9, ...panel.series.flatMap((one) => one.values));
    const legend = panel.series.length > 1 ? AM.el("span", { class: "am-legend" }, panel.series.map((one, s) =>
      AM.el("span", { class: `am-key am-series-${s}` }, one.name))) : null;
    const rows = panel.names.map((name, i) => AM.el("div", { class: "am-bar-row", role: "listitem" }, AM.el("span", { class: "am-bar-name", dir: "auto", title: name }, name),
      AM.el("div", {}, panel.series.map((one, s) => {
        const bar = AM.el("span", { class: `am-bar am-series-${s}` });
        bar.style.width = `${(70 * one.values[i]) / most}%`;
        return AM.el("div", { class: "am-bar-line", "aria-label": `${one.name}: ${AM.show(one.values[i], panel.digits)}` }, bar, AM.el("span", { class: "am-bar-number" }, one.values[i].toFixed(panel.digits)));
      }))));
    return AM.frame(panel, view, AM.el("div", { class: "am-bars", role: "list", tabindex: "0", "aria-label": panel.title }, rows), [legend]);
  };
})();
