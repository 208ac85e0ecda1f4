"use strict";
/* A button with data-choose-all chooses every row of its form, or none where all are chosen. */
for (const button of document.querySelectorAll("[data-choose-all]")) {
  button.addEventListener("click", () => {
    const boxes = [...button.form.querySelectorAll('input[type="checkbox"][name="id"]')];
    const choose = boxes.some((box) => !box.checked);
    for (const box of boxes) box.checked = choose;
  });
}
