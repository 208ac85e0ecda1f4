"""`python -m tests.bench.map_page`: the map of a day in a real Chromium, from the click to the drawn track.

Reps' phones push a day each over HTTP (25 visits, 400 positions); then a supervisor opens the map some times, each
with an empty browser, and once more with eight times as many people, where the slider is moved through the day and the
map is dragged. Milliseconds from the start of the navigation, by the browser's own clock:

- `paint`: the first contentful paint, which has the list of the people with their figures;
- `drawn`: all tracks, stops and check-ins are on the screen;
- `replay`: from a change of the slider to the frame after the one that shows it;
- `drag`: between two frames while the map is dragged.
"""

import argparse
import json
import os
import random
import sys
from collections.abc import Sequence
from statistics import median
from typing import Any
from urllib.request import Request, urlopen

from server.identity.change_log import Actor
from server.identity.passwords import set_password
from sync.scope import rescope
from tests.bench.day import MakeUp, phone_day
from tests.bench.stage import Stage, add_phone, staged
from tests.browser import find_browser
from tests.factories import TODAY, add_occupancy, add_person, add_position

DAY = MakeUp("map", 25, points=400, forms=0, questions=0, orders=0, lines=0)
TEAMS = (25, 200)
PASSWORD = "the way of the bench"
SOON_MS = 60_000
LIMITS_MS = {"paint": 1_500, "drawn": 1_000}

# Until the frame after the next: what was drawn is on the screen.
_SHOWN = "await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));"
_DRAWN = f"""async () => {{
  const page = document.getElementById("map-page");
  while (!page.dataset.drawn) await new Promise((done) => setTimeout(done, 2));
  {_SHOWN}
  return {{
    drawn: performance.now(),
    paint: performance.getEntriesByName("first-contentful-paint")[0].startTime,
    people: Number(page.dataset.drawn),
  }};
}}"""
_REPLAYED = f"""async () => {{
  const clock = document.getElementById("clock");
  const took = [];
  for (let minute = 0; minute < 1440; minute += 15) {{
    clock.value = String(minute * 60);
    const began = performance.now();
    clock.dispatchEvent(new Event("input"));
    {_SHOWN}
    took.push(performance.now() - began);
  }}
  return took;
}}"""
_DRAGGED = """async () => {
  const took = [];
  let last = performance.now();
  let goes = true;
  const turn = (now) => { took.push(now - last); last = now; if (goes) requestAnimationFrame(turn); };
  requestAnimationFrame(turn);
  await new Promise((done) => setTimeout(done, 1500));
  goes = false;
  return took.slice(2);
}"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; ends with 1 where a figure is above what is promised of it."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.map_page", description=__doc__)
    parser.add_argument("--times", type=int, default=5, help="openings of the page")
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args(arguments)
    path = find_browser()
    if path is None:
        print("There is no Chromium: python -m tests.browser says why.", file=sys.stderr)
        return 1
    with staged(TEAMS[0], web_workers=2, questions=()) as stage:
        _give_supervisor(stage)
        figures = [_measure(stage, path, TEAMS[0], chosen.times)]
        for number in range(TEAMS[0], TEAMS[1]):
            stage.phones.append(
                add_phone(
                    stage.owner_engine, stage.database, stage.cast, stage.masters, f"rep{number}"
                )
            )
        figures.append(_measure(stage, path, TEAMS[1], chosen.times))
    if chosen.json:
        print(json.dumps(figures, indent=2))
    else:
        _print(figures)
    return _judge(figures[0])


def _measure(stage: Stage, browser: str, people: int, times: int) -> dict[str, Any]:
    chance = random.Random(people)
    for phone in stage.phones if people == TEAMS[0] else stage.phones[TEAMS[0] :]:
        _push(stage, phone_day(phone, chance, DAY), phone.device.token)
    with stage.database.reading(stage.cast.company.id) as uow:
        day = uow.rows(
            "select business_day from track group by business_day order by count(*) desc limit 1"
        )[0].business_day
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(
            executable_path=browser, args=["--no-sandbox"] if os.geteuid() == 0 else []
        )
        kept = _sign_in(launched, stage)
        place = f"http://127.0.0.1:{stage.port}/days/?day={day}"
        openings = [_open(*_seat(launched, kept), place, people) for _ in range(times)]
        frames = _move(*_seat(launched, kept), place)
        launched.close()
    return {
        "people": people,
        "day": str(day),
        "paint_ms": [round(each["paint"]) for each in openings],
        "drawn_ms": [round(each["drawn"]) for each in openings],
        **{name: [round(each, 1) for each in took] for name, took in frames.items()},
    }


def _open(context: Any, page: Any, place: str, people: int) -> dict[str, Any]:
    page.goto(place, wait_until="commit")
    page.wait_for_selector("#map-page", state="attached")
    told: dict[str, Any] = page.evaluate(_DRAWN)
    context.close()
    if told["people"] < people:
        message = f"the map has {told['people']} people, expected {people}"
        raise RuntimeError(message)
    return told


def _move(context: Any, page: Any, place: str) -> dict[str, list[float]]:
    """The frames of a replay, and those while the map is dragged about."""
    page.goto(place)
    page.evaluate(_DRAWN)
    replay = page.evaluate(_REPLAYED)
    box = page.query_selector("#map").bounding_box()
    middle = (box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.move(*middle)
    page.evaluate(f"window.frames_told = ({_DRAGGED})()")
    page.mouse.down()
    for step in range(60):
        page.mouse.move(middle[0] + step * 4, middle[1] + step * 2)
    page.mouse.up()
    drag = page.evaluate("window.frames_told")
    context.close()
    return {"replay_ms": replay, "drag_ms": drag}


def _sign_in(browser: Any, stage: Stage) -> Any:
    """What a browser keeps of somebody who is signed in: once, for signing in is throttled."""
    context = browser.new_context()
    page = context.new_page()
    page.goto(f"http://127.0.0.1:{stage.port}/sign-in")
    if page.query_selector("[name=company]"):
        page.fill("[name=company]", stage.cast.company.code)
    page.fill("[name=email]", f"supervisor@{stage.cast.company.code.lower()}.example")
    page.fill("[name=password]", PASSWORD)
    page.click("button.main")
    page.wait_for_selector("header nav")
    kept = context.storage_state()
    context.close()
    return kept


def _seat(browser: Any, kept: Any) -> tuple[Any, Any]:
    """A browser that has fetched nothing yet."""
    context = browser.new_context(
        viewport={"width": 1366, "height": 800}, locale="en-GB", storage_state=kept
    )
    context.set_default_timeout(SOON_MS)
    return context, context.new_page()


def _give_supervisor(stage: Stage) -> None:
    """Somebody who sees the reps' region and may sign in."""
    company = stage.cast.company
    with stage.owner_engine.begin() as connection:
        person = add_person(connection, company, "Supervisor")
        position = add_position(
            connection,
            company,
            "over them",
            role="supervisor",
            region_id=stage.cast.regions.north,
        )
        add_occupancy(connection, company, position_id=position, person_id=person)
    with stage.database.company(company.id) as uow:
        set_password(uow, Actor.command("the bench"), person, PASSWORD, today=TODAY)
        rescope(uow, [person], TODAY)


