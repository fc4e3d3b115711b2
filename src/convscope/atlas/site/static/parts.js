// Pieces that several pages use: labels, lists of facts, a unit as a link with its picture, the receptive field.
(() => {
  "use strict";
  const { el, svg, t, number } = atlas;
  const SIGNS = {
    clear: "●",
    plausible: "◕",
    drawn: "○",
    mixed: "◐",
    "do not trust": "✕",
    dead: "†",
    "not drawn": "·",
  };

  const network = (thing) => atlas.data.networks[thing.member];
  const layer = (thing) => network(thing).layers[thing.layer];
  const file = (thing, end = "") => `m${thing.member}-l${thing.layer}${end}`;
  const chunk = (thing) => atlas.load(file(thing, `-u${Math.floor(thing.unit / atlas.data.chunk)}`));
  const code = (label) => label.replaceAll(" ", "-");

  // How far a drawing can be believed: a sign, a word and a colour.
  function label(name, short = false) {
    const word = t(`label.${name}`);
    const sign = el("i", { "aria-hidden": "true" }, SIGNS[name] ?? "?");
    return el(
      "span",
      { class: `label is-${code(name)}`, title: t(`labelMeaning.${name}`) },
      sign,
      short ? el("span", { class: "unseen" }, word) : word,
    );
  }

  // How many units have which label, as one bar with a key. href: where a label leads, if anywhere.
  function labels(counts, href) {
    const total = Object.values(counts).reduce((sum, count) => sum + count, 0) || 1;
    const bar = svg("svg", {
      viewBox: "0 0 100 8",
      preserveAspectRatio: "none",
      class: "labelbar",
      "aria-hidden": "true",
    });
    let at = 0;
    for (const [name, count] of Object.entries(counts)) {
      const width = (100 * count) / total;
      bar.append(svg("rect", { x: at, y: 0, width: Math.max(0.2, width - 0.4), height: 8, class: `is-${code(name)}` }));
      at += width;
    }
    const entry = (name, count) => [label(name), ` ${number(count)}`];
    const key = Object.entries(counts).map(([name, count]) =>
      el("li", {}, href ? el("a", { href: href(name) }, entry(name, count)) : entry(name, count)),
    );
    return el("div", { class: "labels" }, bar, el("ul", {}, key));
  }

  function facts(rows) {
    return el(
      "dl",
      { class: "facts" },
      rows.filter(Boolean).map(([term, ...value]) => el("div", {}, el("dt", {}, term), el("dd", {}, ...value))),
    );
  }

  const shape = (sizes) => sizes.join(" × ");
  const minus = (value) => String(value).replace("-", "−");

  function fieldText(field) {
    if (!field) return t("field.unknown");
    if (field.whole) return t("field.whole");
    return t("field.value", {
      size: shape(field.size),
      stride: shape(field.stride),
      offset: field.offset.map(minus).join(", "),
    });
  }

  // The input as a frame, and what the middle cell of a layer sees of it; null where that is no picture.
  function fieldGlyph(thing) {
    const { field, shape: sizes, name } = layer(thing);
    const input = network(thing).input_shape;
    if (!field || input.length !== 3 || field.size.length !== 2) return null;
    const [rows, columns] = input.slice(1);
    const cells = sizes.length === 3 ? sizes.slice(1) : [1, 1];
    const [y, x] = field.whole
      ? [0, 0]
      : field.offset.map((offset, k) => offset + field.stride[k] * Math.floor(cells[k] / 2));
    const [tall, wide] = field.whole ? [rows, columns] : field.size;
    const [top, left] = [Math.max(0, y), Math.max(0, x)];
    const rim = Math.max(rows, columns) / 24;
    return svg(
      "svg",
      {
        viewBox: `${-rim} ${-rim} ${columns + 2 * rim} ${rows + 2 * rim}`,
        class: "field",
        role: "img",
        "aria-label": t("field.alt", { layer: name, field: fieldText(field) }),
      },
      svg("rect", { x: 0, y: 0, width: columns, height: rows, class: "frame" }),
      svg("rect", {
        x: left,
        y: top,
        width: Math.max(0, Math.min(columns, x + wide) - left),
        height: Math.max(0, Math.min(rows, y + tall) - top),
        class: "seen",
      }),
    );
  }

  const unitName = (thing) => t("unit.name", { layer: layer(thing).name, unit: thing.unit });

  const faceAlt = (face, named) => t(Array.isArray(face) ? "unit.topAlt" : "unit.drawingAlt", { unit: named });

  // A unit as a small card that leads to its own. below: a line of text, or what to show in its stead.
  function unitLink(thing, folders, face, below, above = null) {
    const named = unitName(thing);
    return el(
      "a",
      { href: atlas.route.link(thing), class: "unit" },
      atlas.pictures.face(folders, face, faceAlt(face, named)),
      above,
      below ? el("span", { class: "below" }, below) : null,
    );
  }

  // What stands below a unit among others: its layer, where that is another, its number, and what ties it to them.
  function caption(thing, tie, here = false) {
    const { name } = layer(thing);
    return [
      here ? null : el("span", { class: "where", title: name }, name),
      el("span", {}, String(thing.unit), " ", el("small", {}, tie)),
    ];
  }

  // Where one is: the network, its layer, the unit.
  function trail(thing) {
    const links = [[network(thing).label, { member: thing.member }]];
    if (thing.layer !== undefined) links.push([layer(thing).name, { member: thing.member, layer: thing.layer }]);
    if (thing.unit !== undefined) links.push([t("unit.number", { unit: thing.unit }), thing]);
    const entry = ([name, to], k) =>
      el(
        "li",
        {},
        el(
          "a",
          { href: atlas.route.link(to), "aria-current": k === links.length - 1 ? "page" : null, title: name },
          name,
        ),
      );
    return el("nav", { class: "trail", "aria-label": t("site.trail") }, el("ol", {}, links.map(entry)));
  }

  // Links to what comes before and after, each null where there is none.
  function steps(before, after) {
    const one = (to, rel, sign, text) =>
      to &&
      el(
        "a",
        { href: atlas.route.link(to), rel, class: "step" },
        rel === "prev" ? `${sign} ` : null,
        el("span", {}, text),
        rel === "next" ? ` ${sign}` : null,
      );
    return el(
      "nav",
      { class: "steps", "aria-label": t("site.steps") },
      one(before?.thing, "prev", "←", before?.text),
      one(after?.thing, "next", "→", after?.text),
    );
  }

  function command(text) {
    const button = el("button", { type: "button", class: "quiet" }, t("site.copy"));
    button.addEventListener("click", async () => {
      const done = await copied(text);
      button.textContent = t(done ? "site.copied" : "site.notCopied");
      setTimeout(() => (button.textContent = t("site.copy")), 1600);
    });
    return el(
      "div",
      { class: "command" },
      el("code", { tabindex: 0, role: "region", "aria-label": t("made.command") }, text),
      button,
    );
  }

  async function copied(text) {
    try {
      await navigator.clipboard.writeText(text);
      return true;
    } catch {
      const field = el("textarea", { "aria-hidden": "true", class: "unseen" }); // pages from disk may have no clipboard
      field.value = text;
      document.body.append(field);
      field.select();
      const done = document.execCommand("copy");
      field.remove();
      return done;
    }
  }

  // A choice from a list of [value, text], with its name before it.
  function choice(name, options, value, change) {
    const select = el(
      "select",
      { change: () => change(select.value) },
      options.map(([key, text]) => el("option", { value: key, selected: key === value }, text)),
    );
    return el("label", { class: "choice" }, el("span", {}, name), select);
  }

  const section = (id, title, ...content) =>
    el("section", { id, "aria-labelledby": `h-${id}` }, el("h2", { id: `h-${id}` }, title), ...content);

  Object.assign(atlas, {
    parts: {
      network,
      layer,
      file,
      chunk,
      label,
      labels,
      facts,
      shape,
      fieldText,
      fieldGlyph,
      unitName,
      faceAlt,
      unitLink,
      caption,
      trail,
      steps,
      command,
      choice,
      section,
    },
  });
})();
