"use strict";
// A second click on a button is no second order: a form is sent once, until its answer is there.
(() => {
  const PATIENCE = 5000;
  const sent = new WeakMap();

  document.addEventListener("submit", (event) => {
    const form = event.target;
    const window_ = event.submitter?.getAttribute("formtarget") || form.target;
    if (event.defaultPrevented || form.method !== "post" || (window_ && window_ !== "_self")) {
      return;
    }
    const now = Date.now();
    if (now - (sent.get(form) ?? -PATIENCE) < PATIENCE) {
      event.preventDefault();
      return;
    }
    sent.set(form, now);
    form.setAttribute("aria-busy", "true");
  });

  // Back from the browser's memory: the page is the one that was left.
  window.addEventListener("pageshow", () => {
    for (const form of document.forms) {
      sent.delete(form);
      form.removeAttribute("aria-busy");
    }
  });
})();

// The libraries of the admin leave some of what they make without a name or a role.
(() => {
  const nameOf = (select) => {
    const label = select.id && document.querySelector(`label[for="${CSS.escape(select.id)}"]`);
    const group = select.closest("[aria-labelledby]");
    return label ?? (group && document.getElementById(group.getAttribute("aria-labelledby")));
  };

  const mend = () => {
    for (const select of document.querySelectorAll("select.select2-hidden-accessible")) {
      const box = select.nextElementSibling?.querySelector(".select2-selection");
      const value = box?.querySelector(".select2-selection__rendered");
      const name = nameOf(select);
      if (!value || !name || value.hasAttribute("aria-labelledby")) {
        continue;
      }
      name.id ||= `name-of-${select.id}`;
      value.setAttribute("aria-labelledby", name.id);
      box.setAttribute("aria-labelledby", `${name.id} ${value.id}`);
    }
    for (const picture of document.querySelectorAll("span.help-tooltip[aria-label]:not([role])")) {
      picture.setAttribute("role", "img");
    }
  };

  // They work when they please, and again for every row that is added.
  mend();
  new MutationObserver(mend).observe(document.body, { childList: true, subtree: true });
})();
