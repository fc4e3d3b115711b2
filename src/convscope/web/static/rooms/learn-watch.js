// The descent as it is watched: the kernel forming, the loss beside the predicted one, and a slider back through time.
import { Chart } from "../core/chart.js";
import { bytes, el, number } from "../core/dom.js";
import { Grid } from "../core/grid.js";
import { inEachLanguage, t, word } from "../core/texts.js";
import { cellText, tapText } from "./learn-ways.js";

const still = matchMedia("(prefers-reduced-motion: reduce)");
const seconds = (kernels) => Math.min(6, 1.5 + kernels * 0.03); // that a replay takes

export class Watch {
  // reveal(): the secret is to be seen from now on; seen(step): the reader looks at this step.
  constructor({ reveal, seen, setLog }) {
    Object.assign(this, { reveal, seen, hidden: false, truth: null, kernels: [], losses: [], predicted: null, head: 0, steps: 0, over: true, playing: false });
    this.learned = new Panel("learn.learned");
    this.secret = new Panel("learn.theKernel");
    this.off = new Panel("learn.off");
    this.revealButton = el("button", { type: "button", class: "quiet", click: () => reveal() }, word("learn.reveal"));
    this.remark = word("learn.unknownKernel", {}, "p");
    this.remark.className = "note";
    this.slider = el("input", { type: "range", min: 0, max: 0, step: 1, value: 0, disabled: true, input: () => this.#go(Number(this.slider.value)) });
    this.playWord = word("learn.play");
    this.playButton = el("button", { type: "button", disabled: true, click: () => this.#playOrPause() }, this.playWord);
    this.where = word("learn.atStep", { step: 0 });
    this.where.className = "where";
    this.chart = new Chart({
      label: () => t("learn.curve"),
      x: (step) => t("learn.atStep", { step }),
      along: () => t("learn.steps-axis"),
      choose: (step) => this.#go(this.#nearest(step)),
    });
    this.log = el("input", { type: "checkbox", checked: true, change: () => setLog(this.log.checked) });
    this.told = el("p", { class: "outcome", role: "status" });
    this.element = el(
      "div",
      { class: "watch" },
      el(
        "div",
        { class: "kernels" },
        el("div", { class: "panels" }, this.learned.element, this.secret.element, this.off.element),
        this.revealButton,
        this.remark,
        el("div", { class: "replay" }, this.playButton, this.slider, this.where),
      ),
      el("div", { class: "curve" }, this.chart.element, el("label", { class: "check" }, this.log, word("learn.logarithmic"))),
      this.told,
    );
    inEachLanguage(() => {
      this.slider.setAttribute("aria-label", t("learn.step"));
      this.#sayWhere();
      this.#sayOutcome();
    });
    this.finished = Promise.resolve();
  }

  // What is known before the first step. hidden: whether the secret stays covered.
  expect({ start, truth, fits, size, verdict, given }, { steps, hidden, log }) {
    this.pause();
    Object.assign(this, { truth, hidden, steps, losses: [], predicted: verdict.losses, verdict, ended: null, over: true, far: 0 });
    this.kernels = [{ step: 0, kernel: start, off: null, found: false }];
    this.told.replaceChildren();
    this.log.checked = log;
    this.secret.element.hidden = this.off.element.hidden = !truth;
    this.remark.hidden = truth !== null;
    this.remark.say(fits && given === "pair" ? "learn.unknownKernel" : "learn.tooSmall", { rows: size[0], columns: size[1] });
    this.#limitSlider();
    this.#show(0);
    this.cover(hidden);
  }

  // Covers the secret, or shows it.
  cover(hidden) {
    this.hidden = hidden;
    this.revealButton.hidden = !hidden || !this.truth;
    this.secret.say(hidden ? "learn.secret" : "learn.theKernel");
    if (this.truth) this.secret.show(this.truth, hidden);
    this.#showOff();
  }

  setLog(log) {
    this.log.checked = log;
    this.#curves();
  }

  // A descent starts: its events will be added.
  begin() {
    Object.assign(this, { kernels: [], losses: [], over: false, ended: null, far: 0, held: null });
    this.told.replaceChildren();
    this.finished = new Promise((resolve) => (this.finish = resolve));
    if (!still.matches) this.play(0);
  }

  add({ losses = [], kernels = [] }) {
    this.losses.push(...losses);
    this.kernels.push(...kernels);
    this.#limitSlider();
    if (still.matches && !this.held && this.kernels.length) this.#show(this.kernels.length - 1);
  }

  // No more events; how it ended, or null where it was stopped.
  end(descent, at = null) {
    Object.assign(this, { over: true, ended: descent });
    const last = this.kernels.length - 1;
    if (at !== null) {
      this.pause();
      this.#show(this.#nearest(at));
    } else if (!this.playing && !this.held) this.#show(last);
    if (!this.playing && this.held !== "paused") this.#arrived();
  }

  play(from) {
    this.playing = true;
    this.playWord.say("learn.pause");
    let [head, before] = [from, null];
    const frame = (now) => {
      if (!this.playing) return;
      const last = this.kernels.length - 1;
      const all = this.over ? last + 1 : Math.min(this.steps + 1, 160);
      if (before !== null) head = Math.min(head + ((now - before) / 1000) * (all / seconds(all)), Math.max(last, 0));
      before = now;
      if (last >= 0) this.#show(Math.floor(head));
      if (this.over && head >= last) {
        this.pause();
        this.#arrived();
      } else requestAnimationFrame(frame);
    };
    requestAnimationFrame(frame);
  }

  #playOrPause() {
    if (this.playing) {
      this.pause();
      this.held = "paused";
    } else this.play(this.head >= this.kernels.length - 1 ? 0 : this.head);
  }

  pause() {
    this.playing = false;
    this.playWord.say("learn.play");
  }

  #arrived() {
    this.far = this.kernels.length - 1;
    this.#curves();
    this.#sayOutcome();
    this.seen(this.kernels[this.head]?.step ?? 0);
    this.finish?.();
  }

  // The reader looks for himself.
  #go(index) {
    this.pause();
    this.held = "slid";
    this.#show(index);
    if (this.over && this.losses.length) this.#arrived();
  }

  #nearest(step) {
    const found = this.kernels.findIndex((kernel) => kernel.step >= step);
    return found < 0 ? Math.max(0, this.kernels.length - 1) : found;
  }

