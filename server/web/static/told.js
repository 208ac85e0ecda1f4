// An error of what somebody did is told where its answer was awaited.
"use strict";

document.addEventListener("htmx:beforeSwap", (event) => {
  if (event.detail.xhr.getResponseHeader("X-Told") === "part") event.detail.shouldSwap = true;
});
