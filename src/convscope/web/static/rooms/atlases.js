// The room of atlases: the shelf, the order for a new one, and the atlas as it grows.
import { Refused, get, latest, post, tell, upload } from "../core/api.js";
import { $, el } from "../core/dom.js";
import { JobView } from "../core/jobs.js";
import { read, write } from "../core/link.js";
import { builtin, pictureUrl } from "../core/pick.js";
import { Snippet } from "../core/snippet.js";
import { inEachLanguage, language, t, word } from "../core/texts.js";

const NETWORKS = ["lenet5", "squeezenet", "efficientnet-lite0"];
const UNITS = ["4", "8", "16", "32", "64", "all"];
const MINUTES = ["", "1", "2", "5", "10", "30", "60"];
const DEFAULTS = { network: "lenet5", pictures: "", count: "1000", layers: "", units: "8", minutes: "" };
const MOST_DRAWINGS = 36;

const state = read(DEFAULTS); // layers and pictures: with commas; empty means all that are offered
const list = (text) => (text ? text.split(",") : []);
const grouped = (count) => count.toLocaleString(language === "zh" ? "zh-CN" : "en");
const page = (name, path = "index.html") => `/atlas/${encodeURIComponent(name)}/${path}`;
const isDigits = () => state.network === "lenet5";

let offered = { layers: [], pictures: [] };
const again = latest();
const job = new JobView();
const snippet = new Snippet();
$("#job").append(job.element);
$("#same").append(snippet.element);

// ---- the shelf

function card(atlas) {
  const networks = atlas.networks.map((network) => network.label).join(", ") || atlas.name;
  const title = atlas.made ? networks : atlas.name;
  const status = atlas.problem ? "damaged" : atlas.job ? "growing" : atlas.whole ? "whole" : "unfinished";
  const facts = atlas.networks.map(({ layers, units, drawn }) =>
    word(`atlases.shelf.${atlas.whole ? "facts" : "planned"}${layers === 1 ? "One" : ""}`, () => ({ layers, units: grouped(units), drawn: grouped(drawn) }), "p"),
  );
  return el(
    "li",
    { class: "atlas" },
    el("div", { class: "cover", "aria-hidden": "true" }, atlas.cover.map((path) => el("img", { src: page(atlas.name, path), alt: "", loading: "lazy" }))),
    el(
      "div",
      { class: "about" },
      el("h3", {}, atlas.open ? el("a", { href: page(atlas.name) }, title) : title),
      el("p", { class: "name" }, atlas.made && el("span", {}, atlas.name, " "), word(`atlases.shelf.${status}`, {}, "strong")),
      facts,
      atlas.pictures ? word("atlases.shelf.pictures", () => ({ count: grouped(atlas.pictures) }), "p") : null,
      atlas.problem && el("p", {}, atlas.problem),
      el(
        "div",
        { class: "actions" },
        atlas.open && el("a", { href: page(atlas.name), "aria-label": `${t("atlases.open")}: ${title}` }, word(atlas.whole ? "atlases.open" : "atlases.openSoFar")),
        atlas.order &&
          !atlas.whole &&
          el("button", { type: "button", class: "quiet", click: () => resume(atlas) }, word(atlas.job ? "atlases.watch" : "atlases.goOn")),
      ),
    ),
  );
}

async function showShelf() {
  const { atlases } = await get("/api/atlases");
  $("#shelf").replaceChildren(...atlases.map(card));
  $("#none").hidden = atlases.length > 0;
  return atlases;
}

async function resume(atlas) {
  const { network, pictures, count, layers, units, minutes } = atlas.order;
  Object.assign(state, {
    network,
    pictures: pictures.join(","),
    count: String(count),
    layers: layers.join(","),
    units: units === null ? "all" : String(units),
    minutes: minutes === null ? "" : String(minutes),
  });
  await showForm();
  $("#make").scrollIntoView();
  if (atlas.job) await follow(atlas.job, atlas.name);
  else await make();
}

// ---- the order

function order() {
  const layers = list(state.layers);
  const own = {
    network: state.network,
    layers: layers.length === offered.layers.length ? [] : layers,
    units: state.units === "all" ? null : Number(state.units),
    minutes: state.minutes === "" ? null : Number(state.minutes),
  };
  return isDigits() ? { ...own, count: Number(state.count) } : { ...own, pictures: state.pictures ? list(state.pictures) : offered.chosen };
}

