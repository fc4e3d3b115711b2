// Pictures, loaded when they come near the window: drawings, kernels, and windows on whole real pictures.
(() => {
  "use strict";
  const { el, svg, t, number } = atlas;
  const NEAR = "300px";
  const TINY = 64; // sides up to which pixels are shown as squares

  const waiting = new WeakMap();
  const watcher = new IntersectionObserver(
    (entries) => {
      for (const { isIntersecting, target } of entries) {
        if (!isIntersecting) continue;
        watcher.unobserve(target);
        waiting.get(target)();
        waiting.delete(target);
      }
    },
    { rootMargin: NEAR },
  );

  function near(element, begin) {
    waiting.set(element, begin);
    watcher.observe(element);
    return element;
  }

  // A picture of one's own making. Tiny ones are enlarged as they are, pixel by pixel.
  function image(source, alt, attributes = {}) {
    if (!source) return none(attributes.missing ?? t("picture.none"), alt);
    const element = el("img", { alt, decoding: "async", class: "picture", ...attributes, missing: null });
    element.addEventListener("load", () => element.naturalWidth <= TINY && element.classList.add("tiny"));
    element.addEventListener("error", () => element.replaceWith(none(t("picture.gone"), alt)));
    return near(element, () => (element.src = source));
  }

  function none(text, alt) {
    return el(
      "span",
      { class: "picture none", title: text, role: alt ? "img" : null, "aria-label": alt ? `${alt}: ${text}` : null },
      el("span", { "aria-hidden": "true" }, text),
    );
  }

  // One example of a card: what is known of its picture, and the part of it that the unit sees.
  function example(data, [key, value, box, crop]) {
    const kept = data.pictures[key];
    const [path, name, width, height, of] = kept ?? [null, `#${key}`, 1, 1, null];
    return {
      value,
      name,
      width,
      height,
      of,
      source: atlas.path(data.folders, path),
      crop: atlas.path(data.folders, crop),
      box: box ?? [0, 0, height, width],
      framed: box !== null,
    };
  }

  const told = (one) =>
    t(one.of === null ? "example.alt" : "example.altClass", { value: number(one.value), name: one.name, of: one.of });

  // A window on the whole picture: grey where it reaches over the border.
  function part(one, alt = told(one)) {
    if (one.crop) return image(one.crop, alt);
    if (!one.source) return none(t("picture.gone"), alt);
    const [top, left, bottom, right] = one.box;
    const [width, height] = [right - left, bottom - top];
    const picture = svg("image", {
      width: one.width,
      height: one.height,
      class: Math.max(width, height) <= TINY ? "tiny" : null,
    });
    const frame = svg(
      "svg",
      {
        viewBox: `${left} ${top} ${width} ${height}`,
        class: "picture part",
        role: alt ? "img" : null,
        "aria-label": alt || null,
        "aria-hidden": !alt && "true",
      },
      svg("rect", { x: left, y: top, width, height, class: "beyond" }),
      picture,
    );
    return near(frame, () => picture.setAttribute("href", one.source));
  }

  // What stands for a unit among others: its drawing, or the part of a real picture that excites it most.
  function face(folders, one, alt) {
    if (!Array.isArray(one)) return image(atlas.path(folders, one), alt, { missing: t("picture.notDrawn") });
    const [path, width, height, box] = one;
    if (one.length === 1) return image(atlas.path(folders, path), alt);
    return part(
      { source: atlas.path(folders, path), crop: null, width, height, box: box ?? [0, 0, height, width] },
      alt,
    );
  }

  atlas.pictures = { image, none, near, example, part, told, face };
})();
