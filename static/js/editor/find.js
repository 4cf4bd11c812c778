"use strict";
// Find and replace in the text. A text field shows no selection while the focus is elsewhere, so that what was found is
// marked on a copy of the text behind it, which exists only while the bar is open.
if (globalThis.writing) {
  const { body, root, isComposing, replace, fill } = globalThis.writing;
  const PAUSE = 150;
  const MOST_MARKS = 2000;
  const bar = root.querySelector(".writing-find");
  const button = root.querySelector('[data-act="find"]');
  const part = (name) => bar.querySelector(`[data-find="${name}"]`);
  const count = bar.querySelector("[role=status]");
  const mirror = document.createElement("div");
  mirror.className = "writing-mirror body-text";
  mirror.setAttribute("aria-hidden", "true");
  let found = [];
  let current = -1;
  let timer;

  // Full-width letters, half-width kana (two of which may be one) and capitals as the plain ones; where each came from.
  const VOICED = /^[\uff66-\uff9d][\uff9e\uff9f]$/;
  const fold = (text) => {
    const places = [];
    let folded = "";
    for (let at = 0; at < text.length; at += 1) {
      const pair = text.slice(at, at + 2);
      const isPair = VOICED.test(pair) && pair.normalize("NFKC").length === 1;
      const sign = isPair ? pair : text[at];
      const code = sign.charCodeAt(0);
      const plain = code === 0x3000 || (code >= 0xff01 && code <= 0xffee) ? sign.normalize("NFKC") : sign;
      const lower = plain.toLowerCase();
      places.push(at);
      folded += lower.length === 1 ? lower : sign[0];
      if (isPair) at += 1;
    }
    places.push(text.length);
    return { folded, places };
  };

  const findAll = (text, word, isAlike) => {
    const { folded, places } = isAlike ? fold(text) : { folded: text, places: null };
    const wanted = isAlike ? fold(word).folded : word;
    const all = [];
    for (let at = folded.indexOf(wanted); wanted && at >= 0; at = folded.indexOf(wanted, at + wanted.length)) {
      const end = at + wanted.length;
      all.push(places ? [places[at], places[end]] : [at, end]);
    }
    return all;
  };

  // --- What is shown ---

  const place = () => {
    Object.assign(mirror.style, {
      insetBlockStart: `${body.offsetTop}px`,
      insetInlineStart: `${body.offsetLeft}px`,
      inlineSize: `${body.clientWidth}px`,
      blockSize: `${body.clientHeight}px`,
    });
    mirror.scrollTop = body.scrollTop;
  };

  const draw = () => {
    const pieces = [];
    let at = 0;
    // Around the current one where there are too many to draw.
    const from = Math.max(0, Math.min(current - MOST_MARKS / 2, found.length - MOST_MARKS));
    for (const [index, [start, end]] of found.slice(from, from + MOST_MARKS).entries()) {
      const mark = document.createElement("mark");
      mark.textContent = body.value.slice(start, end);
      mark.classList.toggle("is-current", from + index === current);
      pieces.push(body.value.slice(at, start), mark);
      at = end;
    }
    mirror.replaceChildren(...pieces, `${body.value.slice(at)}\n`);
    place();
  };

  const tell = (text) => { count.textContent = text; };

  const tellPlace = () => {
    const { none, found: template, many } = bar.dataset;
    const values = { place: current + 1, count: found.length };
    tell(!part("word").value ? "" : !found.length ? none : current < 0 ? fill(many, values) : fill(template, values));
  };

  const show = () => {
    draw();
    const mark = mirror.querySelector(".is-current");
    if (mark) {
      body.setSelectionRange(...found[current]);
      body.scrollTop = Math.max(0, mark.offsetTop - body.clientHeight / 2);
      mirror.scrollTop = body.scrollTop;
      mark.scrollIntoView({ block: "center", inline: "nearest" });
    }
    tellPlace();
  };

  // Looks again, and makes the first one at or after ``from`` the current one.
  const look = (from) => {
    clearTimeout(timer);
    found = findAll(body.value, part("word").value, part("alike").checked);
    current = found.findIndex(([start]) => start >= from);
    if (current < 0 && found.length) current = 0;
  };

  const step = (by) => {
    const before = current;
    look(body.selectionStart);
    const isThere = current >= 0 && found[current][0] === body.selectionStart && found[current][1] === body.selectionEnd;
    if (found.length && before >= 0 && isThere) current = (current + by + found.length) % found.length;
    else if (found.length && by < 0) current = (current - 1 + found.length) % found.length;
    show();
  };

  const keepingFocus = (change) => {
    const focused = document.activeElement;
    change();
    focused.focus({ preventScroll: true });
  };

  const replaceOne = () => {
    look(body.selectionStart);
    if (current < 0) return tellPlace();
    const [start, end] = found[current];
    if (start !== body.selectionStart || end !== body.selectionEnd) return show();
    const text = part("replacement").value;
    keepingFocus(() => replace(start, end, text));
    look(start + text.length);
    return show();
  };

  const replaceAll = () => {
    look(0);
    const number = found.length;
    if (!number) return tellPlace();
    const [first, last] = [found[0][0], found.at(-1)[1]];
    let made = "";
    let at = first;
    for (const [start, end] of found) {
      made += body.value.slice(at, start) + part("replacement").value;
      at = end;
    }
    keepingFocus(() => replace(first, last, made));
    look(0);
    current = -1;
    draw();
    return tell(fill(bar.dataset.replaced, { count: number }));
  };

  // --- Open and closed ---

  const open = () => {
    const chosen = body.value.slice(body.selectionStart, body.selectionEnd);
    if (chosen && chosen.length <= 100 && !chosen.includes("\n")) part("word").value = chosen;
    bar.hidden = false;
    body.before(mirror);
    button.setAttribute("aria-expanded", "true");
    part("word").focus();
    part("word").select();
    look(body.selectionStart);
    show();
  };

  const close = () => {
    bar.hidden = true;
    mirror.remove();
    button.setAttribute("aria-expanded", "false");
    body.focus({ preventScroll: true });
  };

  const later = (change) => {
    clearTimeout(timer);
    timer = setTimeout(change, PAUSE);
  };

  const lookFromHere = () => {
    look(body.selectionStart);
    show();
  };

  part("word").addEventListener("input", (event) => { if (!event.isComposing) later(lookFromHere); });
  part("word").addEventListener("compositionend", () => later(lookFromHere));
  part("alike").addEventListener("change", lookFromHere);
  // Only while somebody types in the text itself: what the bar changes it shows itself.
  body.addEventListener("input", () => {
    if (!bar.hidden && document.activeElement === body) {
      later(() => {
        look(body.selectionStart);
        current = -1;
        draw();
        tellPlace();
      });
    }
  });
  body.addEventListener("scroll", () => { mirror.scrollTop = body.scrollTop; });
  new ResizeObserver(() => { if (!bar.hidden) place(); }).observe(body);

  bar.addEventListener("keydown", (event) => {
    if (isComposing(event)) return;
    const isField = event.target === part("word") || event.target === part("replacement");
    if (event.key === "Escape") {
      event.preventDefault();
      close();
    } else if (event.key === "Enter" && isField) {
      event.preventDefault();
      if (event.target === part("replacement")) replaceOne();
      else step(event.shiftKey ? -1 : 1);
    }
  });
  document.getElementById("writing-find-form").addEventListener("submit", (event) => event.preventDefault());
  part("next").addEventListener("click", () => step(1));
  part("previous").addEventListener("click", () => step(-1));
  part("replace").addEventListener("click", replaceOne);
  part("all").addEventListener("click", replaceAll);
  part("close").addEventListener("click", close);

  globalThis.writing.find = { toggle: () => (bar.hidden ? open() : close()) };
}
