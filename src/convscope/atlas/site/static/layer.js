// The page of a layer: the wall of its units, sorted and filtered as asked, and how their values are spread.
(() => {
  "use strict";
  const { el, svg, t, number, percent } = atlas;
  const SORTS = {
    number: (columns) => (unit) => unit,
    mean: (columns) => (unit) => -columns.mean[unit],
    positive: (columns) => (unit) => -columns.positive[unit],
    largest: (columns) => (unit) => -columns.largest[unit],
    selectivity: (columns) => (unit) => -columns.selectivity[unit],
    trust: (columns) => (unit) => columns.label[unit],
  };

  const shownAs = (name, value) => (name === "positive" ? percent(value, 1) : number(value));

  function neighbour(thing, by) {
    const network = atlas.parts.network(thing);
    const place = network.order[network.order.indexOf(thing.layer) + by];
    return place === undefined
      ? null
      : { thing: { member: thing.member, layer: place }, text: network.layers[place].name };
  }

  function ordered(columns, { sort, label }) {
    const wanted = atlas.data.labels.indexOf(label);
    const units = [...columns.label.keys()].filter((unit) => wanted < 0 || columns.label[unit] === wanted);
    const by = SORTS[sort](columns);
    return units.sort((a, b) => by(a) - by(b) || a - b);
  }

  // What the wall shows of a unit, and what it is called then.
  function face(thing, columns, tops, show) {
    const named = atlas.parts.unitName(thing);
    if (show === "example") {
      const top = tops.top[thing.unit];
      return top
        ? atlas.pictures.part(atlas.pictures.example(tops, top), t("unit.topAlt", { unit: named }))
        : atlas.pictures.none(t("picture.none"), named);
    }
    if (show === "kernel")
      return atlas.pictures.image(
        atlas.path(columns.folders, columns.kernels.paths[thing.unit]),
        t("unit.kernelAlt", { unit: named }),
      );
    const one = columns.face[thing.unit];
    return atlas.pictures.face(columns.folders, one, atlas.parts.faceAlt(one, named));
  }

  function brick(thing, columns, tops, { show, sort }) {
    const name = columns.names?.[thing.unit];
    const value = columns[sort] && sort !== "label" ? el("small", {}, shownAs(sort, columns[sort][thing.unit])) : null;
    return el(
      "li",
      {},
      el(
        "a",
        { href: atlas.route.link(thing), class: "unit" },
        face(thing, columns, tops, show),
        atlas.parts.label(atlas.data.labels[columns.label[thing.unit]], true),
        el("span", { class: "below" }, String(thing.unit), name ? ` ${name}` : null, value ? [" ", value] : null),
      ),
    );
  }

  function spread(thing, columns, order) {
    if (!columns.quantiles) return el("p", {}, t("spread.none"));
    const known = order.filter((unit) => columns.quantiles[unit].every((value) => value !== null));
    const label = t("spread.alt", { layer: atlas.parts.layer(thing).name, count: known.length });
    const chart = atlas.charts.spread(
      known.map((unit) => columns.quantiles[unit]),
      label,
    );
    chart.addEventListener("click", (event) => {
      const box = chart.getBoundingClientRect();
      const share = ((event.clientX - box.left) / box.width - 46 / 960) / (1 - 46 / 960);
      const unit = known[Math.floor(share * known.length)];
      if (unit !== undefined) location.hash = atlas.route.link({ ...thing, unit });
    });
    const small = (name, title) => {
      if (!columns[name] || columns[name].every((value) => value === null)) return null;
      const data = atlas.charts.binned(columns[name]);
      return el(
        "figure",
        {},
        el("figcaption", {}, title),
        atlas.charts.histogram(
          data,
          [],
          t("spread.binnedAlt", { what: title, low: shownAs(name, data.low), high: shownAs(name, data.high) }),
          true,
        ),
      );
    };
    return [
      el("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": label }, chart),
      el(
        "p",
        { class: "key" },
        swatch("wide", t("spread.wide")),
        swatch("narrow", t("spread.narrow")),
        swatch("middle", t("spread.middle")),
      ),
      el(
        "div",
        { class: "charts" },
        small("positive", t("spread.positive")),
        small("largest", t("spread.largest")),
        small("selectivity", t("spread.selectivity")),
      ),
    ];
  }

  const swatch = (name, text) =>
    el(
      "span",
      {},
      svg(
        "svg",
        { viewBox: "0 0 14 14", width: 14, height: 14, class: "spread", "aria-hidden": "true" },
        svg("rect", { x: 1, y: name === "middle" ? 6 : 1, width: 12, height: name === "middle" ? 2 : 12, class: name }),
      ),
      text,
    );

  function legend({ kind, limit }) {
    if (kind !== "signed") return el("p", { class: "note" }, t("kernel.colour"));
    const ramp = svg(
      "svg",
      { viewBox: "0 0 160 10", width: 160, height: 10, class: "ramp", "aria-hidden": "true" },
      svg(
        "defs",
        {},
        svg(
          "linearGradient",
          { id: "ramp" },
          [
            ["0", "minus"],
            ["0.5", "zero"],
            ["1", "plus"],
          ].map(([offset, name]) => svg("stop", { offset, class: name })),
        ),
      ),
      svg("rect", { width: 160, height: 10, fill: "url(#ramp)" }),
    );
    return el(
      "p",
      { class: "note legend" },
      `−${number(limit)}`,
      ramp,
      `+${number(limit)}`,
      el("span", {}, t("kernel.signed")),
    );
  }

  async function draw(route) {
    const thing = { member: route.member, layer: route.layer };
    const [layer, columns] = [atlas.parts.layer(thing), await atlas.load(atlas.parts.file(thing))];
    const shows = [
      columns.face.some((one) => typeof one === "string") && "drawing",
      atlas.data.gallery && "example",
      columns.kernels && "kernel",
    ].filter(Boolean);
    const sorts = Object.keys(SORTS).filter((name) => name === "number" || name === "trust" || columns[name]);
    const pick = (name, allowed) => (allowed.includes(route.query.get(name)) ? route.query.get(name) : allowed[0]);
    const wanted = { show: pick("show", shows), sort: pick("sort", sorts), label: route.query.get("label") ?? "" };
    const wall = el("ol", { class: "wall" });
    const [status, note, distribution] = [el("p", { class: "status", role: "status" }), el("div", {}), el("div", {})];

    async function lay() {
      const tops = wanted.show === "example" ? await atlas.load(atlas.parts.file(thing, "-tops")) : null;
      if (wanted.show === "example" && !tops) wanted.show = shows.find((name) => name !== "example") ?? "drawing";
      const order = ordered(columns, wanted);
      wall.className = `wall show-${wanted.show}`;
      wall.replaceChildren(...order.map((unit) => brick({ ...thing, unit }, columns, tops, wanted)));
      status.textContent =
        order.length === columns.label.length
          ? ""
          : t(order.length ? "search.found" : "search.nothing", { count: number(order.length) });
      note.replaceChildren(...(wanted.show === "kernel" ? [legend(columns.kernels)] : []));
      distribution.replaceChildren(...[spread(thing, columns, order)].flat());
    }

    const set = (name) => (value) => {
      wanted[name] = value;
      atlas.route.note({
        [name]: value === (name === "show" ? shows[0] : name === "sort" ? "number" : "") ? "" : value,
      });
      return lay();
    };
    const counts = Object.keys(layer.labels);
    const controls = el(
      "form",
      { class: "controls", submit: (event) => event.preventDefault() },
      shows.length > 1 ? switcher(shows, wanted.show, set("show")) : null,
      atlas.parts.choice(
        t("wall.sort"),
        sorts.map((name) => [name, t(`sort.${name}`)]),
        wanted.sort,
        set("sort"),
      ),
      counts.length > 1
        ? atlas.parts.choice(
            t("wall.label"),
            [["", t("search.any")], ...counts.map((name) => [name, `${t(`label.${name}`)} (${layer.labels[name]})`])],
            wanted.label,
            set("label"),
          )
        : null,
    );
    await lay();
    const glyph = atlas.parts.fieldGlyph(thing);
    const rows = [
      [t("layer.kind"), layer.kind],
      [t("layer.shape"), atlas.parts.shape(layer.shape)],
      layer.parameters ? [t("layer.parameters"), number(layer.parameters)] : null,
      layer.kernel ? [t("layer.kernel"), atlas.parts.shape(layer.kernel)] : null,
      [t("layer.field"), atlas.parts.fieldText(layer.field)],
    ];
    return [
      el(
        "div",
        { class: "over" },
        atlas.parts.trail(thing),
        atlas.parts.steps(neighbour(thing, -1), neighbour(thing, 1)),
      ),
      el(
        "div",
        { class: "head" },
        el("div", {}, el("h1", { tabindex: -1 }, layer.name), atlas.parts.facts(rows)),
        glyph
          ? el("figure", { class: "glyph" }, glyph, el("figcaption", { "aria-hidden": "true" }, t("field.caption")))
          : null,
      ),
      atlas.parts.labels(layer.labels, (label) => atlas.route.link(thing, { label })),
      el("p", { class: "actions" }, el("a", { href: atlas.route.compare(thing) }, t("compare.layer"))),
      atlas.parts.section("units", t("wall.title", { count: number(layer.shape[0]) }), controls, note, status, wall),
      atlas.parts.section("spread", t("spread.title"), el("p", {}, t("spread.lede")), distribution),
    ];
  }

  function switcher(shows, chosen, change) {
    const one = (name) => [
      el("input", {
        type: "radio",
        name: "show",
        id: `show-${name}`,
        value: name,
        checked: name === chosen,
        change: () => change(name),
      }),
      el("label", { for: `show-${name}` }, t(`show.${name}`)),
    ];
    return el("fieldset", { class: "switch" }, el("legend", {}, t("wall.show")), el("div", {}, shows.map(one)));
  }

  atlas.pages.layer = { draw, title: (route) => atlas.parts.layer(route).name };
  atlas.layer = { spread, legend };
})();
