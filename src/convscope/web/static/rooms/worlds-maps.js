// Under the board: what the network is shown, plane by plane, and what its first kernels answer. A map can be laid over the
// board.
import { bytes, el, number } from "../core/dom.js";
import { latest, post, tell } from "../core/api.js";
import { inEachLanguage, t, word } from "../core/texts.js";

const KINDS = ["planes", "kernels"];

export class Maps {
  // choose({colours} | null): a map is to be laid over the board. opened(): what is shown, or chosen, has changed.
  constructor({ choose, opened }) {
    Object.assign(this, { choose, opened });
    this.of = "";
    this.chosen = null;
    this.asking = latest();
    this.buttons = KINDS.map((kind) => el("button", { type: "button", click: () => this.#turn(kind) }, word(`worlds.maps.${kind}`)));
    this.about = el("p", { class: "note" });
    this.wall = el("ul", { class: "maps" });
    this.element = el("section", { class: "seen" },
      el("h2", {}, word("worlds.maps.title")),
      el("div", { class: "fields tight", role: "group" }, this.buttons),
      this.about,
      this.wall);
    inEachLanguage(() => this.#draw());
  }

  open(of, chosen) {
    this.of = KINDS.includes(of) ? of : "";
    this.chosen = /^\d{1,2}$/.test(chosen) ? Number(chosen) : null;
  }

  takeOff() {
    if (this.chosen !== null) this.#toggle(this.chosen);
  }

  #turn(kind) {
    this.of = this.of === kind ? "" : kind;
    this.chosen = null;
    this.answer = null;
    this.choose(null);
    this.opened();
    this.show(this.position);
  }

  async show(position) {
    this.position = position;
    this.#draw();
    if (!this.of) return;
    try {
      const answer = await this.asking((signal) => post("/api/worlds/maps", { ...position, of: this.of }, { signal }));
      if (!answer) return;
      this.answer = { ...answer, of: this.of, size: position.size };
      if (this.chosen !== null) this.#lay();
      this.#draw();
    } catch (problem) {
      tell(problem);
    }
  }

  #lay() {
    const map = this.chosen === null ? null : this.answer.maps[this.chosen];
    this.choose(map ? { colours: bytes(map.colours) } : null);
  }

  #toggle(index) {
    this.chosen = this.chosen === index ? null : index;
    this.#lay();
    this.opened();
    this.#draw();
  }

  #name({ kind, number: n }) {
    return t(`worlds.maps.of.${kind}`, { n });
  }

  #draw() {
    this.buttons.forEach((button, k) => button.setAttribute("aria-pressed", String(this.of === KINDS[k])));
    const ready = this.answer && this.answer.of === this.of;
    this.about.textContent = !this.of ? t("worlds.maps.about") : ready ? t(`worlds.maps.${this.of}About`, { most: number(this.answer.most) }) : "…";
    if (!ready) return this.wall.replaceChildren();
    const focused = [...this.wall.querySelectorAll("button")].indexOf(document.activeElement);
    this.wall.replaceChildren(...this.answer.maps.map((map, index) => this.#tile(map, index)));
    if (focused >= 0) this.wall.querySelectorAll("button")[focused]?.focus({ preventScroll: true });
  }

  #tile(map, index) {
    const { size, silent } = this.answer;
    const canvas = el("canvas", { width: size, height: size, "aria-hidden": "true" });
    const picture = new ImageData(size, size);
    const colours = bytes(map.colours);
    for (let k = 0; k < size * size; k++) picture.data.set([...colours.subarray(3 * k, 3 * k + 3), 255], 4 * k);
    canvas.getContext("2d").putImageData(picture, 0, 0);
    const pressed = String(this.chosen === index);
    const button = el("button", { type: "button", "aria-pressed": pressed, click: () => this.#toggle(index) }, canvas, el("span", {}, this.#name(map)));
    return el("li", { class: silent[index] ? "silent" : null }, button);
  }
}
