// The editor of a route: stops in their order, moved by buttons or dragged, each with a rule; stores added from a search
// or from the map. What is set goes to the server as one sheet; what it would do is asked for before it is saved.
"use strict";

(function () {
  const page = document.getElementById("edit-page");
  if (!page) return;
  const words = JSON.parse(page.dataset.words);
  const told = JSON.parse(page.dataset.sheet);
  const list = document.getElementById("stops");
  const form = document.getElementById("route-form");
  const ruleForm = document.getElementById("rule-form");
  const ruleFault = document.getElementById("rule-fault");
  const rehearsed = document.getElementById("rehearsed");
  const found = document.getElementById("found");
  const rules = told.rules;
  let stops = told.stops.map(([id, code, name, at, rule]) => ({ id, code, name, at, rule, isChosen: false, isNew: false }));
  let shown = [];
  let around = [];
  let dragged = null;

  const map = roadbookMap.make("map");
  const others = L.layerGroup().addTo(map);
  const way = L.layerGroup().addTo(map);
  roadbookMap.drawBase(map, page, words.data);

  function fit() {
    const points = stops.filter((stop) => stop.at).map((stop) => roadbookMap.place(stop.at));
    if (points.length) map.fitBounds(L.latLngBounds(points).pad(0.15), { animate: false, maxZoom: 16 });
  }

  function changed() {
    document.getElementById("unsaved").hidden = false;
    rehearsed.replaceChildren();
    document.getElementById("act").value = "";
    drawList();
  }

  function drawList() {
    list.replaceChildren(...stops.map(line));
    count();
    drawWay();
  }

  function count() {
    const chosen = stops.filter((stop) => stop.isChosen).length;
    document.getElementById("counted").textContent = words.stops
      .replace("{number}", String(stops.length)).replace("{chosen}", String(chosen));
    document.getElementById("choose-all").checked = stops.length > 0 && chosen === stops.length;
  }

  function line(stop, place) {
    const item = make("li", `set-stop${stop.isNew ? " new" : ""}`);
    item.draggable = true;
    item.dataset.store = stop.id;
    const choose = document.createElement("input");
    choose.type = "checkbox";
    choose.checked = stop.isChosen;
    choose.setAttribute("aria-label", words.choose.replace("{store}", stop.name));
    choose.addEventListener("change", () => {
      stop.isChosen = choose.checked;
      count();
      drawWay();
      fillRule();
    });
    const what = make("span", "what");
    const name = make("b", "", stop.code ? `${stop.name} · ${stop.code}` : stop.name);
    what.append(name, make("span", "", (stop.at ? "" : `${words.no_pin} · `) + rules[stop.rule].words));
    const moves = make("span", "moves");
    moves.append(
      button("↑", words.up, stop, place === 0, () => move(place, place - 1, "up")),
      button("↓", words.down, stop, place === stops.length - 1, () => move(place, place + 1, "down")),
      button("✕", words.remove, stop, false, () => { stops.splice(place, 1); changed(); focusAt(Math.min(place, stops.length - 1), 2); }),
    );
    item.append(choose, make("span", "order", String(place + 1)), what, moves);
    item.addEventListener("dragstart", (event) => { dragged = place; event.dataTransfer.effectAllowed = "move"; });
    item.addEventListener("dragover", (event) => { event.preventDefault(); item.classList.add("over"); });
    item.addEventListener("dragleave", () => item.classList.remove("over"));
    item.addEventListener("drop", (event) => {
      event.preventDefault();
      if (dragged !== null && dragged !== place) move(dragged, place, null);
      dragged = null;
    });
    return item;
  }

  function move(from, to, which) {
    const [stop] = stops.splice(from, 1);
    stops.splice(to, 0, stop);
    changed();
    if (which) focusAt(to, which === "up" ? 0 : 1);
  }

  // The button that was pressed keeps the focus, at the stop's new place; where it cannot be pressed any more, its neighbour.
  function focusAt(place, number) {
    const buttons = list.children[place]?.querySelectorAll("button");
    if (!buttons) return;
    (buttons[number].disabled ? buttons[1 - number] : buttons[number]).focus();
  }

  function make(tag, name, says) {
    const made = document.createElement(tag);
    if (name) made.className = name;
    if (says !== undefined) made.textContent = says;
    return made;
  }

  function button(says, label, stop, isOff, act) {
    const made = make("button", "plain", says);
    made.type = "button";
    made.disabled = isOff;
    made.setAttribute("aria-label", label.replace("{store}", stop.name));
    made.addEventListener("click", act);
    return made;
  }

  document.getElementById("choose-all").addEventListener("change", (event) => {
    for (const stop of stops) stop.isChosen = event.target.checked;
    drawList();
    fillRule();
  });
  document.getElementById("remove-chosen").addEventListener("click", () => {
    if (!stops.some((stop) => stop.isChosen)) return;
    stops = stops.filter((stop) => !stop.isChosen);
    changed();
  });

  // Rules
  const cycle = document.getElementById("field-cycle");
  cycle.addEventListener("change", showGroups);

  function showGroups() {
    const weeks = Number(cycle.value);
    document.getElementById("groups").hidden = weeks === 1;
    for (const label of document.querySelectorAll("[data-group]")) {
      label.hidden = Number(label.dataset.group) > weeks;
      if (label.hidden) label.querySelector("input").checked = false;
    }
  }

  // The form has the rule of the first stop that is chosen, or of most of the stops.
  function fillRule() {
    const stop = stops.find((one) => one.isChosen);
    const number = stop ? stop.rule : usual();
    if (number === null) { showGroups(); return; }
    const rule = rules[number].rule;
    for (const box of ruleForm.querySelectorAll("[name=weekday]")) box.checked = rule.weekdays.includes(Number(box.value));
    cycle.value = String(rule.cycle_weeks);
    for (const box of ruleForm.querySelectorAll("[name=group]")) box.checked = rule.week_groups.includes(Number(box.value) - 1);
    ruleForm.elements.anchor.value = rule.anchor;
    ruleForm.elements.starts_on.value = rule.starts_on;
    ruleForm.elements.ends_on.value = rule.ends_on || "";
    ruleForm.elements.on_holiday.value = rule.on_holiday;
    ruleForm.elements.opens.value = clock(rule.open_from_min);
    ruleForm.elements.closes.value = clock(rule.open_until_min);
    showGroups();
  }

  function usual() {
    const times = new Map();
    for (const stop of stops) times.set(stop.rule, (times.get(stop.rule) || 0) + 1);
    const sorted = [...times].sort((a, b) => b[1] - a[1]);
    return sorted.length ? sorted[0][0] : rules.length ? rules.length - 1 : null;
  }

  function clock(minute) {
    if (minute === null || minute === undefined) return "";
    return `${String(Math.floor(minute / 60)).padStart(2, "0")}:${String(minute % 60).padStart(2, "0")}`;
  }

  ruleForm.addEventListener("submit", (event) => {
    event.preventDefault();
    typedRule().then((number) => {
      if (number === null) return;
      for (const stop of stops) if (stop.isChosen) stop.rule = number;
      changed();
    });
  });

  // The number of the rule that the form says, as the server read it; null where it cannot be.
  function typedRule() {
    ruleFault.hidden = true;
    const asked = new URLSearchParams(new FormData(ruleForm));
    return fetch(`${page.dataset.rule}?${asked}`, { headers: { "HX-Request": "true" } })
      .then((answer) => (answer.ok ? answer.json() : answer.text().then((text) => Promise.reject(text))))
      .then((read) => {
        rules.push(read);
        return rules.length - 1;
      })
      .catch((text) => {
        const page = new DOMParser().parseFromString(String(text), "text/html");
        ruleFault.textContent = page.body.textContent.trim() || words.failed;
        ruleFault.hidden = false;
        return null;
      });
  }

  // Stores to add
  const typed = document.getElementById("words");
  let waits = null;
  let asked = 0;
  typed.addEventListener("input", () => {
    clearTimeout(waits);
    waits = setTimeout(search, 200);
  });

  function search() {
    const number = ++asked;
    if (!typed.value.trim()) { found.replaceChildren(); return; }
    fetch(`${page.dataset.found}?words=${encodeURIComponent(typed.value.trim())}`)
      .then((answer) => (answer.ok ? answer.json() : { stores: [] }))
      .then((answer) => {
        if (number !== asked) return;
        found.replaceChildren(...answer.stores.map(offered));
        if (answer.stores.length === 0) found.append(make("li", "quiet", words.found_none));
      });
  }

  function offered([id, code, name, at, has]) {
    const item = document.createElement("li");
    const what = make("span", "what");
    what.append(make("b", "", code ? `${name} · ${code}` : name));
    if (has) what.append(make("span", "quiet", ` ${has}`));
    const isHere = stops.some((stop) => stop.id === id);
    const add = make("button", "", isHere ? words.added : words.add);
    add.type = "button";
    add.disabled = isHere;
    add.setAttribute("aria-label", `${add.textContent} ${name}`);
    add.addEventListener("click", () => {
      addStores([{ id, code, name, at }]).then((isDone) => {
        if (!isDone) return;
        add.disabled = true;
        add.textContent = words.added;
      });
    });
    item.append(what, add);
    return item;
  }

  function addStores(stores) {
    const number = usual();
    return (number === null ? typedRule() : Promise.resolve(number)).then((rule) => {
      if (rule === null) return false;
      const held = new Set(stops.map((stop) => stop.id));
      for (const store of stores) {
        if (!held.has(store.id)) stops.push({ ...store, rule, isChosen: false, isNew: true });
      }
      changed();
      return true;
    });
  }

  // The map
  roadbookStores(map, page.dataset.places, (stores, isCut) => {
    shown = stores.map(([id, code, name, at, owner]) => ({ id, code, name, at, owner }));
    if (isCut) document.getElementById("lasso-told").textContent = words.zoom;
    drawOthers();
  });
  const lassoAdd = document.getElementById("lasso-add");
  roadbookLasso(map, document.getElementById("lasso"), words, (isInside) => {
    around = shown.filter((store) => isInside(roadbookMap.place(store.at)));
    const inside = new Set(around.map((store) => store.id));
    for (const stop of stops) stop.isChosen = inside.has(stop.id);
    around = around.filter((store) => !stops.some((stop) => stop.id === store.id));
    document.getElementById("lasso-told").textContent = words.lassoed.replace("{number}", String(inside.size));
    lassoAdd.hidden = around.length === 0;
    drawList();
    fillRule();
  });
  lassoAdd.addEventListener("click", () => {
    addStores(around);
    around = [];
    lassoAdd.hidden = true;
  });

  function drawOthers() {
    others.clearLayers();
    const here = new Set(stops.map((stop) => stop.id));
    for (const store of shown) {
      if (here.has(store.id)) continue;
      L.circleMarker(roadbookMap.place(store.at), { radius: 4, color: "#ffffff", weight: 1, fillColor: "#7d8a88", fillOpacity: 0.8 })
        .bindTooltip(roadbookMap.text([store.code, store.name, store.owner].filter(Boolean).join(" · ")))
        .on("click", () => addStores([store]))
        .addTo(others);
    }
  }

  function drawWay() {
    way.clearLayers();
    const pinned = stops.map((stop, place) => ({ stop, place })).filter((one) => one.stop.at);
    L.polyline(pinned.map((one) => roadbookMap.place(one.stop.at)), { color: "#3867b0", weight: 2, opacity: 0.5 }).addTo(way);
    for (const { stop, place } of pinned) {
      const marker = L.circleMarker(roadbookMap.place(stop.at), {
        radius: stop.isChosen ? 9 : 6, color: "#ffffff", weight: 1.5,
        fillColor: stop.isChosen ? "#0b5d57" : stop.isNew ? "#1c6b34" : "#3867b0", fillOpacity: 1,
      });
      marker
        .bindTooltip(roadbookMap.text(`${place + 1} · ${stop.name}`))
        .on("click", () => {
          stop.isChosen = !stop.isChosen;
          drawList();
          fillRule();
          list.children[place]?.scrollIntoView({ block: "nearest" });
        })
        .addTo(way);
    }
    drawOthers();
  }

  // A better order: the stops that it is for take each other's places, all others stay where they are.
  const orderTold = document.getElementById("order-told");
  const useOrder = document.getElementById("use-order");
  const leaveOrder = document.getElementById("leave-order");
  let better = [];

  document.getElementById("find-order").addEventListener("click", (event) => {
    writeSheet();
    const asked = new FormData(form);
    asked.set("day", document.getElementById("order-day").value);
    fetch(event.currentTarget.dataset.order, { method: "POST", body: new URLSearchParams(asked), headers: { "HX-Request": "true" } })
      .then((answer) => (answer.ok ? answer.json() : Promise.reject(new Error(String(answer.status)))))
      .then((found) => offer(found.says, found.order))
      .catch(() => offer(words.failed, []));
  });
  useOrder.addEventListener("click", () => {
    const moved = new Map(stops.filter((stop) => better.includes(stop.id)).map((stop) => [stop.id, stop]));
    // A stop that was taken out meanwhile is passed over.
    const turn = better.filter((id) => moved.has(id));
    stops = stops.map((stop) => (moved.has(stop.id) ? moved.get(turn.shift()) : stop));
    offer(orderTold.textContent, []);
    changed();
  });
  leaveOrder.addEventListener("click", () => offer("", []));

  function offer(says, order) {
    better = order;
    orderTold.textContent = says;
    useOrder.hidden = leaveOrder.hidden = order.length === 0;
  }

  // Rehearsing and saving
  form.addEventListener("input", () => {
    document.getElementById("unsaved").hidden = false;
    rehearsed.replaceChildren();
    document.getElementById("act").value = "";
  });
  document.getElementById("rehearse").addEventListener("click", () => ask(""));
  document.getElementById("end")?.addEventListener("click", () => ask("end"));
  form.addEventListener("submit", writeSheet);

  function ask(act) {
    if (act !== "end" && !form.reportValidity()) return;
    writeSheet();
    document.getElementById("act").value = act;
    htmx.trigger(form, "rehearse");
  }

  function writeSheet() {
    const used = [...new Set(stops.map((stop) => stop.rule))];
    document.getElementById("sheet").value = JSON.stringify({
      rules: used.map((number) => rules[number].rule),
      stops: stops.map((stop) => [stop.id, used.indexOf(stop.rule)]),
    });
  }
  document.body.addEventListener("htmx:afterSwap", (event) => {
    if (event.target === rehearsed) rehearsed.scrollIntoView({ block: "nearest" });
  });

  drawList();
  fit();
  fillRule();
  page.dataset.drawn = String(stops.length);
})();