function select(label, values, name, called) {
  const field = el("select", {
    change: () => {
      state[name] = field.value;
      changed();
    },
  });
  const known = values.includes(state[name]) ? values : [...values, state[name]];
  const options = known.map((value) => el("option", { value }));
  field.append(...options);
  field.value = state[name];
  const speak = () => options.forEach((option, i) => (option.textContent = called(known[i])));
  speak();
  spoken.push(speak);
  return el("label", { class: "choice" }, word(label), field);
}

let spoken = []; // what the form itself says in each language
inEachLanguage(() => spoken.forEach((speak) => speak()));

function called(minutes) {
  if (minutes === "") return t("atlases.make.anyTime");
  if (minutes === "1") return t("atlases.make.minute");
  return minutes === "60" ? t("atlases.make.hour") : t("atlases.make.someMinutes", { count: minutes });
}

function layerChoice(info) {
  const box = el("input", {
    type: "checkbox",
    checked: !state.layers || list(state.layers).includes(info.name),
    change: () => {
      const chosen = [...document.querySelectorAll("#order .layers input")].flatMap((input, i) => (input.checked ? [offered.layers[i].name] : []));
      if (!chosen.length) {
        box.checked = true;
        tell(new Refused(0, t("atlases.make.noLayers")));
        return;
      }
      state.layers = chosen.length === offered.layers.length ? "" : chosen.join(",");
      changed();
    },
  });
  const key = info.whole ? "atlases.make.layerWhole" : "atlases.make.layer";
  const values = () => ({ units: grouped(info.units), rows: info.sees[0], columns: info.sees[1] });
  return el("label", { class: "tick" }, box, el("span", {}, el("span", { class: "name" }, info.name), word(key, values, "small")));
}

function pictureChoice(source) {
  const chosen = () => (state.pictures ? list(state.pictures) : offered.chosen);
  const [kind, value] = source.split(":");
  const name = kind === "builtin" ? word(`lab.pick.${value}`) : word("atlases.make.own");
  const box = el("input", {
    type: "checkbox",
    checked: chosen().includes(source),
    change: () => {
      const next = offered.pictures.filter((other) => (other === source ? box.checked : chosen().includes(other)));
      if (!next.length) {
        box.checked = true;
        tell(new Refused(0, t("atlases.make.noPictures")));
        return;
      }
      state.pictures = next.join(",");
      changed();
    },
  });
  return el("label", { class: "tile" }, el("img", { src: pictureUrl(source, 160), alt: "" }), el("span", {}, box, name));
}

function pictureChoices() {
  const file = el("input", { type: "file", accept: "image/*", multiple: true, class: "unseen", tabindex: "-1", "aria-hidden": "true" });
  file.addEventListener("change", async () => {
    const files = [...file.files];
    file.value = "";
    try {
      tell(null);
      const chosen = new Set(state.pictures ? list(state.pictures) : offered.chosen);
      for (const each of files) chosen.add((await upload(each)).source);
      state.pictures = [...chosen].join(",");
      await showForm();
    } catch (problem) {
      tell(problem);
    }
  });
  return el(
    "fieldset",
    { class: "pictures" },
    word("atlases.make.pictures", {}, "legend"),
    el("div", { class: "tiles" }, offered.pictures.map(pictureChoice)),
    el("button", { type: "button", click: () => file.click() }, word("atlases.make.add")),
    file,
  );
}

function countField() {
  const field = el("input", {
    type: "number",
    min: 10,
    max: 10000,
    step: 10,
    value: state.count,
    change: () => {
      state.count = field.value;
      changed();
    },
  });
  return el("label", { class: "choice" }, word("atlases.make.count"), field);
}

async function showForm() {
  const [{ layers }, names] = await Promise.all([get("/api/atlases/layers", { network: state.network }), builtin()]);
  const photos = names.photos.map((name) => `builtin:${name}`);
  const known = [...photos, ...names.paintings.map((name) => `builtin:${name}`)];
  offered = { layers, chosen: photos, pictures: [...new Set([...known, ...list(state.pictures)])] };
  spoken = [];
  $("#order").replaceChildren(
    el(
      "div",
      { class: "fields" },
      select("atlases.make.network", NETWORKS, "network", (name) => t(`atlases.make.${name}`)),
      isDigits() && countField(),
      select("atlases.make.units", UNITS, "units", (count) => (count === "all" ? t("atlases.make.allUnits") : count)),
      select("atlases.make.minutes", MINUTES, "minutes", called),
    ),
    isDigits() ? "" : pictureChoices(),
    el("fieldset", { class: "layers" }, word("atlases.make.layers", {}, "legend"), el("div", { class: "ticks" }, layers.map(layerChoice))),
    el(
      "div",
      { class: "fields" },
      el("button", { type: "submit", class: "main" }, word("atlases.make.make")),
      el("button", { type: "button", id: "ask-cost", click: askCost }, word("atlases.make.cost")),
    ),
  );
  $("#order select").addEventListener("change", () => {
    Object.assign(state, { layers: "" }); // another network has other layers
    showForm().then(() => $("#order select").focus());
  });
  await changed();
}

