// The matchmaker as one connected picture: the kind "match". Built once, then its numbers are only rewritten,
// so that a number can be dragged while everything behind it moves.
import { el, svg } from "../../view/core/dom.js";
import { fill } from "../../view/core/words.js";
import { panelFrame, saveMenu } from "../../view/panels/frame.js";
import { edgesOf, isScaled, sumsOf, wayOf } from "./match_graph.js";
import { rove } from "./match_keys.js";
import { drawLines } from "./match_lines.js";
import { plain, sayOf } from "./match_say.js";
import { numberCell } from "./number_cell.js";
import { veiledParts, watchVeil } from "./match_veil.js";

const range = (count) => Array.from({ length: count }, (_, i) => i);
const brief = (number) => (Math.abs(number) < 1000 ? (Math.abs(number) < 0.005 ? 0 : number).toFixed(2) : number.toPrecision(4));

export const match = (panel, view) => {
  const shape = JSON.stringify([panel.names.length, panel.people.query.length, panel.traits.length, panel.facts.length, panel.scoring, panel.typed, isScaled(panel)]);
  let model = view.state.match;
  if (!model || model.shape !== shape || !model.figure.isConnected) {
    model = view.state.match = { shape, view, panel, people: null, wanted: null, sending: false, nodes: new Map(), inputs: new Map(), lines: new Map() };
    build(model);
  }
  model.panel = panel;
  if (!model.wanted) model.people = JSON.parse(JSON.stringify(panel.people));
  write(model);
  return model.figure;
};

// The people as they stand are asked for, the latest always last.
const send = async (model) => {
  const { view } = model;
  model.wanted = JSON.stringify(model.people);
  if (model.sending) return;
  model.sending = true;
  try {
    while (model.wanted) {
      const people = JSON.parse(model.wanted);
      const asked = model.wanted;
      const payload = await view.ask("draw", { inputs: { ...view.payload.inputs, people } });
      if (model.wanted === asked) model.wanted = null;
      if (payload.error || !view.settle) view.update(payload);
      else view.settle(payload);
    }
  } finally {
    model.sending = false;
  }
};

const wordOf = (model, key, values) => fill(model.panel.words[key], values);

// A number of the learner's at row[i], as a cell of the picture.
const typed = (model, node, label, path, under = null) => {
  const input = el("input", { type: "text", inputmode: "decimal", class: "am-match-number", "data-focus": `match.${node}`, autocomplete: "off",
    tabindex: node === "want.0" ? "0" : "-1", // where the link past the inputs leads; arrows go on from there
    readonly: !model.panel.typed || !model.view.server });
  const bind = numberCell(input, (number) => {
    let row = model.people;
    for (const step of path.slice(0, -1)) row = row[step];
    row[path.at(-1)] = number;
    send(model);
  });
  model.inputs.set(node, { input, label });
  const cell = el("div", { class: "am-match-cell", "data-node": node }, input, under);
  bind(cell);
  model.nodes.set(node, cell);
  return cell;
};

// A word of the learner's: the name of somebody, or of a trait.
const named = (model, label, part, i, count) => {
  const input = el("input", { type: "text", maxlength: "24", class: "am-match-name", dir: "auto", "aria-label": label, "data-focus": `match.${part}.${i}`, tabindex: "-1",
    readonly: !model.panel.typed || !model.view.server });
  input.addEventListener("input", () => {
    const list = (model.people[part] = model.people[part] || Array(count).fill(""));
    list[i] = input.value;
    send(model);
  });
  model.inputs.set(`${part}.${i}`, { input, label: null });
  return input;
};

// What is computed, as a button that opens its arithmetic: row 0 of the picture is its shares, row 1 its output.
const found = (model, node, cell, more = {}, ...children) => {
  const button = el("button", { type: "button", class: "am-match-found", tabindex: "-1", "data-node": node, "data-focus": `match.${node}`, onclick: () => model.view.open(cell), ...more }, children);
  model.nodes.set(node, button);
  return button;
};

const at = (row, column) => ({ panel: "match", row, column });
const head = (text, more = "") => el("span", { class: `am-match-head ${more}` }, text);
const blank = (more = "") => el("span", { class: more });

