// How the kernel is applied: fields for each option, in the groups in which the page shows them.
import { el } from "../core/dom.js";
import { inEachLanguage, t, word } from "../core/texts.js";

const numbers = (from, to) => Array.from({ length: to - from + 1 }, (_, k) => [String(from + k), () => String(from + k)]);
const named = (field, names) => names.map((name) => [name, () => t(`kernel.${field}.${name}`)]);

export class Options {
  // change(): an option is another one; the state knows it already.
  constructor(state, { change }) {
    Object.assign(this, { state, change, fields: {} });
    const select = (name, entries) => this.#select(name, entries);
    const flip = el("input", { type: "checkbox", change: () => this.#set("flip", flip.checked ? "1" : "") });
    const bias = el("input", { type: "number", step: "any", inputmode: "decimal", input: () => this.#bias(bias) });
    Object.assign(this.fields, { flip, bias });
    this.greys = select("greys", [["9", () => t("kernel.greys.9")], ["255", () => t("kernel.greys.255")]]);
    this.kernel = el("label", { class: "check" }, flip, word("kernel.flip"));
    this.steps = el(
      "div",
      { class: "moves" },
      select("stride", numbers(1, 6)),
      select("padding", [...named("paddingNamed", ["valid", "same"]), ...numbers(1, 6)]),
      select("mode", named("modes", ["zeros", "reflect", "replicate", "circular"])),
      select("dilation", numbers(1, 4)),
      el("label", { class: "choice" }, word("kernel.field.bias"), bias),
    );
    this.scale = select("scale", named("scales", ["auto", "signed", "grey"]));
  }

  set() {
    for (const [name, field] of Object.entries(this.fields)) {
      if (name === "flip") field.checked = this.state.values.flip !== "";
      else if (document.activeElement !== field || field.tagName === "SELECT") field.value = this.state.values[name];
    }
  }

  #select(name, entries) {
    const field = el("select", { change: () => this.#set(name, field.value) });
    inEachLanguage(() => {
      field.replaceChildren(...entries.map(([value, text]) => el("option", { value }, text())));
      field.value = this.state.values[name];
    });
    this.fields[name] = field;
    return el("label", { class: `choice ${name}` }, word(`kernel.field.${name}`), field);
  }

  #bias(field) {
    const valid = Number.isFinite(field.valueAsNumber) && Math.abs(field.valueAsNumber) <= 1e6;
    field.toggleAttribute("aria-invalid", !valid);
    if (valid) this.#set("bias", field.value);
  }

  #set(name, value) {
    this.state.set({ [name]: value });
    this.change();
  }
}
