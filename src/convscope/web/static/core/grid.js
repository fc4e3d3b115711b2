// A picture or an array as cells: coloured by the server, with their numbers where there is room; pointed at by mouse,
// touch or arrow keys. It computes nothing: colours, numbers and the cells to mark all come from outside.
import { el, inkOn } from "./dom.js";
import { inEachLanguage } from "./texts.js";

const SMALLEST_TYPE = 8; // pixels
const LARGEST_TYPE = 14;
const GLYPH = 0.6; // of a digit's height is its width
const SQUEEZED = 0.85; // how narrow numbers may be set
const DOTS = 5; // pixels of a cell below which there are no lines between cells

export class Grid {
  // label(): what the grid is, for those who cannot see it. cell(place) -> text: what stands there, read aloud.
  // point(place | null): the pointer is there. pin(place): clicked, or Enter. Places are [row, column].
  // paint(place): while `painting` is set, the pointer is pressed there. keys(event): true for keys that it took.
  constructor({ label, cell = ([row, column]) => `${row}, ${column}`, point = () => {}, pin = () => {}, paint = () => {}, keys = () => false }) {
    Object.assign(this, { label, cell, point, pin, paint, keys });
    this.marks = new Map(); // name -> {cells, texts}
    this.shown = null;
    this.place = null;
    this.stroke = null; // where a stroke of painting was last
    this.canvas = el("canvas", { "aria-hidden": "true", width: 0, height: 0 });
    this.spoken = el("span", { class: "unseen", role: "status" });
    this.element = el("div", { class: "grid", tabindex: "0", role: "application" }, this.canvas, this.spoken);
    inEachLanguage(() => this.element.setAttribute("aria-label", label()));
    this.element.addEventListener("pointermove", (event) => this.#move(event));
    this.element.addEventListener("pointerdown", (event) => this.#press(event));
    for (const end of ["pointerup", "pointercancel"]) this.element.addEventListener(end, () => (this.stroke = null));
    this.element.addEventListener("pointerleave", () => this.#go(null));
    this.element.addEventListener("click", (event) => {
      const place = this.#under(event);
      if (!place || this.painting) return;
      this.#go(place);
      this.pin(place);
    });
    this.element.addEventListener("keydown", (event) => this.#key(event));
    new ResizeObserver(() => this.draw()).observe(this.element);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.draw());
    new MutationObserver(() => this.draw()).observe(document.documentElement, { attributeFilter: ["data-theme"] });
  }

  get painting() {
    return this.element.classList.contains("painting");
  }

  set painting(on) {
    this.element.classList.toggle("painting", on);
  }

  // rows, columns; colours: bytes r, g, b of each cell, row by row; texts: what to write into each cell, or null;
  // kinds: for each cell "padding", "left-over" (hatched), "blank" (nothing is there) or null.
  // across: how many columns fill the width, where that is not `columns`; indent: cells to the left of the first.
  show({ rows, columns, colours, texts = null, kinds = null, across = columns, indent = 0 }) {
    this.shown = { rows, columns, colours, texts, kinds, across, indent };
    if (this.place && (this.place[0] >= rows || this.place[1] >= columns)) this.place = null;
    this.draw();
  }

  // Marks cells, [[row, column], ...], under a name: "window", "touched", "pinned"; their look is in lab.css (--mark-NAME).
  // texts: what to write into them instead, as long as they are marked.
  mark(name, cells, texts = null) {
    if (cells?.length) this.marks.set(name, { cells, texts });
    else this.marks.delete(name);
    this.draw();
  }

  // Moves the pointer there, as the keys do.
  goTo(place, tell = true) {
    if (tell) this.#go(place);
    else {
      this.place = place;
      this.draw();
    }
  }

  #go(place) {
    if (String(place) === String(this.place)) return;
    this.place = place;
    this.draw();
    if (place) this.spoken.textContent = this.cell(place);
    this.point(place);
  }

  #under({ clientX, clientY }) {
    if (!this.shown) return null;
    const box = this.canvas.getBoundingClientRect();
    const row = Math.floor(((clientY - box.top) / box.height) * this.shown.rows);
    const column = Math.floor(((clientX - box.left) / box.width) * this.shown.columns);
    const inside = row >= 0 && column >= 0 && row < this.shown.rows && column < this.shown.columns;
    return inside ? [row, column] : null;
  }

  #press(event) {
    const place = this.#under(event);
    if (event.pointerType !== "touch" || this.painting) this.#go(place); // a finger may only want to scroll
    if (!this.painting || !place || event.button) return;
    this.element.setPointerCapture(event.pointerId);
    this.stroke = place;
    this.paint(place);
  }

