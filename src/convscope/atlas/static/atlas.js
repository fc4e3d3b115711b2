// Comforts only; every page is whole without this. The theme is set at once, before anything is painted.
(() => {
  "use strict";
  const root = document.documentElement;
  const stored = (value) => {
    try {
      if (value) localStorage.setItem("convscope-theme", value);
      return localStorage.getItem("convscope-theme");
    } catch {
      return null; // storage may be off for files
    }
  };
  const before = stored();
  if (before) root.dataset.theme = before;

  document.addEventListener("DOMContentLoaded", () => {
    const button = document.querySelector(".theme");
    button.hidden = false;
    button.addEventListener("click", () => {
      const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
      root.dataset.theme = dark ? "light" : "dark";
      stored(root.dataset.theme);
    });
  });

  // Left and right arrow keys go from card to card once one has been chosen.
  document.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    const plain = !(event.altKey || event.ctrlKey || event.metaKey || event.shiftKey);
    const chosen = /^#unit-(\d+)$/.exec(location.hash);
    if (!step || !plain || !chosen || event.target.closest("input, [role=region]")) return;
    const next = `unit-${Number(chosen[1]) + step}`;
    if (document.getElementById(next)) {
      event.preventDefault();
      location.hash = next;
    }
  });
})();
