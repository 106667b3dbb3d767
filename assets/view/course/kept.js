// What a course keeps, in this browser alone: an assignment that is being made, answers that are being given.
export const load = (key, otherwise) => {
  try { return JSON.parse(window.localStorage.getItem(`am.${key}`)) ?? otherwise; } catch { return otherwise; }
};

export const keep = (key, thing) => {
  try { window.localStorage.setItem(`am.${key}`, JSON.stringify(thing)); } catch { /* storage is closed: nothing to keep */ }
};
