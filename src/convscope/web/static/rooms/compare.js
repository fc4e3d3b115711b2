// Two pictures of the same, one over the other: a line parts them, moved by mouse, touch or arrow keys.
import { el } from "../core/dom.js";
import { inEachLanguage, t } from "../core/texts.js";

export class Compare {
  constructor({ before, after, slider, left, right }) {
    this.before = el("img", { class: "before" });
    this.after = el("img", { class: "after", hidden: true });
    this.line = el("span", { class: "line", "aria-hidden": "true", hidden: true });
    this.range = el("input", { type: "range", min: 0, max: 100, step: 1, value: 0, hidden: true, input: () => this.part() });
    this.tags = [el("span", { class: "tag left", hidden: true, "aria-hidden": "true" }), el("span", { class: "tag right", hidden: true, "aria-hidden": "true" })];
    this.element = el("div", { class: "compare" }, this.before, this.after, this.line, ...this.tags, this.range);
    inEachLanguage(() => {
      this.before.alt = t(before);
      this.after.alt = t(after);
      this.range.setAttribute("aria-label", t(slider));
      this.tags[0].textContent = t(left);
      this.tags[1].textContent = t(right);
    });
    this.before.addEventListener("load", () => {
      this.element.style.aspectRatio = `${this.before.naturalWidth} / ${this.before.naturalHeight}`;
      this.element.style.setProperty("--ratio", this.before.naturalWidth / this.before.naturalHeight);
    });
    this.coming = null; // what is to be shown next, while another one still loads
    this.loading = false;
    this.part();
  }

  // Another picture: what was made of the last one goes.
  original(address) {
    if (this.before.getAttribute("src") === address) return;
    this.before.src = address;
    this.clear();
  }

  clear() {
    this.coming = null;
    for (const each of [this.after, this.line, this.range, ...this.tags]) each.hidden = true;
    this.after.removeAttribute("src");
    this.range.value = 0;
    this.part();
  }

  // What has become of it: shown once it is loaded, the latest of several that are asked for meanwhile.
  async result(address) {
    this.coming = address;
    if (this.loading) return;
    this.loading = true;
    while (this.coming) {
      const next = this.coming;
      const image = new Image();
      image.src = next;
      await image.decode().catch(() => {});
      if (this.coming === null) break; // cleared meanwhile
      if (this.coming === next) this.coming = null;
      if (!image.naturalWidth) continue;
      this.after.src = next;
      for (const each of [this.after, this.line, this.range, ...this.tags]) each.hidden = false;
    }
    this.loading = false;
  }

  part() {
    const share = Number(this.range.value);
    this.element.style.setProperty("--part", `${share}%`);
    this.tags[0].classList.toggle("away", share < 12);
    this.tags[1].classList.toggle("away", share > 88);
  }
}
