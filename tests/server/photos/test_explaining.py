"""What people are told of the evidence of a photo."""

from collections.abc import Callable
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from click.testing import Result
from sqlalchemy import Engine as Connections
from sqlalchemy import update

from server.identity.change_log import Actor
from server.identity.policy import change_policy
from server.jobs.work import Workshop, do_row
from server.media.files import keep_file
from server.media.storage import LocalStorage
from server.photos.errors import NoSuchEvidence, NoSuchPhoto
from server.photos.explaining import read_evidence
from server.photos.judging import judge_some_photos
from server.photos.read_files import ReadingRoom
from server.photos.signs import Sign
from server.play.pictures import Spoilt, Taking, copy_picture, draw_shelf
from sync.engine import Engine
from sync.kinds.photo.publish import mark_stored
from sync.photo_evidence import photo_evidence
from sync.unit_of_work import Database
from tests.evidence_factories import add_read_file, look
from tests.factories import Cast, Person
from tests.photo_factories import shot
from tests.server.photos.conftest import LIMITS
from tests.sync.talking import MINUTE, Phone, only, rows_of, spot

PhoneOf = Callable[[Person], Phone]
Run = Callable[..., Result]


@pytest.fixture
def reused(cast: Cast, phone: PhoneOf, db: Database) -> tuple[UUID, UUID]:
    """Two photos of Ana's whose files look alike: at her first store, and later at her second."""
    ana = phone(cast.ana)
    ids = []
    for file, store in zip(("one", "other"), cast.ana_stores, strict=False):
        item = shot(ana, file, store_id=store)
        assert ana.statuses(item) == ["applied"]
        ids.append(UUID(item["entity_id"]))
        ana.now += MINUTE
        with db.company(cast.company.id) as uow:
            mark_stored(uow, [item["payload"]["sha256"]])
    lat_e7, lon_e7 = spot(cast, db, cast.ana_stores[1])
    with db.company(cast.company.id) as uow:
        add_read_file(uow, cast, "one", look=look(0b111))
        add_read_file(
            uow,
            cast,
            "other",
            look=look(0b1),
            camera_at=datetime(2026, 3, 4, 14, 0),  # noqa: DTZ001 - a camera's own time
            camera_lat_e7=lat_e7,
            camera_lon_e7=lon_e7,
            signs=(Sign(sign="editor_named", permille=950, said="GIMP 2.10"),),
        )
        judge_some_photos(uow, ids)
    return ids[0], ids[1]


def test_a_photo_is_explained_with_every_figure_and_judged_again_as_it_was(
    run: Run, reused: tuple[UUID, UUID]
) -> None:
    earlier, later = reused
    told = run("photo", "explain", str(later)).output
    for line in (
        "version 1 of 1, by settings version 1, reader version 1",
        "looks like a photo of another store, taken before",
        "the camera's time 2026-03-04T14:00:00 is 2 h",
        "sharpness 900 (at least 30), darkness 500 ‰ (at most 900 ‰)",
        "the camera 0 m from the pin",
        'a program for editing pictures named itself in the file: "GIMP 2.10" (950 ‰ sure)',
        f"photo {earlier}",
        ": counts",
        "it comes to the same",
    ):
        assert line in told, (line, told)


def test_both_of_a_pair_are_seen_from_either_side(run: Run, reused: tuple[UUID, UUID]) -> None:
    earlier, later = reused
    told = run("photo", "explain", earlier.hex[:12]).output
    assert "none: nothing is odd" in told
    assert f"Used in   photo {later}" in told


def test_what_was_judged_by_older_settings_is_explained_by_them(
    cast: Cast, db: Database, run: Run, office: Actor, reused: tuple[UUID, UUID]
) -> None:
    _, later = reused
    with db.company(cast.company.id) as uow:
        change_policy(uow, office, {"photo_reuse_bits": 1})
    assert "signs of editing" in run("photo", "judge-again", str(later)).output
    first = run("photo", "explain", str(later), "--version", "1").output
    assert "looks like a photo of another store" in first
    assert "it comes to the same" in first
    assert "looks like" not in run("photo", "explain", str(later)).output
    assert run("photo", "explain", str(later), "--version", "3").exit_code != 0


def test_evidence_that_would_come_out_otherwise_today_says_so(
    cast: Cast, db: Database, owner_engine: Connections, reused: tuple[UUID, UUID]
) -> None:
    with owner_engine.begin() as connection:
        connection.exec_driver_sql("set local row_security = off")
        connection.execute(
            update(photo_evidence)
            .where(
                photo_evidence.c.company_id == cast.company.id,
                photo_evidence.c.photo_id == reused[0],
            )
            .values(flags=[{"flag": "dark", "darkness": 1, "limit": 0}])
        )
    with db.reading(cast.company.id) as uow:
        assert not read_evidence(uow, reused[0]).evidence.is_same_again
        assert read_evidence(uow, reused[1]).evidence.is_same_again


