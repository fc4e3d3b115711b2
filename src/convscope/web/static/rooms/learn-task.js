// What is given: a picture and a kernel that may be secret, or two pictures; both shown.
import { get, Refused, tell, upload } from "../core/api.js";
import { bytes, el, number } from "../core/dom.js";
import { Picker } from "../core/pick.js";
import { inEachLanguage, t, word } from "../core/texts.js";

export const hide = (text) => btoa(text).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
const textOf = (kernel) => kernel.map((row) => row.join(",")).join(";");
let offered = null;
export const choices = () => (offered ??= get("/api/learn/choices"));

// The kernel of a state, as rows of numbers. Throws Refused for what is none.
export function kernelOf({ kernel, secret }, named) {
  if (named[kernel]) return named[kernel];
  let text = kernel;
  try {
    if (!kernel) text = atob(secret.replaceAll("-", "+").replaceAll("_", "/"));
  } catch {
    text = "";
  }
  const rows = text.split(";").map((row) => row.split(",").map((tap) => (tap.trim() ? Number(tap) : Number.NaN)));
  if (rows.some((row) => row.length !== rows[0].length || !row.every(Number.isFinite))) throw new Refused(0, t("learn.badTaps"));
  return rows;
}

export class TaskForm {
  // change(changes): some of the state is to be another.
  constructor(state, { kernels: named, done }, change) {
    Object.assign(this, { state, named, change });
    this.modes = ["secret", "pair"].map((mode) =>
      el("button", { type: "button", click: () => change({ mode }) }, word(mode === "secret" ? "learn.modeSecret" : "learn.modePair")),
    );
    this.picker = new Picker({ source: state.picture, choose: (picture) => change({ picture }), groups: ["photos", "paintings", "drawn"], label: "learn.before" });
    this.kernels = el("select", { change: () => this.#kernelChosen() });
    this.taps = el("input", { type: "text", inputmode: "text", autocomplete: "off", spellcheck: "false", change: () => change({ kernel: this.taps.value.trim() || "1" }) });
    this.tapsField = el("label", { class: "choice taps" }, word("learn.taps"), this.taps);
    this.another = el("button", { type: "button", click: () => this.#another() }, word("learn.another"));
    this.noise = el("input", { type: "number", min: 0, max: 64, step: "any", change: () => change({ noise: this.noise.value || "0" }) });
    this.secretFields = [
      el("label", { class: "choice" }, word("learn.kernel"), this.kernels),
      this.tapsField,
      this.another,
      el("label", { class: "choice noise" }, word("learn.noise"), this.noise),
    ];
    this.afters = el("select", { change: () => change({ after: this.afters.value }) });
    this.file = el("input", { type: "file", accept: "image/*", hidden: true, change: () => this.#bring() });
    this.pairFields = [
      el("label", { class: "choice" }, word("learn.after"), this.afters),
      el("button", { type: "button", click: () => this.file.click() }, word("lab.pick.upload")),
    ];
    this.figures = ["before", "after"].map((name) => new Shown(name));
    this.part = word("learn.part", {}, "p");
    this.part.className = "note";
    this.part.hidden = true;
    const role = { role: "group" };
    const modes = el("div", { class: "modes", ...role }, this.modes);
    inEachLanguage(() => modes.setAttribute("aria-label", t("learn.mode")));
    this.element = el(
      "div",
      {},
      modes,
      el("div", { class: "fields" }, this.picker.element, this.secretFields, this.pairFields, this.file),
      el("div", { class: "equation" }, this.figures[0].element, el("span", { class: "sign", "aria-hidden": "true" }, "∗ ? ="), this.figures[1].element),
      this.part,
    );
    inEachLanguage(() => {
      const option = (value, text) => el("option", { value }, text);
      this.kernels.replaceChildren(
        option("", t("learn.secretOne")),
        ...Object.keys(named).map((name) => option(name, t(`learn.name.${name}`))),
        option("typed", t("learn.typed")),
      );
      this.offers = done.map((name) => [`done:${name}`, `learn.done.${name}`]);
      this.sync();
    });
  }

  // Shows the state in the fields.
  sync() {
    const { state } = this;
    const secret = state.mode === "secret";
    this.modes.forEach((button, k) => button.setAttribute("aria-pressed", String(secret === (k === 0))));
    for (const field of this.secretFields) field.hidden = !secret;
    for (const field of this.pairFields) field.hidden = secret;
    const typed = state.kernel !== "" && !this.named[state.kernel];
    this.picker.source === state.picture || this.picker.set(state.picture);
    this.kernels.value = typed ? "typed" : state.kernel;
    this.taps.value = typed ? state.kernel : "";
    this.tapsField.hidden = !secret || !typed;
    this.another.hidden = !secret || state.kernel !== "";
    this.noise.value = state.noise;
    const own = state.after.startsWith("done:") ? [] : [el("option", { value: state.after }, t("lab.pick.yours"))];
    const group = el("optgroup", { label: t("learn.doneGroup") }, this.offers.map(([value, key]) => el("option", { value }, t(key))));
    this.afters.replaceChildren(...own, group);
    this.afters.value = state.after;
  }

  show({ before, after, part }) {
    this.figures[0].show(before);
    this.figures[1].show(after);
    this.part.hidden = !part;
    if (part) this.part.say("learn.part", { rows: before.rows, columns: before.columns, top: part.top + 1, left: part.left + 1, height: part.rows, width: part.columns });
  }

  #kernelChosen() {
    const chosen = this.kernels.value;
    if (chosen !== "typed") {
      this.change({ kernel: chosen, rows: "", columns: "", shown: "" });
      return;
    }
    this.change({ kernel: textOf(this.named["vertical-edge"]), rows: "", columns: "" });
    this.taps.focus();
  }

  async #another() {
    try {
      const { kernel } = await get("/api/learn/secret", { seed: Math.floor(Math.random() * 2 ** 31) });
      this.change({ kernel: "", secret: hide(textOf(kernel)), rows: "", columns: "", shown: "" });
    } catch (problem) {
      tell(problem);
    }
  }

  async #bring() {
    const [file] = this.file.files;
    this.file.value = "";
    try {
      if (file) this.change({ after: (await upload(file)).source });
    } catch (problem) {
      tell(problem);
    }
  }
}

// A picture of the pair, with what its colours mean.
class Shown {
  constructor(name) {
    this.canvas = el("canvas", { role: "img" });
    this.scale = el("span", {});
    this.name = name;
    this.told = null;
    this.element = el("figure", {}, this.canvas, el("figcaption", {}, word(`learn.${name}`), " · ", this.scale));
    inEachLanguage(() => this.#say());
  }

  show(told) {
    this.told = told;
    const { rows, columns, colours } = told;
    Object.assign(this.canvas, { width: columns, height: rows });
    this.element.style.width = `${Math.min(24, (20 * columns) / rows)}rem`;
    const pen = this.canvas.getContext("2d");
    const image = pen.createImageData(columns, rows);
    const from = bytes(colours);
    for (let k = 0; k < rows * columns; k++) {
      image.data.set(from.subarray(3 * k, 3 * k + 3), 4 * k);
      image.data[4 * k + 3] = 255;
    }
    pen.putImageData(image, 0, 0);
    this.#say();
  }

  #say() {
    if (!this.told) return;
    const { rows, columns, scale, limit } = this.told;
    this.scale.textContent = t(`learn.${scale}Scale`, { limit: number(limit) });
    this.canvas.setAttribute("aria-label", t("learn.pictureSays", { name: t(`learn.${this.name}`), rows, columns }));
  }
}
