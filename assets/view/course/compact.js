// An assignment or a hand-in as text for a link: JSON, deflated, base64url, the form of attention/course/compact.py.
// Made in the browser, so that what a learner answered goes nowhere.
const BLOCK = 65535; // bytes of a stored block (RFC 1951), for browsers that cannot deflate

const stored = (bytes) => {
  const parts = [];
  for (let at = 0; at === 0 || at < bytes.length; at += BLOCK) {
    const part = bytes.subarray(at, at + BLOCK);
    const [low, high] = [part.length & 255, part.length >> 8];
    parts.push(Uint8Array.of(at + BLOCK >= bytes.length ? 1 : 0, low, high, low ^ 255, high ^ 255), part);
  }
  return new Blob(parts);
};

const squeezed = async (bytes) => {
  if (!window.CompressionStream) return stored(bytes);
  return new window.Response(new Blob([bytes]).stream().pipeThrough(new window.CompressionStream("deflate-raw"))).blob();
};

export const base64 = (bytes) => {
  let text = "";
  for (let at = 0; at < bytes.length; at += 8192) text += String.fromCharCode(...bytes.subarray(at, at + 8192));
  return window.btoa(text);
};

// kind: "a1." of an assignment, "h1." of a hand-in.
export const pack = async (thing, kind) => {
  const blob = await squeezed(new window.TextEncoder().encode(JSON.stringify(thing)));
  return kind + base64(new Uint8Array(await blob.arrayBuffer())).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
};
