// What speaks for and against a drawing, and which units stand near: reasons, examples, classes, links, likeness.
(() => {
  "use strict";
  const { el, svg, t, number, percent } = atlas;

  // How the numbers of a reason are written; the others are words or whole numbers.
  const round = (digits) => (value) => value.toFixed(digits).replace("-", "−");
  const signed = (value) => `${value < 0 ? "−" : "+"}${Math.abs(value).toFixed(1)}`;
  const SHOWN = {
    percentile: round(0),
    accuracy: round(0),
    low: round(0),
    high: round(0),
    natural: round(0),
    kept: round(0),
    likeness: round(2),
    agreement: round(2),
    control: round(2),
    strangeness: round(1),
    margin: signed,
    value: number,
    largest: number,
    ratio: number,
    rank: number,
    units: number,
  };

  function sentence({ key, numbers }) {
    const values = Object.fromEntries(
      Object.entries(numbers).map(([name, value]) => {
        if (value === null) return [name, "–"];
        return [name, typeof value === "number" ? (SHOWN[name] ?? number)(value) : value];
      }),
    );
    return atlas.has(`reason.${key}`)
      ? t(`reason.${key}`, values)
      : `${key}: ${Object.entries(values)
          .map((pair) => pair.join(" = "))
          .join(", ")}`;
  }

  const SIGNS = { for: "+", against: "−", "strongly against": "−−", note: "·" };

  function reasons(card) {
    const one = (reason) =>
      el(
        "li",
        { class: `weight-${reason.weight.replaceAll(" ", "-")}` },
        el(
          "span",
          { class: "sign", title: t(`weight.${reason.weight}`) },
          el("span", { "aria-hidden": "true" }, SIGNS[reason.weight]),
          el("span", { class: "unseen" }, t(`weight.${reason.weight}`)),
        ),
        el("span", {}, sentence(reason)),
      );
    return el(
      "div",
      { class: "reasons" },
      el("p", { class: "verdict" }, atlas.parts.label(card.label), " ", t(`labelMeaning.${card.label}`)),
      card.reasons.length ? el("ul", {}, card.reasons.map(one)) : null,
    );
  }

  // Real pictures at one end of a unit's values; chosen, one opens whole.
  function examples(data, card, end) {
    const list = card.examples[end].map((row) => atlas.pictures.example(data, row));
    if (!list.length) return null;
    const one = (example, k) =>
      el(
        "li",
        {},
        el(
          "button",
          {
            type: "button",
            class: "crop",
            "aria-label": t("example.open", { what: atlas.pictures.told(example) }),
            click: () => atlas.viewer.open(list, k),
          },
          atlas.pictures.part(example, ""),
        ),
        el("span", { class: "below", "aria-hidden": "true" }, number(example.value)),
      );
    return el("figure", { class: "examples" }, el("figcaption", {}, t(`example.${end}`)), el("ol", {}, list.map(one)));
  }

  function classes(card) {
    if (!card.classes?.length) return null;
    const most = Math.max(...card.classes.map(([, mean]) => Math.abs(mean))) || 1;
    const bar = ([name, mean]) =>
      el(
        "li",
        {},
        el("span", { class: "who", title: name }, name),
        svg(
          "svg",
          { viewBox: "0 0 100 8", preserveAspectRatio: "none", "aria-hidden": "true" },
          svg("rect", { width: 100, height: 8, class: "ground" }),
          svg("rect", { width: (100 * Math.abs(mean)) / most, height: 8, class: mean < 0 ? "bar below" : "bar" }),
        ),
        el("span", { class: "value" }, number(mean)),
      );
    return el("ol", { class: "bars" }, card.classes.map(bar));
  }

  function histogram(card) {
    if (!card.histogram) return null;
    const drawn = card.drawn?.values[0] ?? null;
    const marks = [{ value: drawn, name: t("histogram.drawing"), class: "drawing" }];
    const words = { low: number(card.histogram.low), high: number(card.histogram.high), drawing: number(drawn) };
    return atlas.charts.histogram(card.histogram, marks, t("histogram.alt", words));
  }

  // The most similar units, in three groups: of this layer, elsewhere in this network, in each other network.
  function similar(thing, data, card) {
    const groups = new Map();
    for (const row of card.similar) {
      const [member, layer] = row;
      const name =
        member !== thing.member
          ? atlas.data.networks[member].label
          : layer === thing.layer
            ? t("similar.here")
            : t("similar.elsewhere");
      const key = member !== thing.member ? `m${member}` : layer === thing.layer ? "here" : "elsewhere";
      if (!groups.has(key)) groups.set(key, { name, rows: [] });
      groups.get(key).rows.push(row);
    }
    if (!groups.size) return el("p", { class: "quiet" }, t("similar.none"));
    const one = ([member, layer, unit, correlation, face]) => {
      const other = { member, layer, unit };
      const here = member === thing.member && layer === thing.layer;
      return el(
        "li",
        {},
        atlas.parts.unitLink(other, data.folders, face, atlas.parts.caption(other, number(correlation), here)),
      );
    };
    return [...groups.values()].map(({ name, rows }) =>
      el("div", { class: "group" }, el("h3", { title: name }, name), el("ol", { class: "strip" }, rows.map(one))),
    );
  }

  const [WIDE, TALL] = [46, 92]; // the most that a small kernel takes, in pixels

  // A small signed kernel as cells, blue below zero and red above, the largest at full strength.
  function kernel(rows) {
    if (!rows) return null;
    const most = Math.max(...rows.flat().map(Math.abs)) || 1;
    const cell = (value, r, c) =>
      svg("rect", {
        x: c,
        y: r,
        width: 1.02,
        height: 1.02,
        class: value < 0 ? "minus" : "plus",
        "fill-opacity": (Math.abs(value) / most).toFixed(3),
      });
    const [tall, wide] = [rows.length, rows[0].length];
    const side = Math.min(WIDE / wide, TALL / tall);
    return svg(
      "svg",
      {
        viewBox: `0 0 ${wide} ${tall}`,
        width: side * wide,
        height: side * tall,
        class: "cells",
        "aria-hidden": "true",
      },
      svg("rect", { width: wide, height: tall, class: "zero" }),
      rows.map((row, r) => row.map((value, c) => cell(value, r, c))),
    );
  }

  function links(thing, data, rows, none) {
    if (!rows?.length) return el("p", { class: "quiet" }, none);
    const one = ([layer, unit, weight, cells, face]) => {
      const other = { member: thing.member, layer, unit };
      const text = weight > 0 ? `+${number(weight)}` : number(weight);
      return el(
        "li",
        { class: weight < 0 ? "inhibits" : "excites" },
        atlas.parts.unitLink(other, data.folders, face, atlas.parts.caption(other, text)),
        kernel(cells),
      );
    };
    const [up, down] = [rows.filter((row) => row[2] > 0), rows.filter((row) => row[2] <= 0).reverse()];
    const group = (name, some) =>
      some.length
        ? el("div", { class: "group" }, el("h3", {}, t(name)), el("ol", { class: "strip links" }, some.map(one)))
        : null;
    return [group("links.excite", up), group("links.inhibit", down)];
  }

  function numbers(card) {
    const { mean, std, positive, largest, selectivity } = card.numbers;
    const rows = [
      ["mean", mean, number(mean)],
      ["std", std, number(std)],
      ["positive", positive, percent(positive, 1)],
      ["largest", largest, number(largest)],
      ["selectivity", selectivity, number(selectivity)],
      ["drawing", card.drawn?.values[0] ?? null, number(card.drawn?.values[0])],
    ];
    return atlas.parts.facts(
      rows.filter(([, value]) => value !== null).map(([name, , text]) => [t(`number.${name}`), text]),
    );
  }

  atlas.evidence = { reasons, sentence, examples, classes, histogram, similar, links, numbers };
})();
