// A pad to draw on: cells of ink, 0 to 255, white on black. By mouse, pen or finger; by keyboard the arrows move the
// pen and the space bar sets it down or lifts it. It draws what the reader draws and computes nothing else.
import { el } from "./dom.js";
import { inEachLanguage } from "./texts.js";

const RADIUS = 1.15; // of the pen, in cells: strokes are as broad as those of MNIST's writers
const REMEMBERED = 60; // strokes that can be taken back
const LINES = [[4, "#14171b"], [2, null]]; // a line's ground, and the line itself: seen on ink and on paper

export class Pad {
  // label(): what the pad is. say({row, column, down, ink}): what is read aloud where the keyboard's pen stands.
  // drawn(): called after each change of the ink.
  constructor({ rows, columns, label, say, drawn }) {
    Object.assign(this, { rows, columns, say, drawn, erasing: false, past: [], box: null, touched: null });
    this.ink = new Uint8Array(rows * columns);
    this.pen = null; // where the keyboard's pen is
    this.down = false;
    this.canvas = el("canvas", { "aria-hidden": "true" });
    this.spoken = el("span", { class: "unseen", role: "status" });
    this.element = el("div", { class: "pad", tabindex: "0", role: "application" }, this.canvas, this.spoken);
    inEachLanguage(() => this.element.setAttribute("aria-label", label()));
    this.element.addEventListener("pointerdown", (event) => this.#begin(event));
    this.element.addEventListener("pointermove", (event) => this.#draw(event));
    for (const end of ["pointerup", "pointercancel"]) this.element.addEventListener(end, () => (this.last = null));
    this.element.addEventListener("keydown", (event) => this.#key(event));
    this.element.addEventListener("blur", () => this.#lift());
    new ResizeObserver(() => this.paint()).observe(this.element);
  }

  // Other ink, as a whole; can be taken back.
  set(ink) {
    this.#remember();
    this.ink = Uint8Array.from(ink);
    this.#changed();
  }

  clear() {
    this.set(new Uint8Array(this.ink.length));
  }

  undo() {
    if (!this.past.length) return;
    this.ink = this.past.pop();
    this.#changed();
  }

  // Outlines a box [top, left, bottom, right], half open, perhaps beyond the border, and shades what lies outside of it
  // where `alone`; `touched`: one cell in it, or null.
  mark(box, touched = null, alone = false) {
    Object.assign(this, { box, touched, alone });
    this.paint();
  }

  #remember() {
    this.past.push(this.ink.slice());
    if (this.past.length > REMEMBERED) this.past.shift();
  }

  #changed() {
    this.paint();
    this.drawn();
  }

  #at({ clientX, clientY }) {
    const box = this.canvas.getBoundingClientRect();
    return [((clientY - box.top) / box.height) * this.rows - 0.5, ((clientX - box.left) / box.width) * this.columns - 0.5];
  }

  #begin(event) {
    if (event.button !== 0) return;
    this.element.setPointerCapture(event.pointerId);
    this.#lift();
    this.pen = null;
    this.#remember();
    this.last = this.#at(event);
    this.#stroke(this.last, this.last);
  }

