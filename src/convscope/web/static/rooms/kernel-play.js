// Going through the output cell by cell: back, on, and by itself until it is stopped.
import { el } from "../core/dom.js";
import { word } from "../core/texts.js";

const PACE = 450; // milliseconds a cell
const CALM = 1200; // ... where less motion is wanted

export class Player {
  // step(by): go on or back; whether there is a further cell.
  constructor(step) {
    this.step = step;
    this.timer = null;
    this.word = word("kernel.play");
    this.button = el("button", { type: "button", class: "main", click: () => this.toggle() }, this.word);
    this.element = el(
      "div",
      { class: "player" },
      el("button", { type: "button", click: () => this.by(-1) }, word("kernel.back")),
      this.button,
      el("button", { type: "button", click: () => this.by(1) }, word("kernel.forward")),
    );
  }

  by(step) {
    this.stop();
    this.step(step);
  }

  toggle() {
    if (this.timer) this.stop();
    else this.#go();
  }

  stop() {
    clearTimeout(this.timer);
    this.timer = null;
    this.word.say("kernel.play");
  }

  #go() {
    this.word.say("kernel.pause");
    if (!this.step(1)) this.stop();
    else this.timer = setTimeout(() => this.#go(), matchMedia("(prefers-reduced-motion: reduce)").matches ? CALM : PACE);
  }
}
