// Elements made without any HTML from names or numbers, and numbers as people read them.
const SVG = "http://www.w3.org/2000/svg";

// Attributes are set as text, children are nodes or text; functions listen. Nothing is ever read as HTML.
function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (typeof value === "function") element.addEventListener(name, value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

export const el = (tag, attributes, ...children) => fill(document.createElement(tag), attributes, children);
export const svg = (tag, attributes, ...children) => fill(document.createElementNS(SVG, tag), attributes, children);
export const $ = (selector, root = document) => root.querySelector(selector);

// About `digits` digits, a true minus, and a dash for what is not known. For display only: nothing is computed from it.
export function number(value, digits = 3) {
  if (value === null || value === undefined || !Number.isFinite(value)) return "–";
  const size = Math.abs(value);
  const text =
    size === 0 || (Number.isInteger(value) && size < 1e12)
      ? String(value)
      : size >= 0.001 && size < 1e6
        ? String(Number(value.toPrecision(digits)))
        : value.toExponential(1);
  return text.replace("-", "−");
}

export function percent(share, digits = 0) {
  return share === null || share === undefined ? "–" : `${(100 * share).toFixed(digits)}\u202f%`;
}

// Bytes that the server sends as base64.
export const bytes = (base64) => Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));

// Black or white, whichever is read better on a colour: one of them always has the contrast that WCAG asks for (4.5).
export function inkOn(red, green, blue) {
  const light = (byte) => (byte <= 10 ? byte / 3294.6 : ((byte / 255 + 0.055) / 1.055) ** 2.4);
  return 0.2126 * light(red) + 0.7152 * light(green) + 0.0722 * light(blue) > 0.179 ? "#000" : "#fff";
}

// Calls `act` once things have been quiet for `wait` milliseconds.
export function settled(act, wait = 150) {
  let timer = 0;
  return (...given) => {
    clearTimeout(timer);
    timer = setTimeout(() => act(...given), wait);
  };
}
