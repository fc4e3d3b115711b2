// What would make the network say another digit: where ink counts, by gradient, and a small change that does it, found
// while one watches.
import { post, tell } from "../core/api.js";
import { $, bytes, el, number, percent } from "../core/dom.js";
import { JobView } from "../core/jobs.js";
import { cellsOf, plane } from "../core/paint.js";
import { inEachLanguage, t, word } from "../core/texts.js";
import { coloured } from "./sees-maps.js";

class Tile {
  constructor(key) {
    this.canvas = el("canvas", { class: "tile", width: 28, height: 28, role: "img" });
    this.words = word(key);
    this.scale = el("small");
    this.element = el("figure", {}, this.canvas, el("figcaption", {}, this.words, this.scale));
    inEachLanguage(() => this.canvas.setAttribute("aria-label", this.words.textContent));
  }

  colours(data) {
    this.canvas.getContext("2d").putImageData(coloured(bytes(data), 28, 28), 0, 0);
  }

  drawing(text) {
    const { ink, rows, columns } = cellsOf(text);
    this.canvas.getContext("2d").drawImage(plane(ink, rows, columns), 0, 0);
  }
}

export class Changing {
  // place: the section's element. chosen(): the wanted digit or the pen is another one. take(picture): draw this.
  constructor({ place, chosen, take }) {
    Object.assign(this, { chosen, take, picture: null, best: null, want: null, pen: "dab", result: null, turn: 0 });
    this.buttons = Array.from({ length: 10 }, (_, digit) => el("button", { type: "button", click: () => this.choose(digit) }, String(digit)));
    this.pens = ["dab", "point"].map((pen) => el("option", { value: pen }));
    this.penList = el("select", { change: () => this.#takePen(this.penList.value) }, this.pens);
    this.go = el("button", { type: "button", class: "main", click: () => this.find() }, word("sees.change.find"));
    this.use = el("button", { type: "button", disabled: true, click: () => this.take(this.result.picture) }, word("sees.change.use"));
    this.job = new JobView();
    this.said = el("p", { class: "said", role: "status" });
    this.push = new Tile("sees.change.push");
    this.changed = new Tile("sees.change.changed");
    this.difference = new Tile("sees.change.difference");
    place.append(
      el("div", { class: "fields" }, el("div", { class: "choice" }, word("sees.change.want"), el("div", { class: "want", role: "group" }, this.buttons)), el("label", { class: "choice" }, word("sees.change.with"), this.penList), this.go),
      el("div", { class: "tiles" }, this.push.element, this.changed.element, this.difference.element),
      this.job.element,
      this.said,
      this.use,
    );
    inEachLanguage(() => {
      $(".want", place).setAttribute("aria-label", t("sees.change.want"));
      for (const option of this.pens) option.textContent = t(`sees.change.pen.${option.value}`);
      this.#say();
    });
  }

  // Another drawing, and what the network says to it.
  async show(picture, best) {
    const same = picture === this.picture;
    Object.assign(this, { picture, best });
    if (this.want === null || this.want === best) this.want = (best + 5) % 10;
    if (!same) this.#forget();
    await this.#point();
  }

  async choose(digit) {
    if (digit === this.best) return;
    this.want = digit;
    this.#forget();
    this.chosen();
    await this.#point();
  }

  #takePen(pen) {
    this.pen = pen;
    this.#forget();
    this.chosen();
  }

  #forget() {
    this.turn += 1;
    this.result = null;
    this.use.disabled = true;
    this.job.stop();
    this.job.element.hidden = true;
    this.changed.drawing(this.picture);
    this.difference.canvas.getContext("2d").clearRect(0, 0, 28, 28);
    this.#say();
  }

  async #point() {
    this.buttons.forEach((button, digit) => {
      button.setAttribute("aria-pressed", digit === this.want);
      button.disabled = digit === this.best;
    });
    const [turn, digit] = [this.turn, this.want];
    const told = await post("/api/sees/push", { picture: this.picture, digit });
    if (turn !== this.turn || digit !== this.want) return;
    this.push.colours(told.colours);
    this.limit = told.limit;
    this.#say();
  }

  // Finds a change; resolves when it is found, or when nobody wants it any more.
  async find() {
    this.#forget();
    const turn = this.turn;
    try {
      tell(null);
      const { job } = await post("/api/sees/change", { picture: this.picture, digit: this.want, pen: this.pen });
      const ended = await this.job.follow(job, ({ picture, probability }) => {
        if (turn !== this.turn || !picture) return;
        this.changed.drawing(picture);
        this.said.textContent = t("sees.change.now", { digit: this.want, probability: percent(probability, 1) });
      });
      if (turn !== this.turn || ended.state !== "done") return;
      this.result = ended.data;
      this.changed.drawing(this.result.picture);
      this.difference.colours(this.result.difference);
      this.use.disabled = false;
      this.job.element.hidden = true;
      this.chosen();
    } catch (problem) {
      if (turn === this.turn) tell(problem);
    }
    this.#say();
  }

  #say() {
    this.push.scale.textContent = this.limit === undefined ? "" : ` −${number(this.limit)} … +${number(this.limit)}`;
    this.difference.scale.textContent = " −1 … +1";
    if (!this.result) {
      this.said.textContent = this.want === null ? "" : t("sees.change.ask", { best: this.best, digit: this.want });
      return;
    }
    const { found, probability, moves, taken_back: back, ink, cells } = this.result;
    const values = { digit: this.want, probability: percent(probability, 1), moves, back, ink: number(ink), cells };
    this.said.textContent = t(found ? "sees.change.found" : "sees.change.notFound", values);
  }
}
