"use strict";
/* Shows of a list only what has the words that are typed above it; what is chosen stays shown. A choice of a kind shows its fields. */
for (const part of document.querySelectorAll("[data-find]")) {
  const field = part.querySelector("[data-find-by]");
  field.addEventListener("input", () => {
    const words = field.value.toLowerCase().split(/\s+/).filter(Boolean);
    for (const row of part.querySelectorAll("li")) {
      const text = row.textContent.toLowerCase();
      const box = row.querySelector("input");
      row.hidden = !box.checked && !words.every((word) => text.includes(word));
    }
  });
  field.addEventListener("keydown", (event) => {
    if (event.key === "Enter") event.preventDefault();
  });
}
const shown = [...document.querySelectorAll("[data-when]")];
function show() {
  for (const part of shown) {
    const [name, ...values] = part.dataset.when.split(" ");
    const chosen = document.querySelector(`input[name="${name}"]:checked`);
    part.hidden = chosen === null || !values.includes(chosen.value);
  }
}
document.addEventListener("change", show);
show();
