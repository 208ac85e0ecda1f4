// The map of a day: tracks with their gaps, stays, planned stops and check-ins, replayed by a slider and
// tied to the list beside it. Places come in one answer; times are seconds of the day.
"use strict";

(function () {
  const page = document.getElementById("map-page");
  if (!page) return;
  const words = JSON.parse(page.dataset.words);
  const day = { people: [] };
  const clock = document.getElementById("clock");
  const clockTold = document.getElementById("clock-told");
  const play = document.getElementById("play");
  const speed = document.getElementById("speed");
  const panel = document.getElementById("panel");
  // Told apart also by those who see few colours: dark enough on land, and each list entry has its swatch.
  const COLOURS = ["#3867b0", "#a3522c", "#6b4ba3", "#00707c", "#8a2c62", "#4d6b1f", "#7a5b00", "#2f4858"];
  const VERDICTS = { ONSITE: "#2c8a4b", TOLERATED: "#8dbf6d", UNCERTAIN: "#d39a1c", OFFSITE: "#c2342f", UNPINNED: "#7d8a88" };

  const map = roadbookMap.make("map");
  const place = roadbookMap.place;
  const textNode = roadbookMap.text;
  const tracks = L.layerGroup().addTo(map);
  const marks = L.layerGroup().addTo(map);
  const heads = L.layerGroup().addTo(map);
  let chosen = null;

  roadbookMap.drawBase(map, page, words.data);
  fetch(page.dataset.places, { headers: { Accept: "application/json" } })
    .then((answer) => (answer.ok ? answer.json() : Promise.reject(new Error(String(answer.status)))))
    .then((told) => {
      day.people = told.people.map(unfold);
      dress();
      fit();
      draw();
      page.dataset.drawn = String(day.people.length);
    })
    .catch(() => {
      const said = document.createElement("p");
      said.className = "alert";
      said.setAttribute("role", "alert");
      said.textContent = words.failed;
      panel.replaceChildren(said);
    });

  function unfold(person, index) {
    person.colour = COLOURS[index % COLOURS.length];
    person.lines = person.runs.map(([lat, lon, at]) => ({
      points: lat.map((value, place) => [value / 1e6, lon[place] / 1e6]),
      at,
    }));
    delete person.runs;
    return person;
  }

  function dress() {
    for (const person of day.people) {
      const entry = entryOf(person.id);
      if (entry) entry.querySelector(".swatch").style.backgroundColor = person.colour;
    }
  }

  function entryOf(id) {
    return document.querySelector(`.person[data-person-id="${id}"]`);
  }

  function fit() {
    const shown = day.people.filter((person) => !chosen || person.id === chosen);
    const bounds = L.latLngBounds([]);
    for (const person of shown) {
      for (const line of person.lines) for (const point of line.points) bounds.extend(point);
      for (const visit of person.visits) bounds.extend(place(visit.at));
      for (const stop of person.stops) bounds.extend(place(stop.at));
    }
    if (bounds.isValid()) map.fitBounds(bounds.pad(0.08), { animate: false, maxZoom: 16 });
  }

  function draw() {
    const now = Number(clock.value);
    tracks.clearLayers();
    marks.clearLayers();
    heads.clearLayers();
    for (const person of day.people) {
      const isFaint = chosen !== null && person.id !== chosen;
      const opacity = isFaint ? 0.15 : 0.85;
      let last = null;
      for (const line of person.lines) {
        const until = upTo(line.at, now);
        if (until > 0) last = line.points[until - 1];
        if (until > 1) {
          const shown = until === line.points.length ? line.points : line.points.slice(0, until);
          L.polyline(shown, { color: person.colour, weight: 3, opacity, smoothFactor: 1.2 })
            .on("click", () => choose(person.id, true))
            .addTo(tracks);
        }
      }
      if (!isFaint) {
        for (const stop of person.stops) square(place(stop.at), stop.state, `${stop.store} · ${words.planned}`);
        for (const stay of person.stays) {
          if (stay.from > now) continue;
          L.circleMarker(place(stay.at), { radius: 4, color: person.colour, weight: 1, fillOpacity: 0.25 })
            .bindTooltip(textNode(`${stay.store || words.stay} ${told(stay.from)}–${told(stay.until)}`))
            .addTo(marks);
        }
        for (const visit of person.visits) {
          if (visit.from > now) continue;
          if (visit.pin && visit.verdict === "OFFSITE") {
            L.polyline([place(visit.at), place(visit.pin)], { color: VERDICTS.OFFSITE, weight: 1.5, dashArray: "3 4" }).addTo(marks);
          }
          L.circleMarker(place(visit.at), {
            radius: chosen ? 9 : 6, color: "#ffffff", weight: 1.5, fillColor: VERDICTS[visit.verdict] || "#7d8a88", fillOpacity: 1,
          })
            .bindTooltip(textNode(`${visit.order ? visit.order + " · " : ""}${visit.store} · ${told(visit.from)}`))
            .on("click", () => { choose(person.id, false); show(page.dataset.visit, visit.id); })
            .addTo(marks);
          if (chosen && visit.order) {
            L.marker(place(visit.at), {
              interactive: false, keyboard: false,
              icon: L.divIcon({ className: "order-on-map", html: String(visit.order), iconSize: [18, 18] }),
            }).addTo(marks);
          }
        }
      }
      if (last && now < 86400) {
        L.circleMarker(last, { radius: 6, color: "#ffffff", weight: 2, fillColor: person.colour, fillOpacity: 1, opacity: isFaint ? 0.3 : 1 })
          .bindTooltip(textNode(person.name))
          .addTo(heads);
      }
    }
    clockTold.textContent = told(now);
  }

  function square(at, state, says) {
    const size = 0.00009;
    const colour = state === "MISSED" ? "#c2342f" : state === "VISITED" ? "#9aa6a4" : "#53605f";
    L.rectangle([[at[0] - size, at[1] - size], [at[0] + size, at[1] + size]], { color: colour, weight: 2, fill: false })
      .bindTooltip(textNode(says))
      .addTo(marks);
  }

  function upTo(times, now) {
    let low = 0;
    let high = times.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (times[middle] <= now) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  function told(second) {
    const minutes = Math.floor(second / 60);
    const hours = Math.floor(minutes / 60);
    return `${String(hours).padStart(2, "0")}:${String(minutes % 60).padStart(2, "0")}`;
  }

  function choose(id, isShown) {
    const isSame = chosen === id;
    chosen = isSame && isShown ? null : id;
    for (const entry of document.querySelectorAll(".person")) {
      entry.setAttribute("aria-pressed", String(entry.dataset.personId === chosen));
    }
    if (chosen) entryOf(chosen)?.scrollIntoView({ block: "nearest" });
    if (isShown) {
      fit();
      if (chosen) show(page.dataset.person, chosen);
    }
    draw();
  }

  function show(address, id) {
    htmx.ajax("GET", address.replace("00000000-0000-0000-0000-000000000000", id), { target: "#panel", swap: "innerHTML" });
  }

  document.getElementById("people")?.addEventListener("click", (event) => {
    const entry = event.target.closest(".person");
    if (entry) choose(entry.dataset.personId, true);
  });

  let waits = false;
  clock.addEventListener("input", () => {
    if (waits) return;
    waits = true;
    requestAnimationFrame(() => { waits = false; draw(); });
  });

  let playing = null;
  play.addEventListener("click", () => (playing ? stop() : start()));

  function start() {
    if (Number(clock.value) >= lastMoment()) clock.value = String(firstMoment());
    let before = performance.now();
    play.setAttribute("aria-pressed", "true");
    play.textContent = words.pause;
    const turn = (now) => {
      const next = Number(clock.value) + ((now - before) / 1000) * Number(speed.value);
      // The slider moves by whole minutes: what is below is carried on.
      if (next - Number(clock.value) >= 60) {
        clock.value = String(next);
        before = now;
        draw();
      }
      if (Number(clock.value) >= lastMoment()) stop();
      else if (playing) playing = requestAnimationFrame(turn);
    };
    playing = requestAnimationFrame(turn);
  }

  function stop() {
    cancelAnimationFrame(playing);
    playing = null;
    play.setAttribute("aria-pressed", "false");
    play.textContent = words.play;
  }

  function moments() {
    return day.people.flatMap((person) => [
      ...person.lines.flatMap((line) => [line.at[0], line.at[line.at.length - 1]]),
      ...person.visits.flatMap((visit) => [visit.from, visit.until ?? visit.from]),
    ]);
  }

  function firstMoment() {
    return Math.max(0, Math.min(86400, ...moments()) - 300);
  }

  function lastMoment() {
    const found = moments();
    return found.length ? Math.min(86400, Math.max(...found) + 300) : 86400;
  }
})();
