// How to go downhill: size, optimizer, learning rate; and what was foreseen of it.
import { bytes, el, number, settled } from "../core/dom.js";
import { Grid } from "../core/grid.js";
import { inEachLanguage, t, word } from "../core/texts.js";

const FAR = { low: -3, high: 0.5 }; // powers of ten about the largest stable rate
const FAR_ADAM = { low: -5, high: 0 }; // ... about 1
const WAYS = ["gd", "momentum", "adam"];

export class WaysForm {
  // change(changes, {keepRate}): some of the state is to be another; the rate is suggested anew unless it is kept.
  constructor(state, change) {
    Object.assign(this, { state, change, foreseen: null });
    const whole = (name, low, high, keepRate) => {
      const input = el("input", { type: "number", min: low, max: high, step: 1, change: () => change({ [name]: input.value }, { keepRate }) });
      return input;
    };
    const side = (name) => {
      const select = el("select", { change: () => change({ [name]: select.value }) }, Array.from({ length: 9 }, (_, k) => el("option", { value: k + 1 }, String(k + 1))));
      return select;
    };
    this.rows = side("rows");
    this.columns = side("columns");
    this.steps = whole("steps", 1, 2000, true);
    this.seed = whole("seed", 0, 999999, true);
    this.momentum = el("input", { type: "number", min: 0, max: 0.999, step: "any", change: () => change({ momentum: this.momentum.value }) });
    this.bias = el("input", { type: "checkbox", change: () => change({ bias: this.bias.checked ? "1" : "0" }) });
    this.optimizer = el("select", { change: () => change({ optimizer: this.optimizer.value }) });
    this.rate = el("input", { type: "number", min: 0, step: "any", change: () => change({ rate: this.rate.value }, { keepRate: true }) });
    const slid = settled((rate) => change({ rate }, { keepRate: true }), 120);
    this.slider = el("input", { type: "range", step: 0.01, input: () => slid(this.#slidRate()) });
    this.scale = el("div", { class: "scale", "aria-hidden": "true" }, el("i", {}), word("learn.border"));
    this.suggest = el("button", { type: "button", class: "quiet", click: () => change({ rate: "" }, { keepRate: true }) }, word("learn.useSuggested", () => ({ rate: number(this.foreseen?.suggested) })));
    const field = (key, input, look = "choice") => el("label", { class: look }, word(key), input);
    this.momentumField = field("learn.kept", this.momentum, "choice short");
    this.verdict = el("div", { class: "verdict" });
    this.directions = new Directions();
    this.element = el(
      "div",
      { class: "ways" },
      el(
        "div",
        {},
        el(
          "div",
          { class: "fields" },
          field("learn.rows", this.rows, "choice short"),
          field("learn.columns", this.columns, "choice short"),
          field("learn.optimizer", this.optimizer),
          this.momentumField,
          field("learn.steps", this.steps, "choice short"),
          field("learn.seed", this.seed, "choice short"),
          el("label", { class: "check" }, this.bias, word("learn.bias")),
        ),
        el("div", { class: "fields rate" }, field("learn.rate", this.rate, "choice short"), el("div", { class: "slide" }, this.slider, this.scale)),
        this.suggest,
      ),
      this.verdict,
      this.directions.element,
    );
    inEachLanguage(() => {
      this.optimizer.replaceChildren(...WAYS.map((way) => el("option", { value: way }, t(`learn.${way}`))));
      this.sync();
    });
  }

  sync() {
    const { state, foreseen } = this;
    this.optimizer.value = state.optimizer;
    for (const name of ["steps", "seed", "momentum"]) this[name].value = state[name];
    this.bias.checked = state.bias === "1";
    this.momentumField.hidden = state.optimizer !== "momentum";
    if (foreseen) this.#say();
  }

  show({ verdict, size, directions }) {
    this.foreseen = verdict;
    [this.rows.value, this.columns.value] = size;
    this.directions.show(directions);
    this.sync();
  }

  #slidRate() {
    return String(Number((10 ** Number(this.slider.value) * (this.foreseen?.largest ?? 1)).toPrecision(3)));
  }

  #say() {
    const v = this.foreseen;
    const { state } = this;
    this.rate.value = state.rate || v.rate;
    const about = v.largest ?? 1;
    const far = v.largest === null ? FAR_ADAM : FAR;
    Object.assign(this.slider, { min: far.low, max: far.high });
    if (document.activeElement !== this.slider) this.slider.value = Math.log10(v.rate / about);
    const times = v.largest === null ? null : number(v.rate / v.largest, 2);
    this.slider.setAttribute("aria-label", t(times ? "learn.rateSlider" : "learn.rateSliderAdam"));
    this.slider.setAttribute("aria-valuetext", times ? t("learn.rateSays", { rate: number(v.rate), times }) : number(v.rate));
    this.scale.classList.toggle("none", v.largest === null);
    this.suggest.hidden = v.rate === v.suggested;
    this.suggest.firstChild.say();
    const values = { ...Object.fromEntries(Object.entries(v).map(([name, value]) => [name, typeof value === "number" ? number(value) : value])), steps: state.steps };
    const lines = [t(`learn.verdict.${v.kind}`, values)];
    if (v.kind === "stable" && v.halves > 0) lines.push(t("learn.verdict.halves", { ...values, halves: number(v.halves, 2), condition: number(v.condition, 2) }));
    if (v.kind === "stable" && state.optimizer === "gd" && v.steepest < 0) lines.push(t("learn.verdict.overshoots", values));
    if (v.losses && v.kind !== "flat") {
      const last = v.losses.at(-1);
      lines.push(t(last === null ? "learn.verdict.endsNever" : "learn.verdict.ends", { ...values, last: number(last) }));
    }
    if (v.unseen && v.kind !== "flat") lines.push(t("learn.verdict.unseen", values));
    this.verdict.dataset.kind = v.kind;
    this.verdict.replaceChildren(...lines.map((line, k) => el("p", k ? {} : { class: "first" }, line)));
  }
}

// The patterns of taps that go their own ways.
class Directions {
  constructor() {
    this.list = el("ul", { class: "directions" });
    this.element = el("details", { class: "directions-box" }, el("summary", {}, word("learn.direction.title")), el("p", { class: "note" }, word("learn.direction.about")), this.list);
    this.grids = [];
  }

