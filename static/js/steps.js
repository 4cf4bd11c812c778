// A long import is done in steps of a few seconds: the page asks for the next one by itself while it is open.
// Without scripts the same form has a button.
"use strict";

const form = document.querySelector("form[data-goes-on]");
if (form) {
  form.querySelector("button").hidden = true;
  form.requestSubmit();
}
