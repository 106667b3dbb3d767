// A comma is a decimal point too. The browser's number fields drop the signs they do not know: 0,9 became 09.
const COMMAS = ",，、";
const PAIR = /^\s*([+-]?\d*)[,，](\d+)\s*$/;

const isNumberField = (node) => node instanceof window.HTMLInputElement && node.type === "number";
const insert = (text) => document.execCommand("insertText", false, text);

// "0,9" -> "0.9"; "1,000" may be a thousand, so it stays.
export const withPoint = (text) => {
  const pair = PAIR.exec(text);
  if (!pair || (pair[2].length === 3 && /[1-9]/.test(pair[1]))) return text;
  return `${pair[1] || "0"}.${pair[2]}`;
};

export const watchCommas = () => {
  document.addEventListener("keydown", (event) => {
    if (!isNumberField(event.target) || !COMMAS.includes(event.key)) return;
    event.preventDefault();
    insert(".");
  }, true);
  document.addEventListener("paste", (event) => {
    if (!isNumberField(event.target)) return;
    const text = event.clipboardData.getData("text/plain");
    if (withPoint(text) === text) return;
    event.preventDefault();
    insert(withPoint(text));
  }, true);
};
