// Goes on with a proof while its page is open. Without this script the button does the same, step by step.
"use strict";

document.addEventListener("DOMContentLoaded", () => {
  const form = document.querySelector("form[data-proof]");
  if (!form) {
    return;
  }
  const progress = form.querySelector("progress");
  const said = form.querySelector("output");
  const button = form.querySelector("button");

  async function step() {
    const answer = await fetch(form.action, {
      method: "POST",
      body: new FormData(form),
      headers: { Accept: "application/json" },
    });
    if (!answer.ok || !(answer.headers.get("Content-Type") || "").startsWith("application/json")) {
      throw new Error(String(answer.status));
    }
    const state = await answer.json();
    progress.max = state.total;
    progress.value = state.done;
    said.textContent = state.said;
    return state.is_finished;
  }

  async function goOn() {
    while (!(await step()));
    window.location.reload();
  }

  button.hidden = true;
  goOn().catch(() => {
    // A lost connection or an ended session: the button is there again, and what was proved is kept.
    button.hidden = false;
  });
});
