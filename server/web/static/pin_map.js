// The pin of one store with its fence; where it may be moved a click moves it, and the form says where to.
"use strict";

(function () {
  const held = document.getElementById("pin-map");
  if (!held) return;
  const map = roadbookMap.make("pin-map");
  const layer = L.layerGroup().addTo(map);
  roadbookMap.drawBase(map, held, held.dataset.credit);
  const pin = JSON.parse(held.dataset.pin);
  let at = pin.at ? roadbookMap.place(pin.at) : null;

  function draw() {
    layer.clearLayers();
    if (!at) return;
    L.circle(at, { radius: pin.fence_m, color: "#0b5d57", weight: 1.5, fillOpacity: 0.12, interactive: false }).addTo(layer);
    L.circleMarker(at, { radius: 6, color: "#ffffff", weight: 2, fillColor: "#0b5d57", fillOpacity: 1, interactive: false }).addTo(layer);
  }

  draw();
  if (at) map.setView(at, 16, { animate: false });
  else {
    fetch(held.dataset.regions).then((answer) => answer.json()).then((regions) => {
      const bounds = L.geoJSON(regions).getBounds();
      if (bounds.isValid()) map.fitBounds(bounds, { animate: false });
    });
  }
  held.dataset.drawn = "1";

  if (!held.dataset.pinned) return;
  const lat = document.getElementById("field-lat");
  const lon = document.getElementById("field-lon");
  const region = document.getElementById("field-region_id");
  map.on("click", async (event) => {
    const place = event.latlng.wrap();
    const asked = new URL(held.dataset.pinned, location.href);
    asked.searchParams.set("at", `${Math.round(place.lat * 1e6)},${Math.round(place.lng * 1e6)}`);
    const answer = await fetch(asked);
    if (!answer.ok) return;
    const found = await answer.json();
    at = [place.lat, place.lng];
    lat.value = found.lat;
    lon.value = found.lon;
    // The region of the pin is offered; where it stays another one is chosen.
    if (found.region && region && [...region.options].some((option) => option.value === found.region)) region.value = found.region;
    draw();
    held.dataset.pinnedAt = `${found.lat},${found.lon}`;
  });
})();
