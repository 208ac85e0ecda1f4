// What every map of ours is drawn on: a provider's pictures or vector tiles where one is set, else land and borders;
// and the company's regions. The element that holds the map's data has data-tiles or data-style and data-worker,
// data-attribution, data-max-zoom, data-world, data-regions (none: the page draws
// regions itself).
"use strict";

window.roadbookMap = {
  make(id) {
    const canvas = L.canvas({ padding: 0.3, tolerance: 6 });
    const map = L.map(id, { renderer: canvas, preferCanvas: true, zoomControl: true, worldCopyJump: true, zoomSnap: 0.25, zoomDelta: 0.5 });
    map.attributionControl.setPrefix(false);
    map.setView([30, 110], 4);
    return map;
  },

  drawBase(map, held, credit) {
    const background = L.layerGroup().addTo(map);
    if (held.dataset.style) {
      // Its worker is a file of ours: none is made from a string.
      maplibregl.setWorkerUrl(held.dataset.worker);
      L.maplibreGL({ style: held.dataset.style, attributionControl: false }).addTo(map);
      map.attributionControl.addAttribution(held.dataset.attribution);
      map.options.maxZoom = Number(held.dataset.maxZoom);
    } else if (held.dataset.tiles) {
      L.tileLayer(held.dataset.tiles, { attribution: held.dataset.attribution, maxZoom: Number(held.dataset.maxZoom) }).addTo(map);
    } else {
      map.attributionControl.addAttribution(credit);
      map.options.maxZoom = 18;
      fetch(held.dataset.world)
        .then((answer) => answer.json())
        .then((world) => {
          L.geoJSON(topojson.feature(world, world.objects.countries), {
            interactive: false,
            pmIgnore: true,
            snapIgnore: true,
            style: { color: "#b9c4c1", weight: 1, fillColor: "#f7f8f5", fillOpacity: 1 },
          }).addTo(background);
          background.eachLayer((layer) => layer.bringToBack?.());
        });
    }
    if (!held.dataset.regions) return;
    fetch(held.dataset.regions)
      .then((answer) => answer.json())
      .then((regions) => {
        L.geoJSON(regions, {
          interactive: false,
          style: { color: "#5f7f7b", weight: 1.2, dashArray: "4 3", fill: false },
        }).addTo(background);
      });
  },

  place(at) {
    return [at[0] / 1e6, at[1] / 1e6];
  },

  // A tooltip is told as text: a store may be called anything.
  text(says) {
    const held = document.createElement("span");
    held.textContent = says;
    return held;
  },
};
