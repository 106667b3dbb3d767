// eslint's recommended rules for the page's scripts, and no function of sixty lines. From the repository root:
//   npm install --prefix /tmp/eslint eslint@10 @eslint/js@10
//   /tmp/eslint/node_modules/.bin/eslint --config tests/browser/eslint.config.mjs assets
// Nothing of npm lives in this repository, so the rules are looked up beside the eslint that runs.
import { realpathSync } from "node:fs";
import { createRequire } from "node:module";

const js = createRequire(realpathSync(process.argv[1]))("@eslint/js");
const browser = `Blob CustomEvent FormData ImageData MutationObserver Node NodeFilter Path2D ResizeObserver URL
  URLSearchParams document navigator performance window`.split(/\s+/);

export default [
  js.configs.recommended,
  {
    languageOptions: {
      ecmaVersion: 2024,
      sourceType: "module",
      globals: Object.fromEntries(browser.map((name) => [name, "readonly"])),
    },
    rules: { "max-lines-per-function": ["error", 59] },
  },
];