  show(directions) {
    while (this.grids.length < directions.length) this.grids.push(new Pattern(this.grids.length + 1));
    this.list.replaceChildren(...directions.map((one, k) => this.grids[k].show(one)));
  }
}

class Pattern {
  constructor(number_) {
    this.pattern = null;
    this.grid = new Grid({ label: () => t("learn.direction.pattern", { number: number_ }), cell: (place) => cellText(this.pattern, place) });
    this.words = [word("learn.direction.flat"), word("learn.direction.flat"), word("learn.direction.flat")];
    this.element = el("li", {}, this.grid.element, el("div", {}, this.words));
  }

  show({ pattern, curvature, factor, halves }) {
    this.pattern = pattern;
    this.grid.show({ rows: pattern.rows, columns: pattern.columns, colours: bytes(pattern.colours) });
    const [first, second, third] = this.words;
    second.hidden = factor === null;
    third.hidden = halves === null || Math.abs(halves) < 1; // within one step there is nothing to count
    if (curvature) first.say("learn.direction.curvature", { curvature: number(curvature) });
    else first.say("learn.direction.flat");
    if (factor !== null) second.say("learn.direction.factor", { factor: number(factor) });
    if (halves !== null) third.say(halves > 0 ? "learn.direction.halves" : "learn.direction.doubles", { halves: number(Math.abs(halves), 2) });
    return this.element;
  }
}

// A tap as it is written into its cell: all of one kernel with the same decimals, so that nothing jumps while it forms.
export function tapText(value, limit, more = 0) {
  if (value === null) return "?";
  if (Math.abs(value) >= 1e4 * limit) return number(value, 2);
  const decimals = Math.max(0, Math.min(6, 2 + more - Math.floor(Math.log10(limit))));
  const text = value.toFixed(decimals);
  return (Number(text) === 0 ? text.replace("-", "") : text).replace("-", "−");
}

export function cellText(plane, [row, column]) {
  return t("learn.tap", { row: row + 1, column: column + 1, value: number(plane.values[row * plane.columns + column]) });
}
