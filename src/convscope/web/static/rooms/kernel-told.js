// The arithmetic of what is pointed at, written out: one output cell, or all that an input cell or a weight touches.
import { bytes, el, inkOn, number } from "../core/dom.js";
import { t, word } from "../core/texts.js";

const WRITTEN = 9; // products that are written out in one line
const LISTED = { input: 25, weight: 12 }; // outputs in the table

const digits = (value) => number(value, 4);
const factor = (value) => (value < 0 ? `(${digits(value)})` : digits(value));

// Where a cell is: one number along a signal, two in a picture.
export const where = (flat, [row, column]) => (flat ? String(column) : `(${row}, ${column})`);

export function headline(flat, { of, cell }) {
  return word(`kernel.told.${of}`, { where: where(flat, cell) });
}

// One output cell: window * weights = products; then the sum.
export function ofOutput(flat, told) {
  const { terms, rows, columns, colours } = told;
  const matrix = (sign, name, value, padded = false) =>
    el(
      "div",
      { class: "operand" },
      sign && el("span", { class: "sign", "aria-hidden": "true" }, sign),
      el(
        "figure",
        { class: "matrix" },
        el("figcaption", {}, word(`kernel.told.${name}`)),
        table(rows, columns, bytes(colours[name]), (k) => ({ text: number(terms[k][value], columns > 3 ? 3 : 4), class: padded && terms[k].padding ? "padding" : null })),
      ),
    );
  return el(
    "div",
    { class: "told" },
    el("div", { class: columns > 3 ? "matrices many" : "matrices" }, matrix("", "window", "input", true), matrix("×", "weights", "weight"), matrix("=", "products", "product")),
    sums(told),
    terms.some(({ padding }) => padding) && el("p", { class: "note" }, el("span", { class: "hatched padding", "aria-hidden": "true" }), word("kernel.told.paddingInside")),
  );
}

function sums({ terms, sum, bias, value }) {
  const written = terms.length <= WRITTEN ? terms.map(({ product }) => factor(product)).join(" + ") : t("kernel.told.sumOf", { count: terms.length });
  const line = (text, result) => el("p", { class: "sum" }, text, " = ", el("strong", {}, digits(result)));
  return [line(written, sum), bias !== null && line(`${factor(sum)} + ${t("kernel.told.bias", { bias: factor(bias) })}`, value)];
}

// What an input cell or a weight gives to each output.
export function ofPart(flat, { of, value, terms, outputs }) {
  const partner = of === "input" ? ({ tap, weight }) => [where(flat, tap), weight] : ({ place, input }) => [where(flat, place), input];
  const line = (term) => {
    const [at, other] = partner(term);
    const pair = of === "input" ? [value, other] : [other, value];
    return el(
      "tr",
      { class: term.padding ? "padding" : null },
      el("td", {}, where(flat, term.output)),
      el("td", {}, at),
      el("td", {}, pair.map(factor).join(" × ")),
      el("td", {}, el("strong", {}, digits(term.product))),
    );
  };
  const heads = ["touched", of === "input" ? "byWeight" : "reads", "product", "gets"];
  const lines = terms.slice(0, LISTED[of]).map(line);
  const more = terms.length - lines.length;
  return el(
    "div",
    { class: "told" },
    el("p", {}, word(outputs === 1 ? "kernel.told.touchesOne" : outputs ? "kernel.told.touches" : "kernel.told.touchesNone", { value: digits(value), count: outputs })),
    lines.length > 0 && el("table", { class: "list" }, el("thead", {}, el("tr", {}, heads.map((name) => el("th", { scope: "col" }, word(`kernel.told.${name}`))))), el("tbody", {}, lines)),
    more > 0 && el("p", { class: "note" }, word("kernel.told.more", { count: more })),
  );
}

function table(rows, columns, colours, cell) {
  const one = (k) => {
    const { text, class: kind } = cell(k);
    const [red, green, blue] = colours.subarray(3 * k, 3 * k + 3);
    const element = el("td", { class: kind }, text);
    element.style.backgroundColor = `rgb(${red} ${green} ${blue})`;
    element.style.color = inkOn(red, green, blue);
    return element;
  };
  const line = (row) => el("tr", {}, Array.from({ length: columns }, (_, column) => one(row * columns + column)));
  return el("table", {}, el("tbody", {}, Array.from({ length: rows }, (_, row) => line(row))));
}

// The sizes, with the numbers put in: ⌊(size + before + after − dilation·(taps − 1) − 1) / stride⌋ + 1.
export function sizes(flat, { input, kernel, strides, dilation, pads, output, left_over: left }) {
  const line = (k) =>
    el(
      "p",
      {},
      word(flat ? "kernel.sizes.cells" : `kernel.sizes.${["rows", "columns"][k]}`),
      ` ⌊(${input[k]} + ${pads[2 * k]} + ${pads[2 * k + 1]} − ${dilation}·(${kernel[k]} − 1) − 1) / ${strides[k]}⌋ + 1 = `,
      el("strong", {}, output[k]),
    );
  const over = left.some(Boolean) ? (flat ? "leftOverOne" : "leftOver") : "nothingLeft";
  return [
    el("p", { class: "note" }, word("kernel.sizes.rule")),
    ...(flat ? [1] : [0, 1]).map(line),
    el("p", { class: "note" }, over !== "nothingLeft" && el("span", { class: "hatched left-over", "aria-hidden": "true" }), word(`kernel.sizes.${over}`, { rows: left[0], columns: left[1] })),
  ];
}

// What the output's colours mean.
export class Legend {
  constructor() {
    this.bar = el("div", { class: "bar", "aria-hidden": "true" });
    this.ends = el("div", { class: "ends" });
    this.words = el("p", { class: "note" });
    this.element = el("div", { class: "legend" }, this.bar, this.ends, this.words);
  }

  show({ kind, limit, low, high, cut, bar }) {
    const colours = bytes(bar);
    const stops = Array.from({ length: colours.length / 3 }, (_, k) => `rgb(${colours.subarray(3 * k, 3 * k + 3).join(" ")})`);
    this.bar.style.backgroundImage = `linear-gradient(to right, ${stops.join(", ")})`;
    const ends = kind === "signed" ? [digits(-limit), "0", limit ? `+${digits(limit)}` : "0"] : ["0", digits(limit)];
    this.ends.replaceChildren(...ends.map((end) => el("span", {}, end)));
    const values = { low: digits(low), high: digits(high), cut: number(100 * cut, 2) };
    this.words.replaceChildren(word(`kernel.scale.${kind === "signed" ? "signedTold" : cut ? "greyCut" : "greyTold"}`, values));
  }
}
