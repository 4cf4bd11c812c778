"use strict";
// The text being written. Every change goes through the browser's own undo: Ctrl+Z takes back what a button did.
globalThis.writing = (() => {
  const body = document.getElementById("id_body");
  const root = document.getElementById("writing");
  if (!root || body?.localName !== "textarea") {
    return null;
  }

  // Safari sends the Enter that ends a composition after the end, with this code and isComposing false.
  const isComposing = (event) => event.isComposing || event.keyCode === 229;

  const command = (text) => (text ? document.execCommand("insertText", false, text) : document.execCommand("delete"));

  const tell = (inputType, data = null) => body.dispatchEvent(new InputEvent("input", { bubbles: true, inputType, data }));

  // Chromium inserts line by line and draws the whole text for each: some hundred lines take seconds. More than a few are
  // put in at once instead, a step that the browser's undo knows nothing of; it is taken back here.
  const MOST_LINES = 20;
  const steps = [];

  const putAtOnce = (start, end, text) => {
    const before = body.value;
    const selection = [body.selectionStart, body.selectionEnd];
    body.setRangeText(text, start, end, "end");
    steps.push({ before, after: body.value, selection });
    tell("insertReplacementText", text);
  };

  const takeBack = (event) => {
    const step = steps.at(-1);
    if (!step || body.value !== step.after) return;
    event.preventDefault();
    steps.pop();
    body.value = step.before;
    body.setSelectionRange(...step.selection);
    tell("historyUndo");
  };

  body.addEventListener("keydown", (event) => {
    const isUndo = (event.ctrlKey || event.metaKey) && !event.shiftKey && !event.altKey && event.key.toLowerCase() === "z";
    if (isUndo && !isComposing(event)) takeBack(event);
  });
  body.addEventListener("beforeinput", (event) => { if (event.inputType === "historyUndo") takeBack(event); });

  // Puts ``text`` in place of what stands from ``start`` to ``end`` and selects from ``from`` to ``to``. One step of undo:
  // what is the same at both ends is left alone, as it is the length of an insertion that takes time.
  const replace = (start, end, text, from = start + text.length, to = from) => {
    const old = body.value.slice(start, end);
    let head = 0;
    while (head < old.length && head < text.length && old[head] === text[head]) head += 1;
    let tail = 0;
    while (tail < old.length - head && tail < text.length - head && old.at(-1 - tail) === text.at(-1 - tail)) tail += 1;
    // Half of a character is none.
    if (/[\ud800-\udbff]/.test(old[head - 1] ?? "")) head -= 1;
    if (tail && /[\udc00-\udfff]/.test(old.at(-tail))) tail -= 1;
    const insert = text.slice(head, text.length - tail);
    body.focus({ preventScroll: true });
    if (insert || old.length > head + tail) {
      const wanted = body.value.slice(0, start) + text + body.value.slice(end);
      body.setSelectionRange(start + head, end - tail);
      const isLong = insert.split("\n", MOST_LINES + 1).length > MOST_LINES;
      if (isLong || (!command(insert) && body.value !== wanted)) putAtOnce(start + head, end - tail, insert);
    }
    body.setSelectionRange(from, to);
  };

  // Carries out what a function of marks.js made of the text and its selection.
  const act = (make, ...rest) => {
    const edit = make(body.value, body.selectionStart, body.selectionEnd, ...rest);
    if (edit) {
      replace(edit.start, edit.end, edit.text, edit.from, edit.to);
    }
  };

  const fill = (template, values) => template.replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);

  const says = root.querySelector(".writing-said");
  const say = (text) => { says.textContent = text; };

  const features = () => {
    const boxes = [...document.querySelectorAll('#id_features input[type="checkbox"]')];
    return new Set(boxes.filter((box) => box.checked).map((box) => box.value));
  };
  const flavour = () => document.getElementById("id_flavour")?.value ?? "";

  return { body, root, words: root.dataset, isComposing, replace, act, fill, say, features, flavour };
})();
