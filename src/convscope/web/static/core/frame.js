// The frame of every page: language and theme, both remembered, both changed in place.
import { $ } from "./dom.js";
import { language, speak } from "./texts.js";

const root = document.documentElement;

function remembered(value) {
  try {
    if (value) localStorage.setItem("convscope-lab-theme", value);
    return localStorage.getItem("convscope-lab-theme");
  } catch {
    return null; // storage may be switched off
  }
}

const dark = () =>
  root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;

const theme = remembered();
if (theme === "light" || theme === "dark") root.dataset.theme = theme;

$("#theme").addEventListener("click", () => {
  root.dataset.theme = dark() ? "light" : "dark";
  remembered(root.dataset.theme);
});

$("#language").addEventListener("click", ({ currentTarget: button }) => {
  speak(language === "en" ? "zh" : "en");
  button.textContent = language === "en" ? "中文" : "English";
  button.lang = language === "en" ? "zh-Hans" : "en";
});
