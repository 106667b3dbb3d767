// The link of a view: what the page was opened with, and the address of what it shows now.
export const startQuery = window.location.search; // before any view rewrites it

const linkedCell = (query) => {
  const [, panel, frame, row, column] = /^([\w-]+)(?:@(\d+))?\.(\d+)\.(\d+)$/.exec(query.get("cell")) || [];
  const cell = panel && { panel, row: Number(row), column: Number(column), ...(frame && { frame: Number(frame) }) };
  return cell ? { tab: query.get("tab"), cell } : null;
};
let linked = linkedCell(new URLSearchParams(startQuery));

// The cell of this tab that the page's link names, until forgetLinked: it is open.
export const linkedIn = (tab) => (linked && linked.tab === tab ? linked.cell : null);
export const forgetLinked = () => {
  linked = null;
};

// The full address of a view, or only its query: inputs, open cell, its blanks, language, theme and embed mode.
export const addressOf = ({ payload, opened, root, hand, state }, onlyQuery = false) => {
  const now = new URLSearchParams(window.location.search);
  const query = new URLSearchParams(payload.link);
  const frame = opened && opened.frame !== undefined ? `@${opened.frame}` : "";
  const there = opened && root.querySelector(`[data-panel="${window.CSS.escape(opened.panel)}"]`); // not of another mode
  if (there) query.set("cell", `${opened.panel}${frame}.${opened.row}.${opened.column}`);
  const blanks = there ? hand : state.paper && state.paper.open && state.paper.box.isConnected ? state.paper : null;
  if (blanks) query.set("hand", blanks.seed);
  for (const name of ["__theme", "embed", "panel", ...(onlyQuery ? ["assignment", "projector"] : [])]) if (now.has(name)) query.set(name, now.get(name));
  query.set("lang", payload.language);
  if (onlyQuery) return `?${query}`;
  if (payload.home) return payload.home; // a saved page, which lives elsewhere
  return `${window.location.origin}${window.location.pathname}?${query}`;
};
