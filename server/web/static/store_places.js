// Stores chosen on the map join those chosen in the list.
"use strict";

(function () {
  const page = document.getElementById("store-map");
  if (!page) return;
  const words = JSON.parse(page.dataset.words);
  const map = roadbookMap.make("map");
  const layer = L.layerGroup().addTo(map);
  const told = document.getElementById("lasso-told");
  const held = document.getElementById("lassoed");
  const chosen = new Set();
  let stores = [];
  let isFitted = false;
  roadbookMap.drawBase(map, page, words.data);

  roadbookStores(map, page.dataset.places, (found, isCut, around) => {
    stores = found.map(([id, code, name, at, owner]) => ({ id, code, name, owner, point: roadbookMap.place(at) }));
    const points = isCut ? around : stores.map((store) => store.point);
    if (!isFitted && points.length) {
      isFitted = true;
      map.fitBounds(L.latLngBounds(points).pad(0.05), { animate: false, maxZoom: 16 });
    }
    tell(isCut);
    draw();
    page.dataset.drawn = String(stores.length);
  });

  roadbookLasso(map, document.getElementById("lasso"), words, (isInside) => {
    for (const store of stores) if (isInside(store.point)) chosen.add(store.id);
    hold();
  });

  function toggle(id) {
    if (!chosen.delete(id)) chosen.add(id);
    hold();
  }

  function hold() {
    held.replaceChildren(...[...chosen].map((id) => {
      const field = document.createElement("input");
      field.type = "hidden";
      field.name = "id";
      field.value = id;
      return field;
    }));
    tell(false);
    draw();
  }

  function tell(isCut) {
    told.textContent = isCut ? words.zoom : chosen.size ? words.lassoed.replace("{number}", String(chosen.size)) : "";
  }

  function draw() {
    layer.clearLayers();
    for (const store of stores) {
      const isChosen = chosen.has(store.id);
      L.circleMarker(store.point, {
        radius: isChosen ? 7 : 4, color: "#ffffff", weight: 1, fillOpacity: 0.9,
        fillColor: isChosen ? "#0b5d57" : store.owner ? "#7d8a88" : "#a3522c",
      })
        .bindTooltip(roadbookMap.text([store.code, store.name, store.owner].filter(Boolean).join(" · ")))
        .on("click", () => toggle(store.id))
        .addTo(layer);
    }
  }
})();
