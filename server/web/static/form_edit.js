// A number stands beside a condition only where it compares with one.
"use strict";

for (const clause of document.querySelectorAll(".clause")) {
  const [chosen, number] = clause.children;
  const settle = () => { number.hidden = !/ (==|!=|<|<=|>|>=)$/.test(chosen.value); };
  chosen.addEventListener("change", settle);
  settle();
}
// What was opened is where one goes on; the browser goes to it first.
const goOn = () => {
  const part = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (part === null) return;
  const button = part.matches("button:disabled") ? part.form.querySelector(".icon:enabled") : part;
  const first = part.matches("button") ? button : part.querySelector(".part-form [name=title]");
  if (first !== null) first.focus({ preventScroll: true });
};
addEventListener("load", () => requestAnimationFrame(goOn));
