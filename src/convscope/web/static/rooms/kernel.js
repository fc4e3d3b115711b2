// One kernel: the padded input, the kernel and the output side by side, and the arithmetic of what is pointed at.
import { get, latest, post, tell } from "../core/api.js";
import { $, bytes, el, number, settled } from "../core/dom.js";
import { Grid } from "../core/grid.js";
import { Picker, builtin } from "../core/pick.js";
import { Snippet } from "../core/snippet.js";
import { inEachLanguage, t, word } from "../core/texts.js";
import { Bars, LaidOn } from "./kernel-line.js";
import { Options } from "./kernel-options.js";
import { Paint } from "./kernel-paint.js";
import { Player } from "./kernel-play.js";
import { State, pair } from "./kernel-state.js";
import { Legend, headline, ofOutput, ofPart, sizes, where } from "./kernel-told.js";
import { Weights } from "./kernel-weights.js";

const [choices, builtins] = await Promise.all([get("/api/kernel/choices"), builtin()]);
const state = new State(choices);
const same = (one, other) => String(one) === String(other);
const applying = latest();
const explaining = latest();
const keep = settled(() => state.keep(), 120);
let sheet = null; // what the server told last: input, weights, output
let shown = null; // what is explained, {focus, answer}

// The pieces
const room = $("#kernel");
const picker = new Picker({ source: "builtin:ring", choose: choosePicture, groups: ["drawn", "photos", "paintings"] });
const signals = el("select", { change: () => choosePicture(signals.value) });
const options = new Options(state, { change: apply });
const weights = new Weights(state, {
  change: apply,
  point: (tap) => point("weight", tap),
  pin: (tap) => pin("weight", tap),
});
const input = new Grid({
  label: () => t(state.flat ? "kernel.inputOne" : "kernel.input"),
  cell: (place) => spoken(sheet.input, place),
  point: (place) => place && sourceAt(place) && point("input", sourceAt(place)),
  pin: (place) => sourceAt(place) && pin("input", sourceAt(place)),
  paint: paintAt,
  keys: ({ key }) => /^[0-9]$/.test(key) && input.place && paintAt(input.place, Number(key)),
});
const output = new Grid({
  label: () => t(state.flat ? "kernel.outputOne" : "kernel.output"),
  cell: (place) => spoken(sheet.output, place),
  point: (place) => place && point("output", inSheet(sheet.output, place)),
  pin: (place) => pin("output", inSheet(sheet.output, place)),
  keys: outputKeys,
});
const [inputWhole, outputWhole] = ["input", "output"].map((name) => overview(name));
const [inputBars, outputBars] = [new Bars(input), new Bars(output)];
const laid = new LaidOn();
const paint = new Paint(choices.levels, { change: takePicture, mode: (on) => (input.painting = on), flat: () => state.flat });
const legend = new Legend();
const player = new Player(step);
const pinButton = el("button", { type: "button", "aria-pressed": "false", click: () => setPinned(!state.values.pinned) }, word("kernel.pin"));
const heading = el("h2", { id: "told-heading" });
const told = el("div", { class: "arithmetic" });
const formula = el("div", { class: "sizes" });
const snippet = new Snippet();
const views = [1, 2].map((axes) => el("button", { type: "button", click: () => turnTo(String(axes)) }, word(`kernel.view.${axes}`)));
const pictureChoice = el("div", { class: "chosen" });

