"use strict";
// Places in the text that stay where they are while somebody writes on, and edits there that leave the writer alone.
if (globalThis.writing) {
  const { body, replace } = globalThis.writing;
  const places = new Set();
  let before = body.value;
  let isOurs = false;
  let composing = false;
  const waiting = [];

  // What is put in at a place stands behind it: a picture that was pasted first comes first.
  const follow = () => {
    const now = body.value;
    if (!isOurs && places.size && now !== before) {
      let head = 0;
      while (head < before.length && before[head] === now[head]) head += 1;
      let tail = 0;
      const most = Math.min(before.length, now.length) - head;
      while (tail < most && before.at(-1 - tail) === now.at(-1 - tail)) tail += 1;
      for (const place of places) {
        if (place.at > head) place.at = place.at >= before.length - tail ? place.at + now.length - before.length : head;
      }
    }
    before = now;
  };
  body.addEventListener("input", follow);

  const keep = (at) => {
    follow();
    const place = { at };
    places.add(place);
    return place;
  };
  const drop = (place) => places.delete(place);

  // The browser's undo needs the focus in the text. It goes back to where it was, and so do the cursor and the page.
  const edit = (start, end, text, push = () => false) => {
    const focused = document.activeElement;
    const top = window.scrollY;
    const [from, to] = [body.selectionStart, body.selectionEnd];
    const moved = (at) => (at >= end ? at + text.length - (end - start) : Math.min(at, start + text.length));
    follow();
    isOurs = true;
    replace(start, end, text, moved(from), moved(to));
    isOurs = false;
    before = body.value;
    for (const place of places) {
      if (place.at > start || (place.at === start && push(place))) place.at = moved(place.at);
    }
    if (focused && focused !== body && focused !== document.body) focused.focus({ preventScroll: true });
    if (focused !== body) window.scrollTo({ top, behavior: "instant" });
  };

  // Nothing is put into the text under an open composition, nor behind a dialog that has the focus.
  const isBusy = () => composing || document.querySelector("dialog:modal") !== null;
  const run = () => {
    while (waiting.length && !isBusy()) waiting.shift()();
  };
  const whenFree = (act) => {
    waiting.push(act);
    run();
  };
  document.addEventListener("compositionstart", () => { composing = true; }, true);
  document.addEventListener("compositionend", () => {
    composing = false;
    setTimeout(run);
  }, true);
  document.addEventListener("close", () => setTimeout(run), true);

  Object.assign(globalThis.writing, { places: { keep, drop, edit, whenFree } });
}
