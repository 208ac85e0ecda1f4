// Where the stops, or the pin, of a proposal lie: as it is, and as it is proposed.
"use strict";

(function () {
  const page = document.getElementById("proposal-map");
  const places = JSON.parse(page.dataset.places);
  const map = roadbookMap.make("map");
  const all = [];
  roadbookMap.drawBase(map, page, JSON.parse(page.dataset.words).data);

  // Numbers are places in the order, also where a stop before has no pin.
  function draw(side, style, radius) {
    const pinned = side.map(([name, at], place) => ({ name, at, place })).filter((one) => one.at);
    const line = pinned.map((one) => roadbookMap.place(one.at));
    all.push(...line);
    if (line.length > 1) L.polyline(line, { ...style, weight: 2.5, interactive: false }).addTo(map);
    for (const [number, one] of pinned.entries()) {
      L.circleMarker(line[number], { radius, color: "#ffffff", weight: 1.5, fillColor: style.color, fillOpacity: 1 })
        .bindTooltip(roadbookMap.text(`${one.place + 1} · ${one.name}`))
        .addTo(map);
    }
  }
  draw(places.before, { color: "#7d8a88", dashArray: "5 5" }, 7);
  draw(places.after, { color: "#0b5d57" }, 5);
  map.fitBounds(L.latLngBounds(all).pad(0.2), { animate: false, maxZoom: 16 });
  page.dataset.drawn = String(all.length);
})();
