// The frame of every page, and which page it is: the link says so, and a change of the link draws anew.
(() => {
  "use strict";
  const { el, svg, t } = atlas;
  const places = new Map(); // link -> how far down its reader was
  const [top, main, foot] = ["top", "main", "foot"].map((id) => document.getElementById(id));
  let run = 0; // drawings begun
  let drawn = 0; // the last that was finished
  let chosen = false; // whether a link was followed, and not the way back

  function themeButton() {
    const sign = svg(
      "svg",
      { viewBox: "0 0 20 20", width: 20, height: 20, "aria-hidden": "true" },
      svg("circle", { cx: 10, cy: 10, r: 7.2, class: "ring" }),
      svg("path", { d: "M10 2.8a7.2 7.2 0 0 1 0 14.4z", class: "half" }),
    );
    return el(
      "button",
      {
        type: "button",
        class: "icon theme",
        "aria-label": t("site.theme"),
        title: t("site.theme"),
        click: atlas.words.turn,
      },
      sign,
    );
  }

  function languageButton() {
    const other = atlas.words.languages.find((language) => language !== atlas.language);
    const button = el(
      "button",
      { type: "button", class: "icon language", lang: other === "zh" ? "zh-Hans" : other },
      t("site.otherLanguage"),
    );
    button.addEventListener("click", async () => {
      await atlas.words.change(other);
      await draw(true);
      top.querySelector(".language").focus({ preventScroll: true });
    });
    return button;
  }

  function networkChoice(member) {
    const { networks } = atlas.data;
    if (networks.length < 2) return null;
    return atlas.parts.choice(
      t("site.network"),
      networks.map(({ label }, k) => [String(k), label]),
      String(member),
      (value) => {
        const route = atlas.route.read();
        const other = { member: Number(value) };
        const name = route.layer === undefined ? null : atlas.parts.layer(route).name;
        const layer = networks[other.member].layers.findIndex((one) => one.name === name);
        chosen = true;
        location.hash = atlas.route.link(
          layer < 0
            ? other
            : {
                ...other,
                layer,
                unit: route.unit < networks[other.member].layers[layer].shape[0] ? route.unit : undefined,
              },
        );
      },
    );
  }

  function frame(route) {
    const home = atlas.route.link({ member: route.member });
    const skip = el(
      "a",
      {
        class: "skip",
        href: "#main",
        click: (event) => {
          event.preventDefault(); // the link of the page stays as it is
          main.focus();
        },
      },
      t("site.skip"),
    );
    top.replaceChildren(
      skip,
      el("a", { class: "brand", href: home }, t("site.brand")),
      el(
        "div",
        { class: "tools" },
        networkChoice(route.member),
        el(
          "nav",
          { "aria-label": t("site.pages") },
          el("a", { href: home, "aria-current": route.page === "network" ? "page" : null }, t("site.overview")),
          el(
            "a",
            { href: atlas.route.compare(), "aria-current": route.page === "compare" ? "page" : null },
            t("site.compare"),
          ),
        ),
        languageButton(),
        themeButton(),
      ),
    );
    foot.replaceChildren(el("p", {}, t("site.footer")));
  }

  const trouble = (title, text, ...more) =>
    el("div", { class: "hero" }, el("h1", { tabindex: -1 }, title), el("p", { class: "lede" }, text), more);

  function missing() {
    const home = el("a", { href: "#/" }, t("missing.home"));
    return trouble(t("missing.title"), t("missing.text"), el("p", {}, home));
  }

  function failed(problem) {
    return trouble(t("failed.title"), t("failed.text", { file: problem.message }));
  }

  // keep: the same view once more, in another language; the reader stays where they are.
  async function draw(keep = false) {
    const mine = ++run;
    const route = atlas.route.read();
    const page = atlas.pages[route.page];
    let content;
    try {
      content = page ? await page.draw(route) : missing();
    } catch (problem) {
      content = failed(problem);
    }
    if (mine !== run) return; // another page was asked for meanwhile
    frame(route);
    const title = page ? page.title(route) : t("missing.title");
    document.title = `${title} · ${t("site.brand")}`;
    document.body.className = `page-${route.page}`;
    document.body.classList.toggle("wide", atlas.data.networks[route.member ?? 0].wide);
    const down = keep ? scrollY : chosen ? 0 : (places.get(location.hash) ?? 0);
    main.replaceChildren(...[content].flat(Infinity).filter(Boolean));
    chosen = false;
    if (drawn && !keep) main.querySelector("h1").focus({ preventScroll: true });
    scrollTo({ top: down, behavior: "instant" });
    drawn = mine;
    performance.mark("atlas-drawn");
  }

  addEventListener("scroll", () => drawn === run && places.set(location.hash, scrollY), { passive: true });
  addEventListener("click", (event) => (chosen = Boolean(event.target.closest?.("a, select, button, svg"))), true);
  addEventListener("hashchange", () => draw());
  document.addEventListener("keydown", (event) => {
    if (event.key !== "/" || event.target.closest("input, select, textarea")) return;
    const field = document.querySelector("input[type=search]");
    if (field) {
      event.preventDefault();
      field.focus();
    }
  });

  async function start() {
    if ("scrollRestoration" in history) history.scrollRestoration = "manual";
    [atlas.data] = await Promise.all([atlas.load("atlas"), atlas.words.speak(atlas.words.preferred())]);
    await draw();
  }

  start();
})();