function build() {
  const part = (name, beside, ...parts) => el("div", { class: `the-${name}` }, el("div", { class: "top" }, el("h2", {}, word(`kernel.heading.${name}`)), beside), parts);
  const sign = (kind) => el("span", { class: `hatched ${kind}`, "aria-hidden": "true" });
  const key = el("p", { class: "note key" }, el("span", { class: "padding" }, sign("padding"), word("kernel.keyPadding")), el("span", { class: "left-over" }, sign("left-over"), word("kernel.keyLeft")));
  room.replaceChildren(
    el("div", { class: "fields" }, el("div", { class: "views", role: "group" }, views), pictureChoice),
    el(
      "div",
      { class: "bench" },
      part("input", paint.button, paint.tools, inputWhole.element, inputBars.element, input.element, laid.element, key),
      part("kernel", null, weights.element, options.kernel, options.steps),
      part("output", null, outputWhole.element, output.element, outputBars.element, el("div", { class: "under" }, legend.element, options.scale), player.element, el("p", { class: "note" }, word("kernel.keys"))),
      el("div", { class: "the-told", role: "region", "aria-labelledby": "told-heading" }, el("div", { class: "top" }, heading, pinButton), told),
      part("sizes", null, formula),
    ),
    snippet.element,
  );
  inEachLanguage(() => {
    fillSignals();
    room.querySelector(".views").setAttribute("aria-label", t("kernel.views"));
    if (sheet) show();
  });
  for (const [name, grid, part] of [["output", output, "output"], ["input", input, "input"]]) {
    // by keyboard one starts where one looks
    grid.element.addEventListener("focus", () => {
      if (!sheet || !grid.element.matches(":focus-visible") || state.values.of !== name) return;
      const place = fromSheet(sheet[part], state.focus.cell);
      if (seen(sheet[part], place)) grid.goTo(place, false);
    });
    grid.element.addEventListener("blur", () => grid.goTo(null, false));
  }
}

// Questions to the server

async function apply() {
  keep();
  try {
    const answer = await applying((signal) => post("/api/kernel/apply", { ...state.asked, scale: state.values.scale }, { signal }));
    if (!answer) return;
    inRange(answer.sizes);
    const found = await asked(); // both are shown at once, so that they never contradict each other
    sheet = answer;
    shown = found ?? shown;
    tell(null);
    show();
  } catch (problem) {
    tell(problem);
  }
}

async function explain() {
  keep();
  try {
    const found = await asked();
    if (!found) return;
    shown = found;
    showFocus();
  } catch (problem) {
    tell(problem);
  }
}

// What is pointed at, with its arithmetic; null where something else is asked about by now.
async function asked() {
  const { of, cell } = state.focus;
  const [path, more] = of === "output" ? ["explain", { at: cell }] : ["touches", { of, cell }];
  const answer = await explaining((signal) => post(`/api/kernel/${path}`, { ...state.asked, ...more }, { signal }));
  return answer && { focus: { of, cell }, answer };
}

// What is pointed at must be there: sizes change.
function inRange(sizes) {
  const { of, cell } = state.focus;
  const [rows, columns] = sizes[{ output: "output", input: "input", weight: "kernel" }[of]];
  state.set({ at: [Math.min(cell[0], rows - 1), Math.min(cell[1], columns - 1)].join(",") });
}

// Pointing, pinning, stepping

const inSheet = ({ top, left }, [row, column]) => [top + row, left + column];
const fromSheet = ({ top, left }, [row, column]) => [row - top, column - left];
const sourceAt = ([row, column]) => sheet.input.sources[row * sheet.input.columns + column];
const seen = ({ rows, columns }, [row, column]) => row >= 0 && column >= 0 && row < rows && column < columns;

function spoken(part, place) {
  const k = place[0] * part.columns + place[1];
  const kind = part.kinds?.[k];
  return `${where(state.flat, inSheet(part, place))}: ${number(part.values[k], 4)}${kind ? `, ${t(`kernel.kind.${kind}`)}` : ""}`;
}

function point(of, cell) {
  if (state.values.pinned || player.timer || input.stroke) return;
  focusOn(of, cell);
}

function focusOn(of, cell) {
  if (state.values.of === of && same(state.focus.cell, cell)) return;
  state.set({ of, at: cell.join(",") });
  explain();
}

function pin(of, cell) {
  player.stop();
  const again = state.values.pinned && state.values.of === of && same(state.focus.cell, cell);
  setPinned(!again);
  focusOn(of, cell);
}

function setPinned(on) {
  state.set({ pinned: on ? "1" : "" });
  pinButton.setAttribute("aria-pressed", String(on));
  markFocus();
  keep();
}

// To the next output cell in reading order, or back; false where there is none.
function step(by) {
  if (!sheet) return false;
  const [rows, columns] = sheet.sizes.output;
  const [row, column] = state.values.of === "output" ? state.focus.cell : [0, by > 0 ? -1 : 1];
  const next = row * columns + column + by;
  if (next < 0 || next >= rows * columns) return false;
  const cell = [Math.floor(next / columns), next % columns];
  state.set({ of: "output", at: cell.join(",") });
  if (seen(sheet.output, fromSheet(sheet.output, cell))) explain();
  else look(cell);
  return true;
}

