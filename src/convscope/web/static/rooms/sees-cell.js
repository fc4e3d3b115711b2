// One cell and where it comes from: the window that it reads in each map of the layer below, the kernel, the products,
// their sum. Pointing at a number marks its cell below; clicking goes there, one level deeper, down to the pixels.
import { bytes, el, number } from "../core/dom.js";
import { Grid } from "../core/grid.js";
import { inEachLanguage, t } from "../core/texts.js";

const SIDES = ["input", "weight", "product"];
const FINE = 12; // blocks from which on they are drawn small

// As little as fits into a small cell: 1.2, −.04, 0 only for zero itself. The whole number is told where one points.
function short(value) {
  const size = Math.abs(value);
  const text = size === 0 ? "0" : size >= 9.95 ? size.toFixed(0) : size >= 0.995 ? size.toFixed(1) : size.toFixed(2).slice(1);
  return value < 0 ? `−${text}` : text;
}

export const named = ({ level, place: [map, row, column] }, size) =>
  size.maps > 1 ? t("sees.cell.name", { level, map, row, column }) : t(size.flat ? "sees.cell.feature" : "sees.cell.pixel", { level, feature: row * size.columns + column, row, column });

export class Inspector {
  // levels: {name: {maps, rows, columns, kind, flat}}; deeper(cell): a cell below is chosen; back(k): the trail's k-th;
  // touch(cell | null): a cell below is pointed at.
  constructor({ levels, deeper, back, touch }) {
    Object.assign(this, { levels, deeper, back, touch });
    this.told = null;
    this.pool = [];
    this.trail = el("ol", { class: "path" });
    this.title = el("h3", { tabindex: "-1" });
    this.sees = el("p", { class: "note sees" });
    this.blocks = el("div", { class: "blocks" });
    this.sum = el("p", { class: "sum", role: "status" });
    this.scales = el("p", { class: "note scales" });
    this.readout = el("p", { class: "note readout" });
    this.where = el("canvas", { class: "where", width: 168, height: 168, "aria-hidden": "true" });
    this.element = el("div", { class: "inspector" }, el("nav", { class: "way" }, this.trail), this.title, this.sees, this.where, this.blocks, this.readout, this.sum, this.scales);
    inEachLanguage(() => {
      this.element.querySelector("nav").setAttribute("aria-label", t("sees.cell.trail"));
      this.say();
    });
  }

