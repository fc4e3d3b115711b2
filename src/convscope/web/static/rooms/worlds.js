// Three worlds in one room: which is shown stands in the address, and each is made when it is first looked at.
import { $ } from "../core/dom.js";
import { tell } from "../core/api.js";
import * as link from "../core/link.js";

const SCRIPTS = { boards: "./worlds-boards.js", sounds: "./worlds-sounds.js", words: "./worlds-words.js" };
const made = {};
let shown = null;

async function show(name, state) {
  shown = name;
  for (const each of Object.keys(SCRIPTS)) $(`#${each}`).hidden = each !== name;
  for (const tab of document.querySelectorAll(".parts a")) {
    if (tab.dataset.part === name) tab.setAttribute("aria-current", "page");
    else tab.removeAttribute("aria-current");
  }
  tell(null);
  try {
    const fresh = !made[name];
    made[name] ??= new (await import(SCRIPTS[name])).default($(`#${name} .room`));
    if (shown === name && (fresh || state)) await made[name].open(state ?? {});
  } catch (problem) {
    tell(problem);
  }
}

const asked = () => {
  const { part, ...state } = link.read();
  return [part in SCRIPTS ? part : "boards", state];
};

for (const tab of document.querySelectorAll(".parts a"))
  tab.addEventListener("click", (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    if (tab.dataset.part === shown) return;
    history.pushState(null, "", made[tab.dataset.part]?.address ?? tab.href);
    show(tab.dataset.part);
  });
addEventListener("popstate", () => show(...asked()));
show(...asked());
