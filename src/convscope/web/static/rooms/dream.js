// The room of dreams and styles: what is wished, and the picture as it develops.
import { Refused, get, latest, post, tell } from "../core/api.js";
import { $, el, number, svg } from "../core/dom.js";
import { JobView, file } from "../core/jobs.js";
import { read, write } from "../core/link.js";
import { Picker, pictureUrl } from "../core/pick.js";
import { Snippet } from "../core/snippet.js";
import { inEachLanguage, t, word } from "../core/texts.js";
import { Compare } from "./compare.js";

const COMMON = { mode: "dream", picture: "builtin:castle", seed: "0", job: "" };
const DEFAULTS = {
  dream: { ...COMMON, network: "squeezenet", layers: "", unit: "", octaves: "", steps: "12", strength: "0.08", size: "400" },
  style: { ...COMMON, style: "builtin:cafe-terrace", kind: "painted", colours: "style", steps: "40", strength: "10", size: "320" },
};
const GROWS = ["edges", "textures", "parts", "things"];
const MOST_LAYERS = 4;

const asked = read().mode === "style" ? "style" : "dream";
let state = { ...read(DEFAULTS[asked]), mode: asked };
const others = {}; // what was set in the other mode
let layers = [];
let curve = [];
let spoken = [];

const compare = new Compare({
  before: "dream.original",
  after: "dream.result",
  slider: "dream.slider",
  left: "dream.left",
  right: "dream.right",
});
const again = latest();
const job = new JobView();
const snippet = new Snippet();
$("#compare").append(compare.element);
$("#job").append(job.element);
$("#same").append(snippet.element);
inEachLanguage(() => spoken.forEach((speak) => speak()));

// ---- what is wished

const numeric = (text) => (text === "" ? null : Number(text));

function wish() {
  const common = { picture: state.picture, steps: Number(state.steps), strength: Number(state.strength), size: Number(state.size), seed: Number(state.seed) };
  if (state.mode === "style")
    return { ...common, style: state.style, photorealistic: state.kind === "photorealistic", colours: state.colours };
  return {
    ...common,
    network: state.network,
    // a unit is of a layer that is named
    layers: state.layers ? state.layers.split(",") : state.unit === "" ? [] : layers.filter((info) => info.usual).map(({ name }) => name),
    unit: numeric(state.unit),
    octaves: numeric(state.octaves),
  };
}

async function changed() {
  write(state, DEFAULTS[state.mode]);
  compare.original(pictureUrl(state.picture, 1024));
  try {
    const answer = await again((signal) => post(`/api/dream/${state.mode}/again`, wish(), { signal }));
    if (!answer) return;
    snippet.show(answer.python);
    tell(null);
  } catch (problem) {
    tell(problem);
  }
}

// Another wish: what is shown no longer follows from it, and the link no longer leads there.
function set(name, value) {
  state[name] = value;
  state.job = "";
  changed();
}

function select(label, values, name, called) {
  const known = values.includes(state[name]) ? values : [...values, state[name]];
  const options = known.map((value) => el("option", { value }));
  const field = el("select", { change: () => set(name, field.value) }, options);
  field.value = state[name];
  const speak = () => options.forEach((option, i) => (option.textContent = called(known[i])));
  speak();
  spoken.push(speak);
  return el("label", { class: "choice" }, word(label), field);
}

// A range whose value is told beside it; `there` and `back` turn values into places and places into values.
function slider(label, name, { min, max, step, there = Number, back = String }) {
  const told = el("span", { class: "value", "aria-hidden": "true" });
  const tell = (value) => {
    told.textContent = number(Number(value));
    input.setAttribute("aria-valuetext", told.textContent);
  };
  const input = el("input", {
    type: "range",
    min,
    max,
    step,
    value: there(state[name]),
    input: () => tell(back(input.value)),
    change: () => set(name, back(input.value)),
  });
  tell(state[name]);
  return el("label", { class: "choice slider" }, el("span", {}, word(label), told), input);
}

function field(label, name, min, max) {
  const input = el("input", { type: "number", min, max, step: 1, value: state[name], change: () => set(name, input.value) });
  return el("label", { class: "choice" }, word(label), input);
}

const sizes = (...counts) => counts.map(String);
const pixels = (count) => t("dream.pixels", { count });