def _push(stage: Stage, body: bytes, token: str) -> None:
    request = Request(
        f"http://127.0.0.1:{stage.port}/v1/push",
        data=body,
        headers={"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
    )
    with urlopen(request, timeout=60) as answer:
        told = json.loads(answer.read())
    kept = [each for each in told["results"] if each["status"] != "applied"]
    if kept:
        message = f"not accepted: {kept[0]}"
        raise RuntimeError(message)


def _print(figures: list[dict[str, Any]]) -> None:
    print(
        f"{'people':>6}{'paint':>8}{'drawn':>8}{'replay':>9}{'worst':>8}{'drag':>7}{'worst':>8}   ms"
    )
    for one in figures:
        print(
            f"{one['people']:>6}{median(one['paint_ms']):>8.0f}{median(one['drawn_ms']):>8.0f}"
            f"{median(one['replay_ms']):>9.0f}{max(one['replay_ms']):>8.0f}"
            f"{median(one['drag_ms']):>7.0f}{max(one['drag_ms']):>8.0f}"
        )


def _judge(team: dict[str, Any]) -> int:
    above = {
        name: median(team[f"{name}_ms"])
        for name, limit in LIMITS_MS.items()
        if median(team[f"{name}_ms"]) > limit
    }
    for name, took in above.items():
        print(f"{name}: {took:.0f} ms, promised {LIMITS_MS[name]}", file=sys.stderr)
    return 1 if above else 0


if __name__ == "__main__":
    sys.exit(main())
