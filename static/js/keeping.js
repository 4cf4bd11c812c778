"use strict";
// Nothing is lost: what is written is kept at the server every few seconds and in this browser as a backstop. Neither touches
// the post; both are offered back. The same requests say who else has the post open.
(() => {
  const bar = document.getElementById("keeping");
  const form = document.getElementById("post_form");
  if (!bar || !form) {
    return;
  }

  const [PAUSE, LONGEST_PAUSE, BROWSER_PAUSE] = [2500, 15000, 300];
  const [HEARTBEAT, HIDDEN_HEARTBEAT] = [20000, 60000];
  const [FIRST_RETRY, LAST_RETRY] = [3000, 60000];
  const PATIENCE = 20000;
  // A page that is there writes at least this often what it has; a copy that is older was left by one that is gone.
  const DEAD = 45000;
  const PREFIX = `kawaraban.kept.${bar.dataset.user}.`;
  const UNSENT = ["csrfmiddlewaretoken", "_verb", "act"];

  const field = (name) => form.elements.namedItem(name);
  const said = bar.querySelector(".kept-said");
  const others = bar.querySelector(".kept-present");
  const newer = bar.querySelector(".kept-newer");
  const signIn = bar.querySelector(".kept-sign-in");
  let addresses = { keep: bar.dataset.keep, present: bar.dataset.present };

  const read = () => [...new FormData(form)].filter(([name, value]) => !UNSENT.includes(name) && typeof value === "string");
  const contentOf = (entries) => JSON.stringify(entries.filter(([name]) => !["seen", "base", "session"].includes(name)));

  let before = null;
  let isTouched = false;
  let kept = null;
  let isComposing = false;
  let isAsking = false;
  let isSent = false;
  let retry = FIRST_RETRY;
  let timer = 0;
  let firstChange = 0;

  // The same sentence set again would be read aloud again.
  function say(place, text) {
    if (place.textContent !== text) {
      place.textContent = text;
    }
    place.hidden = text === "";
  }

  // --- In this browser ---

  const keyOf = (session) => `${PREFIX}${bar.dataset.post || "new"}.${session}`;
  const ownKey = () => keyOf(field("session").value);

  function store() {
    const entries = read();
    if (before === null || contentOf(entries) === before) {
      return;
    }
    try {
      localStorage.setItem(ownKey(), JSON.stringify({ at: Date.now(), entries, user: bar.dataset.user }));
    } catch {
      say(said, bar.dataset.full);
    }
  }

  function forget(key) {
    try {
      localStorage.removeItem(key);
    } catch {
      // A browser that keeps nothing has nothing to forget.
    }
  }

  async function isOpenElsewhere(session, at) {
    if (!navigator.locks) {
      return Date.now() - at < DEAD;
    }
    const { held } = await navigator.locks.query();
    return held.some((lock) => lock.name === `kawaraban.${session}`);
  }

  // As long as this page lives, other windows leave its copy alone.
  function hold() {
    navigator.locks?.request(`kawaraban.${field("session").value}`, () => new Promise(() => {})).catch(() => {});
  }

  // What pages that are gone have left goes to the server first: it is offered back like everything that is there.
  async function rescue() {
    let found = [];
    try {
      found = Object.keys(localStorage).filter((key) => key.startsWith(`${PREFIX}${bar.dataset.post || "new"}.`) && key !== ownKey());
    } catch {
      return;
    }
    for (const key of found) {
      let copy = null;
      try {
        copy = JSON.parse(localStorage.getItem(key));
      } catch {
        forget(key);
        continue;
      }
      if (!Array.isArray(copy?.entries) || await isOpenElsewhere(key.split(".").at(-1), copy.at ?? 0)) {
        continue;
      }
      const answer = await send(addresses.keep, [...copy.entries, ["rescued", "1"]]);
      if (answer.data?.kept) {
        forget(key);
        offer(answer.data);
      }
    }
  }

  function offer(data) {
    const list = document.getElementById("open-texts");
    const sample = document.getElementById("open-text");
    for (const text of data.open ?? []) {
      if (list.querySelector(`[data-join="${CSS.escape(text.join)}"]`)) {
        continue;
      }
      const item = sample.content.firstElementChild.cloneNode(true);
      item.dataset.join = text.join;
      item.querySelector(".open-moment").textContent = text.moment;
      item.querySelectorAll("button").forEach((button) => { button.formAction = text.join; });
      item.querySelector("a").href = text.compare;
      list.append(item);
    }
    if (data.post && !bar.dataset.post) {
      // A post that was never saved: its text became a draft of its own.
      const link = document.createElement("a");
      link.href = data.post.address;
      link.textContent = bar.dataset.rescued;
      const item = document.createElement("li");
      item.className = "open-text";
      item.append(link);
      list.append(item);
    }
    list.hidden = list.childElementCount === 0;
  }

  // --- At the server ---

  async function send(address, entries, options = {}) {
    const data = new FormData();
    for (const [name, value] of entries) {
      data.append(name, value);
    }
    try {
      const answer = await fetch(address, {
        method: "POST",
        body: data,
        headers: { Accept: "application/json", "X-CSRFToken": presentToken() },
        cache: "no-store",
        signal: AbortSignal.timeout(PATIENCE),
        ...options,
      });
      const isData = (answer.headers.get("Content-Type") ?? "").startsWith("application/json");
      if (isData) {
        return { status: answer.status, data: await answer.json() };
      }
      const page = await answer.text();
      return { status: answer.status, hasEnded: answer.redirected || page.includes('name="sign-in-username"') || page.includes('id="login-form"') };
    } catch {
      return { status: 0 };
    }
  }

  function plan() {
    clearTimeout(timer);
    firstChange ||= Date.now();
    const left = firstChange + LONGEST_PAUSE - Date.now();
    timer = setTimeout(keep, Math.max(0, Math.min(PAUSE, left)));
  }

  async function keep(options) {
    clearTimeout(timer);
    const entries = read();
    const content = contentOf(entries);
    if (before === null || isSent || content === before && kept === null || content === kept) {
      return;
    }
    if (isAsking || isComposing) {
      timer = setTimeout(keep, 500);
      return;
    }
    isAsking = true;
    firstChange = 0;
    const answer = await send(addresses.keep, [...entries, ["writing", "1"]], options);
    isAsking = false;
    take(answer, content);
  }

  // What of this form is saved is closed; a page that is still there afterwards goes on as another form.
  function begin(post) {
    goOn(post);
    field("session").value = Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
    hold();
    store();
  }

  function take(answer, content) {
    if (answer.data?.closed) {
      begin(answer.data.post);
      plan();
      return;
    }
    if (answer.data?.kept) {
      kept = content;
      retry = FIRST_RETRY;
      say(said, bar.dataset.done.replace("{time}", answer.data.kept));
      signIn.hidden = true;
      renewToken();
      if (answer.data.post) {
        goOn(answer.data.post);
      }
      tell(answer.data);
      if (contentOf(read()) !== content) {
        plan();
      }
      return;
    }
    store();
    signIn.hidden = !answer.hasEnded;
    if (answer.hasEnded) {
      say(said, bar.dataset.ended);
    } else if (answer.data?.refused) {
      say(said, answer.data.refused);
    } else if (answer.status === 403 || answer.status === 404) {
      say(said, bar.dataset.refused);
    } else if (answer.status === 400 || answer.status === 413) {
      say(said, bar.dataset.large);
    } else {
      say(said, bar.dataset.lost);
    }
    clearTimeout(timer);
    timer = setTimeout(keep, retry);
    retry = Math.min(retry * 2, LAST_RETRY);
  }

  // After a sign-in in another window the form itself can be saved again.
  function renewToken() {
    form.elements.csrfmiddlewaretoken.value = presentToken();
  }

  // A new post has become one, or a form was saved: it goes on as the form of that.
  function goOn(post) {
    forget(ownKey());
    bar.dataset.post = "made";
    addresses = { keep: post.keep, present: post.present };
    field("seen").value = post.seen ?? field("seen").value;
    field("base").value = post.base ?? field("base").value;
    form.action = post.address;
    const preview = document.getElementById("live-preview");
    if (preview) {
      preview.dataset.address = post.preview;
    }
    for (const button of form.querySelectorAll('button[formaction$="/add/preview/"]')) {
      button.formAction = post.preview;
    }
    history.replaceState(history.state, "", post.address);
    bar.dataset.post = post.address.match(/\/(\d+)\//)?.[1] ?? "made";
  }

  // --- Who else is there ---

  function tell(data) {
    const names = (data.present ?? []).map((person) => (person.is_own ? bar.dataset.own : person.is_writing ? bar.dataset.writing : bar.dataset.present_).replace("{name}", person.name).replace("{time}", person.since));
    say(others, names.join(" "));
    if (data.newer !== undefined) {
      say(newer, data.newer);
    }
  }

  async function beat() {
    clearTimeout(beating);
    beating = setTimeout(beat, document.hidden ? HIDDEN_HEARTBEAT : HEARTBEAT);
    store();
    if (!addresses.present) {
      return;
    }
    const entries = [["session", field("session").value], ["seen", field("seen").value]];
    if (before !== null && contentOf(read()) !== before) {
      entries.push(["writing", "1"]);
    }
    const answer = await send(addresses.present, entries);
    if (answer.data?.closed) {
      begin(answer.data.post);
      beat();
    } else if (answer.data) {
      tell(answer.data);
      if (!signIn.hidden) {
        keep();
      }
    }
  }
  let beating = 0;

  // --- When ---

  let storing = 0;
  function note() {
    isSent = false;
    isTouched = true;
    if (isComposing) {
      return;
    }
    clearTimeout(storing);
    storing = setTimeout(store, BROWSER_PAUSE);
    plan();
  }

  form.addEventListener("input", note);
  form.addEventListener("change", note);
  form.addEventListener("compositionstart", () => { isComposing = true; });
  form.addEventListener("compositionend", () => { isComposing = false; note(); });
  form.addEventListener("submit", (event) => {
    const target = event.submitter?.getAttribute("formtarget") || form.target;
    if (!navigator.onLine) {
      // The browser's own page of errors would take the place of the text.
      event.preventDefault();
      store();
      say(said, bar.dataset.offline);
      said.scrollIntoView({ block: "nearest" });
    }
    if (!event.defaultPrevented && (!target || target === "_self")) {
      store();
      isSent = true;
    }
  });
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) {
      store();
      keep({ keepalive: true });
    } else {
      beat();
    }
  });
  window.addEventListener("pagehide", () => {
    store();
    if (addresses.present) {
      const data = new FormData();
      data.append("csrfmiddlewaretoken", presentToken());
      data.append("session", field("session").value);
      data.append("closed", "1");
      navigator.sendBeacon(addresses.present, data);
    }
  });
  window.addEventListener("pageshow", (event) => {
    isSent = false;
    if (event.persisted) {
      beat();
    }
  });
  window.addEventListener("online", () => keep());

  globalThis.keeping = { isKept: () => kept !== null && contentOf(read()) === kept };

  // The admin's own scripts arrange the rows of by-lines until then.
  window.addEventListener("load", () => setTimeout(async () => {
    before = contentOf(read());
    hold();
    if (isTouched || form.querySelector(".errornote")) {
      // A form that came back refused holds words that are nowhere yet, and so does one that was written in while it loaded.
      before = "";
      plan();
    }
    await rescue();
    beat();
  }));
})();
