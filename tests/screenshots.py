"""Pictures of every page, in both languages and two widths: `make screenshots`.

Serves the demo company from a folder of its own, signs in as each of its people and takes the pictures into
build/screenshots/ (or the folder that is named). Ends with 1 where a page says anything to the console.
"""

import argparse
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from server.demo.known import PASSWORD, TIME_ZONE
from tests.browser import find_browser

ROOT = Path(__file__).resolve().parents[1]
WIDTHS = (1366, 820)
LANGUAGES = {"en": "en-GB", "zh": "zh-CN"}
SERVED_WITHIN_S = 300
MANAGER = "wen.gao@demo.example"
AUDITOR = "hao.deng@demo.example"
ADMIN = "yue.lin@demo.example"


@dataclass(frozen=True, slots=True)
class Shot:
    """A picture: who looks at which place, and what is done before it is taken."""

    name: str
    email: str | None
    path: str
    before: Callable[[Any], None] | None = None


def _person(page: Any) -> None:
    page.click(".person >> nth=1")
    page.wait_for_selector(".visits")


def _visit(page: Any) -> None:
    page.click(".person:has(.badge.warn) >> nth=0")
    page.click(".visit-line:has(.badge.warn) >> nth=0")
    page.wait_for_selector("#panel .facts")


def _change_form(page: Any) -> None:
    page.click("form[action$=edits] button")
    page.click("[id='change-question:closed_why']")
    page.wait_for_selector(".part-form")


def _drawn(page: Any) -> None:
    page.wait_for_selector("#map-page[data-drawn]")


def _regions(page: Any) -> None:
    page.wait_for_selector("#regions-page[data-drawn]")


def _redrawn(page: Any) -> None:
    page.click("text=Crane Lake")
    page.wait_for_selector("#region-page[data-drawn]")
    # A corner a kilometre to the east: the neighbour makes room.
    east = page.locator(".corners li >> nth=7 >> input >> nth=1")
    east.fill(str(round(float(east.input_value()) + 0.012, 6)))
    east.press("Tab")
    page.click("#rehearse")
    page.wait_for_selector("#save")


def _split_shown(page: Any) -> None:
    page.click("tbody a >> nth=0")
    page.wait_for_selector(".parts")
    page.fill("#field-total", "70000")
    page.click("#rehearse")
    page.wait_for_selector("#save")


def _proposal(page: Any) -> None:
    page.click("tbody a >> nth=0")
    page.wait_for_selector("#proposal-map[data-drawn]")


def _first_order(page: Any) -> None:
    page.click("tbody a >> nth=0")
    page.wait_for_selector(".versions")


def _first(page: Any) -> None:
    page.click("tbody a >> nth=0")
    page.wait_for_load_state("networkidle")


def _mended(page: Any) -> None:
    _first(page)
    page.click("button[value=check]")
    page.wait_for_selector("#faults")


def _phone_on_its_way_out(page: Any) -> None:
    page.click("tbody tr:has(.badge.warn) a >> nth=0")
    page.wait_for_selector(".steps")


def _code(page: Any) -> None:
    page.check("[name=person] >> nth=0")
    page.click("button.main")
    page.wait_for_selector("#code")


def _first_row(page: Any) -> None:
    page.click("tbody a >> nth=0")
    page.wait_for_selector("main table")


def _leave(page: Any) -> None:
    _first_row(page)
    page.goto(f"{page.url}/leave")
    page.select_option("select >> nth=0", index=2)
    page.click("button[value=look]")
    page.wait_for_selector("#confirm")


def _hand_over(page: Any) -> None:
    _first_row(page)
    page.goto(f"{page.url}/hand-over")
    page.select_option("[name^=route-] >> nth=0", index=2)
    page.click("section:has(#parts) button[value=look]")
    page.wait_for_selector("#confirm-parts")
    page.wait_for_load_state("networkidle")


def _opened(page: Any) -> None:
    page.click("tbody a >> nth=0")
    page.wait_for_load_state("networkidle")


def _route(page: Any) -> None:
    _second_row(page)
    page.click("a.button[href^='/routes/']:has(.visually-hidden) >> nth=0")
    page.wait_for_load_state("networkidle")


def _second_row(page: Any) -> None:
    page.click("tbody a >> nth=1")
    page.wait_for_load_state("networkidle")


def _change(page: Any) -> None:
    page.click("a[href$='/edit'] >> nth=0")
    page.wait_for_load_state("networkidle")


def _review(page: Any) -> None:
    page.click("button.main")
    page.wait_for_load_state("networkidle")


