// Sounds: record, upload or have a word said; see its spectrogram, which word the network takes it for, and what carried it.
import { bytes, el, number, percent } from "../core/dom.js";
import { get, latest, post, tell } from "../core/api.js";
import { Grid } from "../core/grid.js";
import * as link from "../core/link.js";
import { Snippet } from "../core/snippet.js";
import { inEachLanguage, t, word } from "../core/texts.js";
import { replaceBars } from "./worlds-bars.js";
import { recorded } from "./worlds-recorder.js";

const DEFAULTS = { part: "", sound: "word:seven", about: "" };
const s = (name, values) => t(`worlds.sounds.${name}`, values);
const w = (name, values, tag) => word(`worlds.sounds.${name}`, values, tag);
const HERTZ = [3500, 2000, 1000, 500, 250, 125];

export default class Sounds {
  constructor(root) {
    this.asking = latest();
    this.snippet = new Snippet();
    this.heard = this.#grid("heard");
    this.carried = this.#grid("carried");
    this.#build(root);
    inEachLanguage(() => this.#words());
  }

  #grid(name) {
    const grid = new Grid({
      label: () => s(`${name}Label`),
      cell: (place) => this.#told(place),
      point: (place) => {
        this.line.textContent = place ? this.#told(place) : s("hint");
        (name === "heard" ? this.carried : this.heard).mark("window", place ? [place] : []);
      },
    });
    grid.element.classList.add("spectrogram");
    return grid;
  }

  #build(root) {
    this.record = el("button", { type: "button", class: "record-button", click: () => this.#record() }, el("i", { "aria-hidden": "true" }), (this.recordWord = w("record")));
    this.file = el("input", { type: "file", accept: "audio/*", class: "unseen", tabindex: "-1", "aria-hidden": "true", change: () => this.#load() });
    this.text = el("input", { type: "text", maxlength: "24", value: "eleven", spellcheck: "false" });
    this.voice = el("select", {});
    this.saying = el("form", { class: "say", hidden: true, submit: (event) => { event.preventDefault(); this.#speak(); } },
      el("label", { class: "choice" }, w("text"), this.text),
      el("label", { class: "choice" }, w("voice"), this.voice),
      el("button", {}, w("speak")));
    this.examples = el("div", { class: "chips", role: "group" });
    this.verdict = el("div", { class: "verdict", role: "status" });
    this.played = el("button", { type: "button", click: () => this.#play() }, w("play"));
    this.saved = el("a", { download: "word.wav" }, w("save"));
    this.words = el("div", { class: "choices" });
    this.line = el("p", { class: "under" });
    this.measured = el("p", { class: "note" });
    const figure = (grid, caption) => el("figure", { class: "sound" },
      el("div", { class: "axes" }, el("div", { class: "hertz", "aria-hidden": "true" }), grid.element, el("div", { class: "seconds", "aria-hidden": "true" })),
      el("figcaption", {}, caption));
    this.carriedCaption = el("span");
    root.append(
      el("div", { class: "fields" }, this.record, el("button", { type: "button", click: () => this.file.click() }, w("upload")), this.file, this.saying),
      el("div", { class: "examples" }, el("span", { class: "quiet" }, w("examples")), this.examples),
      el("div", { class: "sounds" },
        el("div", { class: "panel" }, this.verdict, el("div", { class: "actions" }, this.played, this.saved), this.words, this.measured),
        el("div", { class: "figures" }, figure(this.heard, w("heardCaption")), figure(this.carried, this.carriedCaption), this.line)),
      this.snippet.element,
    );
  }

  async open(asked) {
    this.state = { ...DEFAULTS, ...asked };
    try {
      this.known ??= await get("/api/worlds/words");
      this.saying.hidden = !this.known.voices.length;
      await this.#ask();
    } catch (problem) {
      tell(problem);
    }
  }

  #set(changed) {
    this.state = { ...this.state, ...changed };
    return this.#ask();
  }

  async #ask() {
    const { sound, about } = this.state;
    link.write({ part: "sounds", sound, about }, DEFAULTS);
    this.address = location.pathname + location.search;
    try {
      tell(null);
      const answer = await this.asking((signal) => post("/api/worlds/heard", { source: sound, about }, { signal }));
      if (!answer) return;
      this.answer = answer;
      this.saved.href = `/api/worlds/sound?source=${encodeURIComponent(sound)}`;
      const { rows, columns } = answer;
      this.heard.show({ rows, columns, colours: bytes(answer.heard.colours) });
      this.carried.show({ rows, columns, colours: bytes(answer.carried.colours) });
      this.#words();
    } catch (problem) {
      tell(problem);
    }
  }

  async #record() {
    if (this.stop) return this.stop();
    try {
      tell(null);
      const sound = await recorded((stop) => {
        this.stop = stop;
        this.record.classList.add("on");
        this.recordWord.say("worlds.sounds.stop");
      });
      await this.#bring(sound);
    } catch (problem) {
      const refused = ["NotAllowedError", "NotFoundError", "NotReadableError", "TypeError"].includes(problem.name);
      tell(refused ? Object.assign(problem, { message: s("noMicrophone") }) : problem);
    } finally {
      this.stop = null;
      this.record.classList.remove("on");
      this.recordWord.say("worlds.sounds.record");
    }
  }

  async #load() {
    const [file] = this.file.files;
    this.file.value = "";
    if (file) await this.#bring(file);
  }

  async #bring(file) {
    try {
      const headers = { "Content-Type": "application/octet-stream" };
      const { source } = await post("/api/worlds/sound", null, { headers, body: file });
      await this.#set({ sound: source, about: "" });
    } catch (problem) {
      tell(problem);
    }
  }

  async #speak() {
    try {
      tell(null);
      const { source } = await post("/api/worlds/said", { text: this.text.value.trim() || " ", voice: this.voice.value });
      await this.#set({ sound: source, about: "" });
      this.#play();
    } catch (problem) {
      tell(problem);
    }
  }

  async #play() {
    this.sounding?.pause();
    this.sounding = new Audio(this.saved.href);
    await this.sounding.play().catch(() => {}); // no loudspeaker, or not yet allowed: the picture is still there
  }