  #move(event) {
    const place = this.#under(event);
    this.#go(place);
    if (!this.stroke || !place || String(place) === String(this.stroke)) return;
    const [from, steps] = [this.stroke, Math.max(...place.map((to, k) => Math.abs(to - this.stroke[k])))];
    for (let step = 1; step <= steps; step++) this.paint(from.map((start, k) => Math.round(start + ((place[k] - start) * step) / steps)));
    this.stroke = place;
  }

  #key(event) {
    if (!this.shown || event.altKey || event.ctrlKey || event.metaKey) return;
    if (this.keys(event)) {
      event.preventDefault();
      return;
    }
    const { rows, columns } = this.shown;
    const [row, column] = this.place ?? [0, 0];
    const to = {
      ArrowUp: [Math.max(row - 1, 0), column],
      ArrowDown: [Math.min(row + 1, rows - 1), column],
      ArrowLeft: [row, Math.max(column - 1, 0)],
      ArrowRight: [row, Math.min(column + 1, columns - 1)],
      Home: [row, 0],
      End: [row, columns - 1],
    }[event.key];
    if (to) this.#go(this.place ? to : [0, 0]);
    else if (event.key === "Enter" || event.key === " ") {
      if (this.place) (this.painting ? this.paint : this.pin)(this.place);
    } else if (event.key === "Escape") this.#go(null);
    else return;
    event.preventDefault();
  }

  // Draws before the next frame, however often it is asked to.
  draw() {
    this.waiting ??= requestAnimationFrame(() => {
      this.waiting = null;
      this.#draw();
    });
  }

  #draw() {
    if (!this.shown) return;
    const { rows, columns, across, indent } = this.shown;
    const width = this.element.clientWidth;
    if (!width) return;
    const style = getComputedStyle(this.element);
    const most = Number.parseFloat(style.getPropertyValue("--cell")) || 40;
    const size = Math.max(1, Math.min(most, width / across));
    const scale = devicePixelRatio || 1;
    const [w, h] = [Math.round(size * columns), Math.round(size * rows)];
    Object.assign(this.canvas, { width: Math.round(w * scale), height: Math.round(h * scale) });
    Object.assign(this.canvas.style, { width: `${w}px`, height: `${h}px`, marginInlineStart: indent ? `${Math.round(indent * size)}px` : "" });
    const pen = this.canvas.getContext("2d");
    pen.scale(scale, scale);
    const at = { x: (column) => Math.round((column * w) / columns), y: (row) => Math.round((row * h) / rows) };
    if (size < DOTS && !this.shown.kinds) this.#dots(pen, w, h);
    else this.#cells(pen, at, size, style);
    for (const [name, { cells }] of this.marks) this.#outline(pen, cells, style.getPropertyValue(`--mark-${name}`), at);
    if (this.place) this.#outline(pen, [this.place], style.getPropertyValue("--mark-pointer"), at);
  }

  // Cells too small for lines or numbers.
  #dots(pen, w, h) {
    const { rows, columns, colours } = this.shown;
    const picture = new ImageData(columns, rows);
    for (let k = 0; k < rows * columns; k++) picture.data.set([colours[3 * k], colours[3 * k + 1], colours[3 * k + 2], 255], 4 * k);
    const small = el("canvas", { width: columns, height: rows });
    small.getContext("2d").putImageData(picture, 0, 0);
    pen.imageSmoothingEnabled = false;
    pen.drawImage(small, 0, 0, w, h);
  }

  #cells(pen, { x, y }, size, style) {
    const { rows, columns, colours, kinds } = this.shown;
    const texts = this.#texts();
    const type = texts && fitting(texts, size);
    const gap = size > 8 ? 1 : 0;
    pen.font = `${type}px ${style.getPropertyValue("--mono")}`;
    pen.textAlign = "center";
    pen.textBaseline = "middle";
    for (let row = 0; row < rows; row++)
      for (let column = 0; column < columns; column++) {
        const k = row * columns + column;
        if (kinds?.[k] === "blank") continue;
        const [red, green, blue] = colours.subarray(3 * k, 3 * k + 3);
        const box = [x(column), y(row), x(column + 1) - x(column) - gap, y(row + 1) - y(row) - gap];
        pen.fillStyle = `rgb(${red} ${green} ${blue})`;
        pen.fillRect(...box);
        if (kinds?.[k] && size > 4) this.#hatch(pen, box, style.getPropertyValue(`--kind-${kinds[k]}`));
        if (!type || !texts[k]) continue;
        if (kinds?.[k]) {
          const wide = Math.min(texts[k].length * type * GLYPH + 4, box[2]);
          pen.fillStyle = `rgb(${red} ${green} ${blue})`; // so that the number is not hatched
          pen.fillRect(box[0] + (box[2] - wide) / 2, box[1] + (box[3] - type * 1.1) / 2, wide, type * 1.1);
        }
        pen.fillStyle = inkOn(red, green, blue);
        pen.fillText(texts[k], box[0] + box[2] / 2, box[1] + box[3] / 2 + 0.5, box[2] - 2);
      }
  }

  // What stands in the cells: what marks write comes first.
  #texts() {
    const marked = [...this.marks.values()].filter(({ texts }) => texts);
    if (!marked.length) return this.shown.texts;
    const texts = [...(this.shown.texts ?? Array(this.shown.rows * this.shown.columns).fill(""))];
    for (const mark of marked) mark.cells.forEach(([row, column], k) => (texts[row * this.shown.columns + column] = mark.texts[k]));
    return texts;
  }

  #hatch(pen, [left, top, width, height], colour) {
    pen.save();
    pen.beginPath();
    pen.rect(left, top, width, height);
    pen.clip();
    pen.strokeStyle = colour || "gray";
    pen.lineWidth = 1;
    pen.beginPath();
    for (let step = -height; step < width; step += 6) {
      pen.moveTo(left + step, top + height);
      pen.lineTo(left + step + height, top);
    }
    pen.stroke();
    pen.restore();
  }

  // A line around cells that touch each other, on a ground so that it is seen on any colour.
  #outline(pen, cells, colour, { x, y }) {
    const among = new Set(cells.map(String));
    const has = (row, column) => among.has(`${row},${column}`);
    const path = new Path2D();
    const line = (...ends) => (path.moveTo(ends[0], ends[1]), path.lineTo(ends[2], ends[3]));
    for (const [row, column] of cells) {
      const [left, top, right, bottom] = [x(column) + 1, y(row) + 1, x(column + 1) - 2, y(row + 1) - 2];
      // an edge ends at the neighbour's where that is marked too
      const [l, t, r, b] = [has(row, column - 1) ? x(column) - 2 : left, has(row - 1, column) ? y(row) - 2 : top, has(row, column + 1) ? right + 3 : right, has(row + 1, column) ? bottom + 3 : bottom];
      if (!has(row - 1, column)) line(l, top, r, top);
      if (!has(row + 1, column)) line(l, bottom, r, bottom);
      if (!has(row, column - 1)) line(left, t, left, b);
      if (!has(row, column + 1)) line(right, t, right, b);
    }
    pen.lineCap = "square";
    for (const [wide, tone] of [[4, "#fbf9f5"], [2, colour || "#b5402a"]]) {
      pen.lineWidth = wide;
      pen.strokeStyle = tone;
      pen.stroke(path);
    }
  }
}

// The size of type at which all texts fit into cells; 0 where there is none.
function fitting(texts, size) {
  const longest = texts.reduce((most, text) => Math.max(most, text.length), 1);
  const room = (size - 3) / (longest * GLYPH);
  if (room < SMALLEST_TYPE * SQUEEZED || size < SMALLEST_TYPE + 4) return 0;
  return Math.max(SMALLEST_TYPE, Math.min(LARGEST_TYPE, room, size * 0.45));
}
