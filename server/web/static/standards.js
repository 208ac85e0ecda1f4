// One more row for a standard: a copy of the last one, empty, with names of its own.
"use strict";

(function () {
  const button = document.getElementById("add-row");
  const rows = document.getElementById("standards");
  if (!button || !rows) return;
  button.hidden = false;
  button.addEventListener("click", () => {
    const place = rows.rows.length;
    const row = rows.rows[place - 1].cloneNode(true);
    for (const field of row.querySelectorAll("input, select")) {
      field.name = field.name.replace(/\d+$/, String(place));
      field.setAttribute("aria-label", field.getAttribute("aria-label").replace(String(place), String(place + 1)));
      if (field.type === "checkbox") field.checked = true;
      else if (field.type === "number") field.value = "0";
      else if (field.tagName === "INPUT") field.value = "";
      else field.selectedIndex = 0;
    }
    rows.append(row);
    button.hidden = rows.rows.length >= Number(button.dataset.most);
    row.querySelector("input").focus();
  });
})();
