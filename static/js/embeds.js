"use strict";
// What other sites hold is loaded when a reader asks for it. Without this script each poster is a link to it.
(() => {
  const ATTRIBUTES = ["title", "sandbox", "allow", "referrerpolicy", "src"];

  function load(figure, button) {
    const frame = document.createElement("iframe");
    for (const name of ATTRIBUTES) {
      frame.setAttribute(name, figure.dataset[name]);
    }
    frame.loading = "lazy";
    button.replaceWith(frame);
    frame.focus({ preventScroll: true });
    figure.querySelector(".player-note").textContent = figure.dataset.shown;
  }

  for (const figure of document.querySelectorAll("figure.player[data-src]")) {
    const link = figure.querySelector(".player-poster");
    const button = document.createElement("button");
    button.type = "button";
    button.className = link.className;
    button.append(...link.childNodes);
    button.addEventListener("click", () => load(figure, button));
    link.replaceWith(button);
  }
})();
