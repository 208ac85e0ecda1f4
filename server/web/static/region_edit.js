// The line of a region is drawn: on the map, corner by corner in the list, or by a file. The form holds what is there.
"use strict";

(function () {
  const page = document.getElementById("region-page");
  if (!page) return;
  const words = JSON.parse(page.dataset.words);
  const CORNERS_SHOWN = 300;
  const HANDLES_SHOWN = 250;
  const form = document.getElementById("region-form");
  const field = document.getElementById("boundary");
  const told = document.getElementById("map-told");
  const list = document.getElementById("corners");
  const ringField = document.getElementById("ring");
  const undoButton = document.getElementById("undo");
  const moveButton = document.getElementById("move-line");
  const rehearsed = document.getElementById("rehearsed");
  // Corners are reached by keyboard in the list, where each has a name.
  L.Marker.mergeOptions({ keyboard: false });
  const map = roadbookMap.make("map");
  const neighbours = L.layerGroup().addTo(map);
  const dots = L.layerGroup().addTo(map);
  const marks = L.layerGroup().addTo(map);
  const line = L.polygon([], { renderer: L.svg(), color: "#0b5d57", weight: 3, fillColor: "#0b5d57", fillOpacity: 0.12 });
  // Parts, each of rings, each of [latitude, longitude]; the first ring is the outer one.
  let parts = read(field.value);
  const past = [];
  let stores = [];
  let mode = null;
  let ring = [0, 0];

  roadbookMap.drawBase(map, page, words.data);
  map.pm.setGlobalOptions({ snapDistance: 14, limitMarkersToCount: HANDLES_SHOWN });
  map.pm.setLang(document.documentElement.lang.startsWith("zh") ? "zh" : "en");
  for (const event of ["pm:markerdragend", "pm:vertexadded", "pm:vertexremoved", "pm:dragend"]) line.on(event, takeDrawn);
  map.on("pm:create", ({ layer }) => {
    const drawn = ringsOf(layer.getLatLngs())[0];
    layer.remove();
    if (mode === "line") change([[drawn[0]]]);
    else change([...parts, [drawn[0]]]);
  });
  map.on("pm:cut", ({ layer, originalLayer }) => {
    const left = ringsOf(layer.getLatLngs());
    layer.remove();
    originalLayer.remove();
    change(left);
  });
  map.on("pm:drawend", () => {
    mode = null;
    tell();
    draw();
  });
  if (parts.length) line.setLatLngs(parts);

  fetch(page.dataset.lines)
    .then((answer) => answer.json())
    .then((lines) => {
      L.geoJSON(lines, {
        filter: (feature) => feature.properties.id !== page.dataset.region,
        style: { color: "#5f7f7b", weight: 1.2, dashArray: "4 3", fill: false },
        pmIgnore: true,
        snapIgnore: false,
        onEachFeature: (feature, layer) => layer.bindTooltip(roadbookMap.text(feature.properties.name), { sticky: true }),
      }).addTo(neighbours);
      const around = parts.length ? line.getBounds() : L.featureGroup(neighbours.getLayers()).getBounds();
      if (around.isValid()) map.fitBounds(around.pad(parts.length ? 0.25 : 0.03), { animate: false });
      roadbookStores(map, page.dataset.places, (found, isCut) => {
        stores = found.map(([, code, name, at]) => ({ code, name, point: roadbookMap.place(at) }));
        drawStores();
        tell(isCut);
      });
      draw();
      showFault(page);
      page.dataset.drawn = "true";
    });

  document.getElementById("draw-line").addEventListener("click", () => start("line", "Polygon"));
  document.getElementById("draw-part").addEventListener("click", () => start(parts.length ? "part" : "line", "Polygon"));
  document.getElementById("draw-hole").addEventListener("click", () => { if (parts.length) start("hole", "Cut"); });
  document.getElementById("remove-line").addEventListener("click", () => { if (parts.length) change([]); });
  moveButton.addEventListener("click", () => {
    const isOn = moveButton.getAttribute("aria-pressed") !== "true" && parts.length > 0;
    moveButton.setAttribute("aria-pressed", String(isOn));
    draw();
  });
  undoButton.addEventListener("click", () => {
    if (past.length) set(past.pop());
  });
  ringField.addEventListener("change", () => {
    ring = ringField.value.split("/").map(Number);
    drawList();
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && mode) map.pm.disableDraw();
  });
  document.getElementById("line-file").addEventListener("change", async (event) => {
    const [file] = event.target.files;
    if (!file) return;
    const fault = document.getElementById("file-fault");
    const body = new URLSearchParams({ file: await file.text() });
    const headers = { "X-Form-Token": form.elements._token.value };
    const answer = await fetch(page.dataset.place, { method: "POST", body, headers });
    const read_ = answer.ok ? await answer.json() : { fault: words.unread };
    fault.hidden = !read_.fault;
    fault.textContent = read_.fault || "";
    event.target.value = "";
    if (read_.fault) return;
    change(read(JSON.stringify(read_.boundary)));
    map.fitBounds(line.getBounds().pad(0.25), { animate: false });
  });
  form.addEventListener("input", stale);
  form.addEventListener("change", stale);
  document.getElementById("rehearse").addEventListener("click", () => {
    if (form.reportValidity()) htmx.trigger(form, "rehearse");
  });
  rehearsed.addEventListener("htmx:afterSwap", () => {
    const held = rehearsed.querySelector("[data-at]");
    if (held) showFault(held);
    rehearsed.scrollIntoView({ block: "nearest" });
  });

  function start(what, shape) {
    map.pm.disableDraw();
    moveButton.setAttribute("aria-pressed", "false");
    line.pm.disable();
    mode = what;
    told.textContent = words.drawing;
    map.pm.enableDraw(shape, { snappable: true, allowSelfIntersection: true, tooltips: false, layersToCut: [line], continueDrawing: false });
    map.getContainer().focus();
  }

  function read(text) {
    if (!text) return [];
    const area = JSON.parse(text);
    const held = area.type === "Polygon" ? [area.coordinates] : area.coordinates;
    // GeoJSON has the first corner again as the last. A corner that stands there twice would be two to drag.
    const isNew = ([lon, lat], place, each) => place === 0 || lon !== each[place - 1][0] || lat !== each[place - 1][1];
    return held.map((rings) => rings.map((each) => each.filter(isNew).slice(0, -1).map(([lon, lat]) => [lat, lon])));
  }

  function write(held) {
    if (!held.length) return "";
    const coordinates = held.map((rings) => rings.map((each) => [...each, each[0]].map(([lat, lon]) => [lon, lat])));
    return JSON.stringify(held.length === 1 ? { type: "Polygon", coordinates: coordinates[0] } : { type: "MultiPolygon", coordinates });
  }

  // Leaflet nests a single part one level less.
  function ringsOf(latlngs) {
    const isOne = latlngs.length > 0 && latlngs[0].length > 0 && latlngs[0][0].lat !== undefined;
    const held = isOne ? [latlngs] : latlngs;
    const fixed = (value) => Number(value.toFixed(7));
    return held
      .map((rings) => rings.map((each) => each.map((at) => [fixed(at.lat), fixed(at.lng)])).filter((each) => each.length > 2))
      .filter((rings) => rings.length > 0);
  }

  function takeDrawn() {
    const drawn = ringsOf(line.getLatLngs());
    keep(drawn);
    drawList();
    drawStores();
    tell();
  }

  function change(held) {
    past.push(parts);
    set(held);
  }

  function set(held) {
    parts = held;
    hold();
    draw();
  }

  function keep(held) {
    past.push(parts);
    parts = held;
    hold();
  }

  function hold() {
    field.value = write(parts);
    undoButton.disabled = past.length === 0;
    stale();
  }

  function stale() {
    document.getElementById("unsaved").hidden = false;
    rehearsed.replaceChildren();
    marks.clearLayers();
  }

  function draw() {
    line.pm.disable();
    line.pm.disableLayerDrag();
    line.remove();
    line.setLatLngs(parts.length === 1 ? parts[0] : parts);
    if (parts.length) {
      line.addTo(map);
      if (moveButton.getAttribute("aria-pressed") === "true") line.pm.enableLayerDrag();
      else line.pm.enable({ snappable: true, allowSelfIntersection: true, removeLayerBelowMinVertexCount: false });
    }
    drawList();
    drawStores();
    tell();
  }

  function drawList() {
    const rings = parts.flatMap((held, part) => held.map((each, place) => [part, place, each.length]));
    if (!parts[ring[0]] || !parts[ring[0]][ring[1]]) ring = [0, 0];
    ringField.replaceChildren(...rings.map(([part, place]) => {
      const says = (place ? words.hole : words.part).replace("{part}", String(part + 1)).replace("{hole}", String(place));
      return new Option(says, `${part}/${place}`, false, part === ring[0] && place === ring[1]);
    }));
    ringField.hidden = rings.length < 2;
    const held = parts.length ? parts[ring[0]][ring[1]] : [];
    document.getElementById("counted").textContent = !held.length
      ? words.none
      : (held.length > CORNERS_SHOWN ? `${words.cut.replace("{number}", String(CORNERS_SHOWN))} ` : "") + words.corners.replace("{number}", String(held.length));
    list.replaceChildren(...held.slice(0, CORNERS_SHOWN).map((at, number) => corner(held, at, number)));
  }

  function corner(held, at, number) {
    const row = document.createElement("li");
    const order = document.createElement("span");
    order.className = "order";
    order.textContent = String(number + 1);
    const moves = document.createElement("span");
    moves.className = "moves";
    moves.append(
      button("+", words.add, number, () => {
        const next = held[(number + 1) % held.length];
        const middle = [0, 1].map((axis) => Number(((at[axis] + next[axis]) / 2).toFixed(7)));
        corners([...held.slice(0, number + 1), middle, ...held.slice(number + 1)], number + 1);
      }),
      button("×", words.remove, number, () => {
        if (held.length > 3) corners(held.filter((_, place) => place !== number), Math.max(0, number - 1));
      }),
    );
    row.append(order, ...[words.lat, words.lon].map((says, axis) => {
      const input = document.createElement("input");
      input.type = "number";
      input.step = "any";
      input.min = String(axis ? -180 : -90);
      input.max = String(axis ? 180 : 90);
      input.value = String(at[axis]);
      input.setAttribute("aria-label", says.replace("{number}", String(number + 1)));
      input.addEventListener("change", () => {
        if (input.value === "" || !input.checkValidity()) return;
        const moved = held.map((each, place) => (place === number ? each.map((value, which) => (which === axis ? Number(input.value) : value)) : each));
        corners(moved, number, axis);
      });
      return input;
    }), moves);
    row.addEventListener("focusin", () => {
      marks.clearLayers();
      L.circleMarker(at, { radius: 9, color: "#a3201c", weight: 3, fill: false, interactive: false, snapIgnore: true, pmIgnore: true }).addTo(marks);
      if (!map.getBounds().contains(at)) map.panTo(at, { animate: false });
      row.classList.add("on");
    });
    row.addEventListener("focusout", () => row.classList.remove("on"));
    return row;
  }

  function button(sign, says, number, act) {
    const made = document.createElement("button");
    made.type = "button";
    made.className = "plain";
    made.textContent = sign;
    made.setAttribute("aria-label", says.replace("{number}", String(number + 1)));
    made.addEventListener("click", act);
    return made;
  }

  // Another ring in place of the one that is listed; the row of this number has the focus then.
  function corners(held, number, axis = 0) {
    change(parts.map((rings, part) => rings.map((each, place) => (part === ring[0] && place === ring[1] ? held : each))));
    list.children[Math.min(number, CORNERS_SHOWN - 1)]?.querySelectorAll("input")[axis]?.focus();
  }

  function drawStores() {
    dots.clearLayers();
    for (const store of stores) {
      L.circleMarker(store.point, {
        radius: 3.5, weight: 0, fillOpacity: 0.9, fillColor: isInside(store.point) ? "#0b5d57" : "#a3522c", snapIgnore: true, pmIgnore: true,
      }).bindTooltip(roadbookMap.text([store.code, store.name].filter(Boolean).join(" · "))).addTo(dots);
    }
  }

  function tell(isCut) {
    if (mode) return;
    const inside = stores.filter((store) => isInside(store.point)).length;
    told.textContent = isCut ? words.zoom : words.inside.replace("{number}", String(inside));
  }

  // Even-odd rule over all rings: holes count as outside.
  function isInside([lat, lon]) {
    let inside = false;
    for (const rings of parts) {
      for (const each of rings) {
        for (let place = 0, before = each.length - 1; place < each.length; before = place++) {
          const [aLat, aLon] = each[place];
          const [bLat, bLon] = each[before];
          if (aLat > lat !== bLat > lat && lon < ((bLon - aLon) * (lat - aLat)) / (bLat - aLat) + aLon) inside = !inside;
        }
      }
    }
    return inside;
  }

  function showFault(held) {
    if (!held.dataset.at) return;
    const at = held.dataset.at.split(",").map(Number);
    marks.clearLayers();
    L.circleMarker(at, { radius: 12, color: "#a3201c", weight: 4, fill: false, interactive: false, snapIgnore: true, pmIgnore: true }).addTo(marks);
    if (!map.getBounds().contains(at)) map.panTo(at, { animate: false });
  }
})();
