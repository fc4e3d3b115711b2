// Texts: type one, see its class, what each word counted for, the windows that decided and the filters that picked them.
import { el, percent, settled } from "../core/dom.js";
import { latest, post, tell } from "../core/api.js";
import * as link from "../core/link.js";
import { Snippet } from "../core/snippet.js";
import { inEachLanguage, language, t, word } from "../core/texts.js";
import { replaceBars } from "./worlds-bars.js";

const DEFAULTS = { part: "", text: "", reader: "", window: "0" };
const EXAMPLES = {
  en: ["A dull plot, but what a cast: funny, warm and never too long.", "Not a bad film, just a lazy one.", "Beautifully shot, and I was bored to tears."],
  zh: ["房间很小，但是服务很好，下次还会来。", "书的内容不错，可惜印刷质量太差。", "没有想象中那么好，不推荐。"],
};
const READERS = { "": "readerAuto", en: "readerEn", zh: "readerZh" };
const MEASURED = { en: "measuredEn", zh: "measuredZh" };
const LONGEST = 1000;
const r = (name, values) => t(`worlds.words.${name}`, values);
const w = (name, values, tag) => word(`worlds.words.${name}`, values, tag);
const signed = (value) => `${value < 0 ? "−" : "+"}${Math.abs(value).toFixed(2)}`;

