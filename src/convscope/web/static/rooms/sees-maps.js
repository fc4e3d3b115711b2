// All maps of one layer on one sheet: coloured by the server, pointed at by mouse, touch or arrow keys.
import { el } from "../core/dom.js";
import { inEachLanguage } from "../core/texts.js";

const GAP = 4; // pixels between maps

export class Sheet {
  // level: {name, maps, rows, columns}. label(): what it is; spoken(place): what is read aloud. point(place | null): the
  // pointer is there; pin(place, touched): chosen, by a pointer or by Enter. Places are [map, row, column].
  constructor({ level, label, spoken, point, pin }) {
    Object.assign(this, { level, spoken, point, pin });
    this.place = null; // where the pointer is
    this.boxes = []; // [{map: k | null for all, box, mark}]
    this.picture = el("canvas", { width: level.columns, height: level.maps * level.rows });
    this.canvas = el("canvas", { "aria-hidden": "true" });
    this.status = el("span", { class: "unseen", role: "status" });
    this.element = el("div", { class: "sheet", tabindex: "0", role: "application", "data-maps": level.maps }, this.canvas, this.status);
    inEachLanguage(() => this.element.setAttribute("aria-label", label()));
    this.element.addEventListener("pointermove", (event) => {
      if (event.pointerType !== "touch") this.#go(this.#under(event)); // a finger may only want to scroll
    });
    this.element.addEventListener("click", (event) => {
      const place = this.#under(event);
      if (place) this.pin(place, true);
    });
    this.element.addEventListener("pointerleave", () => this.#go(null));
    this.element.addEventListener("blur", () => this.#go(null));
    this.element.addEventListener("keydown", (event) => this.#key(event));
    new ResizeObserver(() => this.draw()).observe(this.element);
  }

  // colours: bytes r, g, b of each cell of each map.
  show(colours) {
    const { maps, rows, columns } = this.level;
    this.picture.getContext("2d").putImageData(coloured(colours, maps * rows, columns), 0, 0);
    this.shown = true;
    this.draw();
  }

  mark(boxes) {
    this.boxes = boxes;
    this.draw();
  }

  #go(place) {
    if (String(place) === String(this.place)) return;
    this.place = place;
    if (place) this.status.textContent = this.spoken(place);
    this.point(place);
    this.draw();
  }

  #size() {
    const { maps, rows, columns } = this.level;
    this.across = Number(getComputedStyle(this.element).getPropertyValue("--across")) || 1; // maps in a row
    const width = (this.element.clientWidth - GAP * (this.across - 1)) / this.across;
    const height = (width * rows) / columns;
    const down = Math.ceil(maps / this.across);
    return { width, height, total: down * height + GAP * (down - 1) };
  }

  #corner(map, { width, height }) {
    return [(map % this.across) * (width + GAP), Math.floor(map / this.across) * (height + GAP)];
  }

  #under({ clientX, clientY }) {
    const box = this.canvas.getBoundingClientRect();
    const size = this.#size();
    const [x, y] = [clientX - box.left, clientY - box.top];
    const [i, j] = [Math.floor(x / (size.width + GAP)), Math.floor(y / (size.height + GAP))];
    const map = j * this.across + i;
    const { maps, rows, columns } = this.level;
    const column = Math.floor(((x - i * (size.width + GAP)) / size.width) * columns);
    const row = Math.floor(((y - j * (size.height + GAP)) / size.height) * rows);
    const inside = i >= 0 && i < this.across && map >= 0 && map < maps && row >= 0 && row < rows && column >= 0 && column < columns;
    return inside ? [map, row, column] : null;
  }

  #key(event) {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    const { maps, rows, columns } = this.level;
    const [map, row, column] = this.place ?? this.start ?? [0, 0, 0];
    const turn = (step) => [(map + step + maps) % maps, row, column];
    const to = {
      ArrowUp: [map, Math.max(row - 1, 0), column],
      ArrowDown: [map, Math.min(row + 1, rows - 1), column],
      ArrowLeft: [map, row, Math.max(column - 1, 0)],
      ArrowRight: [map, row, Math.min(column + 1, columns - 1)],
      Home: [map, row, 0],
      End: [map, row, columns - 1],
      PageDown: turn(1),
      PageUp: turn(-1),
    }[event.key];
    if (to) this.#go(this.place ? to : [map, row, column]);
    else if (event.key === "Enter" || event.key === " ") {
      if (!this.place) this.#go([map, row, column]);
      this.pin(this.place, false);
    } else if (event.key === "Escape") this.#go(null);
    else return;
    event.preventDefault();
  }

  draw() {
    if (!this.shown || !this.element.clientWidth) return;
    const { maps, rows, columns } = this.level;
    const size = this.#size();
    const scale = devicePixelRatio || 1;
    Object.assign(this.canvas, { width: Math.round(this.element.clientWidth * scale), height: Math.round(size.total * scale) });
    Object.assign(this.canvas.style, { width: "100%", height: `${size.total}px` });
    const pen = this.canvas.getContext("2d");
    pen.scale(scale, scale);
    pen.imageSmoothingEnabled = false;
    for (let map = 0; map < maps; map++) pen.drawImage(this.picture, 0, map * rows, columns, rows, ...this.#corner(map, size), size.width, size.height);
    for (const { map, box, mark } of this.boxes)
      for (let k = map ?? 0; k <= (map ?? maps - 1); k++) this.#outline(pen, k, box, mark, size);
    if (this.place) {
      const [map, row, column] = this.place;
      this.#outline(pen, map, [row, column, row + 1, column + 1], "pointer", size);
    }
  }

  #outline(pen, map, [top, left, bottom, right], mark, size) {
    const { rows, columns } = this.level;
    const [x, y] = this.#corner(map, size);
    const cell = size.width / columns;
    const at = [x + left * cell, y + top * cell, (right - left) * cell, (bottom - top) * cell];
    const style = getComputedStyle(this.element);
    pen.save();
    pen.beginPath();
    pen.rect(x - 2, y - 2, size.width + 4, (size.width * rows) / columns + 4);
    pen.clip(); // what lies in the padding is not the neighbour's
    for (const [wide, tone] of [[4, "#fbf9f5"], [2, style.getPropertyValue(`--mark-${mark}`)]]) {
      pen.lineWidth = wide;
      pen.strokeStyle = tone;
      pen.strokeRect(...at);
    }
    pen.restore();
  }
}

// Bytes r, g, b of each cell as image data.
export function coloured(colours, rows, columns) {
  const image = new ImageData(columns, rows);
  for (let k = 0; k < rows * columns; k++) {
    for (let c = 0; c < 3; c++) image.data[4 * k + c] = colours[3 * k + c];
    image.data[4 * k + 3] = 255;
  }
  return image;
}
