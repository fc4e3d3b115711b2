// "The same in Python": a box that unfolds, with the code to copy and the link beside it.
import { el } from "./dom.js";
import { copyButton, linkButton } from "./link.js";
import { word } from "./texts.js";

export class Snippet {
  constructor() {
    this.code = el("code");
    const copy = copyButton("lab.copy", () => this.code.textContent);
    this.element = el(
      "div",
      { class: "same" },
      el("details", { class: "snippet" }, el("summary", {}, word("lab.python")), el("pre", { tabindex: "0" }, this.code), copy),
      linkButton(),
    );
  }

  show(python) {
    this.code.textContent = python;
  }
}
