// A quiet sign while the server computes, seen only when an answer takes longer than half a second; and a
// second try for a question that got lost: every answer depends on its question alone.
"use strict";
(() => {
  const AM = window.AttentionMatchmaker;
  const LATE = 500; // milliseconds
  const AGAIN = 400; // milliseconds until the second try
  let open = 0;
  let timer = null;
  let sign = null;

  const show = () => {
    const language = document.documentElement.lang.startsWith("zh") ? "zh" : "en";
    sign = sign || AM.el("p", { class: "am-working", role: "status" });
    sign.textContent = (AM.words[language] || {}).loading || "…";
    document.body.append(sign);
  };

  const count = (change) => {
    open += change;
    if (open > 0 && timer === null) timer = window.setTimeout(show, LATE);
    if (open === 0) {
      window.clearTimeout(timer);
      timer = null;
      if (sign) sign.remove();
    }
  };

  // Gradio says nothing of a request under way when its own progress is hidden; every event and
  // every question of ours is one fetch to /run/ or /component_server.
  const fetch = window.fetch;
  if (fetch && !AM.watching) {
    AM.watching = true;
    window.fetch = async (...given) => {
      const address = String(given[0] && given[0].url ? given[0].url : given[0]);
      const ours = /\/(run\/|component_server)/.test(address);
      if (!ours) return fetch.apply(window, given);
      count(1);
      try {
        const answer = await fetch.apply(window, given).catch(() => null); // no connection
        if (answer && answer.status < 500) return answer;
        await new Promise((wake) => window.setTimeout(wake, AGAIN * (1 + Math.random())));
        return await fetch.apply(window, given);
      } finally {
        count(-1);
      }
    };
  }
})();