function layerChip(info) {
  const chosen = state.layers.split(",").filter(Boolean);
  const values = () => ({ units: info.units, rows: info.sees[0], columns: info.sees[1] });
  const box = el("input", {
    type: "checkbox",
    checked: chosen.length ? chosen.includes(info.name) : info.usual,
    change: () => {
      const now = [...document.querySelectorAll("#wish .chip input")].flatMap((input, i) => (input.checked ? [inOrder[i].name] : []));
      if (now.length > MOST_LAYERS || !now.length) {
        box.checked = !box.checked;
        if (now.length) tell(new Refused(0, t("dream.most")));
        return;
      }
      state.layers = now.length === 1 && layers.find((each) => each.name === now[0]).usual ? "" : now.join(",");
      state.unit = "";
      showUnits();
      set("job", "");
    },
  });
  return el("label", { class: "chip" }, box, el("span", {}, info.name), el("span", { class: "unseen" }, " ", word("dream.sees", values)));
}

let inOrder = [];

function layerChoice() {
  inOrder = GROWS.flatMap((grows) => layers.filter((info) => info.grows === grows));
  const groups = GROWS.map((grows) => [grows, layers.filter((info) => info.grows === grows)]).filter(([, own]) => own.length);
  return el(
    "fieldset",
    { class: "grows" },
    word("dream.grows", {}, "legend"),
    groups.map(([grows, own]) => el("div", { class: "group" }, word(`dream.${grows}`, {}, "small"), el("div", { class: "chips" }, own.map(layerChip)))),
  );
}

let classes = [];
function showUnits() {
  const chosen = state.layers.split(",").filter(Boolean);
  const info = layers.find((each) => (chosen.length ? each.name === chosen[0] : each.usual));
  const place = $("#unit");
  if (chosen.length > 1 || !info) {
    place.replaceChildren();
    return;
  }
  const called = (unit) => {
    if (unit === "") return t("dream.all");
    return info.units === classes.length ? `${unit} ${classes[unit]}` : t("dream.unitNumber", { unit });
  };
  const units = ["", ...Array.from({ length: info.units }, (_, unit) => String(unit))];
  place.replaceChildren(select("dream.unit", units, "unit", called));
}

function modes() {
  const choice = (mode) =>
    el(
      "label",
      {},
      el("input", { type: "radio", name: "mode", value: mode, checked: state.mode === mode, change: () => turn(mode) }),
      word(`dream.${mode}`),
    );
  return el("fieldset", { class: "modes" }, word("dream.modes", { }, "legend"), choice("dream"), choice("style"));
}

async function turn(mode) {
  others[state.mode] = state;
  state = { ...DEFAULTS[mode], ...others[mode], mode, picture: state.picture, job: "" };
  await showForm();
  $(`#wish input[value=${mode}]`).focus();
}

function dreamFields() {
  return [
    layerChoice(),
    el("div", { id: "unit" }),
    el("div", { class: "fields" }, select("dream.size", sizes(200, 300, 400, 560, 720, 1024), "size", pixels), slider("dream.strength", "strength", { min: 0.01, max: 0.3, step: 0.01 })),
    el(
      "details",
      { open: ["steps", "octaves", "seed", "network"].some((name) => state[name] !== DEFAULTS.dream[name]) },
      word("dream.more", {}, "summary"),
      el(
        "div",
        { class: "fields" },
        networkChoice(),
        field("dream.steps", "steps", 1, 60),
        select("dream.octaves", ["", "1", "2", "3", "4", "5", "6", "7", "8"], "octaves", (count) => count || t("dream.auto")),
        field("dream.seed", "seed", 0, 2 ** 31 - 1),
      ),
    ),
  ];
}

function networkChoice() {
  const choice = select("dream.network", ["squeezenet", "efficientnet-lite0"], "network", (name) => ({ squeezenet: "SqueezeNet", "efficientnet-lite0": "EfficientNet-Lite0" })[name] ?? name);
  $("select", choice).addEventListener("change", async () => {
    Object.assign(state, { layers: "", unit: "" }); // another network has other layers
    await showForm();
    $("#wish details select").focus();
  });
  return choice;
}

