// The charts of the overview, each with its table: a measure over the period beside the one before, and by groups.
// Lines differ by dashes and points, not by colour alone. Numbers come as whole steps and as they are read.
"use strict";

(function () {
  const place = document.getElementById("charts");
  if (!place) return;
  const words = JSON.parse(place.dataset.words);
  const INK = "#1c2526", QUIET = "#53605f", LINE = "#d5dcda", ACCENT = "#0b5d57", BEFORE = "#7d8a88";
  const isStill = window.matchMedia("(prefers-reduced-motion: reduce)").matches;
  Chart.defaults.font.family = getComputedStyle(document.body).fontFamily;
  Chart.defaults.color = QUIET;
  Chart.defaults.animation = isStill ? false : { duration: 250 };

  document.body.addEventListener("htmx:responseError", (event) => say(event.detail.target, words.failed_part));
  document.body.addEventListener("htmx:sendError", (event) => say(event.detail.target, words.failed_part));

  const WAIT_MS = 300;
  const waiting = place.querySelector("[data-waiting]");
  ask();

  function ask() {
    const again = place.dataset.waits ? { "X-Waiting": "waits" } : {};
    fetch(place.dataset.series, { headers: { Accept: "application/json", ...again } })
      .then((answer) => (answer.ok ? (answer.status === 202 ? null : answer.json()) : Promise.reject(new Error(String(answer.status)))))
      .then((told) => {
        if (told === null) {
          if (!place.dataset.waits) wait();
          setTimeout(ask, WAIT_MS);
          return;
        }
        if (told.failed) return say(place, told.failed);
        delete place.dataset.waits;
        waiting.hidden = true;
        drawTrend(document.getElementById("trend"), told);
        drawBars(document.getElementById("bars"), told);
        place.dataset.drawn = "yes";
      })
      .catch(() => say(place, words.failed));
  }

  // Beside the canvas, which is drawn on later.
  function wait() {
    place.dataset.waits = "yes";
    waiting.textContent = words.waits;
    waiting.hidden = false;
  }

  function drawTrend(figure, told) {
    const trend = told.trend;
    title(figure, told.name);
    if (trend.now.every((step) => step === null)) return say(figure.querySelector(".canvas"), words.nothing);
    const line = (name, steps, read, style) => ({
      label: name, data: scaled(steps, trend.scale), told: read, spanGaps: false, borderWidth: 2, tension: 0, pointRadius: 2, ...style,
    });
    // No line leads to what is not over, and its point is hollow.
    const isOpen = (point) => trend.open !== null && point.dataIndex === trend.open;
    const note = figure.querySelector("[data-note]");
    note.hidden = trend.open === null;
    note.textContent = trend.open_told || "";
    chart(figure, "line", trend, [
      line(words.now, trend.now, trend.told, {
        borderColor: ACCENT, backgroundColor: ACCENT,
        pointRadius: (point) => (isOpen(point) ? 4 : 2), pointBorderWidth: (point) => (isOpen(point) ? 2 : 1),
        pointBackgroundColor: (point) => (isOpen(point) ? "#fff" : ACCENT),
        segment: { borderColor: (part) => (part.p1DataIndex === trend.open ? "transparent" : undefined) },
      }),
      line(words.before, trend.before, trend.told_before, { borderColor: BEFORE, backgroundColor: BEFORE, borderDash: [5, 4], pointStyle: "rectRot" }),
    ]);
    table(figure, [trend.unit, words.now, words.before], trend.labels.map((label, at) => [label, trend.told[at], trend.told_before[at] || "–"]));
  }

  function drawBars(figure, told) {
    const bars = told.bars;
    if (!bars.labels.length) { figure.hidden = true; return; }
    title(figure, `${told.name} · ${bars.by}`);
    figure.querySelector(".canvas").style.height = `${Math.max(120, 40 + 22 * bars.labels.length)}px`;
    chart(figure, "bar", bars, [
      { label: told.name, data: scaled(bars.now, bars.scale), told: bars.told, backgroundColor: ACCENT, borderRadius: 3, maxBarThickness: 22 },
    ], { indexAxis: "y" });
    table(figure, [bars.by, told.name], bars.labels.map((label, at) => [label, bars.told[at]]));
  }

  function chart(figure, type, told, datasets, more) {
    const numbers = { beginAtZero: true, grid: { color: LINE }, border: { display: false }, ticks: { callback: (value) => (told.is_percent ? `${value}%` : value.toLocaleString(document.documentElement.lang)), maxTicksLimit: 6 } };
    const names = { grid: { display: false }, ticks: { autoSkip: type !== "bar", maxRotation: 0, maxTicksLimit: 8 } };
    const isLying = Boolean(more && more.indexAxis === "y");
    new Chart(figure.querySelector("canvas"), {
      type,
      data: { labels: told.labels, datasets },
      options: {
        maintainAspectRatio: false,
        interaction: { mode: "index", intersect: false, axis: isLying ? "y" : "x" },
        scales: isLying ? { x: numbers, y: names } : { x: names, y: numbers },
        plugins: {
          legend: { display: datasets.length > 1, position: "bottom", labels: { color: INK, usePointStyle: true, pointStyle: "line", pointStyleWidth: 34 } },
          tooltip: { callbacks: { label: (item) => `${item.dataset.label}: ${item.dataset.told[item.dataIndex] || "–"}` } },
        },
        ...more,
      },
    });
  }

  function scaled(steps, scale) {
    return steps.map((step) => (step === null ? null : step / scale));
  }

  function title(figure, text) {
    figure.querySelector("[data-title]").textContent = text;
  }

  function table(figure, heads, rows) {
    const row = (cells, tag) => {
      const line = document.createElement("tr");
      cells.forEach((text, at) => {
        const cell = document.createElement(at && tag === "td" ? "td" : "th");
        if (cell.tagName === "TH") cell.scope = tag === "th" ? "col" : "row";
        if (at) cell.className = "num";
        cell.textContent = text;
        line.append(cell);
      });
      return line;
    };
    figure.querySelector("thead").append(row(heads, "th"));
    figure.querySelector("tbody").append(...rows.map((cells) => row(cells, "td")));
  }

  function say(where, text) {
    const said = document.createElement("p");
    said.className = "empty";
    said.setAttribute("role", "status");
    said.textContent = text;
    where.replaceChildren(said);
  }
})();
