// The words of the page, in the language that is chosen: changed in place.
const LANGUAGES = { en: "en", zh: "zh-Hans" };
const root = document.documentElement;
const texts = await (await fetch("/texts.json")).json();
const listeners = new Set();

export let language = root.lang.startsWith("zh") ? "zh" : "en";

// A name may turn the direction of what it stands in: then it is set apart from it.
const TURNS = /[\u0590-\u08ff\u200e\u200f\u202a-\u202e\u2066-\u2069]/;
const apart = (value) => (TURNS.test(value) ? `\u2068${value}\u2069` : String(value));

// The text of a key "room.name", with {names} filled in.
export function t(key, values = {}) {
  const text = texts[language][key];
  if (text === undefined) console.error(`no text for ${key}`);
  return (text ?? key).replace(/\{(\w+)\}/g, (whole, name) => (name in values ? apart(values[name]) : whole));
}

export const has = (key) => texts[language][key] !== undefined;

// A text that follows the language by itself, as an element; `values` may be a function, asked each time.
export function word(key, values = {}, tag = "span") {
  const element = document.createElement(tag);
  element.say = (newKey = key, newValues = values) => {
    [key, values] = [newKey, newValues];
    element.textContent = t(key, typeof values === "function" ? values() : values);
  };
  element.say();
  element.dataset.word = "";
  return element;
}

// Calls `act` now and whenever the language changes: for what the page draws itself.
export function inEachLanguage(act) {
  listeners.add(act);
  act();
}

export function speak(chosen) {
  language = chosen;
  root.lang = LANGUAGES[chosen];
  document.cookie = `convscope-language=${chosen}; path=/; max-age=31536000; samesite=strict`;
  for (const element of document.querySelectorAll("[data-t]")) element.textContent = t(element.dataset.t);
  for (const attribute of ["aria-label", "title", "placeholder", "alt"])
    for (const element of document.querySelectorAll(`[data-t-${attribute}]`))
      element.setAttribute(attribute, t(element.getAttribute(`data-t-${attribute}`)));
  for (const element of document.querySelectorAll("[data-word]")) element.say();
  const room = document.body.dataset.room;
  document.title = `${t(`${room}.title`)} · convscope`;
  for (const act of listeners) act();
}
