// The page of a network: what it is, finding units, the map of its layers, how it was trained, how all this was made.
(() => {
  "use strict";
  const { el, t, number } = atlas;

  const sums = (layers) => {
    const all = {};
    for (const name of atlas.data.labels) {
      const count = layers.reduce((sum, layer) => sum + (layer.labels[name] ?? 0), 0);
      if (count) all[name] = count;
    }
    return all;
  };

  function lede(network) {
    const units = network.layers.reduce((sum, layer) => sum + layer.shape[0], 0);
    const values = {
      units: number(units),
      layers: number(network.layers.length),
      pictures: number(atlas.data.gallery?.count ?? 0),
    };
    return el("p", { class: "lede" }, t(atlas.data.gallery ? "network.lede" : "network.ledeNoPictures", values));
  }

  function reading() {
    const keys = ["drawn", "examples", "trust", "value", "field", "weights"];
    return atlas.parts.section(
      "read",
      t("read.title"),
      el(
        "dl",
        { class: "read" },
        keys.map((key) => el("div", {}, el("dt", {}, t(`read.${key}Term`)), el("dd", {}, t(`read.${key}`)))),
      ),
    );
  }

  function made(network) {
    const { recipe, gallery, seed, version, command } = atlas.data;
    const rows = [
      [t("made.network"), network.source],
      [t("made.weights"), el("code", {}, network.weights)],
      network.preprocessing && [t("made.preprocessing"), network.preprocessing],
      gallery && [t("made.pictures"), gallery.name],
      [t("made.recipe"), t("made.recipeValue", recipe)],
      [t("made.seed"), String(seed)],
      [t("made.version"), `convscope ${version}`],
    ];
    return atlas.parts.section(
      "made",
      t("made.title"),
      atlas.parts.facts(rows),
      command ? atlas.parts.command(command) : null,
      gallery ? skipped(gallery) : null,
    );
  }

  function skipped(gallery) {
    if (!gallery.skippedCount) return null;
    return el(
      "details",
      {},
      el("summary", {}, t("made.skipped", { count: number(gallery.skippedCount) })),
      el(
        "ul",
        { class: "lines" },
        gallery.skipped.map((line) => el("li", {}, line)),
      ),
    );
  }

  function draw({ member, query }) {
    const network = atlas.data.networks[member];
    const withLabel = (label) => atlas.route.link({ member }, { label });
    return [
      el(
        "div",
        { class: "hero" },
        el("h1", { tabindex: -1 }, t("network.title", { network: network.label })),
        lede(network),
      ),
      atlas.parts.facts([
        [t("network.input"), atlas.parts.shape(network.input_shape)],
        [t("network.parameters"), number(network.parameters)],
        [t("network.recipe"), atlas.data.recipe.name],
        [t("network.seed"), String(atlas.data.seed)],
        [t("network.weights"), el("code", { title: network.weights }, network.weights.slice(0, 12))],
      ]),
      atlas.parts.labels(sums(network.layers), withLabel),
      atlas.parts.section("search", t("search.title"), atlas.search.form(member, query)),
      atlas.parts.section("map", t("map.title"), el("p", {}, t("map.lede")), atlas.map.draw(member)),
      network.training ? atlas.training.later(member) : null,
      reading(),
      made(network),
    ];
  }

  atlas.pages = { network: { draw, title: ({ member }) => atlas.data.networks[member].label } };
})();
