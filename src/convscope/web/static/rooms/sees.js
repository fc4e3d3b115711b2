// A network sees: a drawing, what every layer of LeNet-5 says to it, and where each number comes from.
import { Refused, get, latest, post, tell } from "../core/api.js";
import { $, bytes, el, number, percent, settled } from "../core/dom.js";
import * as link from "../core/link.js";
import { Pad, cellsOf, painted } from "../core/paint.js";
import { Picker } from "../core/pick.js";
import { Snippet } from "../core/snippet.js";
import { inEachLanguage, t, word } from "../core/texts.js";
import { Inspector, named } from "./sees-cell.js";
import { Changing } from "./sees-change.js";
import { Sheet, coloured } from "./sees-maps.js";

const SIDE = 28;
const narrow = matchMedia("(max-width: 61.99rem)");
const network = await get("/api/sees/network");
const levels = Object.fromEntries(network.levels.map((level) => [level.name, level]));
const defaults = { picture: network.start, at: "conv1.0.12.14" };
const state = link.read(defaults);
let looked = null; // what the network said last
let path = cellsFrom(state.at); // the pinned cells, from above down
let pointed = null; // the cell under the pointer

function cellsFrom(text) {
  const cells = text.split("_").map((each) => {
    const [level, ...place] = each.split(".");
    const size = levels[level];
    const [map, row, column] = place.map(Number);
    return place.length === 3 && size && map < size.maps && row < size.rows && column < size.columns && map >= 0 && row >= 0 && column >= 0 && { level, place: [map, row, column] };
  });
  return cells.every(Boolean) ? cells : cellsFrom(defaults.at);
}

const picture = () => painted(pad.ink, SIDE, SIDE);
const keep = settled(() => {
  const at = path.map(({ level, place }) => [level, ...place].join(".")).join("_");
  const { want, pen, result } = changing;
  link.write({ picture: picture(), at, want, pen: pen === "dab" ? null : pen, found: result && "1" }, { ...defaults, want: (looked.best + 5) % 10 });
}, 300);

// The newest question follows as soon as the last is answered: while one draws, nothing piles up and nothing starves.
function inTurn(ask) {
  let [running, again] = [false, false];
  return async () => {
    again = true;
    if (running) return;
    running = true;
    while (again) {
      again = false;
      try {
        await ask();
      } catch (problem) {
        tell(problem);
      }
    }
    running = false;
  };
}

// ---- The drawing
const pad = new Pad({
  rows: SIDE,
  columns: SIDE,
  label: () => t("sees.pad.label"),
  say: ({ row, column, down, ink }) => t(down ? "sees.pad.down" : "sees.pad.up", { row, column, ink }),
  drawn: () => look(),
});
$("#pad").append(pad.element);
const tools = ["pen", "eraser"].map((tool) =>
  el("button", { type: "button", "aria-pressed": String(tool === "pen"), click: () => hold(tool) }, word(`sees.pad.${tool}`)),
);
function hold(tool) {
  pad.erasing = tool === "eraser";
  tools.forEach((button, k) => button.setAttribute("aria-pressed", (k === 1) === pad.erasing));
}
const centre = el("button", { type: "button", click: () => bring(picture()) }, word("sees.pad.centre"));
$("#tools").append(
  ...tools,
  el("button", { type: "button", click: () => pad.undo() }, word("sees.pad.undo")),
  el("button", { type: "button", click: () => pad.clear() }, word("sees.pad.clear")),
  centre,
);
inEachLanguage(() => (centre.title = t("sees.pad.centreTitle")));

// Makes a drawing of any picture, as MNIST's were made.
async function bring(source) {
  try {
    tell(null);
    pad.set(cellsOf((await post("/api/sees/read", { picture: source })).picture).ink);
  } catch (problem) {
    tell(problem);
  }
}
const picker = new Picker({ source: network.start, groups: [], choose: bring });
$("#photo").append(picker.element);

const numbers = {};
async function fetchDigit(of) {
  try {
    tell(null);
    numbers[of] = (numbers[of] ?? -1) + 1;
    const told = await get("/api/sees/digits", { of, number: numbers[of] });
    pad.set(cellsOf(told.picture).ink);
    $("#taken").replaceChildren(word(of === "misread" ? "sees.test.misreadOne" : "sees.test.one", told));
  } catch (problem) {
    tell(problem);
  }
}
for (const of of [..."0123456789", "misread"])
  $("#digits").append(el("button", { type: "button", click: () => fetchDigit(of) }, of === "misread" ? word("sees.test.misread") : of));

// ---- What it says
const bars = Array.from({ length: 10 }, (_, digit) => {
  const bar = el("i");
  const share = el("span", { class: "share" });
  $("#bars").append(el("li", {}, el("b", {}, String(digit)), el("span", { class: "bar", "aria-hidden": "true" }, bar), share));
  return { bar, share };
});

