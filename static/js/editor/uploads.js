"use strict";
// Files on their way to the library, one after the other: how far each is, stopped, tried again. None is lost by a fault.
if (globalThis.writing && document.getElementById("writing-tray")) {
  const { fill } = globalThis.writing;
  const tray = document.getElementById("writing-tray");
  const list = tray.querySelector(".writing-uploads");
  const said = tray.querySelector(".writing-tray-said");
  const model = document.getElementById("writing-upload");
  const words = tray.dataset;
  const PATIENCE = 60_000;
  const SPOKEN = 25;
  const uploads = [];
  let running = null;

  const say = (text) => { said.textContent = text; };

  class Upload {
    // ``done`` is called with what the library says of the picture, ``gone`` when the person gives the file up.
    constructor(file, done, gone) {
      Object.assign(this, { file, done, gone, state: "waiting", spoken: 0 });
      this.row = model.content.firstElementChild.cloneNode(true);
      this.bar = this.row.querySelector("progress");
      this.note = this.row.querySelector(".writing-upload-said");
      this.link = this.row.querySelector("a");
      this.again = this.row.querySelector("[data-upload=retry]");
      this.row.querySelector(".writing-upload-name").textContent = file.name;
      this.bar.setAttribute("aria-label", file.name);
      this.row.querySelector("[data-upload=cancel]").addEventListener("click", () => this.giveUp());
      this.again.addEventListener("click", () => this.retry());
      this.show(words.waiting);
    }

    show(text, { isFault = false, signsIn = false, mayRetry = false } = {}) {
      this.note.textContent = text;
      this.row.classList.toggle("is-fault", isFault);
      this.bar.hidden = isFault;
      this.link.hidden = !signsIn;
      this.again.hidden = !mayRetry;
    }

    send() {
      this.state = "sending";
      this.spoken = 0;
      this.bar.value = 0;
      const data = new FormData();
      data.append("file", this.file, this.file.name);
      const request = new XMLHttpRequest();
      this.request = request;
      request.open("POST", words.upload);
      request.setRequestHeader("Accept", "application/json");
      request.setRequestHeader("X-CSRFToken", presentToken());
      request.upload.addEventListener("progress", (event) => this.advance(event));
      request.addEventListener("load", () => this.take(request));
      request.addEventListener("error", () => this.fail(words.lost, { isLost: true, mayRetry: true }));
      this.watch();
      this.show(fill(words.sending, { percent: 0 }));
      request.send(data);
    }

    watch() {
      clearTimeout(this.timer);
      this.timer = setTimeout(() => {
        this.request.abort();
        this.fail(words.lost, { isLost: true, mayRetry: true });
      }, PATIENCE);
    }

    advance(event) {
      if (!event.lengthComputable) return;
      this.watch();
      const percent = Math.floor((event.loaded / event.total) * 100);
      this.bar.value = percent;
      const text = percent < 100 ? fill(words.sending, { percent }) : words.storing;
      this.show(text);
      if (percent >= this.spoken + SPOKEN) {
        this.spoken = percent;
        say(`${this.file.name}: ${text}`);
      }
    }

    take(request) {
      let answer = null;
      try {
        answer = JSON.parse(request.responseText);
      } catch (error) {
        // The page of the sign-in, or one of an error: no answer of ours.
      }
      if (answer?.url) {
        this.end("done");
        this.done(answer);
      } else if (answer?.complaint) {
        this.fail(answer.complaint, { mayRetry: request.status >= 500 });
      } else if (request.status === 403) {
        this.fail(words.refused, { signsIn: true, mayRetry: true });
      } else if (request.status < 400) {
        this.fail(words.ended, { signsIn: true, mayRetry: true });
      } else {
        this.fail(words.failed, { mayRetry: true });
      }
    }

    fail(text, { isLost = false, ...ways }) {
      clearTimeout(this.timer);
      this.state = isLost ? "lost" : "failed";
      this.show(text, { isFault: true, ...ways });
      say(`${this.file.name}: ${text}`);
      next();
    }

    retry() {
      this.state = "waiting";
      this.show(words.waiting);
      next();
    }

    giveUp() {
      this.request?.abort();
      this.end("gone");
      say(fill(words.stopped, { name: this.file.name }));
      this.gone();
    }

    end(state) {
      clearTimeout(this.timer);
      const hadFocus = this.row.contains(document.activeElement);
      this.state = state;
      this.row.remove();
      uploads.splice(uploads.indexOf(this), 1);
      if (hadFocus) globalThis.writing.body.focus({ preventScroll: true });
      next();
    }
  }

  const next = () => {
    if (running?.state === "sending") return;
    running = uploads.find((upload) => upload.state === "waiting") ?? null;
    running?.send();
    list.hidden = !uploads.length;
  };

  const add = (file, done, gone) => {
    const upload = new Upload(file, done, gone);
    uploads.push(upload);
    list.append(upload.row);
    if (file.size > Number(words.limit)) upload.fail(fill(words.tooLarge, { name: file.name }), {});
    else next();
  };

  window.addEventListener("online", () => {
    for (const upload of [...uploads]) if (upload.state === "lost") upload.retry();
  });
  window.addEventListener("beforeunload", (event) => { if (uploads.length) event.preventDefault(); });

  Object.assign(globalThis.writing, { uploads: { add, say } });
}
