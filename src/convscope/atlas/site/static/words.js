// The language of the pages and their colours: both remembered, both changed in place.
(() => {
  "use strict";
  const LANGUAGES = { en: "en", zh: "zh-Hans" };
  const root = document.documentElement;
  let texts = {};

  function remembered(name, value) {
    try {
      if (value) localStorage.setItem(`convscope-atlas-${name}`, value);
      return localStorage.getItem(`convscope-atlas-${name}`);
    } catch {
      return null; // storage may be off for pages opened from disk
    }
  }

  function preferred() {
    const before = remembered("language");
    if (before in LANGUAGES) return before;
    const wanted = navigator.languages.map((language) => language.slice(0, 2).toLowerCase());
    return wanted.find((language) => language in LANGUAGES) ?? "en";
  }

  async function speak(language) {
    texts = await atlas.load(`texts-${language}`);
    atlas.language = language;
    root.lang = LANGUAGES[language];
  }

  async function change(language) {
    await speak(language);
    remembered("language", language);
  }

  function found(key) {
    const dot = key.indexOf(".");
    return texts[key.slice(0, dot)]?.[key.slice(dot + 1)];
  }

  // A name may turn the direction of what it stands in: then it is set apart from it.
  const TURNS = /[\u0590-\u08ff\u200e\u200f\u202a-\u202e\u2066-\u2069]/;
  const apart = (value) => (TURNS.test(value) ? `\u2068${value}\u2069` : String(value));

  // The text of a key "table.key", with {names} filled in.
  function t(key, values = {}) {
    const text = found(key);
    if (text === undefined) console.error(`no text for ${key}`);
    return (text ?? key).replace(/\{(\w+)\}/g, (whole, name) => (name in values ? apart(values[name]) : whole));
  }

  const has = (key) => found(key) !== undefined;

  function dark() {
    return root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  }

  function turn() {
    root.dataset.theme = dark() ? "light" : "dark";
    remembered("theme", root.dataset.theme);
  }

  const theme = remembered("theme"); // set at once, before anything is painted
  if (theme === "light" || theme === "dark") root.dataset.theme = theme;
  Object.assign(atlas, { t, has, words: { preferred, speak, change, turn, languages: Object.keys(LANGUAGES) } });
})();