// ---- The layers
const sheets = {};
const scales = {};
for (const level of network.levels.slice(1)) {
  const sheet = new Sheet({
    level,
    label: () => t("sees.sheet", { level: level.name, what: t(`sees.level.${level.name}`) }),
    spoken: (place) => named({ level: level.name, place }, level),
    point: (place) => point(place && { level: level.name, place }),
    pin: (place, touched) => {
      pin([{ level: level.name, place }]);
      if (touched && narrow.matches) inspector.title.scrollIntoView({ block: "center" });
    },
  });
  sheets[level.name] = sheet;
  const ends = [el("span"), el("span")];
  const bar = el("canvas", { width: 65, height: 1, "aria-hidden": "true" });
  bar.getContext("2d").putImageData(coloured(bytes(network.scale), 1, 65), 0, 0);
  scales[level.name] = ends;
  const digits = level.name === "fc3" && el("ol", { class: "tens", "aria-hidden": "true" }, [..."0123456789"].map((digit) => el("li", {}, digit)));
  $(`#level-${level.name}`).append(
    el("figcaption", {}, el("b", {}, level.name), word(`sees.level.${level.name}`), el("span", { class: "scale" }, ends[0], bar, ends[1])),
    sheet.element,
    ...(digits ? [digits] : []),
  );
}

const look = inTurn(async () => {
  const asked = picture();
  looked = await post("/api/sees/look", { picture: asked });
  for (const { name, limit, colours } of looked.levels) {
    sheets[name].show(bytes(colours));
    scales[name][0].textContent = `−${number(limit, 2)}`;
    scales[name][1].textContent = `+${number(limit, 2)}`;
  }
  looked.probabilities.forEach((share, digit) => {
    bars[digit].bar.style.width = `${100 * share}%`;
    bars[digit].share.textContent = percent(share, 1);
    bars[digit].bar.parentElement.parentElement.classList.toggle("best", digit === looked.best);
  });
  sayBest();
  settle();
});
function sayBest() {
  if (looked) $("#says").textContent = t("sees.says", { digit: looked.best, probability: percent(looked.probabilities[looked.best], 1) });
}
const settle = settled(async () => {
  try {
    explain();
    write();
    await changing.show(picture(), looked.best);
    keep();
  } catch (problem) {
    tell(problem);
  }
}, 120);

// ---- One cell
const inspector = new Inspector({
  levels,
  deeper: (cell) => pin([...path, cell]),
  back: (k) => pin(path.slice(0, k + 1)),
  touch: (cell) => markAll(inspector.told, cell),
});
$("#inspector").append(inspector.element);
const asking = latest();

async function explain() {
  const cell = pointed ?? path.at(-1);
  try {
    const told = await asking((signal) => post("/api/sees/cell", { picture: picture(), ...cell }, { signal }));
    if (!told) return;
    markAll(told, null);
    inspector.show(told, path);
  } catch (problem) {
    tell(problem);
  }
}
const follow = settled(explain, 30);

function point(cell) {
  pointed = cell;
  follow();
}

function pin(cells) {
  pointed = null;
  path = cells;
  explain();
  write();
  keep();
}

// What the cell reads, in every layer below it; and one cell of the layer just below.
function markAll(told, touched) {
  const { level, place, boxes, below } = told;
  for (const [name, sheet] of Object.entries(sheets)) {
    const own = name === level && { map: place[0], box: boxOf(place), mark: "pinned" };
    sheet.start = name === level ? place : null;
    const read = boxes[name] && !isWhole(boxes[name], levels[name]) && { map: oneMap(told, name) ? place[0] : null, box: boxes[name], mark: "window" };
    const one = touched && name === below && { map: touched.place[0], box: boxOf(touched.place), mark: "touched" };
    sheet.mark([read, own, one].filter(Boolean));
  }
  const pixel = level === "drawing" ? place : touched && below === "drawing" ? touched.place : null;
  const box = boxes.drawing && !isWhole(boxes.drawing, levels.drawing) ? boxes.drawing : null;
  pad.mark(box, pixel && pixel.slice(1), pointed !== null);
  inspector.small(pad.canvas);
}
const isWhole = ([top, left, bottom, right], { rows, columns }) => top <= 0 && left <= 0 && bottom >= rows && right >= columns;
const boxOf = ([, row, column]) => [row, column, row + 1, column + 1];

// Whether only the map of the same number is read: as far as ReLU and pooling go down, but no further.
function oneMap({ level }, name) {
  const names = network.levels.map((each) => each.name);
  return names.slice(names.indexOf(name) + 1, names.indexOf(level) + 1).every((each) => ["relu", "pool"].includes(levels[each].kind));
}

// ---- The same in Python
const snippet = new Snippet();
$("#snippet").append(snippet.element);
const write = settled(async () => {
  try {
    snippet.show((await post("/api/sees/python", { picture: picture(), ...path.at(-1) })).python);
  } catch (problem) {
    tell(problem);
  }
}, 250);

// ---- Another digit
const changing = new Changing({ place: $("#change"), chosen: keep, take: (text) => pad.set(cellsOf(text).ink) });

inEachLanguage(sayBest);
$("#accuracy").replaceChildren(word("sees.accuracy", () => ({ weights: network.weights.toLocaleString("en"), accuracy: percent(network.accuracy, 2) })));
if (/^\d$/.test(state.want ?? "")) changing.want = Number(state.want);
if (state.pen === "point") changing.pen = changing.penList.value = "point";
const given = cellsOf(state.picture);
pad.ink = given?.rows === SIDE && given.columns === SIDE ? given.ink : cellsOf(network.start).ink;
if (!given || given.rows !== SIDE) tell(new Refused(0, t("sees.pad.noDrawing")));
pad.paint();
await look();
if (state.found && looked) {
  await changing.show(picture(), looked.best);
  changing.find();
}
