"use strict";
// The guide to Markdown: examples that can be changed, each with the site's own rendering of it. On its page it starts by
// itself; in the post form js/editor/guide.js fetches it and says where an example goes.
globalThis.guide = (() => {
  const PAUSE = 300;

  // What came by a script has its results in templates still: only the browser's own reading of a page opens them.
  const attach = (root) => {
    for (const template of root.querySelectorAll("template[shadowrootmode]")) {
      template.parentNode.attachShadow({ mode: "open" }).append(template.content);
      template.remove();
    }
  };

  const start = (root, insert) => {
    const { address, flavour, features, failed } = root.dataset;
    const token = root.querySelector("[name=csrfmiddlewaretoken]").value;

    const startExample = (example) => {
      const text = example.querySelector("textarea");
      const said = example.querySelector(".guide-said");
      const reset = example.querySelector("[data-reset]");
      const put = example.querySelector("[data-insert]");
      const place = example.querySelector(".guide-result").shadowRoot?.querySelector(".prose");
      let timer;
      let asked = 0;

      const show = async () => {
        clearTimeout(timer);
        const number = (asked += 1);
        reset.hidden = text.value === text.defaultValue;
        const body = new URLSearchParams({ text: text.value, flavour, features, csrfmiddlewaretoken: token });
        try {
          const answer = await fetch(address, { method: "POST", body, redirect: "error" });
          const { html, complaint } = await answer.json();
          if (number !== asked) return;
          // Sanitised by the server as every text of the site.
          if (html !== undefined) place.innerHTML = html;
          said.textContent = complaint ?? "";
        } catch (error) {
          if (number === asked) said.textContent = failed;
        }
      };

      const wait = (event) => {
        if (event.isComposing) return;
        clearTimeout(timer);
        timer = setTimeout(show, PAUSE);
      };
      text.readOnly = !place;
      text.addEventListener("input", wait);
      text.addEventListener("compositionend", wait);
      reset.addEventListener("click", () => {
        text.value = text.defaultValue;
        text.focus();
        show();
      });
      put.hidden = !insert;
      put.addEventListener("click", () => insert(text.value, "inline" in example.dataset));
    };

    attach(root);
    for (const example of root.querySelectorAll("[data-example]")) startExample(example);
    // Within a dialog an address with # would only change the page behind it.
    for (const link of root.querySelectorAll('.guide-contents a[href^="#"]')) {
      link.addEventListener("click", (event) => {
        event.preventDefault();
        const heading = document.getElementById(link.getAttribute("href").slice(1));
        heading.focus({ preventScroll: true });
        heading.scrollIntoView({ block: "start" });
      });
    }
  };

  for (const root of document.querySelectorAll("[data-guide]")) start(root, null);
  return { start };
})();