  #draw(event) {
    if (!this.last) return;
    for (const each of event.getCoalescedEvents?.() ?? [event]) {
      const to = this.#at(each);
      this.#stroke(this.last, to, false);
      this.last = to;
    }
    this.#changed();
  }

  // Ink along a line: whole within the radius of it, less towards the edge.
  #stroke([fromRow, fromColumn], [toRow, toColumn], last = true) {
    const [down, right] = [toRow - fromRow, toColumn - fromColumn];
    const length = down * down + right * right;
    for (let row = 0; row < this.rows; row++)
      for (let column = 0; column < this.columns; column++) {
        const along = length ? ((row - fromRow) * down + (column - fromColumn) * right) / length : 0;
        const part = Math.min(1, Math.max(0, along));
        const away = Math.hypot(row - fromRow - part * down, column - fromColumn - part * right);
        const amount = Math.round(255 * Math.min(1, Math.max(0, RADIUS + 0.5 - away)));
        const k = row * this.columns + column;
        this.ink[k] = this.erasing ? Math.min(this.ink[k], 255 - amount) : Math.max(this.ink[k], amount);
      }
    if (last) this.#changed();
  }

  #key(event) {
    if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "z") this.undo();
    else if (event.altKey || event.ctrlKey || event.metaKey) return;
    else if (event.key === "Escape" && this.down) this.#lift();
    else if (event.key === "Delete" || event.key === "Backspace") this.clear();
    else if (event.key === " ") this.#toggle();
    else {
      const steps = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key];
      if (!steps) return;
      this.#move(steps);
    }
    event.preventDefault();
  }

  #toggle() {
    this.pen ??= this.#middle();
    this.down = !this.down;
    if (this.down) {
      this.#remember();
      this.#stroke(this.pen, this.pen);
    }
    this.#tell();
  }

  #move([rows, columns]) {
    const from = this.pen ?? this.#middle();
    const within = (at, most) => Math.min(most - 1, Math.max(0, at));
    this.pen = this.pen ? [within(from[0] + rows, this.rows), within(from[1] + columns, this.columns)] : from;
    if (this.down) this.#stroke(from, this.pen);
    this.#tell();
  }

  #lift() {
    if (!this.down) return;
    this.down = false;
    this.#tell();
  }

  #middle() {
    return [Math.floor(this.rows / 2), Math.floor(this.columns / 2)];
  }

  #tell() {
    this.paint();
    const [row, column] = this.pen;
    this.spoken.textContent = this.say({ row, column, down: this.down, ink: this.ink[row * this.columns + column] });
  }

  paint() {
    const width = this.element.clientWidth;
    if (!width) return;
    const scale = devicePixelRatio || 1;
    const size = (width / this.columns) * scale;
    Object.assign(this.canvas, { width: Math.round(width * scale), height: Math.round(size * this.rows) });
    const brush = this.canvas.getContext("2d");
    brush.imageSmoothingEnabled = false;
    brush.drawImage(plane(this.ink, this.rows, this.columns), 0, 0, this.canvas.width, this.canvas.height);
    if (this.box) this.#window(brush, size);
    if (this.touched) this.#ring(brush, this.touched, size, "--mark-pointer");
    if (this.pen) this.#ring(brush, this.pen, size, this.down ? "--mark-pointer" : "--mark-touched");
  }

  #window(brush, size) {
    const [top, left, bottom, right] = this.box;
    const at = [left * size, top * size, (right - left) * size, (bottom - top) * size];
    if (this.alone) {
      brush.fillStyle = "rgb(70 74 82 / .55)";
      brush.beginPath();
      brush.rect(0, 0, this.canvas.width, this.canvas.height);
      brush.rect(...at);
      brush.fill("evenodd");
    }
    this.#line(brush, at, "--mark-window");
  }

  #ring(brush, [row, column], size, mark) {
    this.#line(brush, [column * size, row * size, size, size], mark);
  }

  #line(brush, at, mark) {
    const scale = devicePixelRatio || 1;
    for (const [wide, ground] of LINES) {
      brush.lineWidth = wide * scale;
      brush.strokeStyle = ground ?? getComputedStyle(this.element).getPropertyValue(mark);
      brush.strokeRect(...at);
    }
  }
}

// Ink as a picture of one pixel a cell.
export function plane(ink, rows, columns) {
  const picture = new ImageData(columns, rows);
  for (let k = 0; k < ink.length; k++) picture.data.set([ink[k], ink[k], ink[k], 255], 4 * k);
  const canvas = el("canvas", { width: columns, height: rows });
  canvas.getContext("2d").putImageData(picture, 0, 0);
  return canvas;
}

// The text of painted cells as it stands in links, and back: bytes as base64url without padding.
export const painted = (ink, rows, columns) =>
  `cells:${rows}x${columns}:${btoa(String.fromCharCode(...ink)).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "")}`;

export function cellsOf(text) {
  const [kind, size, data = ""] = text.split(":");
  if (kind !== "cells") return null;
  try {
    const ink = Uint8Array.from(atob(data.replace(/-/g, "+").replace(/_/g, "/")), (character) => character.charCodeAt(0));
    const [rows, columns] = size.split("x").map(Number);
    return ink.length === rows * columns ? { rows, columns, ink } : null;
  } catch {
    return null;
  }
}
