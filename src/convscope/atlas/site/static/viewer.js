// The whole real picture, with a frame around what the unit sees, or that beside it; arrow keys go to the next one, Escape closes.
(() => {
  "use strict";
  const { el, svg, t, number } = atlas;
  let list = [];
  let place = 0;
  let dialog = null;

  function whole(one) {
    if (!one.source)
      return one.crop
        ? atlas.pictures.image(one.crop, atlas.pictures.told(one))
        : atlas.pictures.none(t("picture.gone"), one.name);
    if (!one.framed) return atlas.pictures.image(one.source, atlas.pictures.told(one));
    const [top, left, bottom, right] = one.box;
    const [x, y] = [Math.min(0, left), Math.min(0, top)];
    const [width, height] = [Math.max(one.width, right) - x, Math.max(one.height, bottom) - y];
    const hole = `M${left} ${top}V${bottom}H${right}V${top}z`;
    const outline = `M${x} ${y}h${width}v${height}h${-width}z ${hole}`;
    return svg(
      "svg",
      { viewBox: `${x} ${y} ${width} ${height}`, class: "whole", role: "img", "aria-label": atlas.pictures.told(one) },
      svg("rect", { x, y, width, height, class: "beyond" }),
      svg("image", {
        width: one.width,
        height: one.height,
        href: one.source,
        class: Math.max(one.width, one.height) <= 64 ? "tiny" : null,
      }),
      svg("path", { d: outline, class: "shade", "fill-rule": "evenodd" }),
      ["frame ground", "frame"].map((name) =>
        svg("rect", { x: left, y: top, width: right - left, height: bottom - top, class: name }),
      ),
    );
  }

  // What the unit sees, in words; of what is no photograph it is a picture of its own.
  function seen(one) {
    if (one.crop) return atlas.pictures.image(one.crop, t("example.field"));
    const [top, left, bottom, right] = one.box;
    return one.framed ? t("example.fieldValue", { rows: bottom - top, columns: right - left }) : t("field.whole");
  }

  function show() {
    const one = list[place];
    const rows = [
      [t("example.value"), number(one.value)],
      [t("example.picture"), one.name],
      one.of === null ? null : [t("example.class"), one.of],
      one.source ? [t("example.field"), seen(one)] : null,
    ];
    dialog.querySelector(".stage").replaceChildren(whole(one));
    dialog
      .querySelector("dl")
      .replaceChildren(
        ...rows.filter(Boolean).map(([term, value]) => el("div", {}, el("dt", {}, term), el("dd", {}, value))),
      );
    dialog.querySelector(".count").textContent = t("viewer.count", { place: place + 1, count: list.length });
  }

  function step(by) {
    place = (place + by + list.length) % list.length;
    show();
  }

  function build() {
    const button = (label, sign, act) =>
      el("button", { type: "button", "aria-label": label, title: label, click: act }, sign);
    dialog = el(
      "dialog",
      { class: "viewer", "aria-label": t("viewer.title") },
      el(
        "div",
        { class: "bar" },
        button(t("viewer.previous"), "←", () => step(-1)),
        el("span", { class: "count", "aria-live": "polite" }),
        button(t("viewer.next"), "→", () => step(1)),
        button(t("viewer.close"), "✕", () => dialog.close()),
      ),
      el("div", { class: "stage" }),
      el("dl", { class: "facts" }),
    );
    dialog.addEventListener("keydown", (event) => {
      const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
      if (by) {
        event.preventDefault();
        event.stopPropagation();
        step(by);
      }
    });
    dialog.addEventListener("click", (event) => event.target === dialog && dialog.close()); // on the ground around it
    dialog.addEventListener("close", () => dialog.remove());
  }

  function open(examples, chosen) {
    list = examples;
    place = chosen;
    build();
    document.body.append(dialog);
    show();
    dialog.showModal();
  }

  atlas.viewer = { open };
})();
