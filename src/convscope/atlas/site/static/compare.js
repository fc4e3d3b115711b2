// Two units or two layers side by side, of one network or of two, section by section in line.
(() => {
  "use strict";
  const { el, t, number } = atlas;

  // Which thing stands on one side: a network, a layer, and a unit where it is not the whole layer.
  function picker(side, thing, other) {
    const chosen = { ...(thing ?? { ...other, member: other?.member ?? 0, layer: other?.layer ?? 0 }) };
    const layers = () => atlas.data.networks[chosen.member].layers;
    const go = () => {
      const whole = chosen.unit === undefined || Number.isNaN(chosen.unit);
      const now = whole
        ? { member: chosen.member, layer: chosen.layer }
        : { ...chosen, unit: Math.max(0, Math.min(chosen.unit, layers()[chosen.layer].shape[0] - 1)) };
      location.hash = side === "a" ? atlas.route.compare(now, other) : atlas.route.compare(other, now);
    };
    const toMember = (value) => {
      const { name } = layers()[chosen.layer];
      chosen.member = Number(value);
      chosen.layer = Math.max(
        0,
        layers().findIndex((layer) => layer.name === name),
      ); // the same layer where there is one
      go();
    };
    const unit = el("input", {
      type: "number",
      min: 0,
      max: layers()[chosen.layer].shape[0] - 1,
      value: chosen.unit ?? "",
      placeholder: t("compare.whole"),
      change: () => {
        chosen.unit = unit.value === "" ? undefined : Number(unit.value);
        go();
      },
    });
    const order = atlas.data.networks[chosen.member].order;
    return el(
      "fieldset",
      { class: "picker" },
      el("legend", {}, t(`compare.${side}`)),
      atlas.data.networks.length > 1
        ? atlas.parts.choice(
            t("site.network"),
            atlas.data.networks.map(({ label }, k) => [String(k), label]),
            String(chosen.member),
            toMember,
          )
        : null,
      atlas.parts.choice(
        t("map.layer"),
        order.map((place) => [String(place), layers()[place].name]),
        String(chosen.layer),
        (value) => {
          chosen.layer = Number(value);
          go();
        },
      ),
      el("label", { class: "choice" }, el("span", {}, t("compare.unit")), unit),
      thing ? null : el("button", { type: "button", click: go }, t("compare.choose")),
    );
  }

  // One section of both sides in one row.
  const row = (title, ...both) =>
    both.every((content) => content === null)
      ? null
      : el(
          "section",
          { class: "pair" },
          el("h2", {}, title),
          both.map((content) => el("div", {}, content ?? el("p", { class: "quiet" }, "–"))),
        );

  const name = (thing) => {
    const whole = thing.unit === undefined;
    const text = whole ? atlas.parts.layer(thing).name : atlas.parts.unitName(thing);
    return el(
      "p",
      { class: "named" },
      el("a", { href: atlas.route.link(thing) }, text),
      el("small", {}, atlas.parts.network(thing).label),
    );
  };

  async function units(a, b) {
    const both = await Promise.all([atlas.unit.known(a), atlas.unit.known(b)]);
    const { evidence } = atlas;
    const each = (make) => both.map(make);
    return [
      row(t("compare.drawings"), ...each((one) => [name(one.thing), atlas.unit.drawings(one)])),
      row(t("compare.trust"), ...each(({ card }) => evidence.reasons(card))),
      row(t("example.top"), ...each(({ data, card }) => evidence.examples(data, card, "top"))),
      row(t("example.middle"), ...each(({ data, card }) => evidence.examples(data, card, "middle"))),
      row(t("example.bottom"), ...each(({ data, card }) => evidence.examples(data, card, "bottom"))),
      row(t("number.title"), ...each(({ card }) => [evidence.histogram(card), evidence.numbers(card)])),
      row(t("class.title"), ...each(({ card }) => evidence.classes(card))),
      row(t("kernel.title"), ...each(atlas.unit.kernel)),
      row(
        t("links.inputs"),
        ...each(({ thing, data, card }) => (card.inputs?.length ? evidence.links(thing, data, card.inputs, "") : null)),
      ),
      row(
        t("similar.title"),
        ...each(({ thing, data, card }) => (card.similar.length ? evidence.similar(thing, data, card) : null)),
      ),
    ];
  }

  async function layers(a, b) {
    const both = await Promise.all(
      [a, b].map(async (thing) => ({
        thing,
        layer: atlas.parts.layer(thing),
        columns: await atlas.load(atlas.parts.file(thing)),
      })),
    );
    const each = (make) => both.map(make);
    const facts = ({ layer }) =>
      atlas.parts.facts([
        [t("layer.kind"), layer.kind],
        [t("layer.shape"), atlas.parts.shape(layer.shape)],
        [t("layer.parameters"), number(layer.parameters)],
        [t("layer.field"), atlas.parts.fieldText(layer.field)],
      ]);
    const wall = ({ thing, columns }) =>
      el(
        "ol",
        { class: "wall" },
        [...columns.label.keys()].map((unit) =>
          el(
            "li",
            {},
            atlas.parts.unitLink(
              { ...thing, unit },
              columns.folders,
              columns.face[unit],
              String(unit),
              atlas.parts.label(atlas.data.labels[columns.label[unit]], true),
            ),
          ),
        ),
      );
    return [
      row(t("layer.facts"), ...each((one) => [name(one.thing), facts(one)])),
      row(t("compare.trust"), ...each(({ layer }) => atlas.parts.labels(layer.labels))),
      row(
        t("spread.title"),
        ...each(({ thing, columns }) => atlas.layer.spread(thing, columns, [...columns.label.keys()])),
      ),
      row(t("wall.units"), ...each(wall)),
    ];
  }

  // What a unit could be compared with: the units most like it, and itself in other networks.
  async function proposals(thing) {
    if (thing?.unit === undefined) return null;
    const { data, card } = await atlas.unit.known(thing);
    if (!card.similar.length) return null;
    const one = ([member, layer, unit, correlation, face]) => {
      const other = { member, layer, unit };
      const named = atlas.parts.unitName(other);
      return el(
        "li",
        {},
        el(
          "a",
          { class: "unit", href: atlas.route.compare(thing, other), title: named },
          atlas.pictures.face(data.folders, face, atlas.parts.faceAlt(face, named)),
          el("span", { class: "below" }, atlas.parts.caption(other, number(correlation))),
        ),
      );
    };
    return [el("h2", {}, t("compare.proposals")), el("ol", { class: "strip" }, card.similar.map(one))];
  }

  async function draw({ query }) {
    const [a, b] = ["a", "b"].map((side) => atlas.route.thing(query.get(side)));
    const sides = [a, b].map((thing) => (thing?.layer === undefined ? null : thing));
    const alike = sides.every(Boolean) && (sides[0].unit === undefined) === (sides[1].unit === undefined);
    const content = alike
      ? await (sides[0].unit === undefined ? layers : units)(...sides)
      : [
          el("p", { class: "lede" }, t(sides.every(Boolean) ? "compare.unlike" : "compare.lede")),
          await proposals(sides[0] ?? sides[1]),
        ];
    return [
      el("h1", { tabindex: -1 }, t("compare.title")),
      el("div", { class: "pickers" }, picker("a", sides[0], sides[1]), picker("b", sides[1], sides[0])),
      content,
    ];
  }

  atlas.pages.compare = { draw, title: () => t("compare.title") };
})();
