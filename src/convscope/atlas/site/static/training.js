// How a network learned and what it confuses, where that is known.
(() => {
  "use strict";
  const { el, t, number, percent } = atlas;
  const PARTS = ["train", "validation"];

  function history(rows) {
    const epochs = rows.map((row) => row.epoch);
    const chart = (what, shown) => {
      const lines = PARTS.map((part) => rows.map((row) => row[`${part}_${what}`]));
      if (lines.flat().some((value) => typeof value !== "number")) return null;
      const title = t(`training.${what}`);
      const [train, validation] = lines.map((line) => shown(line.at(-1)));
      const label = t("training.alt", { what: title, epochs: epochs.length, train, validation });
      return atlas.charts.curves(epochs, lines, {
        title,
        names: PARTS.map((part) => t(`training.${part}`)),
        shown,
        label,
      });
    };
    return atlas.parts.section(
      "training",
      t("training.title"),
      el("p", {}, t("training.lede")),
      el(
        "div",
        { class: "charts" },
        chart("loss", number),
        chart("accuracy", (value) => percent(value)),
      ),
    );
  }

  function matrix({ names, matrix: rows }) {
    const worst = Math.max(1, ...rows.flatMap((row, i) => row.filter((_, j) => j !== i)));
    const level = (count, whole) => Math.min(5, Math.ceil((5 * count) / whole));
    const cell = (count, i, j, total) =>
      el(
        "td",
        { class: count ? (i === j ? `right-${level(count, total || 1)}` : `wrong-${level(count, worst)}`) : null },
        count ? number(count) : "·",
      );
    const body = rows.map((row, i) => {
      const total = row.reduce((sum, count) => sum + count, 0);
      return el(
        "tr",
        {},
        el("th", { scope: "row" }, names[i]),
        row.map((count, j) => cell(count, i, j, total)),
        el("td", { class: "total" }, total ? percent(row[i] / total, 1) : "–"),
      );
    });
    const long = names.some((name) => name.length > 3);
    return el(
      "div",
      { class: "scroll", tabindex: 0, role: "region", "aria-label": t("confusion.caption") },
      el(
        "table",
        { class: long ? "confusion long" : "confusion" },
        el(
          "thead",
          {},
          el(
            "tr",
            {},
            el("th", { scope: "col", class: "corner" }, t("confusion.corner")),
            names.map((name) => el("th", { scope: "col" }, el("span", {}, name))),
            el("th", { scope: "col", class: "total" }, el("span", {}, t("confusion.share"))),
          ),
        ),
        el("tbody", {}, body),
      ),
    );
  }

  const pairs = ({ names, pairs: rows }) =>
    el(
      "div",
      { class: "scroll", tabindex: 0, role: "region", "aria-label": t("confusion.pairs") },
      el(
        "table",
        { class: "plain" },
        el(
          "thead",
          {},
          el(
            "tr",
            {},
            ["is", "read", "times"].map((key) => el("th", { scope: "col" }, t(`confusion.${key}`))),
          ),
        ),
        el(
          "tbody",
          {},
          rows.map(([is, read, times]) =>
            el(
              "tr",
              {},
              el("td", {}, names[is]),
              el("td", {}, names[read]),
              el("td", { class: "count" }, number(times)),
            ),
          ),
        ),
      ),
    );

  function misread(verdicts) {
    const one = ([path, name, width, height, label, read, probability]) => {
      const alt = t("confusion.errorAlt", { name, label, read, probability: percent(probability) });
      return el(
        "li",
        {},
        path
          ? atlas.pictures.image(atlas.path(verdicts.folders, path), alt, { width, height })
          : atlas.pictures.none(t("picture.gone"), alt),
        el("span", {}, `${label} → `, el("b", {}, read), el("small", {}, percent(probability))),
      );
    };
    if (!verdicts.misread.length) return el("p", {}, t("confusion.errorsNone"));
    return [
      el("p", {}, t("confusion.errorsLede", { shown: verdicts.misread.length, count: number(verdicts.count) })),
      el("ol", { class: "misread" }, verdicts.misread.map(one)),
    ];
  }

  function confusion(verdicts) {
    const sums = {
      right: number(verdicts.right),
      total: number(verdicts.total),
      share: percent(verdicts.total ? verdicts.right / verdicts.total : null, 1),
    };
    const table = verdicts.matrix
      ? [el("p", {}, t("confusion.lede")), matrix(verdicts)]
      : [el("p", {}, t("confusion.pairsLede", { count: verdicts.pairs.length })), pairs(verdicts)];
    return atlas.parts.section(
      "confusion",
      t("confusion.title"),
      el("p", {}, t("confusion.sums", sums)),
      table,
      el("h3", {}, t("confusion.errorsTitle")),
      misread(verdicts),
    );
  }

  // Loaded when the reader comes near.
  function later(member) {
    const place = el("div", { class: "later" });
    return atlas.pictures.near(place, async () => {
      const data = await atlas.load(`m${member}-training`);
      place.replaceWith(
        ...[data.history.length && history(data.history), data.verdicts && confusion(data.verdicts)].filter(Boolean),
      );
    });
  }

  atlas.training = { later };
})();
