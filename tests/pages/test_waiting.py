"""What takes longer than a page may is waited for in a browser: it says so, can be left, and comes when it is there."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from server.answers.asked import ANSWER
from server.jobs.work import EFFECTS, Workshop, do_row
from server.web.answerers import ANSWERERS
from sync.engine import Engine as SyncEngine
from sync.kinds import ALL_KINDS
from tests.pages.conftest import Seat, Site, served
from tests.pages.test_reachable import faults_of

pytestmark = pytest.mark.slow


def work(site: Site) -> int:
    """What a worker does with questions meanwhile; the site has none of its own."""
    engine = SyncEngine(site.database, ALL_KINDS, b"nobody asks by this key in here")
    shop = Workshop(site.database, engine, answerers=ANSWERERS)
    rows = site.rows(
        "select id from outbox where company_id = :company and topic = :topic", topic=ANSWER
    )
    for row in rows:
        assert do_row(shop, site.company_id, row.id, EFFECTS) == "done"
    return len(rows)


def test_an_overview_that_takes_long_is_waited_for_and_may_be_left(
    sit_down: Callable[..., Seat], redis_url: str, tmp_path: Path
) -> None:
    seat = sit_down()
    page: Any = seat.page
    with served(seat.site.app_url, redis_url, tmp_path, ANSWERS_WITHIN_MS="0") as address:
        seat.address = address
        seat.sign_in("wen.gao@demo.example")
        seat.go("/overview/")
        for part in ("#figures .stand progress", "#groups .stand progress", "#charts[data-waits]"):
            page.wait_for_selector(part)
        assert faults_of(seat) == []
        assert work(seat.site) == 3
        for part in ("#charts[data-drawn]", "#figures .card", "#groups table"):
            page.wait_for_selector(part)
        assert "As of" in page.inner_text("#figures")
        page.click("#figures .card >> nth=1 >> .figure a")
        page.wait_for_selector("#facts .stand")
        # Whoever leaves it finds it when they come back.
        place = page.url
        seat.go("/routes/")
        assert work(seat.site) == 1
        page.goto(place)
        page.wait_for_selector("#facts tbody tr")
        assert work(seat.site) == 0
        page.click("text=Next page")
        page.wait_for_selector("#facts .stand")
        assert work(seat.site) == 1
        page.wait_for_selector("#facts tbody tr")
        page.wait_for_selector("text=First page")
