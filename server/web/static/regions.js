// The regions on the map beside the list, tied both ways.
"use strict";

(function () {
  const page = document.getElementById("regions-page");
  if (!page) return;
  const words = JSON.parse(page.dataset.words);
  const calm = { color: "#5f7f7b", weight: 1.4, fillColor: "#0b5d57", fillOpacity: 0.04 };
  const lit = { color: "#0b5d57", weight: 3, fillColor: "#0b5d57", fillOpacity: 0.16 };
  const map = roadbookMap.make("map");
  const dots = L.layerGroup().addTo(map);
  const shapes = new Map();
  const rows = new Map();
  roadbookMap.drawBase(map, page, words.data);

  for (const row of page.querySelectorAll("tbody tr")) {
    const link = row.querySelector("a");
    if (!link) continue;
    rows.set(link.getAttribute("href"), row);
    for (const event of ["pointerenter", "focusin"]) row.addEventListener(event, () => light(link.getAttribute("href")));
    for (const event of ["pointerleave", "focusout"]) row.addEventListener(event, () => light(null));
  }

  fetch(page.dataset.lines)
    .then((answer) => answer.json())
    .then((told) => {
      const layers = L.geoJSON(told, { style: calm }).getLayers();
      // The larger first, so that what lies in them can be pointed at.
      const size = (layer) => { const b = layer.getBounds(); return (b.getNorth() - b.getSouth()) * (b.getEast() - b.getWest()); };
      layers.sort((a, b) => size(b) - size(a));
      for (const layer of layers) {
        const place = layer.feature.properties.place;
        layer.bindTooltip(roadbookMap.text(layer.feature.properties.name), { sticky: true });
        if (place) {
          shapes.set(place, layer);
          layer.on("mouseover", () => light(place));
          layer.on("mouseout", () => light(null));
          layer.on("click", () => { window.location.assign(place); });
        }
        layer.addTo(map);
      }
      // A region that is far larger than all others, as a province above a city, is not what one wants to see.
      const shown = layers.filter((layer) => layer.feature.properties.place);
      const fitted = shown.length ? shown : layers;
      const isFarLarger = fitted.length > 1 && size(fitted[0]) > 20 * size(fitted[1]);
      if (fitted.length) map.fitBounds(L.featureGroup(fitted.slice(isFarLarger ? 1 : 0)).getBounds().pad(0.03), { animate: false });
      page.dataset.drawn = String(layers.length);
      roadbookStores(map, page.dataset.places, drawStores);
    });

  function drawStores(stores) {
    dots.clearLayers();
    for (const [, , , at] of stores) {
      L.circleMarker(roadbookMap.place(at), { radius: 2.5, weight: 0, fillColor: "#a3522c", fillOpacity: 0.8, interactive: false }).addTo(dots);
    }
  }

  function light(place) {
    for (const [each, layer] of shapes) layer.setStyle(each === place ? lit : calm);
    for (const [each, row] of rows) row.classList.toggle("on", each === place);
  }
})();
