"use strict";
// A form's own token is that of the session in which it was opened, which may have ended; the cookie's is the present one's.
globalThis.presentToken = () => {
  const cookie = document.cookie.split("; ").find((entry) => entry.startsWith("csrftoken="));
  return cookie?.slice("csrftoken=".length) ?? document.querySelector("[name=csrfmiddlewaretoken]").value;
};
