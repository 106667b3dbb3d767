// A class at a glance: learners and questions, the guesses of each question as bars, the commonest mistake.
import { el } from "../core/dom.js";
import { word } from "./page.js";

const SIGNS = { right: "✓", wrong: "✗", "to read": "?", unreadable: "!", "": "·" };
const LOOK = { right: "am-right", wrong: "am-wrong", unreadable: "am-wrong" };
const verdict = (name) => word(`verdict_${(name || "none").replace(" ", "_")}`);

const cell = (one) => {
  const more = [verdict(one.verdict), one.tries > 1 ? word("times", { count: one.tries }) : "", one.mistake || ""].filter(Boolean).join(" · ");
  return el("td", { title: more }, el("span", { class: LOOK[one.verdict] || "", role: "img", "aria-label": more }, SIGNS[one.verdict]),
    one.given ? el("span", { class: "am-given" }, one.given) : null);
};

const learner = (one) => el("tr", {}, el("th", { scope: "row" }, one.name || word("nameless"), one.own ? null : el("span", { class: "am-wrong", title: word("other_numbers") }, " ≠")),
  one.cells.map(cell), el("td", { class: "am-total" }, String(one.right)));

const marks = (found) => el("div", { class: "am-scroll", tabindex: "0", role: "region", "aria-label": word("marks") }, el("table", { class: "am-list am-marks" },
  el("thead", {}, el("tr", {}, el("th", { scope: "col" }, word("name")),
    found.questions.map((one, i) => el("th", { scope: "col", title: one.prompt }, String(i + 1))), el("th", { scope: "col" }, word("right_count")))),
  el("tbody", {}, found.learners.map(learner))));

const bars = (question) => {
  const most = Math.max(1, ...question.bars.map((one) => one.count));
  return el("table", { class: "am-guesses" }, el("tbody", {}, question.bars.map((one) => {
    const length = el("span", { class: one.right ? "am-tally am-tally-right" : "am-tally" });
    length.style.width = `${(100 * one.count) / most}%`;
    return el("tr", {}, el("th", { scope: "row" }, one.label || word("done"), one.right ? el("span", { class: "am-right" }, " ✓") : null),
      el("td", { class: "am-rail" }, length), el("td", {}, String(one.count)));
  })));
};

const asked = (question, i) => el("section", { class: "am-asked-of" }, el("h3", {}, `${i + 1}. ${question.prompt}`),
  question.bars.length ? bars(question) : el("p", { class: "am-caption" }, word("nobody")),
  question.more ? el("p", { class: "am-caption" }, word("more_answers", { count: question.more })) : null,
  question.wrong ? el("p", { class: "am-caption" }, word("commonest_wrong", question.wrong)) : null,
  question.mistake ? el("p", { class: "am-caption" }, word("commonest", question.mistake)) : null);

// What a hand-in says was done: as the file says, like the attempts.
const deeds = (found) => {
  const some = found.learners.filter((one) => one.did.length);
  return some.length ? [el("h2", {}, word("did")), el("p", { class: "am-caption" }, word("did_note")), el("div", { class: "am-deeds" }, some.map((one) => el("details", {},
    el("summary", {}, one.name || word("nameless")), el("ol", {}, one.did.map((line) => el("li", {}, line))))))] : [];
};

const refused = (found) => (found.refused.length ? el("div", { class: "am-note" }, el("p", {}, word("refused", { count: found.refused_count })),
  el("ul", {}, found.refused.map((one) => el("li", { title: one.detail }, `${one.source}: ${one.why}`)))) : null);

export const classTable = (found) => [refused(found), ...(found.count ? [
  el("h2", {}, found.title), el("p", {}, word("counted", { count: found.count }), " ", found.common ? word("commonest", found.common) : word("no_common")),
  marks(found), found.learners.length < found.count ? el("p", { class: "am-caption" }, word("rows_cut", { shown: found.learners.length })) : null,
  el("p", { class: "am-caption am-legend-line" }, Object.keys(SIGNS).map((name) => el("span", {}, `${SIGNS[name]} ${verdict(name)}`))),
  el("h2", {}, word("guesses")), el("div", { class: "am-asked-all" }, found.questions.map(asked)), ...deeds(found),
] : [])].filter(Boolean);
