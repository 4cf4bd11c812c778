"use strict";
// Keys in the text. None of them acts while an input method composes, and Escape, then Tab always leads out.
if (globalThis.writing) {
  const { body, root, isComposing, act } = globalThis.writing;
  const isMac = /Mac|iPhone|iPad/.test(navigator.platform);
  // What each tool says of itself: by place where a shifted sign is another one on every layout, by letter elsewhere.
  const codeOf = (key) => (/^\d$/.test(key) ? `Digit${key}` : /^[A-Z]$/.test(key) ? `Key${key}` : key === "/" ? "Slash" : key);
  const SHORTCUTS = {};
  for (const button of root.querySelectorAll("[role=toolbar] [aria-keyshortcuts]")) {
    const keys = button.getAttribute("aria-keyshortcuts").split("+");
    SHORTCUTS[keys.includes("Shift") ? `shift+${codeOf(keys.at(-1))}` : keys.at(-1).toLowerCase()] = button.dataset.act;
  }
  let isLeaving = false;

  const shortcutOf = (event) => {
    // On a Mac, Ctrl with a letter moves the cursor, and ⌘⇧H and ⌘⇧/ belong to the browser.
    const isTaken = event.ctrlKey && event.shiftKey && ["KeyH", "Slash"].includes(event.code);
    const isHeld = isMac && !isTaken ? event.metaKey && !event.ctrlKey : event.ctrlKey && !event.metaKey;
    if (!isHeld || event.altKey) {
      return undefined;
    }
    const letter = /^[a-z/]$/i.test(event.key) ? event.key.toLowerCase() : event.code.replace(/^Key/, "").toLowerCase();
    return SHORTCUTS[event.shiftKey ? `shift+${event.code.replace("NumpadEnter", "Enter")}` : letter];
  };

  // The edit that a plain key makes, or null where it does what it always does.
  const editOf = (event) => {
    const { value, selectionStart: start, selectionEnd: end } = body;
    if (event.key === "Enter" && !event.shiftKey) {
      return globalThis.marks.nextItem(value, start, end);
    }
    return event.key === "Tab" && !isLeaving ? globalThis.marks.indent(value, start, end, event.shiftKey) : null;
  };

  body.addEventListener("keydown", (event) => {
    if (isComposing(event)) {
      return;
    }
    const name = shortcutOf(event);
    if (name) {
      event.preventDefault();
      globalThis.writing.run(name);
    } else if (event.altKey && event.key === "F10") {
      event.preventDefault();
      globalThis.writing.enterToolbar();
    } else if (!event.ctrlKey && !event.metaKey && !event.altKey) {
      const edit = editOf(event);
      if (edit) {
        event.preventDefault();
        act(() => edit);
      }
    }
    if (event.key === "Escape") {
      isLeaving = true;
    } else if (!["Tab", "Shift"].includes(event.key)) {
      isLeaving = false;
    }
  });
  for (const kind of ["blur", "pointerdown"]) {
    body.addEventListener(kind, () => { isLeaving = false; });
  }

  globalThis.writing.shortcutOf = shortcutOf;

  // A title is one line: Enter goes on to the text.
  const title = document.getElementById("id_title");
  title?.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && !isComposing(event) && !event.ctrlKey && !event.metaKey) {
      event.preventDefault();
      body.focus();
    }
  });

  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && !isComposing(event) && !document.querySelector("dialog[open]") && !event.defaultPrevented) {
      globalThis.writing.leaveFull();
    }
  });
}
