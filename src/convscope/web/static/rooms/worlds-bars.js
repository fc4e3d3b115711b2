// Rows of a name, a bar and a number; each row can be a button. The bars' lengths are shares that the server gave.
import { el } from "../core/dom.js";

// rows: {name, share: -1 to 1, value, act, pressed, title, note}; name, value and note are nodes or text.
export function bars(rows, className = "") {
  return el(
    "ol",
    { class: `bars ${className}` },
    rows.map(({ name, share, value, act, pressed, title, note }) => {
      const bar = el("span", { class: share < 0 ? "bar against" : "bar for", "aria-hidden": "true" }, el("i"));
      bar.firstChild.style.width = `${100 * Math.min(1, Math.abs(share))}%`;
      const inside = [el("span", { class: "what" }, name), bar, el("span", { class: "value" }, value), note && el("span", { class: "more" }, note)];
      const row = act
        ? el("button", { type: "button", click: act, title, "aria-pressed": pressed === undefined ? null : String(pressed) }, inside)
        : el("div", {}, inside);
      return el("li", {}, row);
    }),
  );
}

// Puts new rows where others were, and the focus back on the row that had it.
export function replaceBars(place, rows, className) {
  const buttons = [...place.querySelectorAll("button")];
  const focused = buttons.indexOf(document.activeElement);
  place.replaceChildren(bars(rows, className));
  if (focused >= 0) place.querySelectorAll("button")[focused]?.focus({ preventScroll: true });
}
