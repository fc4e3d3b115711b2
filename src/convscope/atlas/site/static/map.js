// A network as a list of its layers with lanes beside it: every branch and every skip is a line to follow.
(() => {
  "use strict";
  const { el, svg, t, number } = atlas;
  const ROW = 64; // height of a row, as in the style sheet
  const KINDS = [
    ["block", (layer) => layer.is_block],
    ["conv", (layer) => /conv/i.test(layer.kind)],
    ["linear", (layer) => /linear|dense/i.test(layer.kind)],
    ["pool", (layer) => /pool/i.test(layer.kind)],
    ["norm", (layer) => /norm/i.test(layer.kind)],
    ["act", (layer) => /relu|elu|silu|swish|sigmoid|tanh|softmax|activation/i.test(layer.kind)],
  ];

  const kind = (layer) => KINDS.find(([, holds]) => holds(layer))?.[0] ?? "other";

  // A node's shape tells the kind as its colour does.
  function node(name, x, y, size = 6) {
    if (name === "block")
      return svg("rect", { x: x - size, y: y - size, width: 2 * size, height: 2 * size, rx: 2.5, class: "node block" });
    if (name === "linear")
      return svg("path", {
        d: `M${x} ${y - size - 1}l${size + 1} ${size + 1}l${-size - 1} ${size + 1}l${-size - 1} ${-size - 1}z`,
        class: "node linear",
      });
    if (name === "pool")
      return svg("path", {
        d: `M${x - size} ${y - size + 1}h${2 * size}l${-size} ${2 * size - 1}z`,
        class: "node pool",
      });
    return svg("circle", { cx: x, cy: y, r: name === "conv" ? size : size - 1.5, class: `node ${name}` });
  }

  function lanes(network) {
    const step = Math.max(6, Math.min(20, 150 / network.width));
    const row = [];
    network.order.forEach((place, k) => (row[place] = k));
    const x = (place) => 12 + step * network.layers[place].lane;
    const y = (place) => ROW * (row[place] + 0.5);
    const line = ([from, to], k) => {
      const [a, b, end] = [x(from), x(to), y(to)];
      const turn = end - ROW;
      const down = a === b ? `V${end}` : `V${turn}C${a} ${turn + ROW * 0.6} ${b} ${end - ROW * 0.6} ${b} ${end}`;
      return svg("path", { d: `M${a} ${y(from)}${down}`, class: network.skips[k] ? "edge skip" : "edge" });
    };
    const width = 24 + step * (network.width - 1);
    const height = ROW * network.order.length;
    return svg(
      "svg",
      {
        viewBox: `0 0 ${width} ${height}`,
        preserveAspectRatio: "xMinYMin slice",
        width,
        height,
        class: "lanes",
        "aria-hidden": "true",
      },
      network.edges.map(line),
      network.order.map((place) => node(kind(network.layers[place]), x(place), y(place))),
    );
  }

  function row(member, place, layer) {
    const thing = { member, layer: place };
    const thumbs = layer.thumbs.map(([unit, short]) =>
      el(
        "a",
        { href: atlas.route.link({ ...thing, unit }), tabindex: -1 },
        atlas.pictures.face(atlas.data.folders, short, ""),
      ),
    );
    return el(
      "li",
      { class: "row", "data-layer": layer.name },
      el("a", { class: "name", href: atlas.route.link(thing), title: layer.name }, layer.name),
      el("span", { class: "kind" }, layer.kind),
      el("span", { class: "shape" }, atlas.parts.shape(layer.shape)),
      el(
        "span",
        { class: "sees" },
        atlas.parts.fieldGlyph(thing),
        el(
          "span",
          { "aria-hidden": "true" },
          layer.field ? (layer.field.whole ? t("field.whole") : atlas.parts.shape(layer.field.size)) : "–",
        ),
      ),
      el("span", { class: "parameters" }, layer.parameters ? number(layer.parameters) : "–"),
      el("span", { class: "thumbs", "aria-hidden": "true" }, thumbs),
    );
  }

  function draw(member) {
    const network = atlas.data.networks[member];
    const kinds = [...new Set(network.layers.map(kind))];
    const key = kinds.map((name) =>
      el(
        "li",
        {},
        svg("svg", { viewBox: "0 0 18 18", width: 18, height: 18, "aria-hidden": "true" }, node(name, 9, 9)),
        t(`kind.${name}`),
      ),
    );
    const head = ["layer", "output", "sees", "parameters", "drawings"].map((name) =>
      el("span", { class: name }, t(`map.${name}`)),
    );
    return el(
      "div",
      { class: "map" },
      el("ul", { class: "kinds" }, key),
      el(
        "div",
        { class: "rows" },
        lanes(network),
        el(
          "div",
          { class: "list" },
          el("div", { class: "row head", "aria-hidden": "true" }, head),
          el(
            "ol",
            {},
            network.order.map((place) => row(member, place, network.layers[place])),
          ),
        ),
      ),
    );
  }

  atlas.map = { draw, kind };
})();