const build = (model) => {
  const { panel, view } = model;
  const picture = svg("svg", { class: "am-match-lines", "aria-hidden": "true", preserveAspectRatio: "none" });
  const art = el("div", { class: "am-match-art", role: "group" }, picture, meeting(model), blending(model));
  const say = el("p", { class: "am-match-say", "aria-live": "polite" });
  const body = el("div", {}, el("div", { class: "am-scroll am-match-scroll", tabindex: "-1" }, art), say);
  const framed = panelFrame({ ...panel, caption: "" }, view, body, [saveMenu(panel, view, { formats: ["csv", "npz"] })], "h2");
  // in one part that the veil leaves alone: what is to be guessed is veiled number by number
  const caption = el("p", { class: "am-caption" });
  const tight = panel.traits.length + panel.facts.length > 6 ? " am-match-tight" : "";
  const stage = el("div", { class: `am-panel-head am-match-stage${tight}` }, ...framed.childNodes, caption);
  framed.replaceChildren(stage);
  Object.assign(model, { figure: framed, art, picture, say, caption, edges: edgesOf(panel), sums: sumsOf(panel) });
  new ResizeObserver(() => relay(model)).observe(art);
  watchVeil(view, framed, () => write(model));
  rove(art);
  point(model);
};

const relay = (model) => {
  if (!model.art.offsetWidth) return;
  model.lines = drawLines(model.picture, model.art, model.nodes, [...model.edges, ...model.sums]);
  light(model, model.pointed || null);
};

// The left half: the query above, the keys below it, then products, scores and numerators.
const meeting = (model) => {
  const { panel } = model;
  const scaled = isScaled(panel), d = panel.people.query.length, p = panel.traits.length;
  const traits = range(p).map((i) => (panel.typed ? named(model, wordOf(model, "trait_label", { number: i + 1 }), "traits", i, d) : head(panel.traits[i])));
  const heads = [head(panel.words.keys_title, "am-match-part"), ...traits, head(panel.words.score), scaled ? head(panel.words.scaled) : null, head(panel.words.numerator)];
  const rest = range(scaled ? 3 : 2).map(() => blank());
  const query = [head(panel.words.want, "am-match-you"), ...range(p).map((i) => typed(model, `want.${i}`, "query_label", ["query", i])), ...rest];
  const through = panel.scoring === "bilinear" ? [head("q W", "am-match-you"), ...range(p).map((i) => {
    const cell = el("div", { class: "am-match-cell am-match-read", "data-node": `through.${i}` });
    model.nodes.set(`through.${i}`, cell);
    return cell;
  }), ...range(scaled ? 3 : 2).map(() => blank())] : [];
  const rows = panel.names.flatMap((_, j) => [
    named(model, wordOf(model, "name_label", { number: j + 1 }), "names", j, panel.names.length),
    ...range(p).map((i) => typed(model, `key.${j}.${i}`, "key_label", ["keys", j, i],
      el("button", { type: "button", tabindex: "-1", class: "am-match-under", "aria-hidden": "true", onclick: () => model.view.open(at(0, j)) }))),
    found(model, `score.${j}`, at(0, j)),
    scaled ? found(model, `scaled.${j}`, at(0, j)) : null,
    found(model, `numerator.${j}`, at(0, j)),
  ]);
  const total = el("div", { class: "am-match-cell am-match-read am-match-sum", "data-node": "sum" });
  model.nodes.set("sum", total);
  const foot = [...range(p + (scaled ? 2 : 1)).map(() => blank()), head(panel.words.sum, "am-match-right"), total];
  const grid = el("div", { class: "am-match-grid am-match-meet" }, [...heads, ...query, ...through, ...rows, ...foot].filter(Boolean));
  grid.style.setProperty("--am-columns", `var(--am-name) repeat(${p + (scaled ? 3 : 2)}, var(--am-cell))`);
  return grid;
};

