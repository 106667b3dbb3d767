// The arithmetic of what is pointed at, in one line: "1 × 1.5 = 1.5 → score 3 → share 0.8214".
import { showNumber } from "../../view/core/numbers.js";

// Up to four decimals, none that say nothing.
export const plain = (number) => {
  const shown = showNumber(number);
  return shown.includes(".") && !shown.includes("e") ? shown.replace(/\.?0+$/, "").replace(/^-0$/, "0") : shown;
};

const factor = (number) => (number < 0 ? `(${plain(number)})` : plain(number));
const sum = (numbers) => numbers.map((number, i) => (i === 0 ? plain(number) : number < 0 ? `− ${plain(-number)}` : `+ ${plain(number)}`)).join(" ");
const product = (a, b, c) => `${plain(a)} × ${factor(b)} = ${plain(c)}`;

// panel, "key.0.1" -> the line
export const sayOf = (panel, node) => {
  const [kind, a, b] = node.split(".");
  return SAYINGS[kind](panel, Number(a), Number(b));
};

const then = (panel, j) => `${panel.words.score} ${plain(panel.scores[j])} → ${panel.words.share} ${plain(panel.shares[j])}`;
const meets = (panel, j, i) => {
  if (panel.scoring === "additive") return `tanh(…) = ${plain(panel.terms[j][i])}`;
  return product(panel.left[j][i], panel.right[j][i], panel.terms[j][i]);
};

const SAYINGS = {
  want: (panel, i) => (panel.scoring === "bilinear" || panel.scoring === "additive" ? `${panel.traits[i]}: ${plain(panel.query[i])}`
    : `${panel.traits[i]}: ${panel.names.map((name, j) => `${name} ${meets(panel, j, i)}`).join(" · ")}`),
  through: (panel, i) => `q W, ${panel.traits[i]}: ${plain(panel.left[0][i])}`,
  key: (panel, j, i) => `${panel.names[j]}, ${panel.scoring === "additive" ? i + 1 : panel.traits[i]}: ${meets(panel, j, i)} → ${then(panel, j)}`,
  score: (panel, j) => `${panel.names[j]}: ${sum(panel.terms[j])} = ${plain(panel.scores[j])} → ${panel.words.share} ${plain(panel.shares[j])}`,
  scaled: (panel, j) => `${panel.names[j]}: ${plain(panel.scores[j])}${panel.scale === 1 ? "" : ` × ${plain(panel.scale)}`}${panel.temperature === 1 ? "" : ` / ${plain(panel.temperature)}`} = ${plain(panel.scaled[j])}`,
  numerator: (panel, j) => `${panel.names[j]}: exp(${plain(panel.scaled[j])} − ${factor(panel.shift)}) = ${plain(panel.numerators[j])}`,
  sum: (panel) => `${sum(panel.numerators)} = ${plain(panel.denominator)}`,
  share: (panel, j) => `${panel.names[j]}: ${plain(panel.numerators[j])} / ${plain(panel.denominator)} = ${plain(panel.shares[j])}`,
  value: (panel, j, f) => `${panel.names[j]}, ${panel.facts[f]}: ${product(panel.shares[j], panel.values[j][f], panel.contributions[j][f])} → ${panel.words.get} ${plain(panel.output[f])}`,
  output: (panel, f) => `${panel.words.get}, ${panel.facts[f]}: ${sum(panel.contributions.map((row) => row[f]))} = ${plain(panel.output[f])}`,
};
