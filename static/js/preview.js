"use strict";
// The post beside its text, drawn by the server as the site draws it. Without this script the Preview button does it.
(() => {
  const panel = document.getElementById("live-preview");
  const form = panel?.closest("form");
  const text = document.getElementById("id_body");
  if (!panel || !form || !text) {
    return;
  }

  const PAUSE = 250;
  const PATIENCE = 30000;
  const [FIRST_RETRY, LAST_RETRY] = [3000, 60000];
  const WIDTHS = { phone: 390, desktop: 1280 };
  const WIDE = matchMedia("(min-width: 75rem)");
  const columns = panel.closest(".desk-columns");
  const frame = panel.querySelector("iframe");
  const stage = panel.querySelector(".live-body");
  const fold = panel.querySelector(".live-fold");
  const lines = panel.querySelector(".live-status");
  const dark = panel.querySelector("[data-dark]");
  const looks = columns.querySelector(".live-switch");
  const views = [...panel.querySelectorAll("[data-view]")];

  // --- What the browser remembers ---

  function recall(name, otherwise) {
    try {
      return localStorage.getItem(`kawaraban.preview.${name}`) ?? otherwise;
    } catch {
      return otherwise;
    }
  }

  function remember(name, value) {
    try {
      localStorage.setItem(`kawaraban.preview.${name}`, value);
    } catch {
      // A browser that keeps nothing begins anew each time.
    }
  }

  let view = "phone";
  let isDark = null;

  // --- What is said ---

  let said = "";

  function say(message, asksToSignIn = false) {
    lines.classList.toggle("is-said", message !== "");
    lines.querySelector("a").hidden = !asksToSignIn;
    // The same sentence set again would be read aloud again.
    if (message !== said) {
      said = message;
      lines.querySelector("span").textContent = message;
    }
  }

  // --- Asking ---

  let timer = 0;
  let isAsking = false;
  let isLeaving = false;
  let request = new AbortController();
  let isComposing = false;
  let isWanted = false;
  let hasEnded = false;
  let number = 0;
  let shown = "";
  let retry = FIRST_RETRY;

  const isSeen = () => (WIDE.matches ? !columns.classList.contains("is-folded") : columns.classList.contains("is-looking"));

  function plan(pause = PAUSE) {
    number += 1;
    later(pause);
  }

  function later(pause) {
    clearTimeout(timer);
    timer = setTimeout(ask, pause);
  }

  function address() {
    return view in WIDTHS ? panel.dataset.address : `${panel.dataset.address}?view=${view}`;
  }

  async function ask() {
    if (isLeaving) {
      return;
    }
    if (!isSeen() || isComposing) {
      isWanted = true;
      return;
    }
    if (isAsking) {
      isWanted = true;
      return;
    }
    const data = new FormData(form);
    data.delete("csrfmiddlewaretoken");
    const content = JSON.stringify([address(), ...[...data].map(([name, value]) => [name, String(value)])]);
    isWanted = false;
    if (content === shown) {
      return;
    }
    const asked = number;
    isAsking = true;
    panel.setAttribute("aria-busy", "true");
    const waiting = setTimeout(() => panel.classList.add("is-waiting"), 600);
    const outcome = await fetchPage(data);
    clearTimeout(waiting);
    isAsking = false;
    panel.classList.remove("is-waiting");
    panel.removeAttribute("aria-busy");
    if (asked === number) {
      take(outcome, content);
    } else if (isWanted) {
      // What came is older than the text; the newest is asked for, once the hands rest.
      later(0);
    }
  }

  async function fetchPage(data) {
    request = new AbortController();
    const limit = setTimeout(() => request.abort(), PATIENCE);
    try {
      const answer = await fetch(address(), {
        method: "POST",
        body: data,
        headers: { Accept: "application/json", "X-CSRFToken": presentToken() },
        cache: "no-store",
        signal: request.signal,
      });
      const isData = (answer.headers.get("Content-Type") ?? "").startsWith("application/json");
      if (isData) {
        return { answer: await answer.json(), status: answer.status };
      }
      const page = await answer.text();
      const asksToSignIn = answer.redirected || page.includes('name="sign-in-username"') || page.includes('id="login-form"');
      return { status: answer.status, asksToSignIn };
    } catch {
      return { status: 0 };
    } finally {
      clearTimeout(limit);
    }
  }

  function take(outcome, content) {
    const { answer, status, asksToSignIn } = outcome;
    if (answer?.html !== undefined) {
      shown = content;
      retry = FIRST_RETRY;
      renewToken();
      paint(answer);
      say(answer.complaints.join(" "));
      return;
    }
    hasEnded = Boolean(asksToSignIn);
    if (hasEnded) {
      say(panel.dataset.ended, true);
    } else if (answer) {
      say(answer.complaints.join(" "));
    } else if (status === 403 || status === 404) {
      say(panel.dataset.refused);
    } else if (status === 400 || status === 413) {
      say(panel.dataset.large);
    } else if (status === 0 || status === 502 || status === 503 || status === 504) {
      say(panel.dataset.lost);
      later(retry);
      retry = Math.min(retry * 2, LAST_RETRY);
    } else {
      say(panel.dataset.failed);
    }
  }

  // After a sign-in in another window the form itself can be saved again.
  function renewToken() {
    if (hasEnded) {
      hasEnded = false;
      form.elements.csrfmiddlewaretoken.value = presentToken();
    }
  }

  // --- Showing ---

  let latest = null;

  function paint(answer) {
    latest = answer;
    const inside = frame.contentDocument;
    if (!begun || inside !== begun) {
      return;
    }
    const fresh = new DOMParser().parseFromString(answer.html, "text/html");
    for (const element of fresh.querySelectorAll('script, base, meta[http-equiv], link[rel~="alternate"], link[rel~="icon"], link[rel~="canonical"]')) {
      element.remove();
    }
    inside.head.querySelector("base").href = location.origin + new URL(answer.address, location.href).pathname;
    setTheme(fresh.documentElement);
    const window_ = frame.contentWindow;
    const place = [window_.scrollX, window_.scrollY];
    mendAttributes(inside.documentElement, fresh.documentElement);
    mend(inside.head, fresh.head);
    mend(inside.body, fresh.body);
    window_.scrollTo({ left: place[0], top: place[1], behavior: "instant" });
    forget();
    follow();
  }

  // Changes only what differs: what stays keeps its pictures, its place and what is unfolded in it.
  function mend(old, fresh) {
    mendAttributes(old, fresh);
    mendChildren(old, fresh);
  }

  function mendAttributes(old, fresh) {
    for (const { name } of [...old.attributes]) {
      if (!fresh.hasAttribute(name) && !(name === "open" && old.localName === "details")) {
        old.removeAttribute(name);
      }
    }
    for (const { name, value } of fresh.attributes) {
      if (old.getAttribute(name) !== value) {
        old.setAttribute(name, value);
      }
    }
  }

  function mendChildren(parent, freshParent) {
    // The frame's own, without which addresses on the page would begin at the desk's.
    const old = [...parent.childNodes].filter((node) => node.localName !== "base");
    const fresh = [...freshParent.childNodes];
    let start = 0;
    while (start < old.length && start < fresh.length && old[start].isEqualNode(fresh[start])) {
      start += 1;
    }
    let end = 0;
    while (end < old.length - start && end < fresh.length - start && old.at(-1 - end).isEqualNode(fresh.at(-1 - end))) {
      end += 1;
    }
    const leaving = old.slice(start, old.length - end);
    const coming = fresh.slice(start, fresh.length - end);
    if (leaving.length === coming.length && leaving.every((node, place) => isSameKind(node, coming[place]))) {
      leaving.forEach((node, place) => mend(node, coming[place]));
      return;
    }
    const after = old[old.length - end] ?? null;
    for (const node of leaving) {
      node.remove();
    }
    for (const node of coming) {
      parent.insertBefore(parent.ownerDocument.adoptNode(node), after);
    }
  }

  function isSameKind(old, fresh) {
    return old.nodeType === Node.ELEMENT_NODE && fresh.nodeType === Node.ELEMENT_NODE && old.localName === fresh.localName
      && old.id === fresh.id && old.namespaceURI === fresh.namespaceURI && old.localName !== "link";
  }

  function setTheme(root) {
    const desk = document.documentElement.dataset.theme;
    const isDeskDark = desk === "dark" || (desk !== "light" && matchMedia("(prefers-color-scheme: dark)").matches);
    const chosen = isDark ?? isDeskDark;
    dark.setAttribute("aria-pressed", String(chosen));
    root.dataset.theme = chosen ? "dark" : "light";
  }

  function fit() {
    const width = WIDTHS[view] ?? Math.max(stage.clientWidth, WIDTHS.phone);
    const scale = Math.min(1, stage.clientWidth / width);
    if (!scale) {
      return;
    }
    frame.style.inlineSize = `${width}px`;
    frame.style.blockSize = `${stage.clientHeight / scale}px`;
    frame.style.transform = `translateX(${Math.max(0, (stage.clientWidth - width * scale) / 2)}px) scale(${scale})`;
    forget();
  }

  // A link in the preview leads out of it, and a place on the page stays a place on the page.
  function press(event) {
    const link = event.target.closest?.("a[href]");
    if (!link) {
      return;
    }
    event.preventDefault();
    const target = new URL(link.href);
    if (target.hash && target.pathname === new URL(frame.contentDocument.baseURI).pathname) {
      frame.contentDocument.getElementById(decodeURIComponent(target.hash.slice(1)))?.scrollIntoView();
    } else if (target.protocol === "https:" || target.protocol === "http:") {
      window.open(target.href, "_blank", "noopener");
    }
  }

  function begin() {
    const inside = frame.contentDocument;
    if (inside?.URL !== "about:srcdoc" || inside.readyState !== "complete" || inside === begun) {
      return;
    }
    begun = inside;
    // Readers' style sheets follow the device alone; nothing of the choice here is sent to them.
    const sheet = new frame.contentWindow.CSSStyleSheet();
    sheet.replaceSync(':root[data-theme="light"] { color-scheme: only light; } :root[data-theme="dark"] { color-scheme: only dark; }');
    inside.adoptedStyleSheets = [sheet];
    inside.addEventListener("click", press);
    inside.addEventListener("load", forget, true);
    inside.addEventListener("scroll", () => lead("frame"), { passive: true });
    for (const name of ["wheel", "touchstart", "pointerdown", "keydown"]) {
      inside.addEventListener(name, () => { leader = "frame"; }, { passive: true, capture: true });
    }
    setTheme(inside.documentElement);
    if (latest) {
      paint(latest);
    }
  }

  let begun = null;
  frame.addEventListener("load", begin);

  // --- Scrolling together, block by block ---

  let leader = "text";
  let typedAt = 0;
  let anchors = null;
  let sourceHeights = null;
  let shownHeights = null;
  let isDue = false;

  function forget() {
    anchors = sourceHeights = shownHeights = null;
  }

  // Letters and digits only, with the place of each: marks are what source and page do not share.
  function squeeze(source) {
    const places = [];
    let letters = "";
    for (const match of source.matchAll(/[\p{L}\p{N}]+/gu)) {
      letters += match[0];
      for (let place = 0; place < match[0].length; place += 1) {
        places.push(match.index + place);
      }
    }
    return { letters, places };
  }

  // Each block of the page is looked for after the one before it, so that one that is not found misleads no other.
  function findAnchors() {
    const prose = frame.contentDocument?.querySelector(".prose");
    if (!prose) {
      return [];
    }
    const { letters, places } = squeeze(text.value);
    const found = [];
    let from = 0;
    for (const block of prose.querySelectorAll("h1, h2, h3, h4, h5, h6, p, li, pre, tr, dt, dd, summary")) {
      if (block.closest('section.footnotes, .footnotes, [role="doc-endnotes"]')) {
        continue;
      }
      const words = block.textContent.slice(0, 200).match(/[\p{L}\p{N}]+/gu)?.join("") ?? "";
      const at = findWords(letters, words, from, /^h\d$/.test(block.localName));
      if (at >= 0) {
        found.push({ place: lineStart(places[at]), block });
        from = at + 1;
      }
    }
    return found.filter((anchor, index) => index === 0 || anchor.place > found[index - 1].place);
  }

  function findWords(letters, words, from, isHeading) {
    for (const length of [24, 12, 6]) {
      const wanted = words.slice(0, length);
      if (!wanted || (length < 24 && words.length < length && length !== 12 && !isHeading)) {
        continue;
      }
      const at = letters.indexOf(wanted, from);
      const reach = wanted.length >= 24 || (isHeading && wanted.length >= 12) ? Infinity : 40 * wanted.length + 200;
      if (at >= 0 && at - from <= reach) {
        return at;
      }
    }
    return -1;
  }

  const lineStart = (place) => text.value.lastIndexOf("\n", place - 1) + 1;

  // Where the lines stand in the text area, which does not tell: the same text, wrapped alike, that can be asked.
  function measureSource() {
    const mirror = document.createElement("div");
    mirror.className = "live-mirror";
    mirror.setAttribute("aria-hidden", "true");
    const style = getComputedStyle(text);
    for (const name of ["fontFamily", "fontSize", "fontWeight", "lineHeight", "letterSpacing", "wordSpacing", "tabSize", "paddingLeft", "paddingRight", "textIndent", "direction", "wordBreak", "lineBreak", "fontFeatureSettings"]) {
      mirror.style[name] = style[name];
    }
    mirror.style.width = `${text.clientWidth}px`;
    const marks = anchors.map((anchor, index) => {
      const mark = document.createElement("span");
      mark.textContent = text.value.slice(anchor.place, anchors[index + 1]?.place ?? text.value.length) || "\u200b";
      return mark;
    });
    mirror.append(text.value.slice(0, anchors[0]?.place ?? 0), ...marks);
    document.body.append(mirror);
    const top = parseFloat(style.paddingTop);
    const heights = marks.map((mark) => mark.offsetTop + top);
    mirror.remove();
    return heights;
  }

  function measureShown() {
    const root = frame.contentDocument.scrollingElement;
    return anchors.map((anchor) => anchor.block.getBoundingClientRect().top + root.scrollTop);
  }

  function pairs() {
    anchors ??= findAnchors();
    if (text.clientWidth) {
      sourceHeights ??= measureSource();
    }
    shownHeights ??= measureShown();
    const root = frame.contentDocument.scrollingElement;
    const result = [[0, 0]];
    anchors.forEach((_anchor, index) => {
      const pair = [sourceHeights?.[index] ?? 0, shownHeights[index]];
      if (pair[0] > result.at(-1)[0] && pair[1] > result.at(-1)[1]) {
        result.push(pair);
      }
    });
    const end = [Math.max(text.scrollHeight, result.at(-1)[0] + 1), Math.max(root.scrollHeight, result.at(-1)[1] + 1)];
    return [...result, end];
  }

  function translate(rows, value, from, to) {
    let index = rows.findIndex((row) => row[from] > value);
    index = index < 1 ? (index === 0 ? 1 : rows.length - 1) : index;
    const [before, after] = [rows[index - 1], rows[index]];
    const part = (value - before[from]) / (after[from] - before[from] || 1);
    return before[to] + Math.min(1, Math.max(0, part)) * (after[to] - before[to]);
  }

  // The text area scrolls by itself where it is lower than its text, else the page does.
  const scrollsItself = () => text.scrollHeight > text.clientHeight + 2;

  function readText() {
    if (scrollsItself()) {
      return { top: text.scrollTop, room: text.clientHeight, most: text.scrollHeight - text.clientHeight };
    }
    const bar = barHeight();
    const top = bar - text.getBoundingClientRect().top;
    const room = innerHeight - bar;
    return { top, room, most: Math.max(text.clientHeight - room, 0) };
  }

  function moveText(top) {
    if (scrollsItself()) {
      text.scrollTop = top;
    } else {
      window.scrollBy({ top: top - readText().top, behavior: "instant" });
    }
  }

  const barHeight = () => {
    const bar = document.querySelector(".desk-bar");
    return bar && getComputedStyle(bar).position === "sticky" ? bar.offsetHeight : 0;
  };

  // The line that is read wanders from the upper edge to the lower one, so that both ends meet on both sides.
  const share = (top, most) => (most > 0 ? Math.min(1, Math.max(0, top / most)) : 0);

  function followText() {
    const root = frame.contentDocument.scrollingElement;
    const { top, room, most } = readText();
    const part = share(top, most);
    const line = translate(pairs(), top + part * room, 0, 1);
    frame.contentWindow.scrollTo({ top: line - part * root.clientHeight, behavior: "instant" });
  }

  function followFrame() {
    const root = frame.contentDocument.scrollingElement;
    const part = share(root.scrollTop, root.scrollHeight - root.clientHeight);
    const line = translate(pairs(), root.scrollTop + part * root.clientHeight, 1, 0);
    const { room, most } = readText();
    moveText(Math.min(most, line - part * room));
  }

  const isPage = () => view in WIDTHS && Boolean(frame.contentDocument?.querySelector(".prose"));

  function lead(side) {
    // While somebody writes, the window follows the cursor; the preview has its own rule for that.
    if (side !== leader || isDue || !isSeen() || !isPage() || (side === "text" && performance.now() - typedAt < 600)) {
      return;
    }
    isDue = true;
    requestAnimationFrame(() => {
      isDue = false;
      if (!isPage()) {
        return;
      }
      if (side === "text") {
        followText();
      } else if (WIDE.matches) {
        followFrame();
      }
    });
  }

  // After a change: nothing moves while the block that is written in is in sight.
  function follow() {
    if (!isPage() || document.activeElement !== text || leader !== "text") {
      return;
    }
    anchors ??= findAnchors();
    const here = anchors.findLast((anchor) => anchor.place <= text.selectionStart);
    const box = here?.block.getBoundingClientRect();
    const height = frame.contentWindow.innerHeight;
    if (box && (box.bottom < 0 || box.top > height)) {
      frame.contentWindow.scrollBy({ top: box.top - height / 3, behavior: "instant" });
    }
  }

  // --- What presses what ---

  function choose(name) {
    const chosen = views.find((button) => button.dataset.view === name && !button.hidden) ?? views[0];
    view = chosen.dataset.view;
    for (const button of views) {
      button.setAttribute("aria-pressed", String(button === chosen));
    }
    fit();
    plan(0);
  }

  function setFolded(isFolded) {
    columns.classList.toggle("is-folded", isFolded);
    fold.setAttribute("aria-expanded", String(!isFolded));
    fold.setAttribute("aria-label", isFolded ? panel.dataset.open : panel.dataset.close);
    fold.title = isFolded ? panel.dataset.open : panel.dataset.close;
    fit();
    later(0);
  }

  function look(isLooking) {
    // A text that is not shown cannot be measured.
    if (isLooking && isPage()) {
      pairs();
    }
    const place = isLooking ? readText() : null;
    columns.classList.toggle("is-looking", isLooking);
    for (const button of looks.querySelectorAll("button")) {
      button.setAttribute("aria-pressed", String((button.dataset.look === "see") === isLooking));
    }
    const kept = sourceHeights;
    fit();
    later(0);
    if (place && isPage() && kept) {
      anchors = findAnchors();
      sourceHeights = kept.length === anchors.length ? kept : null;
      frame.contentWindow.scrollTo({ top: translate(pairs(), place.top, 0, 1), behavior: "instant" });
    }
  }

  function noteFlavour() {
    const field = document.getElementById("id_flavour");
    const button = views.find((entry) => entry.dataset.view === "flavour");
    button.hidden = !panel.dataset.flavour || !field || field.value === panel.dataset.flavour;
    if (button.hidden && view === "flavour") {
      choose("phone");
    }
  }

  function change(event) {
    if (panel.contains(event.target)) {
      return;
    }
    if (event.target === text) {
      typedAt = performance.now();
      leader = "text";
    }
    noteFlavour();
    if (!event.isComposing) {
      plan();
    } else {
      number += 1;
    }
  }

  // Once the form is sent, whoever wrote it may have no right to it any more: a question that comes after it would be refused.
  form.addEventListener("submit", (event) => {
    const target = event.submitter?.getAttribute("formtarget") || form.target;
    if (!event.defaultPrevented && (!target || target === "_self")) {
      isLeaving = true;
      number += 1;
      clearTimeout(timer);
      request.abort();
    }
  });
  const stay = () => { isLeaving = false; };
  form.addEventListener("input", stay);
  window.addEventListener("pageshow", stay);
  form.addEventListener("input", change);
  form.addEventListener("change", change);
  form.addEventListener("formset:added", () => plan());
  form.addEventListener("formset:removed", () => plan());
  // The desk's boxes for choosing speak the library's language, not the browser's.
  window.django?.jQuery?.(form).on("change", "select", () => plan());
  form.addEventListener("compositionstart", () => {
    isComposing = true;
    clearTimeout(timer);
  });
  form.addEventListener("compositionend", () => {
    isComposing = false;
    plan();
  });
  // Some input methods end with the focus and say nothing.
  form.addEventListener("focusout", () => {
    if (isComposing) {
      isComposing = false;
      plan();
    }
  });
  window.addEventListener("online", () => later(0));
  window.addEventListener("focus", () => {
    if (hasEnded || isWanted) {
      later(0);
    }
  });

  for (const button of views) {
    button.addEventListener("click", () => {
      choose(button.dataset.view);
      remember("view", view);
    });
  }
  dark.addEventListener("click", () => {
    isDark = dark.getAttribute("aria-pressed") !== "true";
    remember("dark", String(isDark));
    setTheme(frame.contentDocument.documentElement);
  });
  fold.addEventListener("click", () => {
    setFolded(!columns.classList.contains("is-folded"));
    remember("folded", String(columns.classList.contains("is-folded")));
  });
  for (const button of looks.querySelectorAll("button")) {
    button.addEventListener("click", () => look(button.dataset.look === "see"));
  }
  WIDE.addEventListener("change", () => {
    fit();
    later(0);
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => setTheme(frame.contentDocument.documentElement));

  for (const name of ["wheel", "touchstart", "pointerdown", "keydown"]) {
    document.addEventListener(name, (event) => {
      leader = panel.contains(event.target) ? leader : "text";
    }, { passive: true, capture: true });
  }
  window.addEventListener("scroll", () => lead("text"), { passive: true });
  text.addEventListener("scroll", () => lead("text"), { passive: true });
  new ResizeObserver(fit).observe(stage);
  new ResizeObserver(() => { sourceHeights = null; }).observe(text);
  const bar = document.querySelector(".desk-bar");
  if (bar) {
    new ResizeObserver(() => columns.style.setProperty("--desk-bar", `${barHeight()}px`)).observe(bar);
  }

  columns.classList.add("has-live");
  panel.hidden = looks.hidden = false;
  isDark = { true: true, false: false }[recall("dark", "")] ?? null;
  setFolded(recall("folded", "false") === "true");
  noteFlavour();
  choose(recall("view", "phone"));
  begin();
})();