function outputKeys({ key }) {
  if (key === "n" || key === "p") player.by(key === "n" ? 1 : -1);
  else if (key === " ") player.toggle();
  else return sheet.overview !== null && atEdge(key);
  return true;
}

const ARROWS = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };

// The part of a large picture that is in view, by its first output cell, kept inside the output.
const view = () => inside(pair(state.values.view));
const inside = (place) => place.map((at, k) => Math.max(0, Math.min(at, sheet.sizes.output[k] - [sheet.output.rows, sheet.output.columns][k])));

// It moves on when the pointer is led over its edge.
function atEdge(key) {
  const by = ARROWS[key];
  if (!by || !output.place || seen(sheet.output, output.place.map((at, k) => at + by[k]))) return false;
  const from = view();
  const to = inside(from.map((at, k) => at + by[k]));
  if (same(from, to)) return false;
  state.set({ view: to.join(",") });
  if (!state.values.pinned) state.set({ of: "output", at: output.place.map((at, k) => to[k] + at).join(",") });
  apply();
  return true;
}

// Brings the part around an output cell into view.
function look([row, column]) {
  const { rows, columns } = sheet.output;
  state.set({ view: inside([row - Math.floor(rows / 2), column - Math.floor(columns / 2)]).join(",") });
  apply();
}

function overview(name) {
  const toOutput = (place) => (name === "output" ? place : place.map((at, k) => Math.floor(at / sheet.sizes.strides[k])));
  const grid = new Grid({
    label: () => t(`kernel.whole.${name}`),
    pin: (place) => look(toOutput(place)),
    keys: ({ key }) => {
      if (!(key in ARROWS)) return false;
      const pace = [sheet.output.rows, sheet.output.columns].map((size) => Math.ceil(size / 2));
      state.set({ view: inside(view().map((at, k) => at + ARROWS[key][k] * pace[k])).join(",") });
      apply();
      return true;
    },
  });
  grid.element.classList.add("overview");
  return grid;
}

function paintAt(place, level = paint.level) {
  const cell = sourceAt(place);
  if (!cell || !same(cell, inSheet(sheet.input, place))) return true; // the padding only copies
  paint.at(cell, level);
  return true;
}

function choosePicture(source) {
  const small = /^(cells|signal):/.test(source) || builtins.drawn.includes(source.replace("builtin:", ""));
  state.set({ greys: small ? "9" : "255", view: "0,0" });
  options.set();
  takePicture(source);
}

function takePicture(source) {
  state.set({ picture: source });
  fillSignals();
  if (!state.flat) picker.set(source);
  apply();
}

function turnTo(axes) {
  if (state.values.axes === axes) return;
  player.stop();
  paint.turn(false);
  state.turnTo(axes);
  showChoices();
  apply();
}

// Showing

function showChoices() {
  const { flat, values } = state;
  room.classList.toggle("flat", flat);
  views.forEach((button, k) => button.setAttribute("aria-pressed", String(values.axes === String(k + 1))));
  pictureChoice.replaceChildren(flat ? el("label", { class: "choice" }, word("kernel.signal"), signals) : picker.element, options.greys);
  fillSignals();
  if (!flat) picker.set(values.picture);
  weights.set();
  options.set();
  pinButton.setAttribute("aria-pressed", String(Boolean(values.pinned)));
}

function fillSignals() {
  const { picture } = state.values;
  const own = !picture.startsWith("signal:") && el("option", { value: picture }, t(picture.startsWith("cells:") ? "lab.pick.painted" : "lab.pick.yours"));
  signals.replaceChildren(...(own ? [own] : []), ...Object.keys(choices.signals).map((name) => el("option", { value: `signal:${name}` }, t(`kernel.signals.${name}`))));
  signals.value = picture;
}

