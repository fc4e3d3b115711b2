// Painting: the picture as bytes, a brush of ten greys, and a picture's size.
import { el, inkOn } from "../core/dom.js";
import { inEachLanguage, t, word } from "../core/texts.js";

const MOST_SIDE = 24;

// "cells:ROWSxCOLUMNS:BASE64URL" and back.
export function parsed(text) {
  const [, size, data] = text.split(":");
  const [rows, columns] = size.split("x").map(Number);
  const bytes = Uint8Array.from(atob(data.replaceAll("-", "+").replaceAll("_", "/")), (character) => character.charCodeAt(0));
  return { rows, columns, bytes };
}

export function written({ rows, columns, bytes }) {
  const data = btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
  return `cells:${rows}x${columns}:${data}`;
}

export class Paint {
  // change(text): the picture is another one; mode(on): whether pointing paints. flat(): whether it has one row.
  constructor(levels, { change, mode, flat }) {
    Object.assign(this, { levels, change, mode, flat });
    this.picture = null;
    this.level = 9;
    this.button = el("button", { type: "button", "aria-pressed": "false", click: () => this.turn(!this.on) }, word("kernel.paint"));
    this.swatches = levels.map((grey, level) => {
      const swatch = el("button", { type: "button", class: "swatch", "aria-pressed": "false", click: () => this.take(level) }, String(level));
      swatch.style.backgroundColor = `rgb(${grey} ${grey} ${grey})`;
      swatch.style.color = inkOn(grey, grey, grey);
      inEachLanguage(() => swatch.setAttribute("aria-label", t("kernel.level", { level })));
      return swatch;
    });
    [this.rows, this.columns] = ["rows", "columns"].map((which) => {
      const field = el("input", { type: "number", min: 1, max: MOST_SIDE, change: () => this.#resize() });
      inEachLanguage(() => field.setAttribute("aria-label", t(`kernel.${which}`)));
      return field;
    });
    this.rowsPart = el("span", { class: "part" }, this.rows, " × ");
    this.tools = el(
      "div",
      { class: "brush", hidden: true },
      el("div", { class: "swatches", role: "group" }, this.swatches),
      el("button", { type: "button", click: () => this.#fill() }, word("kernel.clear")),
      el("span", { class: "size" }, word("kernel.size"), el("span", {}, this.rowsPart, this.columns)),
      el("p", { class: "note" }, word("kernel.paintKeys")),
    );
    this.take(9);
  }

  get on() {
    return !this.tools.hidden;
  }

  // text: the picture as cells, null where it is too large to be painted.
  set(text) {
    this.button.disabled = text === null;
    if (text === null) this.turn(false);
    this.picture = text === null ? null : parsed(text);
    if (!this.picture) return;
    this.rowsPart.hidden = this.flat();
    for (const side of ["rows", "columns"]) if (document.activeElement !== this[side]) this[side].value = this.picture[side];
  }

  turn(on) {
    this.tools.hidden = !on;
    this.button.setAttribute("aria-pressed", String(on));
    this.mode(on);
  }

  take(level) {
    this.level = level;
    this.swatches.forEach((swatch, k) => swatch.setAttribute("aria-pressed", String(k === level)));
  }

  at([row, column], level = this.level) {
    if (!this.picture || row >= this.picture.rows || column >= this.picture.columns) return;
    this.picture.bytes[row * this.picture.columns + column] = this.levels[level];
    this.#changed();
  }

  #fill() {
    this.picture.bytes.fill(this.levels[0]);
    this.#changed();
  }

  #resize() {
    const [rows, columns] = [this.flat() ? 1 : this.rows.valueAsNumber, this.columns.valueAsNumber];
    if (![rows, columns].every((side) => side >= 1 && side <= MOST_SIDE && Number.isInteger(side))) {
      [this.rows.value, this.columns.value] = [this.picture.rows, this.picture.columns];
      return;
    }
    const bytes = new Uint8Array(rows * columns);
    for (let row = 0; row < Math.min(rows, this.picture.rows); row++)
      for (let column = 0; column < Math.min(columns, this.picture.columns); column++)
        bytes[row * columns + column] = this.picture.bytes[row * this.picture.columns + column];
    this.picture = { rows, columns, bytes };
    this.#changed();
  }

  #changed() {
    this.change(written(this.picture));
  }
}
