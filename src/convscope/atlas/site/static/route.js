// Every view is a link: #/network/layer/unit?settings. Layers go by name, so that a link outlives a new atlas.
(() => {
  "use strict";
  const { encoded } = atlas;
  const networks = () => atlas.data.networks;

  // A network named "compare" is written so that it is not the page of that name.
  const segment = (name) => (name === "compare" ? "%63ompare" : encoded(name) || "%20");

  function decoded(text) {
    try {
      return decodeURIComponent(text);
    } catch {
      return text;
    }
  }

  // Where in a list a name stands; what links cannot hold of a name is left aside.
  const place = (list, key, name) => list.findIndex((one) => decoded(segment(one[key])) === name);

  // The thing that segments of a path lead to; null where the atlas has no such thing.
  function target(segments) {
    const names = segments.map(decoded);
    const member = names.length ? place(networks(), "label", names[0]) : 0;
    if (member < 0 || names.length > 3) return null;
    if (names.length < 2) return { page: "network", member };
    const layers = networks()[member].layers;
    const layer = place(layers, "name", names[1]);
    if (layer < 0) return null;
    if (names.length < 3) return { page: "layer", member, layer };
    const unit = Number(names[2]);
    const known = /^\d+$/.test(names[2]) && unit < layers[layer].shape[0];
    return known ? { page: "unit", member, layer, unit } : null;
  }

  function split(path) {
    return path
      .replace(/^#?\/?/, "")
      .split("/")
      .filter(Boolean);
  }

  // Settings behind a link. Those that are links themselves stay as they are written, encoded once.
  const PLACES = new Set(["a", "b", "like"]);

  function settings(text) {
    const found = new Map();
    for (const pair of text.split("&").filter(Boolean)) {
      const [name, value = ""] = pair.split(/=(.*)/s);
      found.set(name, PLACES.has(name) ? value : decoded(value.replaceAll("+", " ")));
    }
    return found;
  }

  function ask(query) {
    const pairs = [...query]
      .filter(([, value]) => value)
      .map(([name, value]) => `${name}=${PLACES.has(name) ? value : encoded(value)}`);
    return pairs.length ? `?${pairs.join("&")}` : "";
  }

  function read(hash = location.hash) {
    const [path, query = ""] = hash.split(/\?(.*)/s);
    const segments = split(path);
    const found =
      segments.length === 1 && segments[0] === "compare" ? { page: "compare", member: 0 } : target(segments);
    return { ...(found ?? { page: "missing", member: 0 }), query: settings(query) };
  }

  // Segments of a thing's link, without what stands before and behind.
  function inner({ member, layer, unit }) {
    const parts = [segment(networks()[member].label)];
    if (layer !== undefined) parts.push(segment(networks()[member].layers[layer].name));
    if (unit !== undefined) parts.push(unit);
    return parts.join("/");
  }

  const link = (thing, query = {}) => `#/${inner(thing)}${ask(Object.entries(query))}`;
  const compare = (a, b) =>
    `#/compare${ask([
      ["a", a && inner(a)],
      ["b", b && inner(b)],
    ])}`;

  // What a setting like "network/layer/3" leads to, null where it leads nowhere.
  const thing = (text) => (text ? target(split(text)) : null);

  // Note settings in the link of the view as it is, without making a step to go back to.
  function note(changes) {
    const { query } = read();
    for (const [name, value] of Object.entries(changes)) query.set(name, value);
    history.replaceState(history.state, "", `${location.hash.split("?")[0] || "#/"}${ask(query)}`);
  }

  atlas.route = { read, link, compare, thing, inner, note };
})();
