// What a room shows stands in its address, so that a link restores it.
import { el } from "./dom.js";
import { word } from "./texts.js";

// The state in the address, over `defaults`: all values are text.
export function read(defaults = {}) {
  return { ...defaults, ...Object.fromEntries(new URLSearchParams(location.search)) };
}

// Keeps the state in the address; what equals its default is left out.
export function write(state, defaults = {}) {
  const told = Object.entries(state).filter(
    ([name, value]) => value !== null && value !== undefined && value !== "" && String(value) !== String(defaults[name] ?? ""),
  );
  const query = new URLSearchParams(told).toString();
  history.replaceState(null, "", query ? `?${query}` : location.pathname);
}

// A button that copies a text, asked for when it is pressed, and says so.
export function copyButton(key, text, look = "quiet") {
  const label = word(key);
  const press = async () => {
    if (!(await copied(text()))) return;
    label.say("lab.copied");
    setTimeout(() => label.say(key), 1500);
  };
  return el("button", { type: "button", class: look, click: press }, label);
}

export const linkButton = () => copyButton("lab.copyLink", () => location.href, "quiet link");

// Whether it was copied. Pages that another machine sends without TLS have no clipboard but this old way.
async function copied(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const area = el("textarea", { class: "unseen", "aria-hidden": "true" });
    area.value = text;
    const focused = document.activeElement;
    document.body.append(area);
    area.select();
    const done = document.execCommand("copy");
    area.remove();
    focused?.focus();
    return done;
  }
}