def _import(page: Any) -> None:
    rows = "code,name,channel,position\nNEW-1,New shop,kiosk,NOBODY\n,No code,kiosk,REP-11\n"
    page.set_input_files(
        "#field-file", {"name": "stores.csv", "mimeType": "text/csv", "buffer": rows.encode()}
    )
    page.click("button.main")
    page.wait_for_selector("#import[data-state=FAULTY]")


def _first_activity(page: Any) -> None:
    page.click("tbody a >> nth=0")
    page.wait_for_selector("#progress dl")


def _after(*steps: Callable[[Any], None]) -> Callable[[Any], None]:
    def act(page: Any) -> None:
        for step in steps:
            step(page)

    return act


def shots() -> tuple[Shot, ...]:
    """All of them; the day is yesterday in the demo's time zone, on which its people worked."""
    yesterday = datetime.now(ZoneInfo(TIME_ZONE)).date() - timedelta(days=1)
    day = f"/days/?day={yesterday}"
    return (
        Shot("sign-in", None, "/sign-in"),
        Shot("map-team", MANAGER, day, _drawn),
        Shot("map-person", MANAGER, day, _after(_drawn, _person)),
        Shot("map-visit", MANAGER, day, _after(_drawn, _visit)),
        Shot("routes", MANAGER, "/routes/"),
        Shot("position-plan", MANAGER, "/routes/", _second_row),
        Shot("route-edit", MANAGER, "/routes/", _route),
        Shot("stores-given", MANAGER, "/routes/stores"),
        Shot("overview", MANAGER, "/overview/"),
        Shot("facts", MANAGER, "/facts/?measure=PC"),
        Shot("flags", MANAGER, "/flags/"),
        Shot("targets", MANAGER, "/targets/"),
        Shot("tasks", MANAGER, "/tasks/"),
        Shot("notices", MANAGER, "/notices/"),
        Shot("appeals", MANAGER, "/appeals/"),
        Shot("appeal", MANAGER, "/appeals/", _first_row),
        Shot("conflicts", MANAGER, "/conflicts/"),
        Shot("conflict", MANAGER, "/conflicts/", _opened),
        Shot("quarantine", ADMIN, "/quarantine/"),
        Shot("kept-item", ADMIN, "/quarantine/", _opened),
        Shot("release-all", ADMIN, "/quarantine/release?kind=store"),
        Shot("regions", MANAGER, "/regions/", _regions),
        Shot("region-drawn", MANAGER, "/regions/", _after(_regions, _redrawn)),
        Shot("target-plans", ADMIN, "/targets/plans"),
        Shot("target-plan", ADMIN, "/targets/plans", _split_shown),
        Shot("proposal", MANAGER, "/routes/proposals", _proposal),
        Shot("orders", ADMIN, "/orders/"),
        Shot("order", ADMIN, "/orders/", _first_order),
        Shot("stores", ADMIN, "/stores/"),
        Shot("store", ADMIN, "/stores/", _first_row),
        Shot("store-edit", ADMIN, "/stores/", _after(_first_row, _change)),
        Shot("products", ADMIN, "/products/"),
        Shot("product", ADMIN, "/products/", _first_row),
        Shot("prices", ADMIN, "/prices/"),
        Shot("price-list", ADMIN, "/prices/", _first_row),
        Shot("price-change", ADMIN, "/prices/", _after(_first_row, _first_row)),
        Shot("price-asked", ADMIN, "/prices/asked?store=Y0001&product=CHIP-11&unit=CTN&quantity=5"),
        Shot("promotions", ADMIN, "/promotions/"),
        Shot("promotion-edit", ADMIN, "/promotions/", _after(_first_row, _change)),
        Shot("accounts", ADMIN, "/accounts/"),
        Shot("account", ADMIN, "/accounts/", _second_row),
        Shot("quarantine", ADMIN, "/quarantine/"),
        Shot("quarantine-item", ADMIN, "/quarantine/?code=invalid_field", _mended),
        Shot("conflict", MANAGER, "/conflicts/", _first),
        Shot("tasks", MANAGER, "/tasks/"),
        Shot("task-new", MANAGER, "/tasks/new"),
        Shot("notices", MANAGER, "/notices/"),
        Shot("notice", MANAGER, "/notices/", _first),
        Shot("notice-new", ADMIN, "/notices/new"),
        Shot("appeals", MANAGER, "/appeals/?which=all"),
        Shot("appeal", MANAGER, "/appeals/?which=appealed", _first),
        Shot("audits", AUDITOR, "/audits/"),
        Shot("audit-review", AUDITOR, "/audits/", _review),
        Shot("people", ADMIN, "/people/"),
        Shot("person", ADMIN, "/people/?words=REP-01", _first_row),
        Shot("person-leaves", ADMIN, "/people/?words=REP-01", _leave),
        Shot("positions", ADMIN, "/positions/"),
        Shot("position", ADMIN, "/positions/?words=REP-01", _first_row),
        Shot("position-handed-over", MANAGER, "/positions/?words=REP-01", _hand_over),
        Shot("calendar", ADMIN, "/calendar/"),
        Shot("calendar-loaded", ADMIN, "/calendar/load?country=CN&year=2027"),
        Shot("imports", ADMIN, "/imports/"),
        Shot("import-fault", ADMIN, "/imports/", _import),
        Shot("sheets", ADMIN, "/imports/sheets/"),
        Shot("forms", ADMIN, "/forms/"),
        Shot("form", ADMIN, "/forms/STORE_CHECK"),
        Shot("form-editor", ADMIN, "/forms/STORE_CHECK", _change_form),
        Shot("form-answers", ADMIN, "/forms/answers/"),
        Shot("activities", ADMIN, "/activities/"),
        Shot("activity", ADMIN, "/activities/", _first_activity),
        Shot("activity-new", ADMIN, "/activities/new"),
        Shot("exports", ADMIN, "/exports/"),
        Shot("phones", ADMIN, "/devices/"),
        Shot("phone", ADMIN, "/devices/", _phone_on_its_way_out),
        Shot("me", ADMIN, "/me/"),
        Shot("settings", ADMIN, "/settings/"),
        Shot("settings-group", ADMIN, "/settings/visits"),
        Shot("changes", ADMIN, "/changes/"),
        Shot("phone-code", ADMIN, "/devices/enrol?name=Chen", _code),
    )


