// A link as a QR code: modules from the server, drawn here. Dark on light in both themes, or cameras miss it.
import { el, svg } from "../core/dom.js";
import { reach } from "../core/transport.js";
import { word } from "./page.js";

const pathOf = (rows) => rows.map((row, y) => [...row.matchAll(/1+/g)].map((run) => `M${run.index} ${y}h${run[0].length}v1h-${run[0].length}z`).join("")).join("");

const drawn = (rows, name) => svg("svg", { class: "am-qr", viewBox: `0 0 ${rows.length} ${rows.length}`, role: "img", "aria-label": name, "shape-rendering": "crispEdges" },
  svg("rect", { width: rows.length, height: rows.length, fill: "#ffffff" }), svg("path", { d: pathOf(rows), fill: "#000000" }));

// The code with its link below it, or the sentence that says why there is none.
export const qrOf = async (server, link) => {
  const found = (await reach(() => server.qr({ link }))) ?? { error: word("failed") };
  if (found.error) return el("p", { class: "am-note", role: "alert" }, found.error);
  return el("figure", { class: "am-qr-holder" }, drawn(found.rows, word("qr")), el("figcaption", { class: "am-caption" }, link.length > 120 ? word("qr_scan") : link));
};

// A button that shows the code below itself, and takes it away again.
export const qrButton = (server, link) => {
  const place = el("div", { class: "am-qr-place" });
  const made = el("button", { type: "button", class: "am-button", "data-focus": "qr", "aria-expanded": "false" }, word("qr"));
  made.addEventListener("click", async () => {
    const open = place.childElementCount > 0;
    place.replaceChildren(...(open ? [] : [await qrOf(server, await link())]));
    made.setAttribute("aria-expanded", String(!open));
  });
  return [made, place];
};