function styleFields() {
  const painting = el("img", { class: "painting", alt: "", src: pictureUrl(state.style, 320) });
  const picker = new Picker({
    source: state.style,
    groups: ["paintings", "photos"],
    label: "dream.painting",
    camera: false,
    choose: (source) => {
      painting.src = pictureUrl(source, 320);
      set("style", source);
    },
  });
  return [
    el("div", { class: "from" }, painting, picker.element),
    el(
      "div",
      { class: "fields" },
      select("dream.kind", ["painted", "photorealistic"], "kind", (kind) => t(`dream.${kind}`)),
      select("dream.colours", ["style", "content"], "colours", (whose) => t(`dream.colours${whose}`)),
    ),
    el(
      "div",
      { class: "fields" },
      select("dream.size", sizes(160, 256, 320, 400, 512, 640, 768), "size", pixels),
      slider("dream.strength", "strength", { min: -1, max: 3, step: 0.25, there: (value) => Math.log10(Number(value)), back: (place) => String(Number((10 ** place).toPrecision(2))) }),
    ),
    el(
      "details",
      { open: ["steps", "seed"].some((name) => state[name] !== DEFAULTS.style[name]) },
      word("dream.more", {}, "summary"),
      el("div", { class: "fields" }, field("dream.steps", "steps", 1, 300), field("dream.seed", "seed", 0, 2 ** 31 - 1)),
    ),
  ];
}

const content = new Picker({ source: state.picture, groups: ["photos", "paintings"], label: "dream.picture", choose: (source) => set("picture", source) });

async function showForm() {
  if (state.mode === "dream") {
    const told = await get("/api/dream/layers", { network: state.network });
    classes = told.classes;
    layers = told.layers.map((info) => ({ ...info, usual: info.name === told.usual }));
  }
  spoken = [];
  $("#wish").replaceChildren(
    modes(),
    content.element,
    ...(state.mode === "dream" ? dreamFields() : styleFields()),
    el("div", { class: "fields" }, el("button", { type: "submit", class: "main" }, word(state.mode === "dream" ? "dream.go" : "dream.goStyle"))),
  );
  if (state.mode === "dream") showUnits();
  await changed();
}

// ---- the picture as it develops

function showCurve() {
  const place = $("#curve");
  place.hidden = curve.length < 2;
  if (place.hidden) return;
  const values = curve.map(({ value }) => value).filter((value) => value !== null);
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const total = curve.at(-1).total;
  const at = ({ done, value }) => `${((300 * done) / total).toFixed(1)},${(46 - (42 * (value - low)) / (high - low || 1)).toFixed(1)}`;
  const known = curve.filter(({ value }) => value !== null);
  const parts = [...new Set(known.map(({ part }) => part))].map((part) => known.filter((one) => one.part === part));
  place.replaceChildren(
    svg("svg", { viewBox: "0 0 300 50", preserveAspectRatio: "none", "aria-hidden": "true" }, parts.map((own) => svg("polyline", { points: own.map(at).join(" ") }))),
    word(curve.style ? "dream.loss" : "dream.excitement", { from: number(values[0]), to: number(values.at(-1)) }, "p"),
  );
}

function showMade(id, { state: ended, data }) {
  $("#made").hidden = !data.file;
  if (!data.file) return;
  compare.result(file(id, data.file));
  $("#made").replaceChildren(
    el("p", { class: "actions" }, el("a", { href: file(id, data.file, true), download: data.file }, word("dream.download"))),
    word(ended === "stopped" ? "dream.recipeStopped" : "dream.recipe", {}, "p"),
    el("div", { class: "command" }, el("code", { dir: "ltr" }, data.command)),
  );
}

async function follow(id, style) {
  curve = Object.assign([], { style });
  $("#made").hidden = $("#curve").hidden = true;
  let seen = 0;
  const done = await job.follow(id, ({ done, total, part, parts, value, version }) => {
    if (!total) return;
    curve.push({ done, total, part, value });
    const steps = total / parts;
    job.words.replaceChildren(word("dream.at", { part, parts, step: Math.min(Math.max(1, done - (part - 1) * steps), steps), steps }));
    if (version > seen) {
      seen = version;
      compare.result(`${file(id, "preview.webp")}?v=${version}`);
    }
    requestAnimationFrame(showCurve);
  });
  showCurve();
  showMade(id, done);
}

$("#wish").addEventListener("submit", async (event) => {
  event.preventDefault();
  try {
    tell(null);
    const { job: id } = await post(`/api/dream/${state.mode}`, wish());
    state.job = id;
    write(state, DEFAULTS[state.mode]);
    compare.clear();
    compare.element.scrollIntoView({ block: "nearest" });
    await follow(id, state.mode === "style");
  } catch (problem) {
    tell(problem);
  }
});

try {
  await showForm();
  if (state.job) await follow(state.job, state.mode === "style");
} catch (problem) {
  if (state.job && problem.status === 404) {
    state.job = ""; // long ago: the settings say how to make it again
    job.element.hidden = true;
    await changed();
  } else tell(problem);
}
