// A Go board, drawn from what the server says; pointed at by mouse, touch or arrow keys. It knows no rules.
import { el, svg } from "../core/dom.js";
import { inEachLanguage } from "../core/texts.js";

const LETTERS = "ABCDEFGHJKLMNOPQRST";
const LEAST_TOLD = 0.005; // a chance that rounds to no per cent is not drawn

export const nameOf = ([row, column], size) => `${LETTERS[column]}${size - row}`;

export class Goban {
  // label(): what it is. cell(place) -> text: what stands at a point, read aloud. point(place | null), play(place).
  constructor({ label, cell, point = () => {}, play }) {
    Object.assign(this, { cell, point, play });
    this.shown = null;
    this.place = null;
    this.drawing = svg("svg", { class: "goban", "aria-hidden": "true" });
    this.spoken = el("span", { class: "unseen", role: "status" });
    this.element = el("div", { class: "goban-frame", tabindex: "0", role: "application" }, this.drawing, this.spoken);
    inEachLanguage(() => this.element.setAttribute("aria-label", label()));
    this.drawing.addEventListener("pointermove", (event) => event.pointerType === "mouse" && this.#go(this.#under(event), false));
    this.drawing.addEventListener("pointerleave", () => this.#go(null));
    this.drawing.addEventListener("click", (event) => {
      const place = this.#under(event);
      if (place) this.play(place);
    });
    this.element.addEventListener("keydown", (event) => this.#key(event));
  }

  // size, stars; points: rows of 1 black, -1 white, 0 empty; toPlay; last, ko: places or null; legal: rows of true, false;
  // chances: rows, or null; overlay: bytes r, g, b of each point, or null.
  show(shown) {
    if (this.shown?.size !== shown.size) this.place = null;
    this.shown = shown;
    this.#draw();
  }

  #draw() {
    const { size, stars, points, last, ko, chances, overlay } = this.shown;
    const end = size - 1;
    this.drawing.setAttribute("viewBox", `-1.1 -0.75 ${size + 0.85} ${size + 0.85}`);
    const circle = (name, [row, column], r, more = {}) => svg("circle", { class: name, cx: column, cy: row, r, ...more });
    const text = (name, x, y, words) => svg("text", { class: name, x, y }, words);
    const all = [svg("rect", { class: "wood", x: -1.1, y: -0.75, width: size + 0.85, height: size + 0.85, rx: 0.15 })];
    if (overlay)
      for (let k = 0; k < size * size; k++) {
        const square = svg("rect", { x: (k % size) - 0.5, y: Math.floor(k / size) - 0.5, width: 1.01, height: 1.01 });
        square.style.fill = `rgb(${overlay.subarray(3 * k, 3 * k + 3).join(" ")})`;
        all.push(square);
      }
    for (let k = 0; k < size; k++) {
      all.push(svg("path", { class: "line", d: `M0 ${k}H${end}M${k} 0V${end}` }));
      all.push(text("edge", k, end + 0.76, LETTERS[k]), text("edge", -0.76, k, String(size - k)));
    }
    for (const place of stars) all.push(circle("star", place, 0.09));
    points.forEach((row, r) =>
      row.forEach((stone, c) => {
        if (!stone) return;
        const radius = overlay ? 0.3 : 0.46;
        all.push(circle("shadow", [r + 0.04, c + 0.03], radius), circle(stone > 0 ? "black" : "white", [r, c], radius));
      }),
    );
    if (last) all.push(circle("last", last, overlay ? 0.14 : 0.22));
    if (ko) all.push(svg("rect", { class: "ko", x: ko[1] - 0.22, y: ko[0] - 0.22, width: 0.44, height: 0.44 }));
    if (chances && !overlay) this.#heat(chances, all, circle, text);
    this.pointer = svg("g", { class: "pointer" });
    this.drawing.replaceChildren(...all, this.pointer);
    this.#drawPointer();
  }

  #heat(chances, all, circle, text) {
    const most = Math.max(...chances.flat());
    chances.forEach((row, r) =>
      row.forEach((chance, c) => {
        if (chance < LEAST_TOLD) return;
        const share = chance / most;
        const disc = circle("disc", [r, c], 0.46);
        disc.style.setProperty("--share", `${100 * share}%`);
        all.push(disc, text(share > 0.6 ? "share strong" : "share", c, r, String(Math.round(100 * chance))));
      }),
    );
  }

  #drawPointer() {
    if (!this.pointer) return;
    const place = this.place;
    this.pointer.replaceChildren();
    if (!place || !this.shown) return;
    const [row, column] = place;
    const { legal, toPlay } = this.shown;
    if (legal[row][column]) this.pointer.append(svg("circle", { class: `ghost ${toPlay}`, cx: column, cy: row, r: 0.46 }));
    this.pointer.append(svg("rect", { class: "here", x: column - 0.5, y: row - 0.5, width: 1, height: 1, rx: 0.1 }));
  }

  #go(place, aloud = true) {
    if (String(place) === String(this.place)) return;
    this.place = place;
    this.#drawPointer();
    if (place && aloud) this.spoken.textContent = this.cell(place);
    this.point(place);
  }

  // Where the reader is, said again: after a move, when what stands there has changed.
  again() {
    if (this.place) {
      if (document.activeElement === this.element) this.spoken.textContent = this.cell(this.place);
      this.point(this.place);
    }
  }

  #under({ clientX, clientY }) {
    if (!this.shown) return null;
    const at = new DOMPoint(clientX, clientY).matrixTransform(this.drawing.getScreenCTM().inverse());
    const [row, column] = [Math.round(at.y), Math.round(at.x)];
    const on = (line) => line >= 0 && line < this.shown.size;
    return on(row) && on(column) ? [row, column] : null;
  }

  #key(event) {
    if (!this.shown || event.altKey || event.ctrlKey || event.metaKey) return;
    const end = this.shown.size - 1;
    const middle = Math.floor(end / 2);
    const [row, column] = this.place ?? [middle, middle];
    const to = {
      ArrowUp: [Math.max(row - 1, 0), column],
      ArrowDown: [Math.min(row + 1, end), column],
      ArrowLeft: [row, Math.max(column - 1, 0)],
      ArrowRight: [row, Math.min(column + 1, end)],
      Home: [row, 0],
      End: [row, end],
    }[event.key];
    if (to) this.#go(this.place ? to : [middle, middle]);
    else if (event.key === "Enter" || event.key === " ") this.place && this.play(this.place);
    else if (event.key === "Escape") this.#go(null);
    else return;
    event.preventDefault();
  }
}
