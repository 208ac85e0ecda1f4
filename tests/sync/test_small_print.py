"""What is easily lost or broken beside the main path: odd numbers, remarks, races, long waits."""

from collections.abc import Callable
from contextlib import suppress
from threading import Thread
from typing import Any

import psycopg
import pytest

from sync.engine import Engine
from sync.kinds.store.publish import publish_stores
from sync.unit_of_work import Database
from tests.factories import TODAY, Cast
from tests.sync.office import describe, set_stops
from tests.sync.talking import DAY, Phone, only, rows_of

PhoneOf = Callable[..., Phone]


def test_a_base_version_of_a_new_store_means_nothing_whatever_its_size(
    cast: Cast, phone: PhoneOf
) -> None:
    ana = phone(cast.ana)
    odd = ana.new_store() | {"base_version": 2**53 - 1}
    assert ana.statuses(odd, ana.visit(cast.ana_stores[0])) == ["applied", "applied"]


def test_an_item_on_which_writing_breaks_is_found_and_the_others_go_on(
    cast: Cast, phone: PhoneOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    from sync import settlement

    ana = phone(cast.ana)
    good, bad = ana.visit(cast.ana_stores[0]), ana.visit(cast.ana_stores[1])
    write = settlement.Settlement.write

    def breaking(self: Any, statements: Any) -> None:
        if bad["entity_id"] in self.made():
            raise ZeroDivisionError
        write(self, statements)

    monkeypatch.setattr(settlement.Settlement, "write", breaking)
    assert ana.statuses(good, bad) == ["applied", "quarantined"]


def test_why_something_was_corrected_and_which_files_belong_to_it_are_kept(
    cast: Cast, phone: PhoneOf, db: Database
) -> None:
    ana = phone(cast.ana)
    photo = {"sha256": "ab" * 32, "size": 1_000, "role": "shelf"}
    visit = ana.visit(cast.ana_stores[0]) | {"media": [photo]}
    ana.push_one(visit)
    correction = ana.correct(visit["entity_id"], 1, note="mended")
    ana.push_one(correction)
    remarks = {
        str(row.op_id): (row.reason, row.media["files"], row.version)
        for row in rows_of(db, cast, "select op_id, reason, media, version from remark")
    }
    assert remarks == {
        visit["op_id"]: (None, [photo], 1),
        correction["op_id"]: (correction["payload"]["reason"], [], 2),
    }


def test_why_something_was_corrected_is_kept_also_of_what_came_under_an_op_id_again(
    cast: Cast, phone: PhoneOf, roadbook: Engine, db: Database
) -> None:
    ana = phone(cast.ana)
    visit = ana.visit(cast.ana_stores[0])
    first = ana.correct(visit["entity_id"], 1, note="one")
    second = ana.correct(visit["entity_id"], 1, note="two") | {"op_id": first["op_id"]}
    second["payload"]["reason"] = "I was wrong again"
    assert ana.statuses(visit, first, second) == ["applied", "applied", "quarantined"]
    row = only(rows_of(db, cast, "select op_id, digest from kept_item"))
    released = roadbook.release(cast.company.id, row.op_id, bytes(row.digest), decided_by="Sam")
    assert released.status == "applied"
    reasons = {row.version: row.reason for row in rows_of(db, cast, "select * from remark")}
    assert reasons == {2: "I was wrong", 3: "I was wrong again"}


def test_the_photo_that_vouches_for_a_pin_is_kept(cast: Cast, phone: PhoneOf, db: Database) -> None:
    ana = phone(cast.ana)
    pin = {"lat_e7": 313_500_000, "lon_e7": 1_215_900_000, "datum": "WGS84", "accuracy_cm": 500}
    edit = ana.edit(cast.ana_stores[0], 1, pin=pin | {"photo_sha256": "cd" * 32})
    assert ana.push_one(edit)["proposal_id"]
    row = only(rows_of(db, cast, "select media from remark"))
    assert row.media["files"] == [{"sha256": "cd" * 32, "role": "storefront"}]
    waits = only(rows_of(db, cast, "select waits_for from proposal")).waits_for
    assert waits["photo_sha256"] == "cd" * 32


def test_a_store_that_is_edited_while_it_is_put_on_a_route_reaches_the_new_holder(
    cast: Cast, phone: PhoneOf, db: Database
) -> None:
    ana, store = phone(cast.ana), cast.ben_stores[0]
    ana.pull()

    def place() -> None:
        with db.company(cast.company.id) as uow:
            set_stops(uow, cast, cast.ana_route, [*cast.ana_stores, store])

    placing = Thread(target=place)
    with db.company(cast.company.id) as uow:
        uow.run("update store set address = 'new' where id = :id", id=store)
        publish_stores(uow, [store])
        placing.start()
        placing.join(0.5)
        ana.pull()
    placing.join()
    ana.pull()
    assert ana.fields(store)["address"] == "new"


def test_what_goes_on_waiting_is_told_of_once(cast: Cast, phone: PhoneOf, roadbook: Engine) -> None:
    ana, ben = phone(cast.ana), phone(cast.ben)
    visit = ben.visit(cast.ben_stores[0])
    ben.push_one(visit)
    waiting = ana.finish(visit["entity_id"])
    assert ana.push_one(waiting)["status"] == "deferred"
    ana.pull()
    for _ in range(3):
        assert roadbook.release_ready(cast.company.id) == 0
    assert ana.pull() == []


def test_nobody_conflicts_with_themself_although_the_office_wrote_in_between(
    cast: Cast, phone: PhoneOf, db: Database
) -> None:
    ana, store = phone(cast.ana), cast.ana_stores[0]
    with db.company(cast.company.id) as uow:
        uow.run("update store set delivery_note = 'ramp' where id = :id", id=store)
        publish_stores(uow, [store])
    first, second = ana.edit(store, 1, address="one"), ana.edit(store, 1, address="two")
    assert ana.statuses(first, second) == ["merged", "merged"]
    ana.pull()
    fields = ana.fields(store)
    assert (fields["address"], fields["delivery_note"]) == ("two", "ramp")


def test_who_left_long_ago_neither_finishes_nor_corrects(
    cast: Cast, phone: PhoneOf, db: Database
) -> None:
    ana = phone(cast.ana)
    visit = ana.visit(cast.ana_stores[0])
    ana.push_one(visit)
    with db.company(cast.company.id) as uow:
        uow.run("update person set left_on = :day where id = :id", day=TODAY, id=cast.ana.id)
    ana.now += 90 * DAY
    results = ana.push(
        ana.finish(visit["entity_id"]), ana.correct(visit["entity_id"], 1, note="late")
    )
    assert [r.get("code") for r in results] == ["late_after_leave"] * 2


def test_an_error_of_the_database_that_is_swallowed_commits_nothing(
    cast: Cast, db: Database
) -> None:
    told: list[str] = []

    def swallow() -> None:
        with db.company(cast.company.id) as uow:
            uow.after_commit(lambda: told.append("done"))
            describe(uow, cast.ana_stores[0], "never")
            with suppress(psycopg.errors.DivisionByZero):
                uow.driver.execute("select 1 / 0")

    with pytest.raises(psycopg.errors.InFailedSqlTransaction):
        swallow()
    assert told == []
