// What a change will do is shown for what the form says: where it says something else, it is shown no more.
// A reason changes nothing of it.
"use strict";

for (const form of document.querySelectorAll("form[data-rehearsed]")) {
  const shown = document.getElementById(form.dataset.rehearsed);
  const isOf = (field) => field.form === form && field.name !== "reason";
  for (const event of ["input", "change"]) {
    document.addEventListener(event, ({ target }) => { if (isOf(target)) shown.replaceChildren(); });
  }
  shown.addEventListener("htmx:afterSwap", () => shown.scrollIntoView({ block: "nearest" }));
}
