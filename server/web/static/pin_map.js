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
  async function ask(name, degrees) {
    const asked = new URL(held.dataset.pinned, location.href);
    asked.searchParams.set(name, degrees.map((one) => Math.round(one * 1e6)).join(","));
    const answer = await fetch(asked);
    return answer.ok ? answer.json() : null;
  }

  // The region of the pin is offered; where it is to stay another one is chosen.
  function offer(found) {
    if (found.region && region && [...region.options].some((option) => option.value === found.region)) region.value = found.region;
    at = roadbookMap.place(found.at);
    draw();
    held.dataset.pinnedAt = `${found.lat},${found.lon}`;
  }

  map.on("click", async (event) => {
    const place = event.latlng.wrap();
    const found = await ask("at", [place.lat, place.lng]);
    if (!found) return;
    lat.value = found.lat;
    lon.value = found.lon;
    offer(found);
  });

  for (const field of [lat, lon]) {
    field.addEventListener("change", async () => {
      const typed = [Number(lat.value), Number(lon.value)];
      if (!lat.value.trim() || !lon.value.trim() || typed.some((one) => !Number.isFinite(one)) || Math.abs(typed[0]) > 90 || Math.abs(typed[1]) > 180) return;
      const found = await ask("pin", typed);
      if (!found) return;
      offer(found);
      map.setView(at, Math.max(map.getZoom(), 14), { animate: false });
    });
  }
})();
