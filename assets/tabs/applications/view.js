// The applications tab: a row of bars to drag, one per token, and a history to pick from a catalogue.
import { el } from "../../view/core/dom.js";
import { register } from "../../view/core/registry.js";
import { panelFrame } from "../../view/panels/frame.js";

const STEP = 0.05;

// panel: {tokens, factors, high, learned, now, drag, changed, words}. A bar is a slider: drag or arrow keys.
// The picture is redrawn while a bar is being dragged, so the drag lives on the window and paints
// whichever bars are there now.
const tokenbars = (panel, view) => {
  const memory = (view.state[panel.id] = view.state[panel.id] || {});
  const factors = memory.dragging === undefined ? panel.factors.slice() : memory.factors;
  if (factors.length !== panel.tokens.length) factors.splice(0, factors.length, ...panel.factors);
  memory.factors = factors;

  const send = () => view.choose && view.choose({ override: "drag", token_weights: memory.factors.map((one) => Number(one.toFixed(2))).join(",") });
  const put = (i, value) => {
    const next = Math.round(Math.min(Math.max(value, 0), panel.high) / STEP) * STEP;
    if (Math.abs(next - memory.factors[i]) < STEP / 2) return;
    memory.factors[i] = next;
    memory.paint();
    send();
  };
  const bars = panel.tokens.map((token, i) => bar(panel, token, i));
  bars.forEach(({ track }, i) => {
    track.addEventListener("keydown", (event) => keys(event, panel, memory.factors[i], (value) => put(i, value)));
    track.addEventListener("pointerdown", (event) => grab(event, panel, memory, i, track, put));
  });
  memory.paint = () => bars.forEach(({ fill, track, factor }, i) => {
    const value = memory.factors[i];
    fill.style.height = `${(100 * value) / panel.high}%`;
    factor.textContent = `×${Number(value.toFixed(2))}`;
    track.setAttribute("aria-valuenow", String(value));
    track.setAttribute("aria-valuetext", `×${Number(value.toFixed(2))}, ${panel.words.share} ${(100 * panel.now[i]).toFixed(0)}%`);
    track.classList.toggle("am-changed", value !== 1);
  });
  memory.paint();
  const reset = el("button", { type: "button", class: "am-button", disabled: !panel.drag, "data-focus": `${panel.id}.reset`,
    onclick: () => view.choose && view.choose({ override: "drag", token_weights: "" }) }, panel.words.reset);
  return panelFrame(panel, view, el("div", { class: "am-tokenrow", role: "group", "aria-label": panel.title }, bars.map((one) => one.node)), [reset]);
};

const bar = (panel, token, i) => {
  const fill = el("span", { class: "am-tokenbar-fill" });
  const track = el("span", { class: "am-tokenbar-track", role: "slider", tabindex: "0", "data-focus": `${panel.id}.${i}`,
    "aria-orientation": "vertical", "aria-valuemin": "0", "aria-valuemax": String(panel.high), "aria-label": `${panel.words.factor}: ${token} (${i + 1})` }, fill);
  const factor = el("span", { class: "am-tokenbar-factor" });
  const learned = `${(100 * panel.learned[i]).toFixed(0)}%`, now = `${(100 * panel.now[i]).toFixed(0)}%`;
  const share = el("span", { class: "am-tokenbar-share", title: panel.words.share }, panel.changed ? `${learned} → ${now}` : now);
  return { fill, track, factor, node: el("div", { class: "am-tokenbar" }, factor, track,
    el("span", { class: "am-tokenbar-name", dir: "auto", title: token }, token), share) };
};

const keys = (event, panel, value, put) => {
  const moves = { ArrowUp: value + 0.1, ArrowRight: value + 0.1, ArrowDown: value - 0.1, ArrowLeft: value - 0.1,
    PageUp: value + 0.5, PageDown: value - 0.5, Home: 0, End: panel.high };
  if (!(event.key in moves)) return;
  event.preventDefault();
  put(moves[event.key]);
};

const grab = (event, panel, memory, i, track, put) => {
  if (event.button) return;
  event.preventDefault();
  track.focus({ preventScroll: true });
  const box = track.getBoundingClientRect();
  const top = box.top + window.scrollY; // numbers above may move the page under the pointer
  const follow = (moved) => put(i, panel.high * (1 - (moved.clientY + window.scrollY - top) / box.height));
  const drop = () => {
    delete memory.dragging;
    window.removeEventListener("pointermove", follow);
    window.removeEventListener("pointerup", drop);
    window.removeEventListener("pointercancel", drop);
  };
  memory.dragging = i;
  window.addEventListener("pointermove", follow);
  window.addEventListener("pointerup", drop);
  window.addEventListener("pointercancel", drop);
  follow(event);
};

// panel: {groups: [{name, items: [{id, name, kind}]}], chosen: [id], nothing, words}
const picker = (panel, view) => {
  const memory = (view.state[panel.id] = view.state[panel.id] || {});
  const all = panel.groups.flatMap((group) => group.items.map((item) => ({ ...item, theme: group.name })));
  const chosen = new Set(panel.chosen);
  const send = (ids) => view.choose && view.choose({ history: ids.length ? ids.sort((a, b) => a - b).join(",") : panel.nothing });
  const toggle = (id) => send(chosen.has(id) ? panel.chosen.filter((one) => one !== id) : [...panel.chosen, id]);
  const chip = (item) => el("button", { type: "button", class: "am-button am-chip", "data-focus": `${panel.id}.chip.${item.id}`,
    "aria-label": `${panel.words.remove} ${item.name}`, title: `${item.kind} · ${item.theme}`, onclick: () => toggle(item.id) },
    el("span", {}, item.name), el("span", { class: "am-chip-theme" }, item.theme), el("span", { "aria-hidden": "true" }, "×"));
  const chips = el("div", { class: "am-options am-chips" }, all.filter((item) => chosen.has(item.id)).map(chip),
    chosen.size ? null : el("span", { class: "am-caption" }, panel.words.empty));
  const rows = panel.groups.map((group) => el("div", { class: "am-shelf", role: "group", "aria-label": group.name },
    el("span", { class: "am-shelf-name" }, group.name),
    el("div", { class: "am-options" }, group.items.map((item) => el("button", { type: "button", class: "am-button am-item",
      "aria-pressed": String(chosen.has(item.id)), "data-focus": `${panel.id}.item.${item.id}`, title: item.kind, onclick: () => toggle(item.id) }, item.name)))));
  const shelves = el("details", { class: "am-shelves", open: memory.open }, el("summary", { "data-focus": `${panel.id}.add` }, panel.words.add), rows);
  shelves.addEventListener("toggle", () => (memory.open = shelves.open));
  const actions = [
    el("button", { type: "button", class: "am-button", "data-focus": `${panel.id}.own`, onclick: () => view.choose && view.choose({ history: "" }) }, panel.words.own),
    el("button", { type: "button", class: "am-button", disabled: !chosen.size, "data-focus": `${panel.id}.clear`, onclick: () => send([]) }, panel.words.clear),
  ];
  return panelFrame(panel, view, el("div", {}, chips, shelves), actions);
};

register({ picker, tokenbars });
