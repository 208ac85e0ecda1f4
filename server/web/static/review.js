// Judging by keyboard: P passes the item, a digit fails it with that reason, N does not apply; each goes on to the next
// item and shows its photo. Enter gives the verdict, U undoes the last one.
"use strict";

(function () {
  const form = document.getElementById("verdict");
  if (!form) return;
  const items = [...form.querySelectorAll(".item")];
  const shots = [...document.querySelectorAll(".shot")];
  let current = 0;
  let shown = 0;

  function choose(place) {
    current = Math.max(0, Math.min(place, items.length - 1));
    items.forEach((item, at) => item.classList.toggle("current", at === current));
    if (!items.length) return;
    items[current].scrollIntoView({ block: "nearest" });
    const first = items[current].dataset.photos.split(" ")[0];
    if (first) show(shots.findIndex((shot) => shot.dataset.sha256 === first));
  }

  function show(place) {
    if (place < 0 || place >= shots.length) return;
    shown = place;
    shots.forEach((shot, at) => { shot.hidden = at !== shown; });
    for (const button of document.querySelectorAll("[data-show]")) {
      if (button.dataset.show === shots[shown].dataset.sha256) button.setAttribute("aria-current", "true");
      else button.removeAttribute("aria-current");
    }
  }

  function answer(pick) {
    const item = items[current];
    if (!item) return;
    const radios = [...item.querySelectorAll("input[type=radio]")];
    const radio = radios.find(pick);
    if (!radio) return;
    radio.checked = true;
    if (current < items.length - 1) choose(current + 1);
  }

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const isTyping = event.target.matches("input[type=text], input:not([type]), textarea, select");
    if (isTyping && event.key !== "Enter") return;
    const key = event.key.toLowerCase();
    if (key === "p") answer((radio) => radio.value === "PASS");
    else if (key === "n") answer((radio) => radio.value === "NOT_APPLICABLE");
    else if (/^[1-9]$/.test(key)) {
      const fails = (radio) => radio.value.startsWith("FAIL:");
      const wanted = [...(items[current]?.querySelectorAll("input[type=radio]") ?? [])].filter(fails)[Number(key) - 1];
      answer((radio) => radio === wanted);
    } else if (key === "arrowdown") choose(current + 1);
    else if (key === "arrowup") choose(current - 1);
    else if (key === "arrowright") show(shown + 1);
    else if (key === "arrowleft") show(shown - 1);
    else if (key === "enter") {
      if (event.target.matches("a, button")) return;
      form.requestSubmit();
    } else if (key === "u") document.querySelector("#undo button")?.click();
    else return;
    event.preventDefault();
  });

  for (const button of document.querySelectorAll("[data-show]")) {
    button.addEventListener("click", () => show(shots.findIndex((shot) => shot.dataset.sha256 === button.dataset.show)));
  }
  items.forEach((item, at) => item.addEventListener("focusin", () => {
    current = at;
    items.forEach((one, place) => one.classList.toggle("current", place === current));
  }));
  // A second sending of one verdict is the same verdict; a second click must not look like one.
  form.addEventListener("submit", () => { form.querySelector("button.main").disabled = true; });
  choose(0);
})();
