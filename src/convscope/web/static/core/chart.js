// Lines over a count, such as losses over steps: on an even or a logarithmic axis, read by pointer, touch or arrow keys.
// It draws numbers that it is given, and computes none but where on the page they lie.
import { el, number, svg } from "./dom.js";
import { inEachLanguage } from "./texts.js";

const ROOM = { top: 14, right: 14, bottom: 34, left: 58 };
const DEEPEST = 14; // powers of ten below the first value that a logarithmic axis reaches down
const RAISED = { "-": "⁻", 0: "⁰", 1: "¹", 2: "²", 3: "³", 4: "⁴", 5: "⁵", 6: "⁶", 7: "⁷", 8: "⁸", 9: "⁹" };
const powerOfTen = (k) => (k === 0 ? "1" : `10${[...String(k)].map((sign) => RAISED[sign]).join("")}`);

// Round numbers, 1, 2 or 5 times a power of ten apart, within low..high.
function round(low, high, about) {
  const span = high - low || Math.abs(high) || 1;
  const power = 10 ** Math.floor(Math.log10(span / about));
  const step = power * ([1, 2, 5, 10].find((factor) => span / (power * factor) <= about) ?? 10);
  const found = [];
  for (let k = Math.ceil(low / step - 1e-9); k * step <= high + step * 1e-9; k++) found.push(Number((k * step).toPrecision(12)));
  return found;
}

