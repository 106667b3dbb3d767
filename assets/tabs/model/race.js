// Ten seeds, trained one after the other: the page carries each state.
import { el, svg } from "../../view/core/dom.js";
import { showNumber } from "../../view/core/numbers.js";
import { fill } from "../../view/core/words.js";
import { move } from "./move.js";
import { goOn, halt } from "../../view/panels/chunks.js";
import { downloadCsv, panelFrame, saveMenu } from "../../view/panels/frame.js";

const fresh = () => ({ layers: "2", turn: 0, running: false, alert: "", runs: [], draw: () => {} });
const begun = (seed) => ({ seed, state: null, step: 0, steps: [], losses: [], prefix: [], previous: [], learned: [] });

// The seed under way, the next one where it is done.
const current = (panel, race) => {
  const last = race.runs[race.runs.length - 1];
  if (!last || last.step >= panel.steps) race.runs.push(begun(race.runs.length));
  return race.runs[race.runs.length - 1];
};

const go = (panel, view, race) => goOn(view, race, {
  here: () => view.payload.inputs.stage === "seeds",
  more: () => done(panel, race) < panel.seeds,
  question: () => {
    const { seed, state, step } = current(panel, race);
    return { inputs: { ...view.payload.inputs, stage: "seeds", run_seed: seed, layers: race.layers }, state, step };
  },
  took: (answer) => {
    const run = race.runs[race.runs.length - 1];
    Object.assign(run, { state: answer.state, step: answer.step });
    for (const name of ["steps", "losses", "prefix", "previous", "learned"]) run[name].push(...answer[name]);
    if (run.step >= panel.steps) run.state = null; // it is not gone on with
  },
});

const done = (panel, race) => race.runs.filter((run) => run.step >= panel.steps).length;
const latest = (run, name) => run[name][run[name].length - 1];

export const race = (panel, view) => {
  const { words } = panel;
  const held = (view.state.race = view.state.race || fresh());
  const bar = el("div", { class: "am-player-bar" });
  const now = el("output", { class: "am-player-now", "aria-live": "polite" });
  const say = el("p", { class: "am-note", role: "status", hidden: true });
  const chart = el("div", { class: "am-race-chart" });
  const table = el("div", { class: "am-scroll", tabindex: "0", role: "group", "aria-label": panel.title });
  const start = (layers) => {
    if (held.layers !== layers || done(panel, held) >= panel.seeds) held.runs = [];
    held.layers = layers;
    go(panel, view, held);
  };
  held.draw = () => {
    const key = [held.running, held.layers, held.runs.length > 0, done(panel, held) < panel.seeds].join();
    if (bar.dataset.key !== key) { // the same buttons stay, and with them the focus
      const focused = bar.contains(document.activeElement);
      bar.replaceChildren(...buttons(panel, view, held, start));
      bar.dataset.key = key;
      if (focused) bar.firstChild.focus({ preventScroll: true });
    }
    now.textContent = sentence(panel, held);
    say.textContent = view.server ? held.alert : words.offline;
    say.hidden = !say.textContent;
    chart.replaceChildren(curves(panel, held));
    table.replaceChildren(numbers(panel, view, held));
  };
  held.draw();
  const csv = () => downloadCsv(`${view.payload.tab}-seeds.csv`, [[words.seed, view.word("step"), words.loss, words.prefix, words.previous],
    ...held.runs.flatMap((run) => run.steps.map((step, i) => [run.seed, step, run.losses[i], run.prefix[i], run.previous[i]]))]);
  const body = el("div", {}, bar, now, say, el("div", { class: "am-race-parts" }, chart, table));
  return panelFrame(panel, view, body, [saveMenu(panel, view, { formats: ["csv"], own: { csv } })]);
};

