"""An auditor judges fifty photos by keyboard alone: from signing in to nothing left."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from uuid import uuid4

import pytest
from PIL import Image
from sqlalchemy import Engine, create_engine, insert

from server.identity.change_log import Actor
from server.identity.passwords import set_password
from server.identity.policy import change_policy
from server.media.keys import copy_key
from server.media.storage import LocalStorage
from sync.engine import Engine as SyncEngine
from sync.file_reading import file_reading
from sync.kinds import ALL_KINDS
from sync.unit_of_work import UnitOfWork
from tests.audit_factories import Running, add_running, bring
from tests.factories import Cast, make_cast
from tests.pages.conftest import Seat, Site
from tests.pages.test_reachable import faults_of
from tests.sync.talking import HOUR, Phone

pytestmark = pytest.mark.slow
PASSWORD = "a long password of Aki"
PHOTOS = 50
AT_ONE_VISIT = 5


@pytest.fixture
def owner(demo_site: Site) -> Iterator[Engine]:
    engine = create_engine(demo_site.owner_url)
    yield engine
    engine.dispose()


@pytest.fixture
def brought(demo_site: Site, owner: Engine, tmp_path: Path) -> tuple[Cast, Running]:
    """Ten audit visits with five photos each, flagged, in a company of their own; Aki may sign in."""
    database = demo_site.database
    cast = make_cast(owner, database)
    running = add_running(cast, database)
    ana = Phone(SyncEngine(database, ALL_KINDS, b"a key of the tests" * 2), cast.ana.device)
    for number in range(PHOTOS // AT_ONE_VISIT):
        bring(
            ana,
            database,
            running,
            cast.ana_stores[number % 3],
            flagged=True,
            ago=(number + 1) * HOUR // 4,
            shown=("END_CAP", "END_CAP", "END_CAP", "POSTER", "POSTER"),
        )
    with database.company(cast.company.id) as uow:
        today = datetime.now(UTC).date()
        set_password(uow, Actor.command("test"), cast.aki.id, PASSWORD, today=today)
        change_policy(uow, Actor.command("test"), {"audit_claim_min": 60})
        _give_pictures(uow, LocalStorage(demo_site.media / "files"), tmp_path)
    return cast, running


def _give_pictures(uow: UnitOfWork, storage: LocalStorage, folder: Path) -> None:
    """A reading of each file, with copies that can be shown."""
    drawn = BytesIO()
    Image.linear_gradient("L").convert("RGB").save(drawn, "WEBP")
    rows = uow.rows("select sha256 from file")
    names = ("thumb", "screen", "full")
    copies = [{"name": name, "width": 256, "height": 256, "bytes": 1} for name in names]
    uow.connection.execute(
        insert(file_reading),
        [
            {
                "company_id": uow.company_id,
                "sha256": row.sha256,
                "reader_version": 1,
                "media_type": "image/jpeg",
                "width": 256,
                "height": 256,
                "sharpness": 100,
                "darkness": 900,
                "remarks": [],
                "copies": copies,
                "took_ms": 1,
            }
            for row in rows
        ],
    )
    for row in rows:
        for name in names:
            file = folder / uuid4().hex
            file.write_bytes(drawn.getvalue())
            storage.put(copy_key(uow.company_id, row.sha256, 1, name), file)


def test_an_auditor_judges_fifty_photos_by_keyboard_alone(
    brought: tuple[Cast, Running], demo_site: Site, sit_down: Callable[..., Seat]
) -> None:
    cast, _ = brought
    with demo_site.database.reading(cast.company.id) as uow:
        email = uow.rows("select email from person where id = :id", id=cast.aki.id)[0].email
    seat = sit_down()
    seat.go("/sign-in")
    keys = seat.page.keyboard
    seat.page.focus("[name=company]")
    for typed in (cast.company.code, email, PASSWORD):
        keys.type(typed)
        keys.press("Tab")
    keys.press("Enter")
    seat.page.wait_for_selector("text=Take the next")
    keys.press("Enter")  # it has the focus
    judged = 0
    while True:
        seat.page.wait_for_selector(".review, .empty-hands")
        if seat.page.query_selector(".review") is None:
            break
        shown = seat.page.query_selector(".shot:not([hidden]) img")
        assert shown is not None
        assert shown.evaluate("image => image.decode().then(() => image.naturalWidth)") == 256
        if judged == 0:
            assert faults_of(seat) == []
            keys.press("ArrowRight")
            keys.press("ArrowLeft")
        for key in ("p", "1", "n") if judged == 0 else ("p", "p", "p"):
            keys.press(key)
        judged += 1
        with seat.page.expect_navigation():
            keys.press("Enter")
    assert judged == PHOTOS // AT_ONE_VISIT
    with demo_site.database.reading(cast.company.id) as uow:
        given = uow.rows(
            "select result, evidence from audit_verdict where auditor_id = :id", id=cast.aki.id
        )
        failed = uow.rows("select item, reason_code from audit_verdict_item where verdict = 'FAIL'")
    assert sum(len(row.evidence["photos"]) for row in given) == PHOTOS
    assert sorted(row.result for row in given) == ["FAIL", *["PASS"] * (judged - 1)]
    assert len(failed) == 1
