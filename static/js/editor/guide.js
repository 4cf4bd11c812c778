"use strict";
// The guide in the post form: fetched when it is first asked for, in the flavour and with the features that the form has then.
if (globalThis.writing) {
  const { isComposing, act, dialogs, openDialog, giveBack } = globalThis.writing;
  const dialog = document.getElementById("writing-guide");
  const place = dialog.querySelector(".writing-guide");
  const status = dialog.querySelector("[role=status]");
  let shown = null;
  let asked = 0;

  const insert = (text, isInline) => {
    dialog.close();
    giveBack();
    act(globalThis.marks.insert, text, isInline);
  };

  const load = async (query) => {
    if (query === shown) return;
    const number = (asked += 1);
    status.textContent = dialog.dataset.waits;
    try {
      const answer = await fetch(`${dialog.dataset.address}?panel=1&${query}`);
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const guide = page.querySelector("[data-guide]");
      if (number !== asked) return;
      // A session that has ended leads to the page of the sign-in, which holds no guide.
      if (!guide) throw new Error(`status ${answer.status}`);
      place.replaceChildren(document.adoptNode(guide));
      globalThis.guide.start(guide, insert);
      status.textContent = "";
      shown = query;
    } catch (error) {
      if (number === asked) status.textContent = dialog.dataset.failed;
    }
  };

  const open = () => {
    if (dialog.open) return;
    openDialog(dialog);
    load(new URLSearchParams({ flavour: globalThis.writing.flavour(), features: [...globalThis.writing.features()].join(" ") }).toString());
  };

  place.addEventListener("click", (event) => {
    const choice = event.target.closest("[data-flavour-choice]");
    if (!choice || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    load(new URL(choice.href).search.slice(1)).then(() => place.querySelector("[data-flavour-choice][aria-current]")?.focus());
  });
  dialog.addEventListener("keydown", (event) => {
    // Escape ends the composition, not the dialog.
    if (event.key === "Escape" && isComposing(event)) event.preventDefault();
  });
  // From every field of the form; in the text js/editor/keys.js has run it already.
  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || isComposing(event) || document.querySelector("dialog[open]")) return;
    if (globalThis.writing.shortcutOf(event) === "guide") {
      event.preventDefault();
      open();
    }
  });
  dialogs.guide = open;
}
