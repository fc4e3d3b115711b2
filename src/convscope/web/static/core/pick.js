// Choosing a picture: one that comes along, one's own file, or the camera. A picture is known by its source text.
import { el } from "./dom.js";
import { get, tell, upload } from "./api.js";
import { t, word, inEachLanguage } from "./texts.js";

let built = null;
export const builtin = () => (built ??= get("/api/builtin"));
export const pictureUrl = (source, longest = 640) =>
  `/api/picture?source=${encodeURIComponent(source)}&longest=${longest}`;

export class Picker {
  // groups: which of drawn, photos, paintings to offer; label: key of its name; choose(source): called for each choice.
  constructor({ source, choose, groups = ["drawn", "photos"], label = "lab.pick.choose", camera = true }) {
    Object.assign(this, { source, choose, groups });
    this.list = el("select", { change: () => this.#chosen(this.list.value) });
    this.file = el("input", { type: "file", accept: "image/*", class: "unseen", tabindex: "-1", "aria-hidden": "true", change: () => this.#load() });
    this.element = el(
      "div",
      { class: "picker" },
      el("label", { class: "choice" }, word(label), this.list),
      el("button", { type: "button", click: () => this.file.click() }, word("lab.pick.upload")),
      camera && el("button", { type: "button", click: () => this.#film() }, word("lab.pick.camera")),
      this.file,
    );
    inEachLanguage(() => this.#fill());
  }

  // Shows that another picture is chosen, without calling `choose`.
  set(source) {
    this.source = source;
    this.#fill();
  }

  async #fill() {
    const names = await builtin();
    const own = !this.source.startsWith("builtin:") && el("option", { value: this.source }, t(this.source.startsWith("cells:") ? "lab.pick.painted" : "lab.pick.yours"));
    this.list.replaceChildren(
      ...(own ? [own] : []),
      ...this.groups.map((group) =>
        el("optgroup", { label: t(`lab.pick.${group}`) }, names[group].map((name) => el("option", { value: `builtin:${name}` }, t(`lab.pick.${name}`)))),
      ),
    );
    this.list.value = this.source;
  }

  #chosen(source) {
    this.set(source);
    this.choose(source);
  }

  async #load() {
    const [file] = this.file.files;
    this.file.value = "";
    if (file) await this.bring(file);
  }

  // Uploads a file or blob and chooses it.
  async bring(file) {
    try {
      tell(null);
      this.#chosen((await upload(file)).source);
    } catch (problem) {
      tell(problem);
    }
  }

  async #film() {
    let stream;
    try {
      stream = await navigator.mediaDevices.getUserMedia({ video: { width: { ideal: 640 } } });
    } catch {
      tell(new Error(t("lab.pick.noCamera")));
      return;
    }
    const video = el("video", { autoplay: true, playsinline: true, muted: true });
    video.srcObject = stream;
    const dialog = el("dialog", { class: "viewer" }, video);
    const close = () => dialog.close();
    const take = () => {
      const canvas = el("canvas", { width: video.videoWidth, height: video.videoHeight });
      canvas.getContext("2d").drawImage(video, 0, 0);
      canvas.toBlob((blob) => this.bring(blob), "image/png");
      close();
    };
    dialog.append(
      el("div", { class: "actions" }, el("button", { type: "button", click: take }, word("lab.pick.take")), el("button", { type: "button", click: close }, word("lab.close"))),
    );
    dialog.addEventListener("close", () => {
      for (const track of stream.getTracks()) track.stop();
      dialog.remove();
    });
    document.body.append(dialog);
    dialog.showModal();
  }
}