  #show(index) {
    this.head = Math.max(0, Math.min(index, this.kernels.length - 1));
    const now = this.kernels[this.head];
    if (!now) return;
    this.far = Math.max(this.far, this.head);
    this.learned.show(now.kernel);
    if (this.hidden && now.found) this.reveal();
    this.#showOff();
    this.slider.value = this.head;
    this.#sayWhere();
    this.#curves();
  }

  #showOff() {
    const now = this.kernels[this.head];
    if (now?.off) this.off.show(now.off, this.hidden);
    else if (this.truth) this.off.show(this.truth, true);
  }

  #limitSlider() {
    this.slider.max = Math.max(0, this.kernels.length - 1);
    this.slider.disabled = this.playButton.disabled = this.losses.length === 0;
  }

  #curves() {
    const now = this.kernels[this.head];
    const upTo = this.kernels[this.far]?.step ?? 0;
    const lines = [];
    if (this.predicted) lines.push({ name: () => t("learn.predicted"), values: this.predicted, look: "broad" });
    const losses = this.over && !this.playing ? this.losses : this.losses.slice(0, upTo + 1);
    if (losses.length) lines.push({ name: () => t("learn.loss"), values: losses });
    this.chart.show(lines, { last: this.steps, log: this.log.checked });
    this.chart.mark(this.losses.length && now ? now.step : null);
  }

  #sayWhere() {
    const step = this.kernels[this.head]?.step ?? 0;
    this.where.say("learn.stepOf", { step, steps: this.steps });
    this.slider.setAttribute("aria-valuetext", this.where.textContent);
  }

  #sayOutcome() {
    const how = this.ended;
    if (!how) return;
    const values = { steps: how.steps, off: number(how.furthest), loss: number(this.losses.at(-1)), floor: number(this.verdict.floor), largest: number(this.verdict.largest) };
    const lines = [];
    if (how.ran_away) lines.push(t(this.verdict.largest === null ? "learn.ranAwayAdam" : "learn.ranAway", values));
    else {
      if (this.verdict.kind === "unstable") lines.push(t("learn.diverged", values));
      if (how.found_at !== null) lines.push(t("learn.found", { step: how.found_at }));
      else if (this.truth) lines.push(t("learn.notFound", values));
      if (this.verdict.kind !== "unstable") lines.push(t(this.verdict.floor === 0 ? "learn.arrivedZero" : "learn.arrived", values));
    }
    this.told.dataset.kind = how.ran_away || this.verdict.kind === "unstable" ? "bad" : how.found_at !== null ? "good" : "none";
    this.told.replaceChildren(...lines.flatMap((line) => [line, " "]));
  }
}

// A kernel under its name; covered, each cell is a question mark.
export class Panel {
  constructor(key) {
    this.plane = null;
    this.covered = false;
    this.name = word(key);
    this.grid = new Grid({ label: () => this.name.textContent, cell: (place) => (this.covered ? t("learn.hidden") : cellText(this.plane, place)) });
    this.element = el("figure", { class: "panel" }, el("figcaption", {}, this.name), this.grid.element);
  }

  // Gives it another name.
  say(key) {
    this.name.say(key);
    this.grid.element.setAttribute("aria-label", this.name.textContent);
  }

  show(plane, covered = false) {
    Object.assign(this, { plane, covered });
    const cells = plane.rows * plane.columns;
    this.grid.show({
      rows: plane.rows,
      columns: plane.columns,
      colours: covered ? new Uint8Array(3 * cells).fill(222) : bytes(plane.colours),
      texts: covered ? new Array(cells).fill("?") : plane.values.map((value) => (tapText(value, plane.limit))),
      kinds: null,
    });
  }
}
