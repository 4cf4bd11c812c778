/* Sends an upload with a bar, and takes what is dropped. Without this script the same form is sent by the browser. */
"use strict";

(() => {
  const form = document.getElementById("bring");
  if (!form || !window.FormData) return;
  const drop = form.querySelector(".drop");
  const said = form.querySelector(".drop-chosen");
  const panel = form.querySelector(".bring-progress");
  const bar = panel.querySelector("progress");
  const label = panel.querySelector(".bring-said");
  const button = form.querySelector("button[type=submit]");
  const inputs = [...form.querySelectorAll("input[type=file]")];
  let dropped = [];
  let request = null;

  const fill = (text, values) => text.replace(/%\((\w+)\)s/g, (_match, name) => values[name]);

  function formatSize(bytes) {
    for (const [unit, size] of [["GB", 2 ** 30], ["MB", 2 ** 20], ["KB", 2 ** 10]]) {
      if (bytes >= size) return `${(bytes / size).toFixed(bytes / size < 10 ? 1 : 0)} ${unit}`;
    }
    return `${bytes} B`;
  }

  /** Every chosen file with its path below the folder it came from. */
  function listChosen() {
    const picked = inputs.flatMap((input) => [...input.files].map((file) => ({ file, path: file.webkitRelativePath || file.name })));
    return [...picked, ...dropped];
  }

  function complain(text) {
    said.textContent = text;
    said.classList.toggle("is-bad", Boolean(text));
  }

  function findFault(chosen) {
    if (!chosen.length) return form.dataset.none;
    if (chosen.length > Number(form.dataset.maxFiles)) return form.dataset.tooMany;
    const size = chosen.reduce((sum, one) => sum + one.file.size, 0);
    return size > Number(form.dataset.maxBytes) ? form.dataset.tooLarge : "";
  }

  function show() {
    const chosen = listChosen();
    const fault = chosen.length ? findFault(chosen) : "";
    complain(fault);
    if (fault || !chosen.length) return;
    const size = formatSize(chosen.reduce((sum, one) => sum + one.file.size, 0));
    const text = chosen.length === 1 ? form.dataset.chosenOne : form.dataset.chosenMany;
    said.textContent = fill(text, { name: chosen[0].path, count: chosen.length, size });
  }

  inputs.forEach((input) => input.addEventListener("change", () => { dropped = []; show(); }));

  // --- Dropping: files, and folders with all that is in them

  const readFile = (entry) => new Promise((resolve, reject) => entry.file(resolve, reject));
  const readSome = (reader) => new Promise((resolve, reject) => reader.readEntries(resolve, reject));

  async function collect(entry, found) {
    if (found.length > Number(form.dataset.maxFiles)) return;
    if (entry.isFile) {
      found.push({ file: await readFile(entry), path: entry.fullPath.replace(/^\//, "") });
      return;
    }
    const reader = entry.createReader();
    for (let some = await readSome(reader); some.length; some = await readSome(reader)) {
      for (const inner of some) await collect(inner, found);
    }
  }

  async function takeDropped(data) {
    const entries = [...data.items].map((item) => item.webkitGetAsEntry && item.webkitGetAsEntry()).filter(Boolean);
    if (!entries.length) return [...data.files].map((file) => ({ file, path: file.name }));
    const found = [];
    for (const entry of entries) await collect(entry, found);
    return found;
  }

  form.querySelector(".drop-hint").hidden = false;
  for (const name of ["dragenter", "dragover"]) {
    drop.addEventListener(name, (event) => { event.preventDefault(); drop.classList.add("is-over"); });
  }
  for (const name of ["dragleave", "drop"]) drop.addEventListener(name, () => drop.classList.remove("is-over"));
  drop.addEventListener("drop", async (event) => {
    event.preventDefault();
    inputs.forEach((input) => { input.value = ""; });
    try {
      dropped = await takeDropped(event.dataTransfer);
      show();
    } catch {
      dropped = [];
      complain(form.dataset.none);
    }
  });

  // --- Sending

  function rest(text) {
    request = null;
    panel.hidden = true;
    button.disabled = false;
    complain(text);
  }

  function send(chosen) {
    const data = new FormData();
    // Small fields first: the server knows who sends before the files come.
    for (const field of form.querySelectorAll("input[type=hidden]")) data.append(field.name, field.value);
    for (const { file, path } of chosen) data.append("files", file, path);
    request = new XMLHttpRequest();
    request.open("POST", form.action || location.href);
    request.setRequestHeader("Accept", "application/json");
    request.responseType = "json";
    request.upload.addEventListener("progress", (event) => {
      if (!event.lengthComputable) return;
      const percent = Math.floor((event.loaded / event.total) * 100);
      bar.value = percent;
      label.textContent = percent < 100 ? fill(form.dataset.sending, { percent }) : form.dataset.storing;
    });
    request.addEventListener("load", () => {
      const answer = request.response || {};
      if (request.status === 201 && answer.address) location.assign(answer.address);
      else rest(answer.complaint || form.dataset.broken);
    });
    request.addEventListener("error", () => rest(form.dataset.broken));
    request.addEventListener("abort", () => rest(form.dataset.stopped));
    button.disabled = true;
    bar.value = 0;
    panel.hidden = false;
    request.send(data);
  }

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (request) return;
    const chosen = listChosen();
    const fault = findFault(chosen);
    if (fault) complain(fault);
    else send(chosen);
  });
  panel.querySelector(".bring-stop").addEventListener("click", () => request && request.abort());
  // Coming back by the browser's history: the button must work again.
  window.addEventListener("pageshow", (event) => { if (event.persisted) rest(""); });
})();
