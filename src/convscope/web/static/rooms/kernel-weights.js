// The kernel to edit: its name, its size, and a field for each weight.
import { el, inkOn } from "../core/dom.js";
import { inEachLanguage, t, word } from "../core/texts.js";

const MOST = 7;
const range = (from, to) => Array.from({ length: to - from + 1 }, (_, k) => from + k);

export class Weights {
  // change(rows): the kernel is another one; point(place): a weight is pointed at; pin(place): Enter.
  constructor(state, { change, point, pin }) {
    Object.assign(this, { state, change, point, pin });
    this.name = el("select", { change: () => this.#take(this.state.named[this.name.value]) });
    [this.rows, this.columns] = ["rows", "columns"].map((which) => {
      const size = el("select", { change: () => this.#take(resized(this.state.kernel, Number(this.rows.value), Number(this.columns.value))) }, range(1, MOST).map((k) => el("option", {}, k)));
      inEachLanguage(() => size.setAttribute("aria-label", t(`kernel.${which}`)));
      return size;
    });
    this.rowsPart = el("span", { class: "part" }, this.rows, " × ");
    this.cells = el("div", { class: "weights", role: "group" });
    inEachLanguage(() => this.cells.setAttribute("aria-label", t("kernel.weights")));
    this.element = el(
      "div",
      { class: "editor" },
      el("label", { class: "choice" }, word("kernel.named"), this.name),
      this.cells,
      el("div", { class: "size" }, word("kernel.size"), el("span", {}, this.rowsPart, this.columns)),
    );
    inEachLanguage(() => this.#fill());
  }

  // Shows the kernel of the state.
  set() {
    this.#fill();
    const kernel = this.state.kernel;
    [this.rows.value, this.columns.value] = [kernel.length, kernel[0].length];
    this.rowsPart.hidden = this.state.flat;
    const shape = `${kernel.length}x${kernel[0].length}`;
    if (this.shape !== shape) this.#build(kernel);
    this.shape = shape;
    this.fields.forEach((row, r) =>
      row.forEach((field, s) => {
        if (document.activeElement !== field) field.value = short(kernel[r][s], kernel[0].length);
        field.title = kernel[r][s];
        field.removeAttribute("aria-invalid");
      }),
    );
  }

  // colours: bytes r, g, b of each weight.
  colour(colours) {
    this.fields.flat().forEach((field, k) => {
      const [red, green, blue] = colours.subarray(3 * k, 3 * k + 3);
      field.style.backgroundColor = `rgb(${red} ${green} ${blue})`;
      field.style.color = inkOn(red, green, blue);
    });
  }

  // Marks weights that take part.
  mark(taps) {
    const among = new Set(taps.map(String));
    this.fields.forEach((row, r) => row.forEach((field, s) => field.classList.toggle("marked", among.has(`${r},${s}`))));
  }

  #take(rows) {
    if (!rows) return;
    this.state.kernel = rows;
    this.set();
    this.change();
  }

  #fill() {
    const { named } = this.state;
    const own = !(this.state.values.kernel in named);
    this.name.replaceChildren(
      ...(own ? [el("option", { value: "" }, t("kernel.own"))] : []),
      ...Object.keys(named).map((name) => el("option", { value: name }, t(`kernel.names.${name}`))),
    );
    this.name.value = own ? "" : this.state.values.kernel;
    this.fields?.forEach((row, r) => row.forEach((field, s) => this.#label(field, r, s)));
  }

  #build(kernel) {
    this.fields = kernel.map((row, r) => row.map((_, s) => this.#field(r, s)));
    this.cells.classList.toggle("many", kernel[0].length > 4);
    this.cells.style.gridTemplateColumns = `repeat(${kernel[0].length}, minmax(0, 3.4rem))`;
    this.cells.replaceChildren(...this.fields.flat());
  }

  #field(r, s) {
    const field = el("input", {
      type: "number",
      step: "any",
      inputmode: "decimal",
      autocomplete: "off",
      input: () => this.#edited(field, r, s),
      blur: () => (field.value = short(this.state.kernel[r][s], this.state.kernel[r].length)),
      focus: () => this.point([r, s]),
      pointerenter: (event) => event.pointerType === "mouse" && this.point([r, s]),
      keydown: (event) => event.key === "Enter" && this.pin([r, s]),
    });
    this.#label(field, r, s);
    return field;
  }

  #label(field, r, s) {
    field.setAttribute("aria-label", this.state.flat ? t("kernel.weightOne", { column: s }) : t("kernel.weightAt", { row: r, column: s }));
  }

  #edited(field, r, s) {
    const value = field.valueAsNumber;
    const valid = Number.isFinite(value) && Math.abs(value) <= 1e6;
    field.toggleAttribute("aria-invalid", !valid);
    if (!valid) return;
    const rows = this.state.kernel.map((row) => [...row]);
    rows[r][s] = value;
    this.state.kernel = rows;
    this.#fill();
    this.change();
  }
}

// A field has room for few digits; the kernel keeps them all.
const short = (value, columns) => (Number.isFinite(value) ? String(Number(value.toPrecision(columns > 4 ? 2 : 3))).replace(/^(-?)0\./, "$1.") : "");

// Rows and columns are added and taken away on both sides in turn, so that the middle stays.
function resized(kernel, rows, columns) {
  const [up, left] = [Math.floor((rows - kernel.length) / 2), Math.floor((columns - kernel[0].length) / 2)];
  return range(0, rows - 1).map((r) => range(0, columns - 1).map((s) => kernel[r - up]?.[s - left] ?? 0));
}
