// The card of a unit: its drawings, what they are worth, the real pictures, and its place among the others.
(() => {
  "use strict";
  const { el, t, number } = atlas;

  async function known(thing) {
    const [data, columns] = await Promise.all([atlas.parts.chunk(thing), atlas.load(atlas.parts.file(thing))]);
    return {
      thing,
      data,
      columns,
      card: data.cards[thing.unit - data.first],
      className: columns.names?.[thing.unit] ?? null,
    };
  }

  function drawings({ thing, data, card }, most = Infinity) {
    const named = atlas.parts.unitName(thing);
    if (!card.drawn) return el("figure", { class: "drawing" }, atlas.pictures.none(t("picture.notDrawn"), named));
    const { files, values } = card.drawn;
    const one = (file, k) =>
      el(
        "figure",
        { class: "drawing" },
        atlas.pictures.image(atlas.path(data.folders, file), t("unit.drawingAlt", { unit: named }), {
          missing: t("picture.notDrawn"),
        }),
        el("figcaption", {}, t("unit.drawnValue", { value: number(values[k]) })),
      );
    return el("div", { class: files.length > 1 ? "drawings several" : "drawings" }, files.slice(0, most).map(one));
  }

  function kernel({ thing, data, card, columns }) {
    if (!card.kernel) return null;
    const picture = atlas.pictures.image(
      atlas.path(data.folders, card.kernel),
      t("unit.kernelAlt", { unit: atlas.parts.unitName(thing) }),
    );
    return el("figure", { class: "kernel" }, picture, atlas.layer.legend(columns.kernels));
  }

  const copyOf = ({ thing, card }) => {
    if (!card.copy) return null;
    const layer = atlas.parts.network(thing).layers.findIndex((one) => one.name === card.copy[0]);
    const other = { member: thing.member, layer, unit: card.copy[1] };
    return layer < 0
      ? null
      : el(
          "p",
          { class: "note" },
          t("unit.copy"),
          " ",
          el("a", { href: atlas.route.link(other) }, atlas.parts.unitName(other)),
        );
  };

  // The same unit of every network that has the layer: where they are checkpoints, how it came to be.
  async function through({ thing }) {
    const { name } = atlas.parts.layer(thing);
    const found = atlas.data.networks
      .map(({ layers }, member) => ({
        member,
        layer: layers.findIndex((layer) => layer.name === name),
        unit: thing.unit,
      }))
      .filter((one) => one.layer >= 0 && thing.unit < atlas.parts.layer(one).shape[0]);
    if (found.length < 2) return null;
    const all = await Promise.all(found.map((one) => atlas.load(atlas.parts.file(one))));
    const picture = (k) => [all[k].folders, all[k].face[thing.unit]];
    const label = (k) => atlas.parts.network(found[k]).label;
    const one = (other, k) =>
      el(
        "li",
        { class: other.member === thing.member ? "current" : null },
        atlas.parts.unitLink(
          other,
          ...picture(k),
          el("span", { title: label(k) }, label(k)),
          atlas.parts.label(atlas.data.labels[all[k].label[thing.unit]], true),
        ),
      );
    const strip = el("ol", { class: "strip" }, found.map(one));
    return atlas.parts.section(
      "through",
      t("through.title"),
      el("p", {}, t("through.lede")),
      el("div", { class: "through" }, found.length > 2 ? slider(found, picture, label, thing) : null, strip),
    );
  }

  function slider(found, picture, label, thing) {
    const stage = el("div", { class: "stage" });
    const range = el("input", {
      type: "range",
      min: 0,
      max: found.length - 1,
      step: 1,
      value: found.findIndex((one) => one.member === thing.member),
      "aria-label": t("through.slider"),
    });
    const show = () => {
      const k = Number(range.value);
      range.setAttribute("aria-valuetext", label(k));
      stage.replaceChildren(
        atlas.pictures.face(...picture(k), t("unit.drawingAlt", { unit: atlas.parts.unitName(found[k]) })),
        el("p", {}, label(k)),
      );
    };
    range.addEventListener("input", show);
    show();
    return el("div", { class: "slider" }, stage, range);
  }

  function made({ card, columns }) {
    const rows = card.drawn ? Object.entries(card.drawn.how).map(([name, value]) => [name, plain(value)]) : [];
    const record = columns.record && el("p", {}, el("a", { href: columns.record }, t("made.record")));
    return atlas.parts.section(
      "made",
      t("made.unit"),
      card.drawn?.command ? atlas.parts.command(card.drawn.command) : null,
      rows.length ? el("details", {}, el("summary", {}, t("made.settings")), atlas.parts.facts(rows)) : null,
      record,
    );
  }

  const plain = (value) =>
    typeof value === "number" ? number(value) : typeof value === "string" ? value : JSON.stringify(value);

  function beside(thing, by) {
    const unit = thing.unit + by;
    const there = unit >= 0 && unit < atlas.parts.layer(thing).shape[0];
    return there ? { thing: { ...thing, unit }, text: t("unit.number", { unit }) } : null;
  }

  function head({ thing, card, className }) {
    const actions = [
      el("a", { href: atlas.route.compare(thing) }, t("compare.with")),
      card.similar.length
        ? el(
            "a",
            {
              href: atlas.route.link(
                { member: thing.member },
                { like: atlas.route.inner(thing).split("/").slice(1).join("/") },
              ),
            },
            t("similar.search"),
          )
        : null,
    ];
    return [
      el("div", { class: "over" }, atlas.parts.trail(thing), atlas.parts.steps(beside(thing, -1), beside(thing, 1))),
      el(
        "div",
        { class: "head" },
        el(
          "h1",
          { tabindex: -1 },
          el("span", { class: "of" }, atlas.parts.layer(thing).name),
          " ",
          t("unit.number", { unit: thing.unit }),
          className ? el("span", { class: "class" }, className) : null,
        ),
        atlas.parts.label(card.label),
      ),
      el("p", { class: "actions" }, actions),
    ];
  }

  async function draw(route) {
    const thing = { member: route.member, layer: route.layer, unit: route.unit };
    const all = await known(thing);
    const { data, card } = all;
    const { evidence, parts } = atlas;
    const shown = ["top", "middle", "bottom"].map((end) => evidence.examples(data, card, end)).filter(Boolean);
    const histogram = evidence.histogram(card);
    const classes = evidence.classes(card);
    return [
      head(all),
      el(
        "div",
        { class: "card" },
        el("div", { class: "own" }, drawings(all), copyOf(all), evidence.reasons(card)),
        el(
          "div",
          { class: "real" },
          parts.section(
            "examples",
            t("example.title"),
            shown.length ? shown : el("p", { class: "quiet" }, t("example.none")),
          ),
          el(
            "div",
            { class: "columns" },
            histogram
              ? parts.section("numbers", t("number.title"), el("figure", {}, histogram), evidence.numbers(card))
              : null,
            classes ? parts.section("classes", t("class.title"), el("p", {}, t("class.lede")), classes) : null,
            card.kernel ? parts.section("kernel", t("kernel.title"), kernel(all)) : null,
          ),
        ),
      ),
      parts.section(
        "similar",
        t("similar.title"),
        el("p", {}, t("similar.lede")),
        el("div", { class: "groups" }, evidence.similar(thing, data, card)),
      ),
      parts.section(
        "inputs",
        t("links.inputs"),
        card.linksOver
          ? el(
              "p",
              {},
              t(card.linksOver[1] === "noise" ? "links.inputsLedeNoise" : "links.inputsLede", {
                count: number(card.linksOver[0]),
              }),
            )
          : null,
        el("div", { class: "groups" }, evidence.links(thing, data, card.inputs, t("links.noInputs"))),
      ),
      parts.section(
        "outputs",
        t("links.outputs"),
        el("p", {}, t("links.outputsLede")),
        el("div", { class: "groups" }, evidence.links(thing, data, card.outputs, t("links.noOutputs"))),
      ),
      await through(all),
      made(all),
    ];
  }

  // Left and right arrow keys lead to the units before and after, unless something else takes them.
  document.addEventListener("keydown", (event) => {
    const by = { ArrowLeft: "prev", ArrowRight: "next" }[event.key];
    const plainKey = !(event.altKey || event.ctrlKey || event.metaKey || event.shiftKey);
    if (
      !by ||
      !plainKey ||
      document.querySelector("dialog[open]") ||
      event.target.closest("input, select, [role=region]")
    )
      return;
    const link = document.querySelector(`.page-unit .steps [rel=${by}], .page-layer .steps [rel=${by}]`);
    if (link) {
      event.preventDefault();
      link.click();
    }
  });

  const title = (route) => atlas.parts.unitName(route);
  atlas.pages.unit = { draw, title };
  atlas.unit = { known, drawings, kernel };
})();
