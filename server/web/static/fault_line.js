"use strict";
/* A text with data-line opens at that line, with the line chosen. */
for (const field of document.querySelectorAll("textarea[data-line]")) {
  const lines = field.value.split("\n");
  const number = Math.min(Number(field.dataset.line), lines.length);
  const from = lines.slice(0, number - 1).reduce((sum, line) => sum + line.length + 1, 0);
  field.focus();
  field.setSelectionRange(from, from + lines[number - 1].length);
  field.scrollTop = (field.scrollHeight / lines.length) * Math.max(number - 6, 0);
}
