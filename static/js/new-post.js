"use strict";
// The cursor begins in the title, unless somebody is at work already or the form came back with a complaint.
if (document.activeElement === document.body && !document.querySelector(".errornote")) {
  document.getElementById("id_title")?.focus();
}
