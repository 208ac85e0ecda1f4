// A file that is larger than may be sent is told beside the field, before anybody waits for it.
"use strict";

(function () {
  const form = document.getElementById("bring-form");
  if (!form) return;
  const field = form.querySelector("input[type=file]");
  const fault = document.getElementById("file-fault");
  field.addEventListener("change", () => {
    const [file] = field.files;
    const isTooLarge = Boolean(file) && file.size > Number(form.dataset.most);
    field.setCustomValidity(isTooLarge ? form.dataset.tooLarge : "");
    field.setAttribute("aria-invalid", String(isTooLarge));
    fault.textContent = isTooLarge ? form.dataset.tooLarge : "";
  });
})();