def take(address: str, folder: Path) -> list[str]:
    """Take all pictures; what pages said to the console."""
    from playwright.sync_api import sync_playwright

    said: list[str] = []
    folder.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=find_browser(), args=["--no-sandbox"] if os.geteuid() == 0 else []
        )
        kept = {
            email: _signed_in(browser, address, email)
            for email in sorted({shot.email for shot in shots() if shot.email is not None})
        }
        for language, locale in LANGUAGES.items():
            for width in WIDTHS:
                for shot in shots():
                    context = browser.new_context(
                        viewport={"width": width, "height": 800},
                        locale=locale,
                        storage_state=None if shot.email is None else kept[shot.email],
                    )
                    page = context.new_page()
                    page.on("console", lambda told: said.extend(_faults(told)))
                    page.on("pageerror", lambda error: said.append(str(error)))
                    _take(page, address, shot, folder / f"{shot.name}-{language}-{width}.png")
                    context.close()
        browser.close()
    return said


def _faults(told: Any) -> list[str]:
    return [told.text] if told.type == "error" else []


def _signed_in(browser: Any, address: str, email: str) -> Any:
    """What a browser keeps of somebody who signed in: once each, for signing in is throttled."""
    context = browser.new_context()
    page = context.new_page()
    page.goto(f"{address}/sign-in")
    page.fill("[name=email]", email)
    page.fill("[name=password]", PASSWORD)
    page.click("button.main")
    page.wait_for_selector("header nav")
    kept = context.storage_state()
    context.close()
    return kept


def _take(page: Any, address: str, shot: Shot, file: Path) -> None:
    page.goto(address + shot.path)
    page.wait_for_load_state("networkidle")
    if shot.before is not None:
        shot.before(page)
        page.wait_for_load_state("networkidle")
    page.screenshot(path=str(file))
    print(file)


@contextmanager
def served() -> Iterator[str]:
    """A demo company of its own behind a server, both gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="roadbook-screenshots-") as var:
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        environ = {
            **{name: value for name, value in os.environ.items() if name != "DATABASE_URL"},
            "ROADBOOK_VAR": var,
            "ROADBOOK_PORT": str(port),
        }
        process = subprocess.Popen(
            [sys.executable, "-m", "server", "serve"],
            cwd=ROOT,
            env=environ,
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            assert process.stdout is not None
            until = time.monotonic() + SERVED_WITHIN_S
            for line in process.stdout:
                if line.startswith("Roadbook is at") or time.monotonic() > until:
                    break
            yield f"http://127.0.0.1:{port}"
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(60)


def main() -> int:
    """Take them."""
    parser = argparse.ArgumentParser(prog="python -m tests.screenshots", description=__doc__)
    parser.add_argument("--folder", type=Path, default=ROOT / "build" / "screenshots")
    parser.add_argument("--address", help="a server that has the demo company already")
    asked = parser.parse_args()
    if find_browser() is None:
        print("There is no Chromium: python -m tests.browser says why.", file=sys.stderr)
        return 1
    if asked.address:
        said = take(asked.address, asked.folder)
    else:
        with served() as address:
            said = take(address, asked.folder)
    for line in said:
        print(f"a page said: {line}", file=sys.stderr)
    return 1 if said else 0


if __name__ == "__main__":
    sys.exit(main())
