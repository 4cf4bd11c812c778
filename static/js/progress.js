/* Asks how far a run is, more and more rarely, and opens its page anew when it is done. Without it there is a link. */
"use strict";

(() => {
  const card = document.getElementById("progress");
  if (!card) return;
  const [FIRST, LONGEST] = [1000, 10000];
  const bar = card.querySelector("progress");
  const spoken = card.querySelector("[aria-live]");
  let wait = FIRST;
  let last = "";
  let timer = 0;

  function say(state) {
    card.querySelector(".progress-step").textContent = state.step;
    card.querySelector(".progress-counts").textContent = state.counts;
    card.querySelector(".progress-text").textContent = state.text;
    if (state.total) {
      bar.max = state.total;
      bar.value = state.done;
    } else {
      bar.removeAttribute("value");
    }
    // Screen readers hear of a new step, not of every number.
    if (state.step !== spoken.dataset.step) {
      spoken.dataset.step = state.step;
      spoken.textContent = `${state.step} ${state.counts}`;
    }
  }

  function plan() {
    clearTimeout(timer);
    timer = setTimeout(ask, document.hidden ? LONGEST : wait);
  }

  async function ask() {
    try {
      const answer = await fetch(card.dataset.address, { headers: { Accept: "application/json" }, cache: "no-store" });
      if (!answer.ok || answer.redirected) throw new Error(String(answer.status));
      const state = await answer.json();
      if (!state.is_working) {
        location.reload();
        return;
      }
      const now = `${state.step}${state.done}`;
      wait = now === last ? Math.min(LONGEST, wait * 1.5) : FIRST;
      last = now;
      say(state);
    } catch {
      card.querySelector(".progress-text").textContent = card.dataset.lost;
      wait = Math.min(LONGEST, wait * 2);
    }
    plan();
  }

  document.addEventListener("visibilitychange", () => { if (!document.hidden) { wait = FIRST; plan(); } });
  plan();
})();
