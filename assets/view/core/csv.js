// Rows of cells as a CSV file. What a spreadsheet would run as a formula gets a ' in front, by the
// rule of packing.py; numbers are left as they are.
export const toCsv = (rows) => "\ufeff" + rows.map((row) => row.map(csvCell).join(",") + "\r\n").join("");

const csvCell = (cell) => {
  if (typeof cell === "number") return String(cell);
  // eslint-disable-next-line no-control-regex -- Python's str.strip takes these as space
  const text = /^[\s\x1c-\x1f\x85]*[=+\-@\t\r\n＝＋－＠]/.test(cell) || /^[\t\r\n]/.test(cell) ? `'${cell}` : String(cell);
  return /[",\r\n]/.test(text) ? `"${text.replace(/"/g, '""')}"` : text;
};
