// Numbers: as they travel, and as the page writes them.

// {shape, f32: base64 of little-endian float32} -> {shape, data: Float32Array}
export const unpack = (packed) => ({ shape: packed.shape, data: new Float32Array(bytesOf(packed.f32).buffer) });

export const bytesOf = (base64) => {
  if (Uint8Array.fromBase64) return Uint8Array.fromBase64(base64);
  const text = window.atob(base64);
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
};

// A number as the page writes it; the same rule as sheet.show in Python.
export const showNumber = (number, digits = 4) => {
  if (Number.isNaN(number)) return "NaN";
  if (!Number.isFinite(number)) return number > 0 ? "∞" : "-∞";
  if (number !== 0 && (Math.abs(number) < 10 ** -digits || Math.abs(number) >= 1e6)) {
    const [mantissa, exponent] = number.toExponential(2).split("e");
    return `${mantissa}e${exponent[0]}${exponent.slice(1).padStart(2, "0")}`;
  }
  return number.toFixed(digits);
};

// The same inside a small cell: fixed decimals; the exact number is in the cell's label and sheet.
export const briefNumber = (number, digits) =>
  Number.isFinite(number) && Math.abs(number) < 1e5 ? (Math.abs(number) < 0.5 * 10 ** -digits ? 0 : number).toFixed(digits) : showNumber(number, digits);
