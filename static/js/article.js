"use strict";
// What a script adds to an article: the place in its contents, its notes beside their marks, its address to be passed on.
// Without it everything can be read: marks lead to the notes, and links share.
(() => {
  // What a fragment names. Authors write "#50%", too, which is no encoding of anything.
  const find = (hash) => {
    try {
      return document.getElementById(decodeURIComponent(hash.slice(1)));
    } catch (error) {
      if (!(error instanceof URIError)) throw error;
      return document.getElementById(hash.slice(1));
    }
  };

  // --- Contents: the part that is being read ---

  const nav = document.querySelector(".outline");
  const parts = [...document.querySelectorAll(".outline a")]
    .map((link) => ({ link, heading: find(link.hash) }))
    .filter((part) => part.heading);

  const follow = () => {
    const line = innerHeight * 0.3;
    const current = parts.findLast((part) => part.heading.getBoundingClientRect().top <= line)?.link;
    for (const { link } of parts) {
      if (link === current) link.setAttribute("aria-current", "true");
      else link.removeAttribute("aria-current");
    }
    if (!current) return;
    // Only the list itself is moved: scrollIntoView() would move the page too.
    const { offsetTop, offsetHeight } = current;
    if (offsetTop < nav.scrollTop || offsetTop + offsetHeight > nav.scrollTop + nav.clientHeight) {
      nav.scrollTop = offsetTop - nav.clientHeight / 2;
    }
  };
  if (parts.length) {
    const watcher = new IntersectionObserver(follow, { rootMargin: "0px 0px -70% 0px" });
    for (const { heading } of parts) watcher.observe(heading);
  }

  // --- Notes ---

  const GAP = 8;
  const marks = [...document.querySelectorAll('.prose sup > a[href^="#"]')]
    .map((mark) => ({ mark, note: find(mark.hash) }))
    .filter(({ note }) => note?.closest("[role=doc-endnotes]"));

  const makeBox = () => {
    const box = document.createElement("div");
    box.className = "note prose";
    box.popover = "manual";
    document.querySelector(".article").append(box);
    return box;
  };

  const place = (box, mark) => {
    const at = mark.getBoundingClientRect();
    const room = document.documentElement.clientWidth - box.offsetWidth - 2 * GAP;
    const left = Math.max(GAP, Math.min(at.left - 2 * GAP, room + GAP));
    const isAbove = at.bottom + GAP + box.offsetHeight > innerHeight && at.top > box.offsetHeight + GAP;
    const top = isAbove ? at.top - box.offsetHeight - GAP : at.bottom + GAP;
    box.style.left = `${left + scrollX}px`;
    box.style.top = `${top + scrollY}px`;
  };

  const preview = () => {
    const box = makeBox();
    let timer;
    let shown = null;
    const hide = () => {
      clearTimeout(timer);
      if (shown) box.hidePopover();
      shown = null;
    };
    const show = ({ mark, note }) => {
      clearTimeout(timer);
      if (shown === mark) return;
      hide();
      const copy = note.cloneNode(true);
      copy.querySelectorAll("[role=doc-backlink]").forEach((link) => link.remove());
      // Two elements of one name would lead links astray.
      copy.querySelectorAll("[id]").forEach((element) => element.removeAttribute("id"));
      box.lang = note.closest("[lang]").lang;
      box.replaceChildren(...copy.childNodes);
      box.showPopover();
      place(box, mark);
      shown = mark;
    };
    const later = (step, delay) => {
      clearTimeout(timer);
      timer = setTimeout(step, delay);
    };
    for (const pair of marks) {
      const { mark } = pair;
      mark.addEventListener("pointerenter", (event) => { if (event.pointerType === "mouse") later(() => show(pair), 150); });
      mark.addEventListener("pointerleave", (event) => { if (event.pointerType === "mouse") later(hide, 250); });
      mark.addEventListener("focus", () => { if (mark.matches(":focus-visible")) show(pair); });
      mark.addEventListener("blur", () => { if (!box.matches(":hover")) later(hide, 0); });
      mark.addEventListener("click", (event) => {
        // A finger cannot rest on a mark: its first touch shows the note here, the second goes to it.
        if (event.pointerType !== "touch" || shown === mark) return hide();
        event.preventDefault();
        show(pair);
      });
    }
    box.addEventListener("pointerenter", () => clearTimeout(timer));
    box.addEventListener("pointerleave", () => later(hide, 250));
    document.addEventListener("keydown", (event) => { if (event.key === "Escape") hide(); });
    document.addEventListener("pointerdown", (event) => {
      if (shown && !box.contains(event.target) && !shown.contains(event.target)) hide();
    });
  };
  if (marks.length && HTMLElement.prototype.showPopover) preview();

  // --- Sharing ---

  const address = document.querySelector("link[rel=canonical]").href;
  const acts = {
    send: navigator.share && (() => navigator.share({ title: document.title, url: address })),
    copy: navigator.clipboard && (() => navigator.clipboard.writeText(address)),
  };
  for (const button of document.querySelectorAll("button[data-share]")) {
    const act = acts[button.dataset.share];
    if (!act) continue;
    button.closest("[hidden]").hidden = false;
    button.addEventListener("click", async () => {
      try {
        await act();
        if (button.dataset.done) button.textContent = button.dataset.done;
      } catch (error) {
        // A reader who closes the list of programs has changed their mind; a browser that may not copy says why.
        if (error.name !== "AbortError") button.textContent = button.dataset.failed;
      }
    });
  }
})();
