// The page's words in its languages, handed over once by the server (attention/ui/view.py) or the saved page.
const tables = { words: {}, glossary: {}, titles: {}, course: {} };

export const speak = (given) => {
  Object.assign(tables, given);
};

export const pageLanguage = () => (document.documentElement.lang.startsWith("zh") ? "zh" : "en");

export const wordsIn = (language) => tables.words[language] || tables.words.en;
export const glossaryIn = (language) => tables.glossary[language] || {};
export const courseWords = (language) => tables.course[language] || {};
export const titleIn = (language) => tables.titles[language];

// "{row}, {column}" with its places filled; a place without a value stays empty.
export const fill = (text, values = {}) => text.replace(/\{(\w+)\}/g, (_, name) => String(values[name] ?? ""));
