// Colours that keep their order for colour-blind eyes: one hue from pale to deep, or blue to orange.
import { isDark } from "./dom.js";

const stops = {
  sequential: [[246, 248, 252], [198, 219, 239], [107, 163, 214], [33, 102, 172], [8, 38, 84]],
  sequentialDark: [[22, 27, 39], [28, 58, 102], [43, 104, 170], [112, 172, 226], [222, 240, 255]],
  diverging: [[27, 86, 150], [134, 180, 218], [247, 247, 247], [244, 176, 105], [170, 82, 6]],
  divergingDark: [[142, 194, 240], [56, 106, 160], [30, 34, 44], [158, 92, 30], [250, 190, 120]],
};

export const rampOf = (name) => stops[isDark() ? `${name}Dark` : name];

// t in [0, 1] -> [r, g, b]
export const mix = (ramp, t) => {
  const place = Math.min(Math.max(t, 0), 1) * (ramp.length - 1);
  const i = Math.min(Math.floor(place), ramp.length - 2);
  return ramp[i].map((low, c) => Math.round(low + (place - i) * (ramp[i + 1][c] - low)));
};

export const css = ([r, g, b]) => `rgb(${r},${g},${b})`;

// Black or white, whichever reads better on the colour (WCAG relative luminance).
export const inkOn = (rgb) => {
  const [r, g, b] = rgb.map((c) => (c / 255 <= 0.03928 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b > 0.179 ? "#000000" : "#ffffff";
};
