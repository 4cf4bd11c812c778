"use strict";
// The dialogs: posts to link to, pictures to show, the list of keys. The browser gives the focus back when one closes.
if (globalThis.writing) {
  const { body, root, words, isComposing, act, fill } = globalThis.writing;
  const PAUSE = 200;

  // What is selected behind a modal dialog is selected no more: it is kept, and given back.
  let kept = null;
  let opener = body;
  const giveBack = () => {
    opener.focus({ preventScroll: true });
    if (kept) body.setSelectionRange(...kept);
    kept = null;
    opener = body;
  };
  const open = (dialog) => {
    if (dialog.open) return;
    kept = [body.selectionStart, body.selectionEnd];
    // To another field of the form, where it was opened there by its key; to the text after a press of a tool.
    opener = document.activeElement.matches("input, textarea, select") ? document.activeElement : body;
    dialog.showModal();
  };

  const element = (name, className, text = "") => {
    const made = document.createElement(name);
    made.className = className;
    made.textContent = text;
    return made;
  };

  const row = (choose, ...parts) => {
    const button = element("button", "writing-result");
    button.type = "button";
    button.append(...parts);
    button.addEventListener("click", choose);
    const item = document.createElement("li");
    item.append(button);
    return item;
  };

  // ``draw(result, choose)`` makes a row; ``own(query, choose)`` one for what was typed itself, or nothing.
  class SearchDialog {
    constructor(dialog, draw, choose, own = () => null) {
      Object.assign(this, { dialog, draw, choose, own, asked: 0, shown: null, wantsFirst: false });
      this.form = dialog.querySelector("form");
      this.input = dialog.querySelector("input");
      this.list = dialog.querySelector("ul");
      this.status = dialog.querySelector("[role=status]");
      this.input.addEventListener("input", (event) => { if (!event.isComposing) this.wait(); });
      this.input.addEventListener("compositionend", () => this.wait());
      this.form.addEventListener("submit", (event) => {
        event.preventDefault();
        this.takeFirst();
      });
      dialog.addEventListener("keydown", (event) => this.move(event));
    }

    open(query) {
      this.input.value = query;
      this.list.replaceChildren();
      this.status.textContent = "";
      open(this.dialog);
      this.input.select();
      this.ask();
    }

    wait() {
      clearTimeout(this.timer);
      this.timer = setTimeout(() => this.ask(), PAUSE);
    }

    async ask() {
      clearTimeout(this.timer);
      const query = this.input.value.trim();
      const asked = (this.asked += 1);
      try {
        const answer = await fetch(`${this.form.dataset.search}?${new URLSearchParams({ q: query })}`, {
          headers: { Accept: "application/json" },
        });
        // A session that has ended leads to the page of the sign-in, which is no JSON.
        const { results } = await answer.json();
        if (asked === this.asked) this.show(query, results);
      } catch (error) {
        if (asked === this.asked) this.show(query, null);
      }
    }

    show(query, results) {
      const { found, none, failed } = this.form.dataset;
      const pick = (take) => () => {
        this.dialog.close();
        giveBack();
        take();
      };
      const own = this.own(query, pick);
      this.list.replaceChildren(...[own, ...(results ?? []).map((result) => this.draw(result, pick(() => this.choose(result))))].filter(Boolean));
      this.status.textContent = results ? (results.length ? fill(found, { count: results.length }) : own ? "" : none) : failed;
      this.shown = query;
      if (this.wantsFirst) this.takeFirst();
    }

    // Enter before the answer is there means the first of what will be.
    takeFirst() {
      this.wantsFirst = this.shown !== this.input.value.trim();
      if (this.wantsFirst) this.ask();
      else this.list.querySelector("button")?.click();
    }

    move(event) {
      if (isComposing(event)) {
        // Escape ends the composition, not the dialog.
        if (event.key === "Escape") event.preventDefault();
        return;
      }
      const stops = [this.input, ...this.list.querySelectorAll("button")];
      const at = stops.indexOf(document.activeElement);
      const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
      if (step && at >= 0 && stops[at + step]) {
        event.preventDefault();
        stops[at + step].focus();
      }
    }
  }

  const chosen = () => body.value.slice(body.selectionStart, body.selectionEnd);
  const isUrl = (text) => /^(?:https?:\/\/|mailto:|\/(?!\/)|#)\S*$/i.test(text);

  const linkTo = (url, title) => act(globalThis.marks.link, url, title);
  const postLinks = new SearchDialog(
    document.getElementById("writing-link"),
    (post, choose) => row(choose, element("span", "writing-result-title", post.title), element("span", "writing-result-facts", `${post.state}　${post.path}`)),
    (post) => linkTo(post.path.replace(/[%?#]/g, encodeURIComponent), post.title),
    (query, pick) => isUrl(query) && row(pick(() => linkTo(query, "")), element("span", "writing-result-title", fill(postLinks.form.dataset.address, { url: query }))),
  );

  const drawPicture = (picture, choose) => {
    const image = element("img", "writing-result-picture");
    Object.assign(image, { src: picture.url, alt: "", loading: "lazy", decoding: "async" });
    const text = element("span", "writing-result-text");
    text.append(element("span", "writing-result-title", picture.name));
    text.append(element("span", "writing-result-facts", picture.alt || pictures.form.dataset.withoutAlt));
    return row(choose, image, text);
  };
  const pictures = new SearchDialog(document.getElementById("writing-picture"), drawPicture, (picture) =>
    act(globalThis.marks.picture, picture.url, picture.alt, picture.isDecorative ? "" : words.picture));

  const openLink = () => {
    const text = chosen();
    const whole = /^\[([^\]\n]*)\]\([^()\n]*\)$/.exec(text);
    if (whole) {
      act((value, start, end) => ({ start, end, text: whole[1], from: start, to: start + whole[1].length }));
    } else {
      postLinks.open(text.length <= 100 && !text.includes("\n") ? text : "");
    }
  };

  for (const button of root.querySelectorAll("[data-close]")) {
    button.addEventListener("click", () => button.closest("dialog").close());
  }
  for (const dialog of root.querySelectorAll("dialog")) {
    dialog.addEventListener("close", giveBack);
  }

  Object.assign(globalThis.writing, { openDialog: open, giveBack });
  globalThis.writing.dialogs = {
    giveBack,
    link: openLink,
    picture: () => pictures.open(""),
    help: () => open(document.getElementById("writing-help")),
  };
}
