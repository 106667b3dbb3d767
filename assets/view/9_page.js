// The page around the views: language, theme and embed mode, all from the link.
"use strict";
(() => {
  const AM = window.AttentionMatchmaker;
  const query = new URLSearchParams(AM.startQuery);
  const page = () => (/\/zh\/?$/.test(window.location.pathname) ? "zh" : "en");
  AM.query = () => AM.startQuery;

  const stored = () => {
    try { return window.localStorage.getItem("am.language"); } catch (error) { return null; }
  };
  const addressIn = (language, search) => {
    const base = window.location.pathname.replace(/\/zh\/?$/, "/");
    return `${base}${language === "zh" ? "zh" : ""}${search}${window.location.hash}`;
  };

  // Gradio gives every route the same title, and sets it again when it starts.
  AM.keepTitle = (language) => {
    const keep = () => { if (document.title !== AM.titles[language]) document.title = AM.titles[language]; };
    keep();
    const title = document.querySelector("title");
    if (title) new MutationObserver(keep).observe(title, { childList: true });
  };

  AM.startPage = () => {
    // A link says its language; else what was chosen here before; else what the browser speaks.
    const spoken = (navigator.language || "en").toLowerCase().startsWith("zh") ? "zh" : "en";
    const given = query.get("lang");
    const wanted = given === "en" || given === "zh" ? given : page() === "zh" ? "zh" : stored() || spoken;
    if (wanted !== page()) window.location.replace(addressIn(wanted, AM.startQuery));
    AM.keepTitle(page());
    document.documentElement.lang = page() === "zh" ? "zh-CN" : "en";
    if (query.get("embed") === "1") document.documentElement.classList.add("am-embed");
    if (document.body) AM.watchProse();
    else document.addEventListener("DOMContentLoaded", AM.watchProse);
    document.addEventListener("click", (event) => {
      const glossary = event.target.closest && event.target.closest('.am-glossary-open, a[href$="#glossary"]');
      if (glossary) {
        event.preventDefault();
        AM.openGlossary(null);
      }
      const language = event.target.closest && event.target.closest(".am-language");
      if (language) {
        event.preventDefault();
        const next = language.dataset.language;
        try { window.localStorage.setItem("am.language", next); } catch (error) { /* storage is closed */ }
        const search = new URLSearchParams(window.location.search);
        search.set("lang", next);
        window.location.assign(addressIn(next, `?${search}`));
      }
      if (event.target.closest && event.target.closest(".am-theme")) {
        const dark = document.body.classList.toggle("dark");
        const search = new URLSearchParams(window.location.search);
        search.set("__theme", dark ? "dark" : "light");
        window.history.replaceState(window.history.state, "", `${window.location.pathname}?${search}`);
      }
    });
  };
})();