  #told([row, column]) {
    const { heard, carried, hertz, step, about } = this.answer;
    return s("cell", {
      hertz: hertz[row].toLocaleString("en"), seconds: (column * step).toFixed(2), loud: percent(heard.values[row][column]),
      share: number(carried.values[row][column]), word: about,
    });
  }

  #words() {
    if (!this.known || !this.answer) return;
    const { sound } = this.state;
    const { words, threshold, measured, voices } = this.known;
    const { word: best, known, probabilities, seconds, cut, about, python } = this.answer;
    const chosen = this.voice.value;
    this.voice.replaceChildren(...voices.map((voice) => el("option", { value: voice }, voice)));
    if (chosen) this.voice.value = chosen;
    this.examples.setAttribute("aria-label", s("examples"));
    this.examples.replaceChildren(...this.known.examples.map((each) =>
      el("button", { type: "button", "aria-pressed": String(sound === `word:${each}`), click: () => this.#set({ sound: `word:${each}`, about: "" }) }, each)));
    const chance = probabilities[words.indexOf(best)];
    this.verdict.replaceChildren(
      el("strong", { lang: known ? "en" : null }, known ? best : s("unknown")),
      el("span", {}, known ? percent(chance, 1) : s("likeliest", { word: best, chance: percent(chance, 1) })),
      el("small", {}, s(known ? "sure" : "unsure", { threshold: percent(threshold, 1) }), " ", s(cut ? "cut" : "lasts", { seconds: seconds.toFixed(2) })));
    const order = words.map((each, k) => [each, probabilities[k]]).sort(([, a], [, b]) => b - a);
    replaceBars(this.words, order.map(([name, share]) => ({
      name, share, value: percent(share, 1), pressed: name === about, title: s("aboutWord", { word: name }),
      act: () => this.#set({ about: name === best ? "" : name }),
    })), "plain");
    this.carriedCaption.textContent = s("carriedCaption", { word: about });
    const { voices: own, people } = measured;
    this.measured.textContent = s("measured", {
      voices: percent(own.accuracy, 1), count: own.count, people: percent(people.accuracy, 1), spoken: people.count.toLocaleString("en"),
      known: percent(people.known), right: percent(people.right_when_known),
    });
    this.line.textContent = s("hint");
    this.#axes();
    this.snippet.show(python);
  }

  #axes() {
    const { hertz, step, columns } = this.answer;
    const row = (of) => hertz.reduce((near, each, k) => (Math.abs(each - of) < Math.abs(hertz[near] - of) ? k : near), 0);
    for (const side of document.querySelectorAll("#sounds .hertz"))
      side.replaceChildren(...HERTZ.map((of) => {
        const mark = el("span", {}, of >= 1000 ? `${of / 1000}\u202fkHz` : `${of}\u202fHz`);
        mark.style.top = `${(100 * (row(of) + 0.5)) / hertz.length}%`;
        return mark;
      }));
    for (const side of document.querySelectorAll("#sounds .seconds"))
      side.replaceChildren(...[0, 0.2, 0.4, 0.6, 0.8].map((at) => {
        const mark = el("span", {}, `${at}\u202fs`);
        mark.style.left = `${(100 * (at / step + 0.5)) / columns}%`;
        return mark;
      }));
  }
}
