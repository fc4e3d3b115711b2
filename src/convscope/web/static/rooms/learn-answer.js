// What recover answers: the verdict in words, each tap with its standard error, and what cannot be known.
import { bytes, el, number, percent } from "../core/dom.js";
import { Grid } from "../core/grid.js";
import { inEachLanguage, t, word } from "../core/texts.js";
import { tapText } from "./learn-ways.js";

const MOST_WRITTEN = 9; // columns of a kernel whose numbers are written out
const SIGNS = { exact: "✓", noisy: "✓" };

export class AnswerView {
  constructor() {
    this.answer = null;
    this.head = el("div", { class: "answer-head" });
    this.pictures = el("div", { class: "found" });
    this.facts = el("dl", { class: "facts" });
    this.element = el("div", { class: "answer" }, this.head, this.pictures, this.facts);
    inEachLanguage(() => this.#say());
  }

  clear(working = false) {
    this.answer = null;
    this.working = working;
    this.pictures.replaceChildren();
    this.#say();
  }

  show(answer) {
    this.answer = answer;
    this.pictures.replaceChildren(...(answer.problem ? [] : this.#planes(answer)));
    this.#say();
  }

  #say() {
    const { answer } = this;
    this.facts.replaceChildren();
    if (!answer) {
      this.head.replaceChildren(el("p", { class: "note" }, t(this.working ? "learn.recovering" : "learn.notYet")));
      return;
    }
    if (answer.problem) {
      this.head.replaceChildren(el("p", { class: "problem" }, answer.problem));
      return;
    }
    const look = { exact: "is-clear", noisy: "is-plausible", undetermined: "is-mixed", "too-small": "is-mixed" }[answer.verdict] ?? "is-do-not-trust";
    const kind = `learn.answer.${answer.verdict}`;
    this.head.replaceChildren(
      el("p", { class: `label ${look} headline` }, el("i", { "aria-hidden": "true" }, SIGNS[answer.verdict] ?? "!"), el("b", {}, t(kind))),
      el("p", {}, t(`${kind}Means`), " ", t(answer.believable ? "learn.answer.use" : "learn.answer.dont")),
      el("ul", { class: "reasons" }, answer.reasons.map((reason) => el("li", {}, said(reason))), this.#beside().map((line) => el("li", {}, line))),
    );
    this.facts.replaceChildren(...this.#facts().map(([key, text]) => el("div", {}, el("dt", {}, t(`learn.answer.${key}`)), el("dd", {}, text))));
  }

  #beside() {
    const { secret, believable, half, unsure } = this.answer;
    const lines = [];
    if (believable && unsure > 0) lines.push(t("learn.answer.interval", { half: number(half, 2) }));
    if (secret && secret.furthest !== null) lines.push(t(believable ? "learn.answer.close" : "learn.answer.far", { furthest: number(secret.furthest, 2) }));
    if (secret && believable && secret.inside !== null) lines.push(t("learn.answer.inside", secret));
    return lines;
  }

  #facts() {
    const a = this.answer;
    const facts = [
      ["residual", a.levels ? t("learn.answer.residualLevels", { residual: number(a.residual), rounding: number(a.rounding) }) : number(a.residual)],
      ["heldOut", number(a.held_out)],
      ["explained", a.explained === null ? "–" : percent(a.explained, a.explained > 0.999 ? 4 : 1)],
      ["windows", number(a.windows)],
    ];
    if (a.clipped) facts.push(["clipped", percent(a.clipped, 1)]);
    facts.push(["rank", t(a.condition === null ? "learn.answer.rankAlone" : "learn.answer.rankOf", { rank: a.rank, taps: a.taps, condition: number(a.condition, 2) })]);
    if (!a.secret) facts.push(["offset", a.centred ? t("learn.answer.centred") : t("learn.answer.offsetAt", { row: number(a.offset[0]), column: number(a.offset[1]) })]);
    if (a.border.length) facts.push(["border", a.border.map((name) => t(`learn.edge.${name}`)).join(` ${t("learn.answer.or")} `)]);
    if (a.bias.length) facts.push(["biasTold", a.bias.map(({ value, error }) => `${number(value)} ± ${number(error, 2)}`).join(", ")]);
    if (a.believable || ["undetermined", "too-small"].includes(a.verdict))
      facts.push(["can", a.largest ? t(a.or_more ? "learn.answer.orMore" : "learn.answer.upTo", { side: a.largest }) : t("learn.answer.none")]);
    return facts;
  }

  #planes({ kernels, unknown, unseen, taps }) {
    const found = kernels.flatMap(({ name, taps, errors }) => {
      const cell = ([row, column]) => {
        const k = row * taps.columns + column;
        const values = { row: row + 1, column: column + 1, value: number(taps.values[k], 4), error: number(errors.values[k], 2) };
        return t(errors.values[k] === null ? "learn.answer.tapUnknown" : "learn.answer.tapError", values);
      };
      const unknowable = errors.values.map((value) => (value === null ? "padding" : null));
      return [
        plane(() => [t("learn.answer.taps"), which(name)].filter(Boolean).join(" · "), taps, cell, (tap) => tapText(tap, taps.limit, 1), unknowable),
        plane(() => [t("learn.answer.errors"), which(name)].filter(Boolean).join(" · "), errors, cell, (error) => (error === null ? "?" : number(error, 2)), unknowable),
      ];
    });
    if (!unknown.length) return found;
    const patterns = unknown.map((one, k) => plane(() => t("learn.direction.pattern", { number: k + 1 }), one, ([row, column]) => number(one.values[row * one.columns + column]), (tap) => tapText(tap, one.limit)));
    return [
      ...found,
      el("div", { class: "unknown" }, el("h3", {}, word("learn.answer.unknown")), el("p", {}, word("learn.answer.unknownAbout", { unseen, taps })), el("div", { class: "patterns" }, patterns)),
    ];
  }
}

// A reason in the reader's language.
export function said({ kind, values }) {
  return t(`learn.reason.${kind}`, values) + (values.share ? t("learn.reason.share", values) : "");
}

const which = (name) => (name.kind === "one" ? "" : t(`learn.answer.${name.kind}`, name));

function plane(name, { rows, columns, colours, values }, cell, write, kinds = null) {
  const caption = el("figcaption", {});
  inEachLanguage(() => (caption.textContent = name()));
  const grid = new Grid({ label: name, cell });
  const figure = el("figure", { class: "panel" }, caption, grid.element);
  const texts = columns <= MOST_WRITTEN ? values.map(write) : null;
  grid.show({ rows, columns, colours: bytes(colours), texts, kinds });
  return figure;
}