def test_a_photo_is_explained_only_to_who_may_see_it(
    cast: Cast, db: Database, reused: tuple[UUID, UUID]
) -> None:
    with db.reading(cast.company.id) as uow:
        assert read_evidence(uow, reused[0], asker_id=cast.ana.id).evidence.version == 1
        for id_, asker in ((reused[0], cast.ben.id), (uuid4(), cast.ana.id)):
            with pytest.raises(NoSuchPhoto):
                read_evidence(uow, id_, asker_id=asker)


def test_a_photo_that_was_not_judged_says_so(
    cast: Cast, phone: PhoneOf, db: Database, run: Run
) -> None:
    ana = phone(cast.ana)
    item = shot(ana, "new")
    ana.push_one(item)
    with db.reading(cast.company.id) as uow, pytest.raises(NoSuchEvidence):
        read_evidence(uow, UUID(item["entity_id"]))
    assert "not judged yet" in run("photo", "explain", item["entity_id"]).output
    assert "not read yet" in run("photo", "judge-again", item["entity_id"]).output


def test_photos_and_a_day_are_not_judged_again_at_once(run: Run, reused: tuple[UUID, UUID]) -> None:
    assert run("photo", "judge-again").exit_code == 2
    assert run("photo", "judge-again", str(reused[0]), "--since", "2026-03-01").exit_code == 2
    assert run("photo", "judge-again", "--since", "2026-03-01").output.startswith(
        "2 will be judged"
    )


def test_what_reps_cheat_with_is_flagged_from_the_file_to_the_phone(
    cast: Cast, phone: PhoneOf, db: Database, sync_engine: Engine, tmp_path: Path
) -> None:
    ana = phone(cast.ana)
    store, other_store = cast.ana_stores[:2]
    lat_e7, lon_e7 = spot(cast, db, store)
    here = Taking(
        taken_at=datetime(2026, 3, 4, 11, 59),  # noqa: DTZ001 - a camera's own time
        place=(lat_e7 / 1e7, lon_e7 / 1e7),
        make="Acme",
        model="Phone 3",
    )
    honest = draw_shelf("a", shelf="s1", kilobytes=150, taking=here)
    files = {
        "honest": (honest, store),
        "copy": (copy_picture(honest, taking=here), other_store),
        "dark": (
            draw_shelf("b", shelf="s2", kilobytes=150, taking=here, spoilt=Spoilt.DARK),
            store,
        ),
        "blurred": (
            draw_shelf("c", shelf="s3", kilobytes=150, taking=here, spoilt=Spoilt.BLURRED),
            store,
        ),
        "no photo": (b"%PDF-1.7 and more", store),
    }
    storage = LocalStorage(tmp_path / "files")
    room = ReadingRoom(storage, tmp_path / "reading", LIMITS)
    shop = Workshop(db, sync_engine, room=room)
    ids = {}
    try:
        for name, (data, at) in files.items():
            path = tmp_path / name
            path.write_bytes(data)
            digest = sha256(data).hexdigest()
            item = shot(ana, name, store_id=at, sha256=digest, size=len(data))
            assert ana.statuses(item) == ["applied"]
            ids[name] = item["entity_id"]
            keep_file(
                db, storage, cast.company.id, path, sha256=digest, size=len(data),
                device_id=cast.ana.device.id, person_id=cast.ana.id,
            )  # fmt: skip
            ana.now += MINUTE
        # Until nothing is left to do.
        for _ in range(6):
            for row in rows_of(
                db, cast, "select id from outbox where not is_set_aside order by id"
            ):
                do_row(shop, cast.company.id, row.id)
    finally:
        room.close()
    ana.pull()
    found = {
        name: (ana.fields(id_)["state"], [flag["flag"] for flag in ana.fields(id_)["flags"]])
        for name, id_ in ids.items()
    }
    assert found == {
        "honest": ("OK", []),
        "copy": ("FLAGGED", ["reused"]),
        "dark": ("FLAGGED", ["dark"]),
        "blurred": ("FLAGGED", ["blurred"]),
        "no photo": ("FLAGGED", ["unreadable"]),
    }
    assert only(rows_of(db, cast, "select count(*) from photo_evidence"))[0] >= len(files)
