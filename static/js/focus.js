"use strict";
// The focal point of a picture: two sliders, a press on the picture, and the crops as they will be.
(() => {
  const preview = document.getElementById("focus-preview");
  const across = document.getElementById("id_focus_x");
  const down = document.getElementById("id_focus_y");
  if (!preview || !across || !down) {
    return;
  }
  const whole = preview.querySelector(".focus-whole");
  const mark = preview.querySelector(".focus-mark");
  const crops = [...preview.querySelectorAll(".focus-crop img")];
  const sliders = [across, down];

  const shown = sliders.map((slider) => {
    const value = document.createElement("output");
    value.className = "focus-value";
    value.htmlFor = slider.id;
    slider.after(value);
    return value;
  });

  const draw = () => {
    sliders.forEach((slider, number) => {
      shown[number].value = `${slider.value} %`;
      slider.setAttribute("aria-valuetext", `${slider.value} %`);
    });
    mark.style.setProperty("inset-inline-start", `${across.value}%`);
    mark.style.setProperty("inset-block-start", `${down.value}%`);
    for (const image of crops) image.style.setProperty("object-position", `${across.value}% ${down.value}%`);
  };

  whole.addEventListener("click", (event) => {
    const box = whole.getBoundingClientRect();
    across.value = String(Math.round(((event.clientX - box.left) / box.width) * 100));
    down.value = String(Math.round(((event.clientY - box.top) / box.height) * 100));
    draw();
  });
  for (const slider of sliders) slider.addEventListener("input", draw);

  across.closest("fieldset").append(preview);
  preview.hidden = false;
  draw();
})();
