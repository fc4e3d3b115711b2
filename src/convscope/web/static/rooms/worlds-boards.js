// Boards: play by the rules, or step through a game, and see what the network would play.
import { el, percent, svg } from "../core/dom.js";
import { get, latest, post, tell } from "../core/api.js";
import * as link from "../core/link.js";
import { Snippet } from "../core/snippet.js";
import { inEachLanguage, t, word } from "../core/texts.js";
import { replaceBars } from "./worlds-bars.js";
import { Goban, nameOf } from "./worlds-goban.js";
import { Maps } from "./worlds-maps.js";

const DEFAULTS = { part: "boards", size: "9", game: "0", at: "24", moves: "", black: "", white: "", first: "black", see: "kernels", map: "" };
const OWN = "own";
const PATIENCE = 150; // milliseconds that the board waits for the chances, so that both appear at once
const LONG = 2000;

const k = (name, values) => t(`worlds.boards.${name}`, values);
const w = (name, values, tag) => word(`worlds.boards.${name}`, values, tag);
const names = (text) => (text ? text.split(".") : []);
const after = (wait) => new Promise((done) => setTimeout(done, wait));
const button = (name, act, more = {}) => el("button", { type: "button", click: act, ...more }, w(name));

export default class Boards {
  constructor(root) {
    this.games = {};
    this.board = this.thought = null;
    this.asking = latest();
    this.thinking = latest();
    this.goban = new Goban({
      label: () => k("label"),
      cell: (place) => this.#told(place),
      point: (place) => this.#say(place ? this.#told(place) : ""),
      play: (place) => this.#play(place),
    });
    this.maps = new Maps({ choose: (map) => this.#overlay(map), opened: () => this.#address() });
    this.snippet = new Snippet();
    this.#build(root);
    inEachLanguage(() => this.#words());
  }

  #build(root) {
    this.size = el("select", { change: () => this.#start({ size: this.size.value, game: "0", at: this.size.value === "9" ? "24" : "60" }) },
      ["9", "19"].map((lines) => el("option", { value: lines }, `${lines} × ${lines}`)));
    this.game = el("select", { change: () => this.#start({ size: this.size.value, game: this.game.value, at: this.game.value === OWN ? "0" : DEFAULTS.at }) });
    this.file = el("input", { type: "file", accept: ".sgf,application/x-go-sgf,text/plain", class: "unseen", tabindex: "-1", "aria-hidden": "true", change: () => this.#read() });
    this.slider = el("input", { type: "range", min: "0", step: "1", input: () => this.#go(Number(this.slider.value)) });
    const step = (shape, name, to) => (this[name] = el("button", { type: "button", class: "step-to", click: () => this.#go(to()) }, svg("svg", { viewBox: "0 0 16 16", "aria-hidden": "true" }, svg("path", { d: shape }))));
    this.line = el("p", { class: "under" });
    this.turn = el("p", { class: "turn" });
    this.choices = el("div", { class: "choices" });
    this.record = el("p", { class: "record" });
    this.network = button("networkMoves", () => this.thought && this.#add(this.thought.choice));
    this.off = button("takeOff", () => this.maps.takeOff(), { hidden: true });
    this.measured = el("p", { class: "note" });
    root.append(
      el("div", { class: "fields" },
        el("label", { class: "choice" }, w("size"), this.size),
        el("label", { class: "choice wide" }, w("game"), this.game),
        button("own", () => this.file.click()),
        button("empty", () => this.#start({ size: this.size.value, game: OWN, at: "0" })),
        this.file),
      el("div", { class: "table" },
        el("div", { class: "play" },
          this.goban.element,
          this.line,
          el("div", { class: "steps-to" },
            step("M2 2h2v12H2zM14 2v12L5 8z", "toStart", () => 0), step("M13 2v12L3 8z", "back", () => this.state.at - 1), this.slider,
            step("M3 2v12l10-6z", "on", () => this.state.at + 1), step("M12 2h2v12h-2zM2 2v12l9-6z", "toEnd", () => this.state.moves.length)),
          el("div", { class: "fields tight" }, this.network, button("pass", () => this.#add("pass")), this.off)),
        el("div", { class: "panel" },
          this.turn,
          el("h3", {}, w("choices")),
          this.choices,
          this.record,
          this.measured)),
      this.maps.element,
      this.snippet.element,
    );
  }

  async open(asked) {
    const state = { ...DEFAULTS, ...asked };
    this.maps.open(state.see, state.map);
    await this.#start(state);
  }

  // From the address, or from a field: all values are text.
  async #start(given) {
    const told = { ...DEFAULTS, ...given };
    const size = told.size === "19" ? 19 : 9;
    try {
      tell(null);
      this.games[size] ??= await get("/api/worlds/games", { size });
      const game = this.games[size].games[told.game];
      const moves = game ?? names(told.moves);
      this.#set({
        size, moves, game: game ? told.game : OWN,
        at: Math.max(0, Math.min(Number.parseInt(told.at, 10) || 0, moves.length)),
        black: game ? [] : names(told.black), white: game ? [] : names(told.white), first: told.first,
      });
    } catch (problem) {
      tell(problem);
    }
  }

  #set(state) {
    this.state = state;
    this.size.value = String(state.size);
    this.slider.max = String(state.moves.length);
    this.slider.value = String(state.at);
    this.#fillGames();
    this.#address();
    return this.#ask();
  }

  #address() {
    const { size, game, at, moves, black, white, first } = this.state;
    const own = game === OWN ? { moves: moves.join("."), black: black.join("."), white: white.join("."), first } : {};
    link.write({ part: "boards", size, game, at, ...own, see: this.maps.of || "none", map: this.maps.chosen }, DEFAULTS);
    this.address = location.pathname + location.search;
  }

  #position() {
    const { size, moves, at, black, white, first } = this.state;
    return { size, black, white, first, moves: moves.slice(0, at) };
  }

  async #ask() {
    const position = this.#position();
    const next = this.state.moves[this.state.at] ?? null;
    if (!this.board) this.#bare();
    const slow = setTimeout(() => {
      this.compiling = true;
      this.record.replaceChildren(w("firstTime"));
    }, LONG);
    const thought = this.thinking((signal) => post("/api/worlds/chances", { ...position, next }, { signal })).catch((problem) => problem);
    try {
      tell(null);
      const board = await this.asking((signal) => post("/api/worlds/board", position, { signal }));
      if (!board) return;
      this.board = { ...board, size: position.size };
      this.thought = (await Promise.race([thought, after(PATIENCE)])) ?? null;
      if (this.thought instanceof Error) throw this.thought;
      this.#words();
      this.maps.show(position);
      if (!this.thought) await this.#wait(thought);
      this.goban.again();
    } catch (problem) {
      tell(problem);
    } finally {
      clearTimeout(slow);
      this.compiling = false;
    }
  }

  // Until the first answer: a board without stones, so that nothing jumps.
  #bare() {
    const { size } = this.state;
    const all = (value) => Array.from({ length: size }, () => Array(size).fill(value));
    this.goban.show({ size, stars: this.games[size].stars, points: all(0), legal: all(false), toPlay: "black" });
  }

  async #wait(thought) {
    const found = await thought;
    if (found instanceof Error) throw found;
    if (!found) return; // overtaken
    this.thought = found;
    this.#words();
  }

  #go(at) {
    const to = Math.max(0, Math.min(at, this.state.moves.length));
    if (to !== this.state.at) this.#set({ ...this.state, at: to });
  }

  #play([row, column]) {
    if (!this.board?.legal[row]?.[column]) this.#say(this.#told([row, column]), true);
    else this.#add(nameOf([row, column], this.state.size));
  }

  // What a line of moves goes on with stays to be stepped through; another move begins a line of one's own.
  #add(name) {
    const { moves, at } = this.state;
    if (moves[at] === name) this.#go(at + 1);
    else this.#set({ ...this.state, game: OWN, moves: [...moves.slice(0, at), name], at: at + 1 });
  }

  async #read() {
    const [file] = this.file.files;
    this.file.value = "";
    if (!file) return;
    try {
      tell(null);
      const { position } = await post("/api/worlds/record", { text: (await file.text()).slice(0, 60_000) });
      this.games[position.size] ??= await get("/api/worlds/games", { size: position.size });
      await this.#set({ ...position, game: OWN, at: Math.min(24, position.moves.length) });
    } catch (problem) {
      tell(problem);
    }
  }

  #overlay(map) {
    this.map = map;
    this.off.hidden = !map;
    this.#draw();
  }

  #fillGames() {
    const { size, game } = this.state;
    const shipped = this.games[size].games.map((_, number) => el("option", { value: String(number) }, k("gameNumber", { number: number + 1 })));
    this.game.replaceChildren(el("option", { value: OWN }, k("ownLine")), ...shipped);
    this.game.value = game;
  }

  #draw() {
    const { size, points, to_play: toPlay, last, ko, legal } = this.board;
    const chances = this.thought?.chances ?? null;
    this.goban.show({ size, stars: this.games[size].stars, points, toPlay, last, ko, legal, chances, overlay: this.map?.colours ?? null });
  }

  #told([row, column]) {
    if (!this.board) return nameOf([row, column], this.state.size);
    const { size, points, legal, ko } = this.board;
    const name = nameOf([row, column], size);
    const stone = points[row]?.[column];
    if (stone) return k("stone", { name, colour: k(stone > 0 ? "black" : "white") });
    if (!legal[row]?.[column]) return k(String(ko) === String([row, column]) ? "ko" : "suicide", { name });
    const chance = this.thought?.chances[row]?.[column];
    return k("free", { name, chance: percent(chance, 1) });
  }

