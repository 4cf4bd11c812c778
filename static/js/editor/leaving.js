"use strict";
// Asks before unsaved words are left; and keeps, for this browser, which folds of the panel stand open.
(() => {
  const form = document.getElementById("post_form");
  if (!form) {
    return;
  }

  // --- Unsaved words ---

  const texts = [...form.querySelectorAll("textarea")];
  // A form that comes back refused holds words that were never saved.
  const isRefused = form.querySelector(".errornote") !== null;
  const read = () => JSON.stringify([...new FormData(form)].filter(([name]) => name !== "csrfmiddlewaretoken"));
  let before = null;
  let isTouched = false;
  let isSent = false;
  // The admin's own scripts arrange the rows of by-lines until then. What somebody wrote meanwhile is a change.
  window.addEventListener("load", () => setTimeout(() => { before = isTouched ? "" : read(); }));
  const hasChanged = () => isRefused || texts.some((text) => text.value !== text.defaultValue) || (before !== null && read() !== before);

  form.addEventListener("submit", (event) => {
    const target = event.submitter?.getAttribute("formtarget") || form.target;
    if (!event.defaultPrevented && (!target || target === "_self")) isSent = true;
  });
  // Whoever types on after a send that failed has something to lose again.
  form.addEventListener("input", () => {
    isSent = false;
    isTouched = true;
  });
  window.addEventListener("pageshow", () => { isSent = false; });
  window.addEventListener("beforeunload", (event) => {
    // What is kept at the server is offered when the post is opened again.
    if (!isSent && hasChanged() && !globalThis.keeping?.isKept()) event.preventDefault();
  });

  // --- Folds ---

  const KEY = "kawaraban.desk.folds";
  const nameOf = (fold) => /field-(\w+)/.exec(fold.querySelector(".form-row")?.className ?? "")?.[1];
  const recall = () => {
    try {
      return JSON.parse(localStorage.getItem(KEY)) ?? {};
    } catch (error) {
      return {};
    }
  };
  const folds = [...form.querySelectorAll(".desk-side fieldset details")].filter(nameOf);
  const kept = recall();
  for (const fold of folds) {
    const name = nameOf(fold);
    if (kept[name] !== undefined) fold.open = kept[name];
    fold.addEventListener("toggle", () => {
      try {
        localStorage.setItem(KEY, JSON.stringify({ ...recall(), [name]: fold.open }));
      } catch (error) {
        // A browser that keeps nothing: the folds begin closed.
      }
    });
  }
})();
