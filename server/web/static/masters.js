// Fields of the masters: codes are completed while they are typed, found ones join a list, and of what a form could ask only
// what belongs to the choice is shown. Without this script everything can be typed.
"use strict";

(function () {
  for (const field of document.querySelectorAll("input[data-found]")) {
    const list = document.getElementById(field.getAttribute("list"));
    let waiting = 0;
    let asked = "";
    field.addEventListener("input", () => {
      clearTimeout(waiting);
      waiting = setTimeout(async () => {
        const words = field.value.trim();
        if (!words || words === asked) return;
        asked = words;
        const place = new URL(field.dataset.found, location.href);
        place.searchParams.set("words", words);
        const answer = await fetch(place);
        if (!answer.ok || asked !== words) return;
        list.replaceChildren(...(await answer.json()).map(([code, name]) => {
          const option = document.createElement("option");
          option.value = code;
          option.textContent = name;
          return option;
        }));
      }, 180);
    });
  }

  for (const button of document.querySelectorAll("button[data-add]")) {
    const field = document.getElementById(button.dataset.add);
    const typed = button.parentElement.querySelector("input");
    const add = () => {
      const code = typed.value.trim();
      if (!code) return;
      const lines = field.value.split("\n").map((line) => line.trim()).filter(Boolean);
      if (!lines.includes(code)) lines.push(code);
      field.value = lines.join("\n");
      typed.value = "";
      typed.focus();
    };
    button.addEventListener("click", add);
    typed.addEventListener("keydown", (event) => {
      if (event.key !== "Enter") return;
      event.preventDefault();
      add();
    });
  }

  for (const choice of document.querySelectorAll("select[data-shows]")) {
    const parts = [...document.querySelectorAll(`[data-of="${choice.id}"]`)];
    const show = () => {
      for (const part of parts) part.hidden = !part.dataset.when.split(" ").includes(choice.value);
    };
    choice.addEventListener("change", show);
    show();
  }
})();
