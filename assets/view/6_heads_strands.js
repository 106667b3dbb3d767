// Two columns of tokens and lines between them: the row of one query, with its numbers.
"use strict";
(() => {
  const AM = window.AttentionMatchmaker;
  const STEP = 22; // pixels a token
  const LEAST = 0.005; // weights below are no line

  AM.kinds.strands = (panel, view) => {
    const source = view.payload.panels.find((other) => other.id === panel.of);
    const { shape, data } = AM.decode(source.data);
    const [n, m] = shape;
    let chosen = Math.min(panel.start, n - 1);
    const height = STEP * Math.max(n, m) + 8;
    const y = (i) => STEP * i + STEP / 2 + 4;
    const svg = AM.svg("svg", { class: "am-lines-picture", viewBox: `0 0 440 ${height}`, role: "application", tabindex: "0", "data-focus": "lines" });
    const strands = AM.svg("g");
    const tokens = (labels, x, anchor, name) => labels.map((label, i) => {
      const node = AM.svg("g", { class: `am-token am-${name}`, "data-at": i },
        AM.svg("rect", { x: name === "from" ? 0 : 290, y: y(i) - STEP / 2, width: 150, height: STEP, rx: 4 }),
        AM.svg("text", { x, y: y(i), "text-anchor": anchor, "dominant-baseline": "central", direction: "ltr" }, AM.svg("tspan", {}, cut(label)), AM.svg("tspan", { class: "am-number", dx: 6 })));
      if (label.length > 14) node.append(AM.svg("title", {}, label));
      return node;
    });
    const left = tokens(source.rows, 142, "end", "from");
    const right = tokens(source.columns, 298, "start", "to");
    svg.append(strands, ...left, ...right);
    const status = AM.el("p", { class: "am-offscreen", role: "status" });

    const select = (row) => {
      chosen = row;
      const weights = Array.from(data.subarray(row * m, row * m + m));
      strands.replaceChildren(...weights.map((weight, j) => (weight < LEAST ? null : AM.svg("line", {
        x1: 150, y1: y(row), x2: 290, y2: y(j), "stroke-width": (0.75 + 7 * weight).toFixed(2), "stroke-opacity": (0.25 + 0.75 * weight).toFixed(2) },
      AM.svg("title", {}, sentence(row, j, weight))))).filter(Boolean));
      left.forEach((node, i) => node.classList.toggle("am-chosen", i === row));
      right.forEach((node, j) => {
        node.classList.toggle("am-strong", weights[j] >= 0.1);
        node.querySelector(".am-number").textContent = weights[j] < LEAST ? "" : weights[j].toFixed(2);
      });
      const best = weights.map((weight, j) => [weight, j]).sort((a, b) => b[0] - a[0]).slice(0, 3);
      svg.setAttribute("aria-label", `${panel.title}. ${best.map(([weight, j]) => sentence(row, j, weight)).join("; ")}`);
      return best[0][1];
    };
    const sentence = (i, j, weight) => panel.word.replace("{query}", () => source.rows[i]).replace("{key}", () => source.columns[j]).replace("{weight}", AM.show(weight));
    const at = (event, name) => {
      const node = event.target.closest(`.am-${name}`);
      return node ? Number(node.dataset.at) : null;
    };
    const point = (event) => {
      const row = at(event, "from");
      if (row !== null && row !== chosen) select(row);
    };
    svg.addEventListener("mouseover", point);
    svg.addEventListener("click", (event) => {
      point(event);
      const column = at(event, "to");
      if (column !== null) view.open({ panel: panel.of, row: chosen, column });
    });
    svg.addEventListener("keydown", (event) => {
      const moves = { ArrowUp: chosen - 1, ArrowDown: chosen + 1, Home: 0, End: n - 1 };
      if (event.key === "Enter") view.open({ panel: panel.of, row: chosen, column: strongest() });
      else if (event.key in moves) {
        select(Math.min(Math.max(moves[event.key], 0), n - 1));
        status.textContent = svg.getAttribute("aria-label");
      } else return;
      event.preventDefault();
    });
    const strongest = () => select(chosen);
    AM.whileShown(view, svg, ["am-row"], (event) => {
      if (event.detail && event.detail.panel === panel.of && event.detail.row >= 0 && event.detail.row < n) select(event.detail.row);
    });
    select(chosen);
    const body = AM.el("div", { class: "am-lines-scroll" }, svg, status);
    const titles = AM.el("p", { class: "am-lines-titles", "aria-hidden": "true" }, AM.el("span", {}, panel.row_title), AM.el("span", {}, panel.column_title));
    return AM.frame(panel, view, AM.el("div", {}, titles, body));
  };

  const cut = (label) => (label.length > 14 ? `${label.slice(0, 13)}…` : label);
})();
