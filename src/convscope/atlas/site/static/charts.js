// Small drawings of numbers: a histogram, the spread of all units of a layer, curves over epochs.
(() => {
  "use strict";
  const { el, svg, t, number } = atlas;

  // Round numbers, 1, 2 or 5 times a power of ten apart, that enclose low..high.
  function ticks(low, high, about = 5) {
    const span = high - low || Math.abs(high) || 1;
    const power = 10 ** Math.floor(Math.log10(span / about));
    const step = power * [1, 2, 5, 10].find((factor) => span / (power * factor) <= about);
    const [first, last] = [Math.floor(low / step + 1e-9), Math.ceil(high / step - 1e-9)];
    const found = [];
    for (let k = first; k <= Math.max(last, first + 1); k++) found.push(Number((k * step).toPrecision(12)));
    return found;
  }

  // Bars over low..high. marks: values with a name and a class, shown as lines. The axis reaches for them, but by no
  // more than half its length: what lies beyond stands at its end, with an arrow and its value.
  function histogram({ low, high, counts }, marks, label, plain = false) {
    const [width, height, top, left, right] = [320, 132, 20, 6, 6];
    const base = height - 22;
    const known = marks.filter((mark) => mark.value !== null && mark.value !== undefined);
    const reach = (high - low) / 2 || 1;
    const from = Math.max(low - reach, Math.min(low, ...known.map((mark) => mark.value)));
    const to = Math.min(high + reach, Math.max(high, ...known.map((mark) => mark.value)));
    const inside = (value) => Math.max(from, Math.min(to, value));
    const named = ({ value, name }) =>
      value > to ? `${name} ${number(value)} →` : value < from ? `← ${name} ${number(value)}` : name;
    const x = (value) => left + ((width - left - right) * (value - from)) / (to - from || 1);
    const most = Math.max(1, ...counts);
    const step = (high - low) / counts.length;
    const bars = counts.map((count, k) => {
      if (!count) return null;
      const tall = Math.max(1.5, ((base - top) * count) / most);
      return svg("rect", {
        x: x(low + k * step) + 0.4,
        y: base - tall,
        width: Math.max(1, x(low + step) - x(low) - 0.8),
        height: tall,
        class: plain ? "bar plain" : low + (k + 0.5) * step > 0 ? "bar" : "bar below",
      });
    });
    const lines = known.map((mark) => [
      svg("line", {
        x1: x(inside(mark.value)),
        x2: x(inside(mark.value)),
        y1: top - 4,
        y2: base,
        class: `mark ${mark.class}`,
      }),
      svg(
        "text",
        {
          x: x(inside(mark.value)),
          y: 11,
          class: `mark ${mark.class}`,
          "text-anchor": anchor(x(inside(mark.value)) / width),
        },
        named(mark),
      ),
    ]);
    const middle = from < 0 && to > 0 && x(0) > 44 && x(0) < width - 44;
    return svg(
      "svg",
      { viewBox: `0 0 ${width} ${height}`, class: "chart histogram", role: "img", "aria-label": label },
      bars,
      svg("line", { x1: left, x2: width - right, y1: base, y2: base, class: "axis" }),
      middle ? svg("line", { x1: x(0), x2: x(0), y1: base, y2: base + 4, class: "axis" }) : null,
      svg("text", { x: left, y: height - 6 }, number(from)),
      middle ? svg("text", { x: x(0), y: height - 6, "text-anchor": "middle" }, "0") : null,
      svg("text", { x: width - right, y: height - 6, "text-anchor": "end" }, number(to)),
      lines,
    );
  }

  // One column a unit, in the order given: 5 to 95 % of its values light, 25 to 75 % dark, the middle as a dot.
  function spread(rows, label) {
    const [width, height, left] = [960, 190, 46];
    const values = rows.flat().filter((value) => value !== null);
    const levels = ticks(Math.min(...(values.length ? values : [0])), Math.max(...(values.length ? values : [1])), 4);
    const [low, high] = [levels[0], levels.at(-1)];
    const y = (value) => 8 + ((height - 16) * (high - value)) / (high - low);
    const step = (width - left) / rows.length;
    const thick = Math.max(0.5, Math.min(16, step * 0.72));
    const bar = (k, top, bottom) => {
      const x = left + step * (k + 0.5) - thick / 2;
      return `M${x.toFixed(1)} ${top.toFixed(1)}h${thick.toFixed(2)}V${bottom.toFixed(1)}h${(-thick).toFixed(2)}z`;
    };
    const box = (from, to) => rows.map((row, k) => bar(k, y(row[to]), y(row[from]) + 0.5)).join("");
    const middles = rows.map((row, k) => bar(k, y(row[2]) - 0.8, y(row[2]) + 0.8)).join("");
    return svg(
      "svg",
      { viewBox: `0 0 ${width} ${height}`, class: "chart spread", role: "img", "aria-label": label },
      levels.map((level) => [
        svg("line", { x1: left, x2: width, y1: y(level), y2: y(level), class: level === 0 ? "axis" : "grid" }),
        svg("text", { x: left - 8, y: y(level) + 4, "text-anchor": "end" }, number(level)),
      ]),
      svg("path", { d: box(0, 4), class: "wide" }),
      svg("path", { d: box(1, 3), class: "narrow" }),
      svg("path", { d: middles, class: "middle" }),
    );
  }

  const anchor = (share) => (share > 0.8 ? "end" : share < 0.2 ? "start" : "middle");

  // How the values of one column of a layer lie: counts in equal bins.
  function binned(values, bins = 24) {
    const known = values.filter((value) => value !== null);
    const [low, high] = [Math.min(...known), Math.max(...known)];
    const counts = new Array(bins).fill(0);
    for (const value of known) counts[Math.min(bins - 1, Math.floor((bins * (value - low)) / (high - low || 1)))] += 1;
    return { low, high: high > low ? high : low + 1, counts };
  }

  // Lines over epochs, one number an epoch each, told apart by dashes as well as by colour.
  function curves(epochs, lines, { title, names, shown, label }) {
    const [width, height, left, top, right, bottom] = [420, 250, 50, 12, 408, 214];
    const values = lines.flat();
    const levels = ticks(Math.min(...values), Math.max(...values));
    const [low, high, first, last] = [levels[0], levels.at(-1), epochs[0], epochs.at(-1)];
    const x = (epoch) => left + (right - left) * (last > first ? (epoch - first) / (last - first) : 0.5);
    const y = (value) => bottom - ((bottom - top) * (value - low)) / (high - low);
    const every = Math.max(1, Math.ceil(epochs.length / 8));
    const line = (points, k) =>
      svg(
        "g",
        { class: `line line-${k}` },
        svg("polyline", { points: points.join(" ") }),
        points.length <= 40 ? points.map((point) => svg("circle", { cx: point[0], cy: point[1], r: 3 })) : null,
      );
    return el(
      "figure",
      { class: "curves" },
      el("figcaption", {}, title),
      svg(
        "svg",
        { viewBox: `0 0 ${width} ${height}`, class: "chart", role: "img", "aria-label": label },
        levels.map((level) => [
          svg("line", { x1: left, x2: right, y1: y(level), y2: y(level), class: "grid" }),
          svg("text", { x: left - 8, y: y(level) + 4, "text-anchor": "end" }, shown(level)),
        ]),
        epochs
          .filter((_, k) => k % every === 0)
          .map((epoch) => svg("text", { x: x(epoch), y: bottom + 18, "text-anchor": "middle" }, String(epoch))),
        svg("line", { x1: left, x2: right, y1: bottom, y2: bottom, class: "axis" }),
        svg("text", { x: right, y: height - 2, "text-anchor": "end" }, t("training.epoch")),
        lines.map((numbers, k) =>
          line(
            numbers.map((value, i) => [x(epochs[i]), y(value)]),
            k,
          ),
        ),
      ),
      el(
        "p",
        { class: "key" },
        names.map((name, k) =>
          el(
            "span",
            {},
            svg(
              "svg",
              { viewBox: "0 0 28 10", width: 28, height: 10, "aria-hidden": "true" },
              line(
                [
                  [0, 5],
                  [28, 5],
                ],
                k,
              ),
            ),
            name,
          ),
        ),
      ),
    );
  }

  atlas.charts = { histogram, spread, binned, curves };
})();