  #say(words, refused = false) {
    this.line.textContent = words || k("hint");
    this.line.classList.toggle("refused", refused);
    if (refused) this.goban.spoken.textContent = words;
  }

  #words() {
    if (!this.board) return;
    const { moves, at, size } = this.state;
    for (const [name, off] of [["toStart", at === 0], ["back", at === 0], ["on", at === moves.length], ["toEnd", at === moves.length]]) {
      this[name].disabled = off;
      this[name].setAttribute("aria-label", k(name));
      this[name].title = k(name);
    }
    this.slider.setAttribute("aria-label", k("at", { at, of: moves.length }));
    this.network.disabled = !this.thought;
    this.#fillGames();
    const { to_play: toPlay, captured } = this.board;
    this.turn.replaceChildren(
      el("span", { class: `counter ${toPlay}`, "aria-hidden": "true" }),
      el("strong", {}, k(`${toPlay}ToPlay`)),
      el("span", {}, k("at", { at, of: moves.length })),
      el("span", {}, k("captured", { black: captured.black, white: captured.white })));
    this.#wordsOfNetwork(size);
    this.#draw();
    this.#say(this.goban.place ? this.#told(this.goban.place) : "");
  }

  #wordsOfNetwork(size) {
    const { first, five, positions, games } = this.games[size].measured;
    this.measured.textContent = k("measured", { size, first: percent(first / 100, 1), five: percent(five / 100, 1), positions: positions.toLocaleString("en"), games });
    if (!this.thought) {
      this.choices.classList.add("stale");
      this.record.replaceChildren(...(this.compiling ? [w("firstTime")] : []));
      return;
    }
    this.choices.classList.remove("stale");
    const { likeliest, choice, next, python } = this.thought;
    const rows = likeliest.map(({ name, chance }) => ({ name, share: chance, value: percent(chance, 1), act: () => this.#add(name), title: k("play", { name }) }));
    if (choice === "pass") rows.unshift({ name: k("pass"), share: 0, value: k("wouldPass"), act: () => this.#add("pass") });
    replaceBars(this.choices, rows.slice(0, 5), "plain");
    this.record.textContent = !next ? "" : next.rank === null ? k("recordPasses") : k("recordPlays", { name: next.name, rank: next.rank, chance: percent(next.chance, 1) });
    this.snippet.show(python);
  }
}
