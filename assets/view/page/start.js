// The page around the views: language, theme and embed mode, all from the link.
import { titleIn } from "../core/words.js";
import { watchCommas } from "./decimal.js";
import { stay } from "./first.js";
import { openGlossary, watchProse } from "./glossary.js";
import { expect } from "./gradio.js";
import { skipToPicture, watchRows } from "./keys.js";
import { startQuery } from "../core/link.js";

const query = new URLSearchParams(startQuery);
const page = () => (/[/-]zh\/?$/.test(window.location.pathname) ? "zh" : "en");

const stored = () => {
  try { return window.localStorage.getItem("am.language"); } catch { return null; }
};
const addressIn = (language, search) => {
  const [own] = /\/class(-zh)?\/?$/.exec(window.location.pathname) || []; // the page for teachers
  if (own) return `${window.location.pathname.slice(0, -own.length)}/class${language === "zh" ? "-zh" : ""}${search}${window.location.hash}`;
  const base = window.location.pathname.replace(/\/zh\/?$/, "/");
  return `${base}${language === "zh" ? "zh" : ""}${search}${window.location.hash}`;
};

// Gradio gives every route the same title, and sets it again when it starts.
const keepTitle = (language) => {
  const keep = () => { if (document.title !== titleIn(language)) document.title = titleIn(language); };
  keep();
  const title = document.querySelector("title");
  if (title) new MutationObserver(keep).observe(title, { childList: true });
};

// Gradio, which starts after this script, sets the browser's language.
const keepLanguage = (language) => {
  const root = document.documentElement;
  const keep = () => { if (root.lang !== language) root.lang = language; };
  keep();
  new MutationObserver(keep).observe(root, { attributes: true, attributeFilter: ["lang"] });
};

const chooseLanguage = (language) => {
  try { window.localStorage.setItem("am.language", language); } catch { /* storage is closed */ }
  const search = new URLSearchParams(window.location.search);
  search.set("lang", language);
  window.location.assign(addressIn(language, `?${search}`));
};

const turnTheme = () => {
  const dark = document.body.classList.toggle("dark");
  const search = new URLSearchParams(window.location.search);
  search.set("__theme", dark ? "dark" : "light");
  window.history.replaceState(window.history.state, "", `${window.location.pathname}?${search}`);
};

// Clicks on what Gradio draws around the views: the header, and the examples, whose events are Gradio's own.
const clicked = (event) => {
  const within = (selector) => event.target.closest && event.target.closest(selector);
  if (within('.am-glossary-open, a[href$="#glossary"]')) {
    event.preventDefault();
    openGlossary(null);
  }
  const language = within(".am-language");
  if (language) {
    event.preventDefault();
    chooseLanguage(language.dataset.language);
  }
  if (within(".am-theme")) turnTheme();
  if (within(".am-skip")) {
    event.preventDefault();
    skipToPicture();
  }
  const example = within(".am-examples button");
  if (example && event.isTrusted) expect("example", () => example.click(), true); // until mount.js hears of its inputs
};

export const startPage = () => {
  // A link says its language; else what was chosen here before; else what the browser speaks.
  const spoken = (navigator.language || "en").toLowerCase().startsWith("zh") ? "zh" : "en";
  const given = query.get("lang");
  const wanted = given === "en" || given === "zh" ? given : page() === "zh" ? "zh" : stored() || spoken;
  if (wanted !== page()) window.location.replace(addressIn(wanted, startQuery));
  else stay();
  keepTitle(page());
  keepLanguage(page() === "zh" ? "zh-CN" : "en");
  if (query.get("embed") === "1") document.documentElement.classList.add("am-embed");
  if (query.get("embed") === "1" && query.get("panel")) document.documentElement.classList.add("am-one");
  if (document.body) watchProse();
  else document.addEventListener("DOMContentLoaded", watchProse);
  document.addEventListener("click", clicked);
  watchRows();
  watchCommas();
};
