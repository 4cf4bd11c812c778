"use strict";
// Pictures that are pasted, dropped or chosen: where they go, and what they show, asked for at once and in nobody's way.
if (globalThis.writing?.uploads) {
  const { body, dialogs, isComposing, fill, flavour, places, uploads, words: bodyWords } = globalThis.writing;
  const { picture: mark } = globalThis.marks;
  const tray = document.getElementById("writing-tray");
  const words = tray.dataset;
  const cover = document.getElementById("id_cover");
  const coverField = document.querySelector(".form-row.field-cover");

  body.after(tray);
  tray.hidden = false;

  const write = (picture, alt) => mark("", 0, 0, picture.url, alt, "").text;
  let order = 0;

  // --- In the text ---

  const insert = (item) => {
    const { at } = item.place;
    const before = body.value.slice(0, at);
    const lead = item.isFollowing && before && !/\n\n$/.test(before) ? (before.endsWith("\n") ? "\n" : "\n\n") : "";
    const trail = /^!\[/.test(body.value.slice(at)) ? "\n\n" : "";
    const made = `${lead}${write(item.picture, item.alt)}${trail}`;
    places.edit(at, at, made, (place) => place.order > item.order);
    item.place.at = at + lead.length;
  };

  // The picture in the text as it was written, nearest to its place: people may have moved it, or written its text themselves.
  const find = (item) => {
    const end = write(item.picture, "").slice(2);
    const found = [];
    for (let at = body.value.indexOf(end); at >= 0; at = body.value.indexOf(end, at + 1)) {
      const start = /!\[((?:[^[\]\\\n]|\\.)*)$/.exec(body.value.slice(Math.max(0, at - 2000), at));
      if (start) found.push({ start: at - start[0].length, end: at + end.length });
    }
    return found.sort((one, other) => Math.abs(one.start - item.place.at) - Math.abs(other.start - item.place.at))[0];
  };

  const rewrite = (item, picture, alt) => {
    const there = find(item);
    const made = write(picture, alt);
    if (there && body.value.slice(there.start, there.end) !== made) places.edit(there.start, there.end, made);
  };

  // --- On the cover ---

  const chooseCover = (picture) => {
    const option = new Option(picture.name, picture.id, true, true);
    cover.replaceChildren(...[...cover.options].filter((other) => !other.value), option);
    cover.dispatchEvent(new Event("change", { bubbles: true }));
    // The list that Django draws in its place listens to its own library.
    globalThis.django?.jQuery?.(cover).trigger("change");
  };

  const fillCoverAlt = (alt) => {
    const field = document.getElementById("id_cover_alt");
    if (field && !field.value && alt) {
      field.value = alt;
      field.dispatchEvent(new Event("input", { bubbles: true }));
    }
  };

  // --- What they show ---

  const panel = document.getElementById("writing-describe");
  const form = document.getElementById("writing-describe-form");
  const part = (name) => panel.querySelector(`[data-part="${name}"]`);
  const fields = { alt: part("alt"), caption: part("caption"), credit: part("credit") };
  const questions = [];
  let shown = null;

  const ask = (item) => {
    questions.push(item);
    showQuestion();
  };

  const showPicture = () => {
    const image = part("image");
    image.hidden = !shown.picture;
    if (shown.picture) image.src = shown.picture.url;
    const other = shown.alike?.[0];
    part("alike").hidden = !other;
    if (other) {
      part("alike-name").textContent = fill(words.alike, { name: other.alt || other.name });
      part("alike-image").src = other.url;
    }
  };

  const setDecorative = (isDecorative) => {
    part("decorative").checked = isDecorative;
    fields.alt.disabled = isDecorative;
  };

  const showQuestion = () => {
    const count = questions.length;
    part("place").textContent = count > 1 ? fill(words.more, { count: count - 1 }) : "";
    if (shown === (questions[0] ?? null)) return;
    shown = questions[0] ?? null;
    panel.hidden = !shown;
    if (!shown) return;
    part("name").textContent = shown.file.name;
    for (const field of Object.values(fields)) field.value = "";
    part("complaint").textContent = "";
    setDecorative(false);
    showPicture();
  };

  const leave = (item, hadFocus) => {
    questions.splice(questions.indexOf(item), 1);
    showQuestion();
    if (!hadFocus) return;
    if (shown) fields.alt.focus();
    else body.focus({ preventScroll: true });
  };

  const hasFocus = () => panel.contains(document.activeElement);

  const answer = () => {
    const item = shown;
    if (!item) return;
    const isDecorative = part("decorative").checked;
    const alt = isDecorative ? "" : fields.alt.value.trim().replace(/\s+/g, " ");
    if (!alt && !isDecorative) {
      part("complaint").textContent = words.needsAlt;
      fields.alt.focus();
      return;
    }
    item.alt = alt;
    item.answer = { alt, is_decorative: isDecorative ? "on" : "", caption: fields.caption.value, credit: fields.credit.value };
    leave(item, hasFocus());
    if (item.picture) apply(item);
  };

  const apply = (item) => {
    if (item.target === "cover") fillCoverAlt(item.alt);
    else places.whenFree(() => rewrite(item, item.picture, item.alt));
    store(item);
  };

  const store = async (item) => {
    if (!item.picture.texts) return;
    const data = new FormData();
    for (const [name, value] of Object.entries(item.answer)) data.append(name, value);
    try {
      const got = await fetch(item.picture.texts, {
        method: "POST",
        body: data,
        headers: { Accept: "application/json", "X-CSRFToken": presentToken() },
      });
      const { complaint, url } = await got.json();
      uploads.say(url ? words.described : complaint);
    } catch (error) {
      uploads.say(words.notStored);
      globalThis.writing.say(words.notStored);
    }
  };

  const useOther = () => {
    const item = shown;
    const other = item.alike[0];
    const hadFocus = hasFocus();
    const change = () => {
      if (item.target === "cover") chooseCover(other);
      else rewrite(item, other, other.alt);
      item.picture = { ...other, texts: "" };
      item.alike = [];
    };
    places.whenFree(change);
    uploads.say(fill(words.used, { name: other.name }));
    leave(item, hadFocus);
  };

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    answer();
  });
  part("later").addEventListener("click", () => leave(shown, true));
  part("use").addEventListener("click", useOther);
  part("decorative").addEventListener("change", (event) => setDecorative(event.target.checked));
  panel.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || isComposing(event)) return;
    event.preventDefault();
    event.stopPropagation();
    leave(shown, false);
    body.focus({ preventScroll: true });
  });

  // --- Bringing them ---

  const arrive = (item, got) => {
    item.picture = got;
    item.alike = got.alike;
    const isBeingAnswered = item === shown && Object.values(fields).some((field) => field.value);
    if (!item.answer && !isBeingAnswered && !got.isNew && (got.alt || got.isDecorative)) {
      // The library knows what it shows, and nobody is in the middle of saying it otherwise.
      item.alt = got.alt;
      item.answer = {};
      if (questions.includes(item)) leave(item, shown === item && hasFocus());
    } else if (item === shown) {
      showPicture();
    }
    const settle = () => {
      if (item.target === "cover") {
        chooseCover(got);
        fillCoverAlt(item.alt);
      } else {
        insert(item);
      }
      uploads.say(fill(words.added, { name: item.file.name }));
    };
    places.whenFree(settle);
    if (item.answer && Object.keys(item.answer).length) store(item);
  };

  const bring = (files, target, at = 0) => {
    const pictures = [...files].filter((file) => file.type.startsWith("image/"));
    if (pictures.length < files.length) {
      globalThis.writing.say(words.notPicture);
    }
    if (pictures.length && target === "text" && flavour() === "html") {
      globalThis.writing.say(fill(bodyWords.notInFlavour, { name: words.picture }));
      return;
    }
    pictures.slice(0, target === "cover" ? 1 : undefined).forEach((file, number) => {
      order += 1;
      const item = { file, target, order, isFollowing: number > 0, alt: "", place: places.keep(at) };
      item.place.order = order;
      ask(item);
      uploads.add(file, (got) => arrive(item, got), () => {
        places.drop(item.place);
        if (questions.includes(item)) leave(item, shown === item && hasFocus());
      });
    });
    if (pictures.length) uploads.say(words.began);
  };

  // A copied passage may hold a picture of itself beside its text: the text is what is wanted. A copied file has its own name as text.
  body.addEventListener("paste", (event) => {
    const data = event.clipboardData;
    const files = [...(data?.files ?? [])];
    const text = data?.getData("text/plain") ?? "";
    if (!files.length || (text && !files.some((file) => file.name === text.trim()))) return;
    event.preventDefault();
    bring(files, "text", body.selectionEnd);
  });

  const hasFiles = (event) => [...(event.dataTransfer?.types ?? [])].includes("Files");
  const targetOf = (event) => {
    if (coverField?.contains(event.target)) return "cover";
    return event.target.closest?.(".desk-text") ? "text" : "";
  };
  const placeOf = (event) => {
    const caret = event.target === body ? document.caretPositionFromPoint?.(event.clientX, event.clientY) : null;
    return caret?.offsetNode === body ? caret.offset : body.selectionEnd;
  };
  const light = (target) => {
    body.parentElement.classList.toggle("is-over", target === "text");
    coverField?.classList.toggle("is-over", target === "cover");
  };
  // Beside its target a dropped file would take the place of the whole page, and of what was written.
  document.addEventListener("dragover", (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    const target = targetOf(event);
    event.dataTransfer.dropEffect = target ? "copy" : "none";
    light(target);
  });
  document.addEventListener("dragleave", (event) => { if (!event.relatedTarget) light(""); });
  document.addEventListener("drop", (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    light("");
    const target = targetOf(event);
    if (target) bring(event.dataTransfer.files, target, placeOf(event));
  });

  const listen = (input, take) => {
    input.addEventListener("change", () => {
      const files = [...input.files];
      input.value = "";
      if (files.length) take(files);
    });
  };
  const dialog = document.getElementById("writing-picture");
  listen(dialog.querySelector("input[type=file]"), (files) => {
    dialog.close();
    dialogs.giveBack();
    bring(files, "text", body.selectionEnd);
  });
  if (cover && coverField) {
    const button = document.getElementById("writing-cover").content.firstElementChild.cloneNode(true);
    coverField.append(button);
    listen(button.querySelector("input"), (files) => bring(files, "cover"));
  }
}
