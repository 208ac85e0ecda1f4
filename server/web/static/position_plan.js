// The stores of a position's routes on the map; the stops of a chosen day in their order.
"use strict";

(function () {
  const page = document.getElementById("plan-page");
  if (!page) return;
  const words = JSON.parse(page.dataset.words);
  const COLOURS = ["#3867b0", "#a3522c", "#6b4ba3", "#00707c", "#8a2c62", "#4d6b1f", "#7a5b00", "#2f4858"];
  const map = roadbookMap.make("map");
  const stores = L.layerGroup().addTo(map);
  const order = L.layerGroup().addTo(map);
  const places = new Map();
  roadbookMap.drawBase(map, page, words.data);

  fetch(page.dataset.places)
    .then((answer) => (answer.ok ? answer.json() : Promise.reject(new Error(String(answer.status)))))
    .then((told) => {
      const bounds = L.latLngBounds([]);
      told.routes.forEach((route, number) => {
        const colour = COLOURS[number % COLOURS.length];
        const swatch = document.querySelector(`.swatch[data-route="${route.id}"]`);
        if (swatch) swatch.style.backgroundColor = colour;
        route.stops.forEach(([id, name, at], place) => {
          if (!at) return;
          const point = roadbookMap.place(at);
          places.set(id, point);
          bounds.extend(point);
          L.circleMarker(point, { radius: 5, color: "#ffffff", weight: 1, fillColor: colour, fillOpacity: 0.9 })
            .bindTooltip(roadbookMap.text(`${place + 1} · ${name} · ${route.name}`))
            .addTo(stores);
        });
      });
      if (bounds.isValid()) map.fitBounds(bounds.pad(0.1), { animate: false, maxZoom: 16 });
      page.dataset.drawn = String(places.size);
    });

  document.body.addEventListener("htmx:afterSwap", () => {
    order.clearLayers();
    const points = [...document.querySelectorAll("[data-day-stops] li")]
      .map((line) => places.get(line.dataset.store))
      .filter(Boolean);
    if (points.length === 0) return;
    L.polyline(points, { color: "#1c2526", weight: 2, opacity: 0.7 }).addTo(order);
    points.forEach((point, place) => {
      L.marker(point, {
        interactive: false, keyboard: false,
        icon: L.divIcon({ className: "place-on-map", html: String(place + 1), iconSize: [20, 20] }),
      }).addTo(order);
    });
    map.fitBounds(L.latLngBounds(points).pad(0.15), { animate: false, maxZoom: 16 });
  });
})();
