// Which exercises are done. Progress lives in this browser only.
export const remember = (key) => {
  try { window.localStorage.setItem(`am.done.${key}`, "1"); } catch { /* storage is closed: nothing to keep */ }
};

export const remembered = (key) => {
  try { return window.localStorage.getItem(`am.done.${key}`) === "1"; } catch { return false; }
};
