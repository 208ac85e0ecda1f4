// The map of a day: tracks with their gaps, stays, planned stops and check-ins, replayed by a slider and
// tied to the list beside it. Places of many people come in parts; times are seconds of the day.
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

  // A piece of a track is drawn anew only while the slider is within it.
  const POINTS_A_PIECE = 64;

  const map = roadbookMap.make("map");
  const place = roadbookMap.place;
  const textNode = roadbookMap.text;
  const drawn = L.layerGroup().addTo(map);
  // What appears at a moment of the day: [layer, second], and the pieces of tracks with their times.
  let appearing = [];
  let pieces = [];
  let heads = [];
  let chosen = null;
  // The visit whose panel was open last, with a ring around its place and a mark in the list of its day.
  let opened = null;
  const ring = L.circleMarker([0, 0], { radius: 13, color: "#1c2526", weight: 3, fill: false, interactive: false });

  roadbookMap.drawBase(map, page, words.data);
  const list = document.getElementById("people");
  const totals = {};
  // Whoever moved the map is not moved away again.
  let isMoved = false;
  for (const act of ["pointerdown", "wheel", "keydown"]) {
    map.getContainer().addEventListener(act, () => { isMoved = true; }, { passive: true });
  }
  ask(null);

  function ask(after) {
    const address = new URL(page.dataset.places, window.location.href);
    if (after) address.searchParams.set("after", after);
    fetch(address, { headers: { Accept: "application/json" } })
      .then((answer) => (answer.ok ? answer.json() : Promise.reject(new Error(String(answer.status)))))
      .then((part) => take(part, after === null))
      .catch(() => {
        const said = document.createElement("p");
        said.className = "alert";
        said.setAttribute("role", "alert");
        said.textContent = words.failed;
        panel.replaceChildren(said);
      });
  }

  function take(part, isFirst) {
    const people = part.people.map((person, index) => unfold(person, day.people.length + index));
    day.people.push(...people);
    if (part.list) list.insertAdjacentHTML("beforeend", part.list);
    dress(people);
    const isChosen = open(people, isFirst);
    for (const [name, number] of Object.entries(part.totals)) totals[name] = (totals[name] || 0) + number;
    const isCut = part.more && day.people.length >= Number(page.dataset.most);
    const isLast = !part.more || isCut;
    if (isFirst || (isLast && !isMoved && !chosen)) fit();
    if (isChosen) build();
    else {
      for (const person of people) buildPerson(person);
      turn(Number(clock.value));
    }
    ringOpened(false);
    if (!isLast) return ask(part.more);
    if (!isFirst) tellTotals();
    if (isCut) tellCut();
    page.dataset.drawn = String(day.people.length);
  }

  function tellTotals() {
    const language = document.documentElement.lang;
    const told = words.totals.replace(/\{(\w+)\}/g, (_, name) => totals[name].toLocaleString(language));
    document.getElementById("totals").textContent = told;
  }

  function tellCut() {
    const said = document.createElement("li");
    said.className = "quiet cut";
    said.textContent = words.cut;
    list.append(said);
  }

  function unfold(person, index) {
    person.colour = COLOURS[index % COLOURS.length];
    person.lines = person.runs.map(([lat, lon, at]) => ({
      points: lat.map((value, place) => [value / 1e6, lon[place] / 1e6]),
      at,
    }));
    delete person.runs;
    return person;
  }

  function dress(people) {
    for (const person of people) {
      const entry = entryOf(person.id);
      if (entry) entry.querySelector(".swatch").style.backgroundColor = person.colour;
    }
  }

  // The visit that the address names, with its person once they are there; whether they came with these.
  function open(people, isFirst) {
    const visit = page.dataset.open;
    if (!visit) return false;
    const person = people.find((one) => one.visits.some((each) => each.id === visit));
    if (person) mark(person.id);
    if (isFirst) show(page.dataset.visit, visit);
    return Boolean(person);
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

  // Everything of the day, once; what the slider shows of it is told by turn().
  function build() {
    drawn.clearLayers();
    appearing = [];
    pieces = [];
    heads = [];
    for (const person of day.people) buildPerson(person);
    turn(Number(clock.value));
  }

  function buildPerson(person) {
    const isFaint = chosen !== null && person.id !== chosen;
    buildTrack(person, isFaint);
    if (!isFaint) buildMarks(person);
    const head = L.circleMarker([0, 0], { radius: 6, color: "#ffffff", weight: 2, fillColor: person.colour, fillOpacity: 1, opacity: isFaint ? 0.3 : 1 })
      .bindTooltip(textNode(person.name));
    heads.push({ person, head });
  }

  function buildTrack(person, isFaint) {
    const style = { color: person.colour, weight: 3, opacity: isFaint ? 0.15 : 0.85, smoothFactor: 1.2 };
    for (const line of person.lines) {
      for (let first = 0; first === 0 || first < line.at.length - 1; first += POINTS_A_PIECE) {
        // Each begins where the one before it ends.
        const points = line.points.slice(first, first + POINTS_A_PIECE + 1);
        const at = line.at.slice(first, first + POINTS_A_PIECE + 1);
        const layer = L.polyline([], style).on("click", () => choose(person.id, true)).addTo(drawn);
        pieces.push({ layer, points, at, shown: 0 });
      }
    }
  }

  function buildMarks(person) {
    for (const stop of person.stops) {
      const colour = stop.state === "MISSED" ? "#c2342f" : stop.state === "VISITED" ? "#7d8a88" : "#53605f";
      L.circleMarker(place(stop.at), { radius: chosen ? 11 : 8, color: colour, weight: 2, fill: true, fillOpacity: 0 })
        .bindTooltip(textNode(`${stop.store} · ${words.planned}`))
        .addTo(drawn);
    }
    for (const stay of person.stays) {
      appear(stay.from, L.circleMarker(place(stay.at), { radius: 4, color: person.colour, weight: 1, fillOpacity: 0.25 })
        .bindTooltip(textNode(`${stay.store || words.stay} ${told(stay.from)}–${told(stay.until)}`)));
    }
    for (const visit of person.visits) {
      if (visit.pin && visit.verdict === "OFFSITE") {
        appear(visit.from, L.polyline([place(visit.at), place(visit.pin)], { color: VERDICTS.OFFSITE, weight: 1.5, dashArray: "3 4" }));
      }
      appear(visit.from, L.circleMarker(place(visit.at), {
        radius: chosen ? 9 : 6, color: "#ffffff", weight: 1.5, fillColor: VERDICTS[visit.verdict] || "#7d8a88", fillOpacity: 1,
      })
        .bindTooltip(textNode(`${visit.order ? visit.order + " · " : ""}${visit.store} · ${told(visit.from)}`))
        .on("click", () => { choose(person.id, false); show(page.dataset.visit, visit.id); }));
      if (chosen && visit.order) {
        appear(visit.from, L.marker(place(visit.at), {
          interactive: false, keyboard: false,
          icon: L.divIcon({ className: "order-on-map", html: String(visit.order), iconSize: [18, 18] }),
        }));
      }
    }
  }

  function appear(second, layer) {
    appearing.push({ second, layer });
  }

  // What is to be seen at a second of the day: only what differs from before is touched.
  function turn(now) {
    for (const piece of pieces) {
      const until = upTo(piece.at, now);
      if (until === piece.shown) continue;
      piece.shown = until;
      piece.layer.setLatLngs(until === piece.points.length ? piece.points : piece.points.slice(0, until));
    }
    for (const { second, layer } of appearing) {
      if (second <= now) drawn.addLayer(layer);
      else drawn.removeLayer(layer);
    }
    for (const { person, head } of heads) {
      const at = now < 86400 ? lastPlace(person, now) : null;
      if (at) drawn.addLayer(head.setLatLng(at));
      else drawn.removeLayer(head);
    }
    clockTold.textContent = told(now);
  }

  function lastPlace(person, now) {
    for (let index = person.lines.length - 1; index >= 0; index--) {
      const line = person.lines[index];
      if (line.at[0] <= now) return line.points[upTo(line.at, now) - 1];
    }
    return null;
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

  function mark(id) {
    if (id !== chosen) {
      opened = null;
      ringOpened(false);
    }
    chosen = id;
    for (const entry of document.querySelectorAll(".person")) {
      entry.setAttribute("aria-pressed", String(entry.dataset.personId === chosen));
    }
    if (chosen) entryOf(chosen)?.scrollIntoView({ block: "nearest" });
  }

  function choose(id, isShown) {
    mark(chosen === id && isShown ? null : id);
    if (isShown) {
      fit();
      if (chosen) show(page.dataset.person, chosen);
    }
    build();
  }

  function show(address, id) {
    htmx.ajax("GET", address.replace("00000000-0000-0000-0000-000000000000", id), { target: "#panel", swap: "innerHTML" });
  }

  // What has come into the panel is a visit, or the day with the visit that was looked at.
  panel.addEventListener("htmx:afterSwap", () => {
    const visit = panel.querySelector("[data-opened]")?.dataset.opened;
    // Another thing is read from its begin; where something of this one was decided, nothing moves.
    if (!visit || visit !== opened) panel.scrollTop = 0;
    if (visit) {
      const person = day.people.find((one) => one.visits.some((each) => each.id === visit));
      if (person && person.id !== chosen) {
        mark(person.id);
        build();
      }
      opened = visit;
      ringOpened(true);
      return;
    }
    const line = opened && panel.querySelector(`[data-visit-id="${opened}"]`);
    if (!line) return;
    line.setAttribute("aria-current", "true");
    line.scrollIntoView({ block: "nearest" });
  });

  function ringOpened(isMoving) {
    const visit = opened && day.people.flatMap((person) => person.visits).find((one) => one.id === opened);
    if (!visit) {
      ring.remove();
      return;
    }
    ring.setLatLng(place(visit.at)).addTo(map).bringToFront();
    if (isMoving && !map.getBounds().contains(ring.getLatLng())) map.panTo(ring.getLatLng());
  }

  document.getElementById("people")?.addEventListener("click", (event) => {
    const entry = event.target.closest(".person");
    if (entry) choose(entry.dataset.personId, true);
  });

  let waits = false;
  clock.addEventListener("input", () => {
    if (waits) return;
    waits = true;
    requestAnimationFrame(() => { waits = false; turn(Number(clock.value)); });
  });

  let playing = null;
  play.addEventListener("click", () => (playing ? stop() : start()));

  function start() {
    if (Number(clock.value) >= lastMoment()) clock.value = String(firstMoment());
    let before = performance.now();
    play.setAttribute("aria-pressed", "true");
    play.textContent = words.pause;
    const step = (now) => {
      const next = Number(clock.value) + ((now - before) / 1000) * Number(speed.value);
      // The slider moves by whole minutes: what is below is carried on.
      if (next - Number(clock.value) >= 60) {
        clock.value = String(next);
        before = now;
        turn(Number(clock.value));
      }
      if (Number(clock.value) >= lastMoment()) stop();
      else if (playing) playing = requestAnimationFrame(step);
    };
    playing = requestAnimationFrame(step);
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
