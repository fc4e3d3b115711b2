// What all other scripts build on: data that come as scripts, elements made without any HTML from names, numbers.
const atlas = (() => {
  "use strict";
  const SVG = "http://www.w3.org/2000/svg";
  const loads = new Map(); // name -> promise of its data
  const taken = new Map(); // name -> data

  // Called by every data script: a page opened from disk may load scripts, but may not fetch.
  function take(name, data) {
    taken.set(name, data);
  }

  function load(name) {
    if (!loads.has(name)) loads.set(name, taken.has(name) ? Promise.resolve(taken.get(name)) : script(name));
    return loads.get(name);
  }

  function script(name) {
    return new Promise((resolve, reject) => {
      const element = document.createElement("script");
      element.src = `data/${name}.js`;
      element.onload = () => (taken.has(name) ? resolve(taken.get(name)) : element.onerror());
      element.onerror = () => {
        loads.delete(name); // it may be there when asked for again
        reject(new Error(`data/${name}.js`));
      };
      document.head.append(element);
      element.addEventListener("load", () => element.remove());
    });
  }

  // Attributes are set as text, children are nodes or text; functions listen. Nothing is ever read as HTML.
  function fill(element, attributes, children) {
    for (const [name, value] of Object.entries(attributes ?? {})) {
      if (value === null || value === undefined || value === false) continue;
      if (typeof value === "function") element.addEventListener(name, value);
      else element.setAttribute(name, value === true ? "" : value);
    }
    element.append(
      ...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false),
    );
    return element;
  }

  const el = (tag, attributes, ...children) => fill(document.createElement(tag), attributes, children);
  const svg = (tag, attributes, ...children) => fill(document.createElementNS(SVG, tag), attributes, children);

  // "3/unit-1.webp" is a file of the folder with number 3.
  function path(folders, short) {
    if (!short) return null;
    const slash = short.indexOf("/");
    return [...folders[Number(short.slice(0, slash))].split("/"), short.slice(slash + 1)].map(encoded).join("/");
  }

  // Half a character cannot be encoded; names of files and layers may hold one.
  const encoded = (text) =>
    encodeURIComponent(
      text.replace(/[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g, "\ufffd"),
    );

  // About three digits, a true minus, and a dash for what is not known.
  function number(value) {
    if (value === null || value === undefined) return "–";
    const size = Math.abs(value);
    let text;
    if (Number.isInteger(value)) text = value.toLocaleString("en");
    else if (size >= 1000) text = Math.round(value).toLocaleString("en");
    else if (size >= 0.001) text = String(Number(value.toPrecision(3)));
    else text = value.toExponential(1);
    return text.replace("-", "−");
  }

  function percent(share, digits = 0) {
    return share === null || share === undefined ? "–" : `${(100 * share).toFixed(digits)}\u202f%`;
  }

  return { take, load, el, svg, path, encoded, number, percent };
})();