  // told: the server's answer for a cell, pinned or only pointed at; path: the pinned cells, from above down.
  show(told, path) {
    Object.assign(this, { told, path });
    const { blocks, limits } = told;
    this.element.dataset.kind = told.kind;
    this.blocks.classList.toggle("fine", blocks.length > FINE);
    this.blocks.classList.toggle("one", blocks.length === 1);
    this.blocks.classList.toggle("long", blocks.length === 1 && blocks[0].columns > 8);
    while (this.pool.length < blocks.length) this.pool.push(this.#block());
    const shown = this.pool.slice(0, blocks.length);
    for (const view of this.pool.slice(blocks.length)) for (const side of SIDES) view.grids[side].goTo(null, false);
    if (this.blocks.childElementCount !== shown.length) this.blocks.replaceChildren(...shown.map((view) => view.element));
    shown.forEach((view, k) => this.#fill(view, blocks[k], limits));
    this.say();
  }

  // All words of it, in the language that is spoken now.
  say() {
    if (!this.told) return;
    const { told } = this;
    this.title.textContent = `${named(told, this.levels[told.level])} = ${number(told.value)}`;
    this.sees.textContent = this.#reach();
    this.sum.textContent = this.#total();
    this.scales.textContent = this.#scales();
    this.readout.textContent = told.blocks.length ? t("sees.cell.point", { below: this.#below() }) : "";
    for (const view of this.pool.slice(0, told.blocks.length))
      for (const side of SIDES) if (view.grids[side].place) this.#point(view, side, view.grids[side].place);
    this.trail.replaceChildren(
      ...this.path.map((cell, k, all) =>
        el("li", {}, el("button", { type: "button", class: "quiet", "aria-current": k === all.length - 1 ? "true" : null, click: () => this.back(k) }, named(cell, this.levels[cell.level]))),
      ),
    );
    this.told.blocks.forEach((block, k) => this.#name(this.pool[k], block));
  }

  // On narrow pages the drawing is far away: here it is once more, with what it is marked with.
  small(canvas) {
    this.where.getContext("2d").drawImage(canvas, 0, 0, this.where.width, this.where.height);
  }

  #scales() {
    const { limits } = this.told;
    const told = Object.fromEntries(SIDES.map((side) => [side, number(limits[side])]));
    return limits.weight ? t("sees.cell.scales", told) : limits.input ? t("sees.cell.scale", told) : "";
  }

  #below() {
    return this.told.below === "drawing" ? t("sees.level.drawing") : this.told.below;
  }

  #reach() {
    const { told } = this;
    if (told.level === "drawing") return t("sees.cell.ink", { ink: told.pixel });
    const [top, left, bottom, right] = told.boxes.drawing;
    if (this.levels[told.level].flat) return t("sees.cell.all");
    return t("sees.cell.field", { height: bottom - top, width: right - left, top, left, last: bottom - 1, end: right - 1 });
  }

  #total() {
    const { told } = this;
    const count = told.blocks.reduce((sum, block) => sum + block.places.length, 0);
    const values = { count, sum: number(told.sum), bias: number(told.bias), value: number(told.value) };
    if (told.kind === "relu") values.input = number(told.blocks[0].sides.input.values[0]);
    if (told.kind === "pool" && told.ties > 1) return t("sees.sum.tie", { ...values, ties: told.ties });
    return t(`sees.sum.${told.kind}`, values);
  }

  // A view of one block; made once and used again and again.
  #block() {
    const view = { head: el("h4"), grids: {}, block: null };
    const point = (side) => (place) => this.#point(view, side, place);
    const pin = (place) => this.#pin(view, place);
    for (const side of SIDES) {
      view.grids[side] = new Grid({
        label: () => (view.block ? this.#label(view, side) : ""),
        cell: (place) => this.#term(view, place, side),
        point: point(side),
        pin,
      });
      if (side !== "input") view.grids[side].element.tabIndex = -1; // the keyboard goes through the inputs, which say all
    }
    view.signs = [el("span", { class: "sign", "aria-hidden": "true" }, "×"), el("span", { class: "sign", "aria-hidden": "true" }, "=")];
    view.row = el("div", { class: "row" }, view.grids.input.element, view.signs[0], view.grids.weight.element, view.signs[1], view.grids.product.element);
    view.element = el("div", { class: "block" }, view.head, view.row);
    return view;
  }

  #fill(view, block, limits) {
    view.block = block;
    const { rows, columns } = block;
    for (const side of SIDES) {
      const shown = block.sides[side];
      view.grids[side].element.hidden = !shown;
      if (!shown) continue;
      view.grids[side].show({
        rows,
        columns,
        colours: bytes(shown.colours),
        texts: shown.values.map((value) => (limits.weight ? short(value) : number(value))),
        kinds: side === "input" ? block.places.map((place) => (place ? null : "padding")) : null,
      });
      view.grids[side].mark("pointer", null);
    }
    const { winner } = this.told;
    view.grids.input.mark("touched", winner === null ? null : [[Math.floor(winner / columns), winner % columns]]);
    for (const sign of view.signs) sign.hidden = !limits.weight;
    view.row.classList.toggle("alone", !limits.weight);
    this.#name(view, block);
  }

  #name(view, block) {
    const size = this.levels[this.told.below];
    const from = size.maps > 1 ? t("sees.cell.map", { level: this.told.below, map: block.map }) : this.#below();
    view.head.textContent = block.sides.product ? `${from} · Σ ${number(block.sum)}` : from;
    for (const side of SIDES) view.grids[side].element.setAttribute("aria-label", this.#label(view, side));
  }

  #label(view, side) {
    return t(`sees.side.${side}`, { from: view.head.textContent });
  }

  #term(view, [row, column]) {
    const { block } = view;
    const k = row * block.columns + column;
    const values = Object.fromEntries(Object.entries(block.sides).map(([side, { values: all }]) => [side, number(all[k])]));
    const place = block.places[k];
    const where = place ? named({ level: this.told.below, place }, this.levels[this.told.below]) : t("sees.cell.padding");
    return t(block.sides.product ? "sees.cell.product" : "sees.cell.input", { ...values, where });
  }

  #point(view, side, place) {
    for (const each of SIDES) if (each !== side && view.block.sides[each]) view.grids[each].mark("pointer", place ? [place] : null);
    this.readout.textContent = place ? this.#term(view, place) : t("sees.cell.point", { below: this.#below() });
    const below = place && view.block.places[place[0] * view.block.columns + place[1]];
    this.touch(below ? { level: this.told.below, place: below } : null);
  }

  #pin(view, [row, column]) {
    const place = view.block.places[row * view.block.columns + column];
    if (place) this.deeper({ level: this.told.below, place });
  }
}