// The right half: shares as bars, values, and the blend of them at the foot.
const blending = (model) => {
  const { panel } = model;
  const v = panel.facts.length;
  const facts = range(v).map((f) => (panel.typed ? named(model, wordOf(model, "fact_label", { number: f + 1 }), "facts", f, v) : head(panel.facts[f])));
  const heads = [head(panel.words.share, "am-match-left"), head(panel.words.values_title, "am-match-part"), ...facts];
  const gap = range(v + 2).map(() => blank("am-match-gap"));
  const through = panel.scoring === "bilinear" ? range(v + 2).map(() => blank("am-match-gap")) : [];
  const rows = panel.names.flatMap((_, j) => {
    const is = head("", "am-match-is");
    model.inputs.set(`is.${j}`, { is });
    return [
      found(model, `share.${j}`, at(0, j), { class: "am-match-found am-match-share", "data-focus": `match.0.${j}` },
        el("span", { class: "am-match-track" }, el("span", { class: "am-match-bar" })), el("span", { class: "am-match-figure" })),
      is,
      ...range(v).map((f) => typed(model, `value.${j}.${f}`, "value_label", ["values", j, f],
        el("button", { type: "button", tabindex: "-1", class: "am-match-under", "aria-hidden": "true", onclick: () => model.view.open(at(1, f)) }))),
    ];
  });
  const foot = [blank(), head(panel.words.get, "am-match-you am-match-right"), ...range(v).map((f) => found(model, `output.${f}`, at(1, f), { class: "am-match-found am-match-output", "data-focus": `match.1.${f}` },
    el("span", { class: "am-match-figure" }), el("span", { class: "am-match-blend-bar", "aria-hidden": "true" }, panel.names.map(() => el("span")))))];
  const grid = el("div", { class: "am-match-grid am-match-blend" }, [...heads, ...gap, ...through, ...rows, ...foot]);
  grid.style.setProperty("--am-columns", `minmax(var(--am-bar), 1fr) var(--am-name) repeat(${v}, var(--am-cell))`);
  return grid;
};

// Pointing at anything, with the mouse or by focus, lights its way.
const point = (model) => {
  const nodeAt = (target) => target.closest?.("[data-node]")?.dataset.node || null;
  const { art } = model;
  art.addEventListener("pointerover", (event) => light(model, nodeAt(event.target) || focused(model)));
  art.addEventListener("pointerleave", () => light(model, focused(model)));
  art.addEventListener("focusin", (event) => light(model, nodeAt(event.target)));
  art.addEventListener("focusout", () => light(model, null));
};

const focused = (model) => {
  const active = document.activeElement;
  return active && model.art.contains(active) ? active.closest("[data-node]")?.dataset.node || null : null;
};

const light = (model, node) => {
  model.pointed = node;
  const way = node ? wayOf(node, model.edges, model.sums) : { nodes: new Set(), edges: new Set() };
  model.art.classList.toggle("am-lighting", Boolean(node));
  for (const [name, cell] of model.nodes) {
    cell.classList.toggle("am-lit", way.nodes.has(name));
    cell.classList.toggle("am-pointed", name === node);
  }
  for (const [name, line] of model.lines) line.classList.toggle("am-lit", way.edges.has(name));
  model.picture.append(...[...model.lines.values()].filter((line) => line.classList.contains("am-lit"))); // above the others
  const isSecret = (one) => model.nodes.get(one).classList.contains("am-secret");
  const known = node && !isSecret(node);
  const whole = known ? sayOf(model.panel, node) : model.panel.words.help;
  // what a question veils is not said either: the arithmetic then ends before its first arrow
  model.say.textContent = known && [...way.nodes].some(isSecret) ? whole.split(" → ")[0] : whole;
};

const share = (number, most) => `${Math.round(Math.min(Math.abs(number) / (most || 1), 1) * 100)}%`;