async function changed() {
  write(state, DEFAULTS);
  $("#cost").hidden = true;
  try {
    const answer = await again((signal) => post("/api/atlases/python", order(), { signal }));
    if (!answer) return;
    snippet.show(answer.python);
    tell(null);
  } catch (problem) {
    tell(problem);
  }
}

// ---- cost and making

function time(seconds) {
  if (seconds < 100) return t("atlases.cost.seconds", { count: Math.max(1, Math.round(seconds)) });
  if (seconds < 5400) return t("atlases.cost.minutes", { count: Math.round(seconds / 60) });
  return t("atlases.cost.hours", { count: (seconds / 3600).toFixed(1) });
}

const bytes = (count) => (count >= 1e9 ? `${(count / 1e9).toFixed(1)} GB` : `${Math.max(1, Math.round(count / 1e6))} MB`);

function showCost({ seconds, memory, disk, units }) {
  const values = () => ({ time: time(seconds), units: grouped(units), memory: bytes(memory), disk: bytes(disk) });
  $("#cost").replaceChildren(word("atlases.cost.told", values));
  $("#cost").hidden = false;
}

async function askCost() {
  try {
    tell(null);
    $("#wall").hidden = $("#readable").hidden = true;
    const { job: id } = await post("/api/atlases/cost", order());
    const done = await job.follow(id, showPhase);
    if (done.state === "done") showCost(done.data);
  } catch (problem) {
    tell(problem);
  } finally {
    $("#phase").hidden = true;
  }
}

async function make() {
  try {
    tell(null);
    const { job: id, name } = await post("/api/atlases/make", order());
    await showShelf();
    await follow(id, name);
  } catch (problem) {
    tell(problem);
  }
}

function showPhase({ phase, layer }) {
  if (!phase) return;
  $("#phase").hidden = false;
  $("#phase").replaceChildren(word(`atlases.phase.${phase === "looking" && !layer ? "answers" : phase}`, { layer }));
}

function drawing(name, { layer, unit, path }) {
  return el(
    "li",
    {},
    el("img", {
      src: page(name, path),
      alt: t("atlases.make.drawing", { layer, unit }),
      load: ({ target }) => target.classList.toggle("tiny", target.naturalWidth < 64), // cells, to be seen as they are
    }),
    el("span", { class: "below" }, el("span", {}, layer), el("span", {}, unit)),
  );
}

async function follow(id, name) {
  const wall = $("#wall .grown");
  wall.replaceChildren();
  $("#wall").hidden = true;
  $("#readable").hidden = true;
  $("#readable").href = page(name);
  $("#readable").replaceChildren(word("atlases.openSoFar"));
  try {
    const { state: ended } = await job.follow(id, (told) => {
      showPhase(told);
      if (told.cost) showCost(told.cost);
      if (told.phase === "readable") {
        $("#readable").hidden = false;
        showShelf();
      }
      if (told.drawn?.length) {
        $("#wall").hidden = false;
        wall.prepend(...told.drawn.map((one) => drawing(name, one)));
        while (wall.children.length > MOST_DRAWINGS) wall.lastElementChild.remove();
      }
    });
    if (ended === "done") {
      $("#readable").hidden = false;
      $("#readable").replaceChildren(word("atlases.open"));
    }
  } finally {
    $("#phase").hidden = true;
    await showShelf();
  }
}

$("#order").addEventListener("submit", (event) => {
  event.preventDefault();
  make();
});

try {
  const [atlases] = await Promise.all([showShelf(), showForm()]);
  const { name } = await post("/api/atlases/python", order());
  const growing = atlases.find((atlas) => atlas.name === name && atlas.job) ?? atlases.find((atlas) => atlas.job);
  if (growing) await follow(growing.job, growing.name);
} catch (problem) {
  tell(problem);
}
