// A signal as bars over its cells, and the kernel laid on it with the products beneath.
import { bytes, number, svg } from "../core/dom.js";
import { Grid } from "../core/grid.js";
import { t } from "../core/texts.js";

const GAP = 0.08; // of a cell's width

// Bars over the cells of a grid of one row: from `low` to `high`, with 0 as their ground. The grid's numbers say the same.
export class Bars {
  constructor(grid) {
    this.grid = grid;
    this.element = svg("svg", { class: "bars", "aria-hidden": "true", preserveAspectRatio: "none" });
    new ResizeObserver(() => this.#fit()).observe(grid.canvas);
  }

  show({ values, colours, low, high }) {
    const [floor, top] = [Math.min(low, 0), Math.max(high, 0, low + 1e-9)];
    const height = top - floor;
    const bar = (value, k) =>
      svg("rect", {
        x: k + GAP / 2,
        width: 1 - GAP,
        y: top - Math.max(value, 0),
        height: Math.abs(value),
        fill: colours ? `rgb(${colours.subarray(3 * k, 3 * k + 3).join(" ")})` : null,
      });
    this.element.setAttribute("viewBox", `0 0 ${values.length} ${height}`);
    this.element.replaceChildren(...values.map(bar), svg("line", { x1: 0, x2: values.length, y1: top, y2: top }));
    this.#fit();
  }

  #fit() {
    this.element.style.width = this.grid.canvas.style.width;
    this.element.style.marginInlineStart = this.grid.canvas.style.marginInlineStart;
  }
}

// Two rows under the signal: each weight below the cell that it meets, and their product below that.
export class LaidOn {
  constructor() {
    this.grid = new Grid({ label: () => t("kernel.laidOn") });
    this.element = this.grid.element;
    this.element.classList.add("laid");
    this.element.removeAttribute("tabindex"); // the written sum says the same
    this.element.removeAttribute("role");
    this.element.setAttribute("aria-hidden", "true");
  }

  // told: an output cell explained, or null; left: the place of the first cell above; columns: how many there are.
  show(told, left, columns) {
    const all = { colours: new Uint8Array(6 * columns), texts: Array(2 * columns).fill(""), kinds: Array(2 * columns).fill("blank") };
    const rows = told ? [[bytes(told.colours.weights), "weight"], [bytes(told.colours.products), "product"]] : [];
    told?.terms.forEach((term, n) => {
      const column = term.place[1] - left;
      if (column < 0 || column >= columns) return;
      rows.forEach(([tones, name], row) => {
        const k = row * columns + column;
        all.colours.set(tones.subarray(3 * n, 3 * n + 3), 3 * k);
        all.texts[k] = number(term[name], 3);
        all.kinds[k] = null;
      });
    });
    this.grid.show({ rows: 2, columns, ...all });
  }
}