export class Chart {
  // label(): what is shown, for those who cannot see it. x(k): how a place is called, as "step 3"; along(): the name of
  // the axis. choose(k): clicked, or Enter. height: in pixels.
  constructor({ label, x, along, choose = null, height = 260 }) {
    Object.assign(this, { x, along, choose, height, log: false, lines: [], last: 1, marked: null, read: null });
    this.drawing = svg("svg", { class: "lines", height, "aria-hidden": "true" });
    this.key = el("p", { class: "key", "aria-hidden": "true" });
    this.spoken = el("span", { class: "unseen", role: "status" });
    this.element = el("div", { class: "chart-box", tabindex: "0", role: "application" }, this.drawing, this.key, this.spoken);
    inEachLanguage(() => {
      this.element.setAttribute("aria-label", label());
      this.draw();
    });
    this.drawing.addEventListener("pointermove", (event) => this.#reads(this.#under(event)));
    this.drawing.addEventListener("pointerleave", () => this.#reads(null));
    this.drawing.addEventListener("click", (event) => this.choose?.(this.#under(event)));
    this.element.addEventListener("keydown", (event) => this.#key(event));
    this.element.addEventListener("blur", () => this.#reads(null));
    new ResizeObserver(() => this.draw()).observe(this.element);
  }

  // lines: [{name(), values, look}]: values[k] stands at k, null where there is none; look: "plain", "broad", "dashed".
  // last: how far the axis goes; log: whether values are on a logarithmic one.
  show(lines, { last = Math.max(1, ...lines.map((line) => line.values.length - 1)), log = this.log } = {}) {
    Object.assign(this, { lines, last: Math.max(1, last), log });
    this.draw();
  }

  // A line across at k, where something else on the page is; null for none.
  mark(k) {
    this.marked = k;
    this.draw();
  }

  #under({ clientX }) {
    const box = this.drawing.getBoundingClientRect();
    const share = (clientX - box.left - ROOM.left) / (box.width - ROOM.left - ROOM.right);
    return Math.max(0, Math.min(this.last, Math.round(share * this.last)));
  }

  #reads(k, aloud = false) {
    if (k === this.read || !this.lines.length) return;
    this.read = k;
    this.draw();
    if (aloud && k !== null)
      this.spoken.textContent = [this.x(k), ...this.lines.map((line) => `${line.name()} ${number(line.values[k])}`)].join(", ");
  }

  #key(event) {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    const now = this.read ?? this.marked ?? 0;
    const far = Math.max(1, Math.round(this.last / 10));
    const to = { ArrowLeft: now - 1, ArrowRight: now + 1, PageDown: now - far, PageUp: now + far, Home: 0, End: this.last }[event.key];
    if (to !== undefined) this.#reads(Math.max(0, Math.min(this.last, to)), true);
    else if (event.key === "Enter" && this.read !== null && this.choose) this.choose(this.read);
    else if (event.key === "Escape") this.#reads(null);
    else return;
    event.preventDefault();
  }

  draw() {
    const width = this.element.clientWidth;
    if (!width) return;
    const [left, right, top, bottom] = [ROOM.left, width - ROOM.right, ROOM.top, this.height - ROOM.bottom];
    const axis = this.#axis(bottom, top);
    const x = (k) => left + ((right - left) * k) / this.last;
    const places = round(0, this.last, Math.max(2, Math.min(8, width / 80))).filter(Number.isInteger);
    this.drawing.setAttribute("viewBox", `0 0 ${width} ${this.height}`);
    this.drawing.setAttribute("width", width);
    const across = (k, look) => svg("line", { x1: x(k), x2: x(k), y1: top, y2: bottom, class: look });
    this.drawing.replaceChildren(
      ...axis.ticks.flatMap(({ y, text }) => [
        svg("line", { x1: left, x2: right, y1: y, y2: y, class: "rule" }),
        svg("text", { x: left - 8, y: y + 4, "text-anchor": "end" }, text),
      ]),
      svg("line", { x1: left, x2: right, y1: bottom, y2: bottom, class: "axis" }),
      ...places.map((k) => svg("text", { x: x(k), y: bottom + 17, "text-anchor": "middle" }, String(k))),
      svg("text", { x: right, y: this.height - 3, "text-anchor": "end", class: "along" }, this.along()),
      ...(this.marked === null ? [] : [across(this.marked, "marked")]),
      ...(this.read === null ? [] : [across(this.read, "read")]),
      ...this.lines.map((line) => svg("path", { d: this.#path(line.values, x, axis.y), class: `line ${line.look ?? "plain"}` })),
      ...this.#dots(x, axis.y),
    );
    const k = this.read ?? this.marked;
    this.key.replaceChildren(
      ...(k === null ? [] : [el("span", { class: "where" }, this.x(k))]),
      ...this.lines.map((line) =>
        el(
          "span",
          {},
          svg("svg", { viewBox: "0 0 28 10", width: 28, height: 10 }, svg("path", { d: "M1 5H27", class: `line ${line.look ?? "plain"}` })),
          line.name(),
          k !== null && el("b", {}, number(line.values[k])),
        ),
      ),
    );
  }

  #dots(x, y) {
    const k = this.read ?? this.marked;
    if (k === null) return [];
    return this.lines
      .filter((line) => known(line.values[k]))
      .map((line) => svg("circle", { cx: x(k), cy: y(line.values[k]), r: 4, class: `dot ${line.look ?? "plain"}` }));
  }

  // Where a value lies, and the round ones with their names.
  #axis(bottom, top) {
    const values = this.lines.flatMap((line) => line.values).filter((value) => known(value) && (!this.log || value > 0));
    const greatest = values.reduce((a, b) => Math.max(a, b), -Infinity);
    const least = values.reduce((a, b) => Math.min(a, b), Infinity);
    if (!values.length) return { ticks: [], y: () => bottom };
    if (!this.log) {
      const [low, high] = [Math.min(0, least), greatest > 0 ? greatest : 1];
      const y = (value) => bottom - ((bottom - top) * (value - low)) / (high - low);
      return { y, ticks: round(low, high, 5).map((value) => ({ y: y(value), text: number(value) })) };
    }
    const high = Math.ceil(Math.log10(greatest) - 1e-9);
    const first = Math.floor(Math.log10(values[0]));
    const low = Math.min(Math.max(Math.floor(Math.log10(least) + 1e-9), first - DEEPEST), high - 1);
    const power = (k) => bottom - ((bottom - top) * Math.max(0, k - low)) / (high - low);
    const y = (value) => power(Math.log10(Math.max(value, Number.MIN_VALUE)));
    const every = Math.max(1, Math.ceil((high - low) / 6));
    const powers = Array.from({ length: high - low + 1 }, (_, k) => high - k).filter((k) => (high - k) % every === 0);
    return { y, ticks: powers.map((k) => ({ y: power(k), text: powerOfTen(k) })) };
  }

  #path(values, x, y) {
    let pen = false;
    return values
      .map((value, k) => {
        const step = known(value) ? `${pen ? "L" : "M"}${x(k).toFixed(1)} ${y(value).toFixed(1)}` : "";
        pen = known(value);
        return step;
      })
      .join("");
  }
}

const known = (value) => value !== null && value !== undefined && Number.isFinite(value);