const sentence = (panel, race) => {
  const { words } = panel;
  if (!race.runs.length) return words.empty;
  const learned = race.runs.filter((run) => run.step >= panel.steps && latest(run, "learned")).length;
  const run = race.runs[race.runs.length - 1];
  const parts = [fill(words.sum, { learned, done: done(panel, race), layers: race.layers })];
  if (run.step < panel.steps) parts.push(fill(words.under_way, { seed: run.seed, step: run.step, steps: panel.steps }));
  return parts.join(" · ");
};

const buttons = (panel, view, race, start) => {
  const { words } = panel;
  const one = (name, label, onclick) => el("button", { type: "button", class: "am-button", "data-focus": `race.${name}`, disabled: !view.server, onclick }, label);
  if (race.running) return [one("stop", words.stop, () => { halt(race); race.draw(); })];
  const under = race.runs.length > 0 && done(panel, race) < panel.seeds;
  const begin = (layers, name) => one(name, under && race.layers === layers ? `${words[name]} · ${words.go_on}` : words[name], () => start(layers));
  const again = race.runs.length ? [one("again", words.again, () => { race.runs = []; race.alert = ""; race.draw(); })] : [];
  return [begin("2", "two"), begin("1", "one"), ...again];
};

// The loss of every run over its steps; the one under way stands out.
const curves = (panel, race) => {
  const width = 420, height = 240, left = 30;
  const x = (step) => left + (step / panel.steps) * (width - left - 8);
  const y = (loss) => height - 24 - (Math.min(loss, panel.top) / panel.top) * (height - 52);
  const lines = race.runs.map((run, i) => svg("polyline", { class: i === race.runs.length - 1 ? "am-race-now" : "am-race-line",
    points: run.steps.map((step, k) => `${x(step).toFixed(1)},${y(run.losses[k]).toFixed(1)}`).join(" ") }, svg("title", {}, `${panel.words.seed} ${run.seed}`)));
  const tick = (step) => svg("text", { x: x(step), y: height - 6, class: "am-race-text", "text-anchor": step ? "end" : "start" }, String(step));
  return svg("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": `${panel.words.curves}. ${sentence(panel, race)}` },
    svg("text", { x: 4, y: 14, class: "am-race-text" }, panel.words.curves),
    svg("line", { x1: left, x2: width - 8, y1: y(0), y2: y(0), class: "am-axis" }),
    svg("line", { x1: left, x2: width - 8, y1: y(panel.floor), y2: y(panel.floor), class: "am-circuit-line" }),
    svg("text", { x: width - 8, y: y(panel.floor) - 4, class: "am-race-text", "text-anchor": "end" }, `${panel.words.half} = ${showNumber(panel.floor, 2)}`),
    ...[0, 2, 4].map((loss) => svg("text", { x: left - 6, y: y(loss) + 4, class: "am-race-text", "text-anchor": "end" }, String(loss))),
    tick(0), tick(panel.steps), ...lines);
};

const numbers = (panel, view, race) => {
  const { words } = panel;
  if (!race.runs.length) return el("p", { class: "am-caption" }, words.empty);
  const rows = race.runs.filter((run) => run.steps.length).map((run) => {
    const when = run.learned.indexOf(true);
    const look = el("button", { type: "button", class: "am-button", "data-focus": `race.look.${run.seed}`, "aria-label": fill(words.look, { seed: run.seed }), disabled: !view.choose,
      onclick: () => move(view, { run_seed: run.seed, layers: race.layers, stage: "learn" }) }, String(run.seed));
    return el("tr", {}, el("th", { scope: "row" }, look), el("td", {}, showNumber(latest(run, "losses"), 3)), el("td", {}, showNumber(latest(run, "prefix"), 3)),
      el("td", {}, showNumber(latest(run, "previous"), 3)), el("td", {}, words[latest(run, "learned") ? "yes" : "no"]), el("td", {}, when < 0 ? words.never : String(run.steps[when])));
  });
  const head = ["seed", "loss", "prefix", "previous", "learned", "at"].map((name) => el("th", { scope: "col" }, words[name]));
  return el("table", { class: "am-numbers" }, el("thead", {}, el("tr", {}, head)), el("tbody", {}, rows));
};
