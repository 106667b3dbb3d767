// The seed of a learner's own numbers, from their name: as seed_for of attention/course/format.py (FNV-1a).
// Computed here, so that a name goes nowhere.
export const seedFor = (assignment, name) => {
  const own = assignment.seed || 0;
  if (!assignment.own_numbers) return own;
  const plain = name.normalize("NFKC").toLowerCase().split(/\s+/u).filter(Boolean).join(" ").replace(/[\p{Cf}\u25a1]/gu, "");
  let seed = 0x811c9dc5;
  for (const byte of new window.TextEncoder().encode(`${own}:${plain}`)) seed = Math.imul(seed ^ byte, 0x01000193) >>> 0;
  return seed;
};
