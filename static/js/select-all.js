/* One box that ticks all others of the page's list. Without it each is ticked by hand. */
"use strict";

(() => {
  const head = document.querySelector("table.lines thead th.tick");
  const boxes = [...document.querySelectorAll("table.lines tbody td.tick input[type=checkbox]")];
  if (!head || !boxes.length) return;
  const label = document.createElement("label");
  const all = document.createElement("input");
  all.type = "checkbox";
  all.setAttribute("aria-label", head.textContent.trim());
  all.addEventListener("change", () => boxes.forEach((box) => { box.checked = all.checked; }));
  label.append(all);
  head.replaceChildren(label);
  document.addEventListener("change", (event) => {
    if (boxes.includes(event.target)) {
      const ticked = boxes.filter((box) => box.checked).length;
      all.checked = ticked === boxes.length;
      all.indeterminate = ticked > 0 && ticked < boxes.length;
    }
  });
})();
