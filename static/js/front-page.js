"use strict";
// The front page at the desk: sends the form that its buttons send, without leaving the page; lets stories be dragged; keeps
// the preview fresh. What a button does is decided by the server alone.
(() => {
  const form = document.getElementById("front-form");
  if (!form) return;
  const PAUSE = 300;
  const said = document.getElementById("front-said");
  const frame = document.getElementById("front-preview");
  const stories = () => document.getElementById("front-stories");
  const query = document.getElementById("front-query");
  let isChanged = "changed" in stories().dataset;
  let previewed = 0;

  const isComposing = (event) => event.isComposing || event.keyCode === 229;
  const tell = (text, isFailure = false) => {
    said.textContent = text;
    said.classList.toggle("visually-hidden", !isFailure);
  };

  // --- Preview ---

  const preview = async () => {
    const number = (previewed += 1);
    try {
      const answer = await fetch(form.dataset.preview, { method: "POST", body: new FormData(form), redirect: "error" });
      const html = answer.ok ? await answer.text() : "";
      if (html && number === previewed) frame.srcdoc = html;
    } catch (error) {
      // The page stays as it was last; its button asks again.
    }
  };

  // --- A button, without leaving the page ---

  // What the server makes of the form and a button: the parts that it changes, by name. Fields that people type in are none.
  const PARTS = ["front-stories", "front-found"];
  const send = async (act) => {
    const data = new FormData(form);
    data.set("act", act);
    const answer = await fetch(form.action, { method: "POST", body: data, redirect: "error" });
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const parts = PARTS.map((name) => page.getElementById(name));
    if (!parts.every(Boolean)) throw new Error(`status ${answer.status}`);
    return { parts, words: page.getElementById("front-said").textContent };
  };

  const removers = () => [...stories().querySelectorAll('button[value^="remove:"]')];

  // The button that was pressed stands elsewhere now, or is gone: the nearest that goes on with the same work.
  const focusAfter = (act, place) => {
    const [name, key] = act.split(":");
    const pairs = { up: ["up", "down"], down: ["down", "up"], lead: ["pin"], pin: ["up", "down", "remove"], add: ["remove"] };
    const own = (pairs[name] ?? []).map((other) => stories().querySelector(`[value="${other}:${key}"]:not([disabled])`));
    const next = name === "remove" ? removers()[place] ?? removers().at(-1) : null;
    [...own, next, query].find(Boolean).focus();
  };

  // One at a time: each sends the order that the one before it left.
  let queue = Promise.resolve();
  const inTurn = (step) => {
    queue = queue.then(step).catch(() => tell(form.dataset.failed, true));
  };

  const work = (act, keepsFocus = true) => inTurn(async () => {
    const place = removers().findIndex((button) => button.value === act);
    const { parts, words } = await send(act);
    isChanged = true;
    parts.forEach((part) => document.getElementById(part.id).replaceWith(part));
    tell(words);
    if (keepsFocus) focusAfter(act, place);
    preview();
  });

  form.addEventListener("submit", (event) => {
    const button = event.submitter;
    if (button?.formTarget === frame.name) {
      event.preventDefault();
      preview();
    } else if (button?.value === "find") {
      event.preventDefault();
      find();
    } else if (button?.name === "act" && button.value !== "save") {
      event.preventDefault();
      work(button.value);
    } else {
      isChanged = false;
    }
  });

  // --- Search while typing ---

  let timer;
  let asked = 0;
  const find = () => {
    clearTimeout(timer);
    const number = (asked += 1);
    inTurn(async () => {
      if (number !== asked) return;
      const { parts } = await send("find");
      document.getElementById("front-found").replaceWith(parts[1]);
    });
  };
  const wait = (event) => {
    if (event.isComposing) return;
    clearTimeout(timer);
    timer = setTimeout(find, PAUSE);
  };
  query.addEventListener("input", wait);
  query.addEventListener("compositionend", wait);
  // Safari sends the Enter that ends a composition after its end; it is no order to search.
  form.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && event.target.localName === "input" && isComposing(event)) event.preventDefault();
  });
  form.addEventListener("change", (event) => {
    if (event.target.type === "datetime-local") work("show", false);
  });

  // --- Dragging ---

  let dragged = null;
  let order = "";
  const listOf = (event) => event.target.closest?.(".front-list");
  const readOrder = () => [...stories().querySelectorAll("[data-key]")].map((story) => story.dataset.key).join();

  form.addEventListener("dragstart", (event) => {
    dragged = event.target.closest?.(".front-story") ?? null;
    if (!dragged) return;
    order = readOrder();
    event.dataTransfer.effectAllowed = "move";
    event.dataTransfer.setData("text/plain", dragged.querySelector(".front-title").textContent.trim());
    dragged.classList.add("is-dragged");
  });
  form.addEventListener("dragover", (event) => {
    const list = listOf(event);
    if (!dragged || !list) return;
    event.preventDefault();
    for (const other of form.querySelectorAll(".front-list")) other.classList.toggle("is-over", other === list);
    const over = event.target.closest(".front-story");
    if (list !== dragged.parentElement || !over || over === dragged) return;
    const { top, height } = over.getBoundingClientRect();
    over[event.clientY < top + height / 2 ? "before" : "after"](dragged);
  });
  form.addEventListener("drop", (event) => {
    const list = listOf(event);
    if (!dragged || !list) return;
    event.preventDefault();
    if (list !== dragged.parentElement) work(`${list.dataset.drop}:${dragged.dataset.key}`, false);
  });
  form.addEventListener("dragend", () => {
    if (!dragged) return;
    dragged.classList.remove("is-dragged");
    for (const list of form.querySelectorAll(".front-list")) list.classList.remove("is-over");
    if (readOrder() !== order) work("show", false);
    dragged = null;
  });

  window.addEventListener("beforeunload", (event) => { if (isChanged) event.preventDefault(); });
  preview();
})();
