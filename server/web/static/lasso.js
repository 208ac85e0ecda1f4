// A line drawn around stores on a map, with a mouse, a pen or a finger; and which of the shown stores lie inside.
"use strict";

window.roadbookLasso = function (map, button, words, chosen) {
  let line = null;
  let isOn = false;

  button.addEventListener("click", () => turn(!isOn));

  function turn(on) {
    isOn = on;
    button.setAttribute("aria-pressed", String(on));
    button.textContent = on ? words.lasso_ends : words.lasso;
    map.getContainer().style.cursor = on ? "crosshair" : "";
    if (on) map.dragging.disable();
    else map.dragging.enable();
  }

  const held = map.getContainer();
  held.addEventListener("pointerdown", (event) => {
    if (!isOn || event.target.closest(".leaflet-control")) return;
    held.setPointerCapture(event.pointerId);
    line = [map.mouseEventToLatLng(event)];
    drawn.setLatLngs(line).addTo(map);
    event.preventDefault();
  }, true);
  held.addEventListener("pointermove", (event) => {
    if (!line) return;
    line.push(map.mouseEventToLatLng(event));
    drawn.setLatLngs(line);
  }, true);
  held.addEventListener("pointerup", () => {
    if (!line) return;
    const ring = line;
    line = null;
    drawn.remove();
    turn(false);
    if (ring.length > 2) chosen((point) => isInside(point, ring));
  }, true);
  const drawn = L.polygon([], { color: "#0b5d57", weight: 2, fillOpacity: 0.12, interactive: false });

  // Even-odd rule: a ray to the east crosses the line an odd number of times.
  function isInside([lat, lon], ring) {
    let inside = false;
    for (let place = 0, before = ring.length - 1; place < ring.length; before = place++) {
      const a = ring[place];
      const b = ring[before];
      if (a.lat > lat !== b.lat > lat && lon < ((b.lng - a.lng) * (lat - a.lat)) / (b.lat - a.lat) + a.lng) inside = !inside;
    }
    return inside;
  }
};

// The stores in the part of the map that is shown, fetched when it changes. Where there are more than can be drawn the
// numbers of those around a place are, and `shown` is told that there are no stores, and the corners between which they lie.
window.roadbookStores = function (map, address, shown) {
  // A number has as much room on every side.
  const NUMBER_PX = 54;
  const numbers = L.layerGroup().addTo(map);
  const said = new Intl.NumberFormat(document.documentElement.lang);
  let asked = 0;
  let waits = null;
  map.on("moveend", () => {
    clearTimeout(waits);
    waits = setTimeout(fetchShown, 150);
  });

  function fetchShown() {
    const number = ++asked;
    const bounds = map.getBounds();
    const limit = (value, most) => Math.round(Math.max(-most, Math.min(most, value)) * 1e6);
    const box = [
      limit(bounds.getSouth(), 90), limit(bounds.getWest(), 180),
      limit(bounds.getNorth(), 90), limit(bounds.getEast(), 180),
    ];
    const size = map.getSize();
    const cells = [size.y, size.x].map((side) => Math.max(1, Math.floor(side / NUMBER_PX)));
    fetch(`${address}?box=${box.join(",")}&cells=${cells.join(",")}`)
      .then((answer) => (answer.ok ? answer.json() : { stores: [], counted: [] }))
      .then((told) => {
        if (number !== asked) return;
        const counted = told.counted.map(([at, stores]) => ({ point: roadbookMap.place(at), stores }));
        drawNumbers(counted);
        shown(told.stores, counted.length > 0, (told.around || []).map(roadbookMap.place));
      });
  }

  function drawNumbers(counted) {
    numbers.clearLayers();
    for (const { point, stores } of counted) {
      const side = Math.round(Math.min(44, 20 + 2.5 * Math.log2(stores)));
      const icon = L.divIcon({ className: "stores-counted", html: said.format(stores), iconSize: [side, side] });
      L.marker(point, { icon, keyboard: false, pmIgnore: true })
        .on("click", () => map.setView(point, Math.min(map.getMaxZoom(), map.getZoom() + 2)))
        .addTo(numbers);
    }
  }
  fetchShown();
};
