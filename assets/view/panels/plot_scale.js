// Round numbers for an axis, and how far numbers reach.

// About `count` round numbers that cover [low, high].
export const ticks = (low, high, count) => {
  const raw = (high - low) / Math.max(count, 1);
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map((k) => k * power).find((k) => k >= raw * 0.999) || 10 * power;
  const first = Math.ceil(low / step - 1e-9), last = Math.floor(high / step + 1e-9);
  const digits = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
  return { step, marks: Array.from({ length: Math.max(last - first + 1, 0) }, (_, i) => (first + i) * step), digits };
};

// A mark as it stands at the axis.
export const written = (number, digits) => (Math.abs(number) >= 1e5 || (digits > 5 && number !== 0) ? number.toExponential(1).replace("e+", "e") : (number + 0).toFixed(Math.min(digits, 6)));

// Places (powers of ten) of marks on a logarithmic axis: 1, and 2 and 5 where it is short.
export const logTicks = (low, high) => {
  const marks = [];
  for (let p = Math.floor(low); p <= Math.ceil(high); p++) {
    for (const k of high - low < 2 ? [1, 2, 5] : [1]) {
      const place = p + Math.log10(k);
      if (place >= low - 1e-9 && place <= high + 1e-9) marks.push(place);
    }
  }
  return marks;
};

export const extent = (numbers) => {
  let low = Infinity, high = -Infinity;
  for (const number of numbers) {
    if (!Number.isFinite(number)) continue;
    low = Math.min(low, number);
    high = Math.max(high, number);
  }
  return low <= high ? [low, high] : [0, 1];
};
