// Finding units of a network: by layer, number and class, by label, by likeness to another unit. The link holds all.
(() => {
  "use strict";
  const { el, t, number } = atlas;
  const AT_ONCE = 240;

  // Whether every word of the search says something of the unit.
  function matcher(text) {
    const words = text.toLowerCase().split(/\s+/).filter(Boolean);
    return (layer, unit, classes) =>
      words.every((word) => {
        if (/^#?\d+$/.test(word)) return Number(word.replace("#", "")) === unit;
        const slash = word.lastIndexOf("/");
        if (slash > 0 && /^\d+$/.test(word.slice(slash + 1)))
          return Number(word.slice(slash + 1)) === unit && layer.includes(word.slice(0, slash));
        return layer.includes(word) || classes.some((name) => name.toLowerCase().includes(word));
      });
  }

  function classesOf(columns, unit) {
    const most = columns.classes ? columns.classes[unit].map((place) => columns.classNames[place]) : [];
    return columns.names ? [columns.names[unit], ...most] : most;
  }

  // Whether a word of the search stands in the unit's own name, as "cat" in "tabby cat".
  function isNamed(text, columns, unit) {
    const own = ` ${(columns.names?.[unit] ?? "").toLowerCase()}`;
    return text.toLowerCase().split(/\s+/).filter(Boolean).some((word) => own.includes(` ${word}`));
  }

  // Similarity to one unit, of those of the same network that its card names: "layer/unit" -> correlation.
  async function likeness(member, text) {
    const thing = text && atlas.route.thing(`${atlas.route.inner({ member })}/${text}`);
    if (!thing || thing.unit === undefined) return null;
    const data = await atlas.parts.chunk(thing);
    const found = new Map();
    for (const [other, layer, unit, correlation] of data.cards[thing.unit - data.first].similar) {
      if (other === member) found.set(`${layer}/${unit}`, correlation);
    }
    return { thing, found: found.set(`${thing.layer}/${thing.unit}`, 1) };
  }

  async function find(member, wanted) {
    const layers = atlas.data.networks[member].layers;
    const like = await likeness(member, wanted.like);
    const all = await Promise.all(layers.map((_, layer) => atlas.load(atlas.parts.file({ member, layer }))));
    const matches = matcher(wanted.q);
    const label = atlas.data.labels.indexOf(wanted.label);
    const units = [];
    for (const place of atlas.data.networks[member].order) {
      const [columns, name] = [all[place], layers[place].name.toLowerCase()];
      for (let unit = 0; unit < columns.label.length; unit++) {
        if (label >= 0 && columns.label[unit] !== label) continue;
        const correlation = like?.found.get(`${place}/${unit}`);
        if (like && correlation === undefined) continue;
        const classes = wanted.q || wanted.class ? classesOf(columns, unit) : [];
        if (wanted.class && !classes.includes(wanted.class)) continue;
        if (wanted.q && !matches(name, unit, classes)) continue;
        units.push({ thing: { member, layer: place, unit }, columns, correlation, named: isNamed(wanted.q, columns, unit) });
      }
    }
    if (like) units.sort((a, b) => b.correlation - a.correlation);
    else units.sort((a, b) => b.named - a.named); // all else keeps its order
    return { units, like };
  }

  function card({ thing, columns, correlation }) {
    const named = columns.names?.[thing.unit] ?? `${atlas.parts.layer(thing).name} / ${thing.unit}`;
    const below =
      correlation === undefined
        ? [named]
        : [named, el("small", {}, ` ${t("unit.correlation", { value: number(correlation) })}`)];
    return el(
      "li",
      {},
      atlas.parts.unitLink(
        thing,
        columns.folders,
        columns.face[thing.unit],
        below,
        atlas.parts.label(atlas.data.labels[columns.label[thing.unit]], true),
      ),
    );
  }

  function listed(units) {
    const list = el("ol", { class: "wall" });
    const more = el("button", { type: "button", class: "more" });
    let shown = 0;
    const add = () => {
      list.append(...units.slice(shown, shown + AT_ONCE).map(card));
      shown = Math.min(units.length, shown + AT_ONCE);
      more.hidden = shown === units.length;
      more.textContent = t("search.more", { count: number(units.length - shown) });
    };
    more.addEventListener("click", add);
    add();
    return [list, more];
  }

  // The form and, once something is asked for, what it finds.
  function form(member, query) {
    const wanted = Object.fromEntries(["q", "label", "class", "like"].map((name) => [name, query.get(name) ?? ""]));
    const status = el("p", { class: "status", role: "status" });
    const results = el("div", { class: "results" });
    let run = 0;

    async function search() {
      const mine = ++run;
      atlas.route.note(wanted);
      const asked = Object.values(wanted).some(Boolean);
      if (!asked) return clear();
      status.textContent = t("search.working");
      const { units, like } = await find(member, wanted);
      if (mine !== run) return; // something else was asked meanwhile
      const count = t(units.length === 1 ? "search.foundOne" : units.length ? "search.found" : "search.nothing", {
        count: number(units.length),
      });
      status.replaceChildren(
        count,
        ...(like ? [" ", t("search.like", { unit: atlas.parts.unitName(like.thing) })] : []),
        " ",
        el("button", { type: "button", class: "quiet", click: reset }, t("search.clear")),
      );
      results.replaceChildren(...(units.length ? listed(units) : []));
    }

    function clear() {
      status.replaceChildren();
      results.replaceChildren();
    }

    function reset() {
      for (const name of Object.keys(wanted)) wanted[name] = "";
      atlas.route.note(wanted);
      for (const input of box.querySelectorAll("input, select")) input.value = "";
      clear();
      text.focus();
    }

    let later = 0;
    const changed = (name, value, wait) => {
      wanted[name] = value.trim();
      clearTimeout(later);
      later = setTimeout(search, wait);
    };
    const text = el("input", {
      type: "search",
      name: "q",
      value: wanted.q,
      placeholder: t("search.example"),
      autocomplete: "off",
      input: () => changed("q", text.value, 160),
    });
    const labels = [["", t("search.any")], ...atlas.data.labels.map((name) => [name, t(`label.${name}`)])];
    const fields = [
      el("label", { class: "choice wide" }, el("span", {}, t("search.text")), text),
      atlas.parts.choice(t("search.label"), labels, wanted.label, (value) => changed("label", value, 0)),
    ];
    if (atlas.data.gallery?.classes) fields.push(classField(wanted, (value) => changed("class", value, 160)));
    const box = el("form", { class: "search", role: "search", submit: (event) => event.preventDefault() }, fields);
    if (Object.values(wanted).some(Boolean)) search();
    return el("div", { class: "finder" }, box, status, results);
  }

  // Names of classes are loaded when the field is entered: there may be thousands.
  function classField(wanted, changed) {
    const list = el("datalist", { id: "class-names" });
    const input = el("input", {
      name: "class",
      value: wanted.class,
      list: "class-names",
      autocomplete: "off",
      placeholder: t("search.any"),
      input: () => changed(input.value),
    });
    input.addEventListener(
      "focus",
      async () => list.replaceChildren(...(await atlas.load("classes")).map((name) => el("option", { value: name }))),
      { once: true },
    );
    return el("label", { class: "choice" }, el("span", {}, t("search.class")), input, list);
  }

  atlas.search = { form, matcher };
})();
