// Where the sheet stands: beside its cell on a wide screen, below its panels on a narrow one. The cell stays marked.
import { stepOf } from "./steps.js";

const NARROW = 720, WIDTH = 440, GAP = 12;

const escape = (text) => window.CSS.escape(text);
const panelOf = (view, id) => view.root.querySelector(`[data-panel="${escape(id)}"]`);

// The cell as an element, where the picture is made of elements; a canvas is one for all its cells.
export const cellNode = (view, { panel, row, column }) => view.root.querySelector(`[data-focus="${escape(`${panel}.${row}.${column}`)}"]`);

export const markCells = (view) => {
  const step = stepOf(view);
  const asked = step ? step.cells.map(([panel, row, column]) => ({ panel: panel.split("@")[0], row, column })) : [];
  for (const node of view.root.querySelectorAll(".am-marked")) node.classList.remove("am-marked");
  for (const cell of [...asked, ...(view.opened ? [view.opened] : [])]) cellNode(view, cell)?.classList.add("am-marked");
};

export const placeSheet = (view) => {
  const panel = panelOf(view, view.opened.panel);
  const group = panel && panel.closest(".am-group");
  if (!group || "aside" in panel.dataset) return;
  const { sheet, root } = view;
  sheet.hidden = false;
  const wide = root.offsetWidth >= NARROW;
  sheet.classList.toggle("am-beside", wide);
  const home = wide ? root : group;
  if (sheet.parentNode !== home) home.append(sheet);
  sheet.removeAttribute("style");
  root.style.minHeight = "";
  if (!wide) return;
  const frame = root.getBoundingClientRect();
  const cell = (cellNode(view, view.opened) || panel).getBoundingClientRect();
  const width = Math.min(WIDTH, frame.width * 0.46);
  const right = cell.right - frame.left + GAP;
  const left = cell.left - frame.left - GAP - width;
  const beside = right + width <= frame.width ? right : left >= 0 ? left : Math.max(0, frame.width - width);
  const under = right + width > frame.width && left < 0; // no room on either side
  const wanted = under && cellNode(view, view.opened) ? cell.bottom - frame.top + GAP : cell.top - frame.top - 40;
  Object.assign(sheet.style, { width: `${width}px`, left: `${beside}px` });
  const lowest = window.innerHeight - frame.top - GAP - sheet.offsetHeight; // in sight as a whole, if it can be
  sheet.style.top = `${Math.max(0, GAP - frame.top, under ? wanted : Math.min(wanted, lowest))}px`;
  const need = sheet.offsetTop + sheet.offsetHeight;
  if (need > root.offsetHeight) root.style.minHeight = `${need}px`;
};