function show() {
  const texts = ({ values }) => values.map((value) => number(value, 3));
  const { flat } = state;
  const across = flat ? Math.max(sheet.input.columns, sheet.output.columns) : undefined;
  const colours = { input: bytes(sheet.input.colours), output: bytes(sheet.output.colours) };
  // beneath the middle of its window, as long as windows move cell by cell
  const indent = flat && sheet.sizes.strides[1] === 1 ? (sheet.sizes.spans[1] - 1) / 2 : 0;
  input.show({ ...sheet.input, colours: colours.input, texts: texts(sheet.input), across });
  output.show({ ...sheet.output, colours: colours.output, texts: texts(sheet.output), across, indent });
  weights.colour(bytes(sheet.weights.colours));
  for (const part of [inputBars, outputBars, laid]) part.element.toggleAttribute("hidden", !flat);
  if (flat) {
    inputBars.show({ ...sheet.input, colours: null, low: 0, high: Number(state.values.greys) });
    outputBars.show({ ...sheet.output, colours: colours.output, low: sheet.scale.low, high: sheet.scale.high });
  }
  for (const [grid, name] of [[inputWhole, "input"], [outputWhole, "output"]]) {
    grid.element.hidden = !sheet.overview;
    if (!sheet.overview) continue;
    grid.element.style.setProperty("--cell", Math.max(3, Math.floor(140 / sheet.overview[name].columns)));
    grid.show({ ...sheet.overview[name], colours: bytes(sheet.overview[name].colours) });
    const { top, left, rows, columns } = sheet[name];
    const cells = Array.from({ length: rows * columns }, (_, k) => [top + Math.floor(k / columns), left + (k % columns)]);
    grid.mark("pinned", cells.filter((cell) => seen(sheet.overview[name], cell)));
  }
  const kinds = new Set(sheet.input.kinds);
  room.classList.toggle("has-padding", kinds.has("padding"));
  room.classList.toggle("has-left", kinds.has("left-over"));
  paint.set(sheet.paint);
  legend.show(sheet.scale);
  formula.replaceChildren(...sizes(flat, sheet.sizes));
  showFocus();
}

function showFocus() {
  if (!shown || !sheet) return;
  const { focus, answer } = shown;
  heading.replaceChildren(headline(state.flat, focus));
  told.replaceChildren((focus.of === "output" ? ofOutput : ofPart)(state.flat, answer));
  snippet.show(answer.python);
  if (state.flat) laid.show(focus.of === "output" ? answer : null, sheet.input.left, sheet.input.columns);
  markFocus();
}

// Lights up what belongs together in the three of them.
function markFocus() {
  if (!shown || !sheet) return;
  const { focus, answer } = shown;
  const own = state.values.pinned ? "pinned" : "pointer";
  for (const grid of [input, output]) for (const name of ["window", "touched", "pinned", "pointer"]) grid.mark(name, null);
  const places = answer.terms.map(({ place }) => fromSheet(sheet.input, place)).filter((place) => seen(sheet.input, place));
  const outputs = answer.terms.map(({ output: cell }) => fromSheet(sheet.output, cell));
  if (focus.of === "output") {
    input.mark("window", places);
    output.mark(own, [fromSheet(sheet.output, focus.cell)].filter((place) => seen(sheet.output, place)));
  } else {
    const inView = answer.terms.filter((_, k) => seen(sheet.output, outputs[k]));
    const [cells, texts] = gathered(inView);
    output.mark("touched", cells, texts);
    if (focus.of === "weight") input.mark("window", places);
    else input.mark(own, copies(focus.cell));
  }
  weights.mark(focus.of === "weight" ? [focus.cell] : focus.of === "input" ? answer.terms.map(({ tap }) => tap) : []);
}

// Each output once, with what it gets; where padding copies a cell it may get something several times.
function gathered(terms) {
  const gets = new Map();
  for (const { output: cell, product } of terms) gets.set(String(cell), [...(gets.get(String(cell)) ?? []), number(product, 3)]);
  const cells = [...gets.keys()].map((cell) => fromSheet(sheet.output, pair(cell)));
  return [cells, [...gets.values()].map((each) => each.join(" "))];
}

// All places where an input cell stands: its own, and those in the padding that copy it.
function copies(cell) {
  const { columns, sources } = sheet.input;
  return sources.flatMap((source, k) => (source && same(source, cell) ? [[Math.floor(k / columns), k % columns]] : []));
}

build();
showChoices();
apply();
