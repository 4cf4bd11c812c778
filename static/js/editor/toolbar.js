"use strict";
// The tools above the text: their places, what each does, and one stop of the Tab key for all of them.
if (globalThis.writing) {
  const { body, root, words, act, fill, say, features, flavour, dialogs, find } = globalThis.writing;
  const marks = globalThis.marks;
  const bar = root.querySelector(".writing-bar");
  const tools = root.querySelector("[role=toolbar]");
  const buttons = [...tools.querySelectorAll("button")];
  const buttonOf = (name) => tools.querySelector(`[data-act="${name}"]`);

  // After the text, so that Tab leads from the title into it; the style sheet shows them above.
  body.after(bar);
  document.querySelector(".desk-text > .desk-count")?.remove();
  document.querySelector(".desk-text").append(root.querySelector('[data-writing="count"]'));
  root.hidden = false;
  document.body.classList.add("has-writing-tools");

  const ACTS = {
    bold: () => act(marks.wrap, "**", words.bold),
    italic: () => act(marks.wrap, "*", words.italic),
    heading: () => act(marks.heading),
    link: dialogs.link,
    bullets: () => act(marks.list, "bullets"),
    numbers: () => act(marks.list, "numbers"),
    quote: () => act(marks.quote),
    code: () => act(marks.code, words.code),
    table: () => act(marks.table, words.column),
    footnote: () => act(marks.footnote),
    ruby: () => act(marks.ruby, words.base, words.reading),
    picture: dialogs.picture,
    callout: () => act(marks.callout, features(), words.callout),
    find: find.toggle,
    full: () => setFull(!document.body.classList.contains("is-full-screen")),
    help: dialogs.help,
    guide: dialogs.guide,
  };

  const isKnown = (button) => {
    const needs = button.dataset.needs?.split(" ");
    const has = features();
    return !("markdown" in button.dataset && flavour() === "html") && (!needs || needs.some((name) => has.has(name)));
  };

  const run = (name) => {
    const button = buttonOf(name);
    say(isKnown(button) ? "" : fill(words.notInFlavour, { name: button.textContent }));
    if (isKnown(button)) ACTS[name]();
  };

  const showKnown = () => {
    for (const button of buttons) {
      button.toggleAttribute("aria-disabled", false);
      if (!isKnown(button)) button.setAttribute("aria-disabled", "true");
    }
  };

  // --- One stop, arrow keys within ---

  const goTo = (button) => {
    for (const other of buttons) other.tabIndex = other === button ? 0 : -1;
    button.focus();
  };

  const STEPS = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 };
  tools.addEventListener("keydown", (event) => {
    const at = buttons.indexOf(document.activeElement);
    if (event.key === "Escape") {
      body.focus();
    } else if (event.key in STEPS) {
      event.preventDefault();
      goTo(buttons[(at + STEPS[event.key] + buttons.length) % buttons.length]);
    } else if (event.key === "Home" || event.key === "End") {
      event.preventDefault();
      goTo(buttons.at(event.key === "Home" ? 0 : -1));
    }
  });
  for (const button of buttons) {
    button.tabIndex = button === buttons[0] ? 0 : -1;
    // A press with the pointer leaves the focus, and on telephones the keyboard, where the writer is.
    button.addEventListener("pointerdown", (event) => { if (document.activeElement === body) event.preventDefault(); });
    button.addEventListener("mousedown", (event) => { if (document.activeElement === body) event.preventDefault(); });
    button.addEventListener("click", () => run(button.dataset.act));
    const keys = button.getAttribute("aria-keyshortcuts");
    if (keys) button.title = keys.replace("Control", "Ctrl");
  }
  document.addEventListener("change", (event) => {
    if (event.target.closest("#id_features") || event.target.id === "id_flavour") showKnown();
  });
  showKnown();

  // --- Full screen: the text alone, with the buttons that save it ---

  const setFull = (isFull) => {
    document.body.classList.toggle("is-full-screen", isFull);
    buttonOf("full").setAttribute("aria-pressed", String(isFull));
    body.focus();
  };
  const leaveFull = () => {
    if (document.body.classList.contains("is-full-screen")) setFull(false);
  };

  // The bar of the desk may take two lines; the tools stay below it.
  const desk = document.querySelector(".desk-bar");
  const measure = () => {
    const height = getComputedStyle(desk).position === "sticky" ? desk.offsetHeight : 0;
    document.documentElement.style.setProperty("--desk-bar-height", `${height}px`);
  };
  new ResizeObserver(measure).observe(desk);
  window.addEventListener("resize", measure);

  Object.assign(globalThis.writing, { run, leaveFull, enterToolbar: () => goTo(buttons.find((button) => button.tabIndex === 0)) });
}