export default class Words {
  constructor(root) {
    this.asking = latest();
    this.snippet = new Snippet();
    this.#build(root);
    inEachLanguage(() => this.#words());
  }

  #build(root) {
    this.text = el("textarea", { rows: "3", maxlength: String(LONGEST), spellcheck: "false", input: settled(() => this.#set({ text: this.text.value, window: "0" })) });
    this.reader = el("select", { change: () => this.#set({ reader: this.reader.value, window: "0" }) });
    this.examples = el("div", { class: "chips", role: "group" });
    this.verdict = el("div", { class: "verdict", role: "status" });
    this.shown = el("p", { class: "marked" });
    this.sum = el("p", { class: "note" });
    this.windows = el("div", { class: "choices" });
    this.more = el("p", { class: "note" });
    this.filters = el("div", { class: "filters" });
    this.measured = el("p", { class: "note" });
    root.append(
      el("div", { class: "fields" }, el("label", { class: "choice grows" }, w("text"), this.text), el("label", { class: "choice" }, w("reader"), this.reader)),
      el("div", { class: "examples" }, el("span", { class: "quiet" }, w("examples")), this.examples),
      el("div", { class: "review" }, this.verdict, this.shown, this.sum),
      el("div", { class: "pair" },
        el("section", {}, el("h3", {}, w("windows")), this.windows, this.more),
        el("section", { "aria-live": "polite" }, el("h3", {}, w("filters")), this.filters)),
      this.measured,
      this.snippet.element,
    );
  }

  async open(asked) {
    this.state = { ...DEFAULTS, ...asked };
    this.text.value = this.state.text || EXAMPLES[language][0];
    await this.#ask();
  }

  #set(changed) {
    this.state = { ...this.state, ...changed };
    return this.#ask();
  }

  #address() {
    const { text, reader, window: picked } = this.state;
    link.write({ part: "words", text, reader, window: picked }, DEFAULTS);
    this.address = location.pathname + location.search;
  }

  async #ask() {
    this.#address();
    const text = this.text.value;
    if (!text.trim()) return; // what is shown stays until there is something to read
    try {
      tell(null);
      const answer = await this.asking((signal) => post("/api/worlds/text", { text, language: this.state.reader }, { signal }));
      if (!answer) return;
      this.answer = answer;
      this.#words();
    } catch (problem) {
      tell(problem);
    }
  }

  #words() {
    this.reader.replaceChildren(...Object.keys(READERS).map((each) => el("option", { value: each }, r(READERS[each]))));
    if (!this.state) return;
    this.reader.value = this.state.reader;
    const untouched = !this.state.text && !EXAMPLES[language].includes(this.text.value);
    if (untouched) {
      this.text.value = EXAMPLES[language][0]; // the example follows the language
      this.#ask();
    }
    this.examples.setAttribute("aria-label", r("examples"));
    this.examples.replaceChildren(...EXAMPLES[language].map((each) =>
      el("button", { type: "button", "aria-pressed": String(this.text.value === each), click: () => this.#example(each) }, each)));
    if (!this.answer) return;
    this.#verdict();
    this.#marked();
    this.#windows();
    this.#filters();
    this.snippet.show(this.answer.python);
  }

  #example(text) {
    this.text.value = text;
    this.#set({ text, window: "0" });
  }

  #verdict() {
    const { classes, probabilities, place, bias, total, measured, language: own } = this.answer;
    this.verdict.replaceChildren(
      el("strong", {}, r(classes[place])),
      el("span", {}, percent(probabilities[place], 1)));
    this.sum.textContent = r("sum", { class: r(classes[place]), bias: signed(bias), words: signed(total - bias), total: signed(total) });
    const { network, "naive Bayes": bayes, "TF-IDF + logistic regression": logistic } = measured.accuracy;
    this.measured.textContent = r(MEASURED[own], { network: percent(network, 1), texts: measured.texts.toLocaleString("en"), bayes: percent(bayes, 1), logistic: percent(logistic, 1) });
  }

  get #picked() {
    return Math.min(Number.parseInt(this.state.window, 10) || 0, this.answer.windows.length - 1);
  }

  #marked() {
    const { pieces, largest, windows, cut } = this.answer;
    const { first, last } = windows[this.#picked] ?? { first: -1, last: -1 };
    let token = -1;
    const nodes = pieces.map(({ text, weight, known }) => {
      if (weight === null) return el("span", { class: token >= first && token < last ? "in" : null }, text);
      token += 1;
      const inside = token >= first && token <= last;
      const edges = `${token === first ? " first" : ""}${token === last ? " last" : ""}`;
      const piece = el("span", { class: `${weight > 0 ? "for" : "against"}${inside ? ` in${edges}` : ""}${known ? "" : " strange"}`, title: known ? signed(weight) : r("strange", { weight: signed(weight) }) }, text);
      piece.style.setProperty("--share", `${Math.round((55 * Math.abs(weight)) / (largest || 1))}%`);
      return piece;
    });
    this.shown.replaceChildren(...nodes, cut ? el("small", {}, ` ${r("cut")}`) : "");
  }

  #windows() {
    const { windows, picked, classes, place } = this.answer;
    const most = Math.max(...windows.map(({ weight }) => Math.abs(weight)), 1e-9);
    replaceBars(this.windows, windows.map(({ words, weight, filters, size }, index) => ({
      name: words.join(this.answer.language === "zh" ? "" : " "), share: weight / most, value: signed(weight), pressed: index === this.#picked,
      note: r(filters === 1 ? "one" : "several", { filters, size }), act: () => this.#choose(index),
    })), "texts");
    this.more.textContent = windows.length ? r("shownOf", { shown: windows.length, picked, class: r(classes[place]) }) : r("none");
  }

  #choose(index) {
    this.state.window = String(index);
    this.#address();
    this.#marked();
    this.#windows();
    this.#filters();
  }

  #filters() {
    const window = this.answer.windows[this.#picked];
    if (!window) return this.filters.replaceChildren();
    const { words, size, filters, by } = window;
    const joined = words.join(this.answer.language === "zh" ? "" : " ");
    this.filters.replaceChildren(
      el("p", { class: "note" }, r("filtersAbout", { words: joined, size, shown: by.length, filters })),
      el("ul", {}, by.map(({ unit, part, seen, best }) => el("li", {},
        el("span", { class: "unit-name" }, r("filter", { size, unit })),
        el("span", { class: part < 0 ? "value against" : "value for" }, signed(part)),
        el("span", { class: "grams" }, seen.map((gram) => el("q", {}, gram))),
        el("small", {}, r("best"), " ", el("q", {}, best))))));
  }
}