// Write every number where it stands; what somebody is typing is left alone.
const write = (model) => {
  const { panel, nodes, inputs, people } = model;
  const put = (node, number, key, values) => {
    const { input } = inputs.get(node);
    input.setAttribute("aria-label", wordOf(model, key, values));
    if (document.activeElement === input && input.getAttribute("aria-invalid") === "true") return;
    const text = typeof number === "number" ? (panel.typed ? String(number) : brief(number)) : String(number);
    const same = document.activeElement === input && Number(input.value.normalize("NFKC").replace(/[,，]/, ".")) === number;
    if (input.value !== text && !same) input.value = text;
    if (typeof number === "number") input.setAttribute("aria-invalid", "false");
  };
  const call = (node, text) => {
    const { input } = inputs.get(node) || {};
    if (input && input.value !== text && document.activeElement !== input) input.value = text;
  };
  const query = panel.typed ? people.query : panel.query;
  query.forEach((number, i) => put(`want.${i}`, number, "query_label", { trait: panel.traits[i] }));
  panel.traits.forEach((name, i) => call(`traits.${i}`, name));
  panel.facts.forEach((name, f) => call(`facts.${f}`, name));
  if (nodes.has("through.0")) panel.left[0].forEach((number, i) => { nodes.get(`through.${i}`).textContent = brief(number); });
  panel.names.forEach((name, j) => {
    call(`names.${j}`, name);
    inputs.get(`is.${j}`).is.textContent = name;
    (panel.typed ? people.keys : panel.keys)[j].forEach((number, i) => put(`key.${j}.${i}`, number, "key_label", { name, trait: panel.traits[i] }));
    (panel.typed ? people.values : panel.values)[j].forEach((number, f) => put(`value.${j}.${f}`, number, "value_label", { name, trait: panel.facts[f] }));
  });
  computed(model);
  model.caption.textContent = panel.caption;
  model.art.setAttribute("aria-label", `${panel.title}. ${panel.words.keys}`);
  light(model, model.pointed || null);
};

const computed = ({ panel, nodes, view, figure }) => {
  const hidden = veiledParts(view, figure);
  const tell = (node, number, label) => {
    const cell = nodes.get(node);
    const secret = hidden.has(node.split(".")[0]);
    (cell.querySelector(".am-match-figure") || cell).textContent = secret ? "?" : brief(number);
    cell.classList.toggle("am-secret", secret);
    cell.disabled = secret;
    if (!secret) cell.dataset.value = String(number);
    else delete cell.dataset.value;
    cell.setAttribute(cell.tagName === "BUTTON" ? "aria-label" : "title", `${label}: ${secret ? "?" : plain(number)}`);
  };
  const under = (node, number, most, secret) => {
    const cell = nodes.get(node);
    cell.querySelector(".am-match-under").textContent = secret ? "?" : brief(number);
    cell.style.setProperty("--am-heat", secret ? "0%" : share(number, most));
    cell.classList.toggle("am-negative", number < 0);
    cell.classList.toggle("am-secret", secret);
  };
  const { words } = panel;
  const most = Math.max(...panel.terms.flat().map(Math.abs));
  panel.names.forEach((name, j) => {
    panel.terms[j].forEach((number, i) => under(`key.${j}.${i}`, number, most, false));
    tell(`score.${j}`, panel.scores[j], `${name}, ${words.score}`);
    if (nodes.has(`scaled.${j}`)) tell(`scaled.${j}`, panel.scaled[j], `${name}, ${words.scaled}`);
    tell(`numerator.${j}`, panel.numerators[j], `${name}, ${words.numerator}`);
    tell(`share.${j}`, panel.shares[j], `${name}, ${words.share}`);
    nodes.get(`share.${j}`).querySelector(".am-match-bar").style.width = hidden.has("share") ? "0" : `${panel.shares[j] * 100}%`;
    panel.contributions[j].forEach((number, f) => under(`value.${j}.${f}`, number, 0, hidden.has("contribution")));
    panel.facts.forEach((_, f) => nodes.get(`value.${j}.${f}`).style.setProperty("--am-heat", hidden.has("share") ? "0%" : share(panel.shares[j], 1)));
  });
  tell("sum", panel.denominator, words.sum);
  panel.output.forEach((number, f) => {
    tell(`output.${f}`, number, `${words.get}, ${panel.facts[f]}`);
    const total = panel.contributions.reduce((all, row) => all + Math.abs(row[f]), 0) || 1;
    [...nodes.get(`output.${f}`).querySelector(".am-match-blend-bar").children].forEach((part, j) => {
      part.style.width = hidden.has("output") ? "0" : `${(Math.abs(panel.contributions[j][f]) / total) * 100}%`;
    });
  });
};
