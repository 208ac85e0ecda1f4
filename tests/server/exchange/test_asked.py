"""A file that somebody brings is looked at by a worker first, and written once they say so; a regional manager imports what is theirs."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import Engine, text

from server.exchange.asked import (
    OPEN_MAX,
    TRIES,
    AskedImport,
    ask_import,
    cancel_import,
    confirm_import,
    list_asked,
    purge_imports,
    read_asked,
    take_up,
)
from server.exchange.doing import do_import
from server.exchange.faults import NoSuchImport, NotNow, StillImported, TooManyImports, TooMuchWaits
from server.exchange.sheets import SHEETS
from server.language import Said
from server.media.installed import Media
from server.media.staging import Staging
from server.media.storage import LocalStorage, StorageAway
from sync.unit_of_work import Database
from tests.factories import Cast, Person, add_holder

Brought = Callable[..., UUID]


@pytest.fixture
def media(tmp_path: Path) -> Media:
    return Media(LocalStorage(tmp_path / "files"), Staging(tmp_path / "uploads", 0))


@pytest.fixture
def brought(db: Database, cast: Cast, media: Media, tmp_path: Path) -> Brought:
    """A file that somebody brought: `brought(cast.mia, "store", "code,name", "S1,Shop")`."""
    number = 0

    def bring(
        person: Person,
        sheet: str | None,
        *lines: str,
        system: str | None = None,
        into: Media = media,
    ) -> UUID:
        nonlocal number
        number += 1
        path = tmp_path / f"{number}.csv"
        path.write_text("\n".join(lines), encoding="utf-8")
        return ask_import(
            db,
            into,
            cast.company.id,
            person.id,
            sheet=sheet,
            file_name="file.csv",
            path=path,
            system=system,
        )

    return bring


@pytest.fixture
def look(db: Database, cast: Cast, media: Media) -> Callable[[UUID], AskedImport]:
    """Let a worker do what the import waits for; what it is then."""

    def do(import_id: UUID) -> AskedImport:
        do_import(db, media, SHEETS, cast.company.id, import_id)
        return asked(db, cast, import_id)

    return do


Look = Callable[[UUID], AskedImport]


def asked(db: Database, cast: Cast, import_id: UUID) -> AskedImport:
    with db.reading(cast.company.id) as uow:
        return read_asked(uow, import_id, None)


def confirm(db: Database, cast: Cast, import_id: UUID) -> None:
    with db.company(cast.company.id) as uow:
        confirm_import(uow, import_id, None)


def stores(db: Database, cast: Cast, *codes: str) -> list[str]:
    with db.reading(cast.company.id) as uow:
        rows = uow.rows(
            "select code from store where code = any(:codes) order by code", codes=list(codes)
        )
        return [row.code for row in rows]


NEW = ("code,name,channel,position", "Z1,First,kiosk,REP-ANA", "Z2,Second,kiosk,REP-BEN")


def test_a_file_is_looked_at_and_written_once_somebody_says_so(
    db: Database, cast: Cast, brought: Brought, look: Look
) -> None:
    import_id = brought(cast.ada, "store", *NEW)
    looked = look(import_id)
    assert looked.state == "READY"
    assert looked.report is not None
    assert looked.report["added"] == 2
    assert stores(db, cast, "Z1", "Z2") == []
    confirm(db, cast, import_id)
    done = look(import_id)
    assert done.state == "DONE"
    assert done.run_id is not None
    assert (done.done, done.to_do) == (2, 2)
    assert stores(db, cast, "Z1", "Z2") == ["Z1", "Z2"]
    look(import_id)
    assert asked(db, cast, import_id).changed_at == done.changed_at


def test_what_the_file_is_of_is_found_out_from_its_columns(
    db: Database, cast: Cast, brought: Brought, look: Look
) -> None:
    assert look(brought(cast.ada, None, *NEW)).sheet == "store"
    failed = look(brought(cast.ada, None, "colour,smell", "red,rose"))
    assert failed.state == "FAILED"
    assert "no sheet" in str(failed.failure)


def test_faults_are_told_and_marked_in_a_copy(
    db: Database, cast: Cast, media: Media, brought: Brought, look: Look
) -> None:
    header, first, second = NEW
    import_id = brought(cast.ada, "store", header, first, second.replace("BEN", "NOBODY"))
    looked = look(import_id)
    assert looked.state == "FAULTY"
    assert looked.report is not None
    (fault,) = looked.report["faults"]
    assert (fault["row"], fault["code"]) == (3, "unknown")
    assert looked.has_marked
    assert stored(media) == [f"{import_id}.marked.xlsx"]
    with pytest.raises(NotNow):
        confirm(db, cast, import_id)


def test_what_is_no_file_that_can_be_read_fails_with_its_reason(
    cast: Cast, brought: Brought, look: Look
) -> None:
    failed = look(brought(cast.ada, "store", "nonsense", "1"))
    assert failed.state == "FAILED"
    assert "no column of store" in str(failed.failure)


def test_text_that_no_database_takes_is_told_as_a_fault(
    cast: Cast, brought: Brought, look: Look
) -> None:
    assert (
        look(brought(cast.ada, "store", "code,name,channel", "Z1,a\x00b,kiosk")).state == "FAULTY"
    )


def test_one_that_is_cancelled_while_it_is_written_keeps_what_was_written_and_goes_on_later(
    db: Database,
    cast: Cast,
    media: Media,
    brought: Brought,
    look: Look,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    few = {**SHEETS, "store": replace(SHEETS["store"], records_at_once=1)}
    import_id = brought(cast.ada, "store", *NEW)
    look(import_id)
    confirm(db, cast, import_id)
    calls = []

    def note(*_: object) -> bool:
        calls.append(1)
        if len(calls) == 3:  # two are rehearsed, one is written
            cancel_import(db, media, cast.company.id, import_id, None)
            return False
        return True

    with monkeypatch.context() as patched:
        patched.setattr("server.exchange.doing.note_done", note)
        do_import(db, media, few, cast.company.id, import_id)
    stopped = asked(db, cast, import_id)
    assert stopped.state == "STOPPED"
    assert stores(db, cast, "Z1", "Z2") == ["Z1"]
    confirm(db, cast, import_id)
    assert look(import_id).state == "DONE"
    assert stores(db, cast, "Z1", "Z2") == ["Z1", "Z2"]
    with db.reading(cast.company.id) as uow:
        assert [row.state for row in uow.rows("select state from import_run")] == ["DONE"]


def test_one_worker_at_a_time_does_it_and_the_next_one_where_that_was_killed(
    db: Database,
    cast: Cast,
    media: Media,
    owner_engine: Engine,
    brought: Brought,
    look: Look,
) -> None:
    import_id = brought(cast.ada, "store", *NEW)
    with db.company(cast.company.id) as uow:
        assert take_up(uow, import_id)[0] is not None
    with pytest.raises(StillImported):
        do_import(db, media, SHEETS, cast.company.id, import_id)
    with owner_engine.begin() as connection:
        connection.execute(text("update asked_import set held_until = now() - interval '1 second'"))
    assert look(import_id).state == "READY"


def test_one_that_breaks_each_time_says_so_in_plain_words_and_the_error_is_in_the_log_alone(
    db: Database,
    cast: Cast,
    media: Media,
    brought: Brought,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    import_id = brought(cast.ada, "store", *NEW)

    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("select secrets from inside")

    monkeypatch.setattr("server.exchange.doing.import_file", broken)
    for _ in range(TRIES):
        with pytest.raises(RuntimeError):
            do_import(db, media, SHEETS, cast.company.id, import_id)
    failed = asked(db, cast, import_id)
    assert failed.state == "FAILED"
    assert isinstance(failed.failure, Said)
    assert "secrets" not in str(failed.failure)
    incident = failed.failure.figures["incident"]
    assert [one.exc_info is not None for one in caplog.records if str(incident) in one.message] == [
        True
    ]


def test_a_worker_that_is_to_stop_leaves_an_import_to_the_next_at_once(
    db: Database, cast: Cast, media: Media, brought: Brought, look: Look
) -> None:
    import_id = brought(cast.ada, "store", *NEW)
    few = {**SHEETS, "store": replace(SHEETS["store"], records_at_once=1)}
    do_import(db, media, few, cast.company.id, import_id, is_stopping=lambda: True)
    assert asked(db, cast, import_id).state == "LOOKING"
    with db.reading(cast.company.id) as uow:
        assert len(uow.rows("select from outbox where topic = 'import'")) == 2
    looked = look(import_id)
    assert looked.state == "READY"
    confirm(db, cast, import_id)
    do_import(db, media, few, cast.company.id, import_id, is_stopping=lambda: True)
    assert asked(db, cast, import_id).state == "WRITING"
    assert look(import_id).state == "DONE"
    assert stores(db, cast, "Z1", "Z2") == ["Z1", "Z2"]


def test_a_regional_manager_imports_routes_of_their_positions_and_nothing_else(
    cast: Cast, owner_engine: Engine, brought: Brought, look: Look
) -> None:
    with owner_engine.begin() as connection:
        connection.execute(
            text("update store set code = upper(name) where company_id = :company"),
            {"company": cast.company.id},
        )
        nora = add_holder(connection, cast.company, "Nora", "regional_manager", cast.regions.north)
    head, rule = "position,route,store,rule", "mon every week from 2026-03-02"
    theirs = look(brought(nora, "route", head, f"REP-ANA,New,ANCHOR,{rule}"))
    assert theirs.state == "READY", theirs.report
    for line in ("REP-BEN,New,ANCHOR", "REP-ANA,New,DOCK", "REP-BEN,South round,DOCK"):
        beyond = look(brought(nora, "route", head, f"{line},{rule}"))
        assert beyond.report is not None
        assert {fault["code"] for fault in beyond.report["faults"]} == {"unknown"}
        assert beyond.report["changes"] == []
    refused = look(brought(nora, "store", "code,name", "Z9,Shop"))
    assert refused.state == "FAILED"
    assert "only admins" in str(refused.failure)


def test_one_of_others_is_not_there(
    db: Database, cast: Cast, media: Media, brought: Brought
) -> None:
    import_id = brought(cast.ada, "store", *NEW)
    with db.company(cast.company.id) as uow:
        with pytest.raises(NoSuchImport):
            read_asked(uow, import_id, cast.mia.id)
        assert list_asked(uow, cast.mia.id) == []
        assert [one.id for one in list_asked(uow, None)] == [import_id]
    with pytest.raises(NoSuchImport):
        cancel_import(db, media, cast.company.id, import_id, cast.mia.id)


def test_somebody_has_only_so_many_on_the_way(cast: Cast, media: Media, brought: Brought) -> None:
    for _ in range(OPEN_MAX):
        brought(cast.ada, "store", "code,name")
    with pytest.raises(TooManyImports):
        brought(cast.ada, "store", "code,name")
    assert len(list(media.storage.stored())) == OPEN_MAX


def stored(media: Media) -> list[str]:
    return sorted(one.key.rsplit("/", 1)[1] for one in media.storage.stored())


def cancel(db: Database, cast: Cast, media: Media, import_id: UUID, act: str = "cancel") -> None:
    cancel_import(db, media, cast.company.id, import_id, None, act)


def test_a_file_goes_as_soon_as_nothing_more_is_done_with_it(
    db: Database, cast: Cast, media: Media, brought: Brought, look: Look
) -> None:
    cancelled = brought(cast.ada, "store", *NEW)
    cancel(db, cast, media, cancelled)
    assert stored(media) == []
    ready = brought(cast.ada, "store", *NEW)
    look(ready)
    assert stored(media) == [str(ready)]
    cancel(db, cast, media, ready)
    written = brought(cast.ada, "store", *NEW)
    look(written)
    confirm(db, cast, written)
    assert look(written).state == "DONE"
    assert stored(media) == []
    assert look(brought(cast.ada, "store", "")).state == "FAILED"
    assert stored(media) == []
    faulty = brought(cast.ada, "store", "code,name,channel", "Z9,,kiosk")
    look(faulty)
    assert stored(media) == [f"{faulty}.marked.xlsx"]
    cancel(db, cast, media, faulty, "let go")
    assert stored(media) == []
    assert not asked(db, cast, faulty).has_marked
    with db.reading(cast.company.id) as uow:
        assert {row.held_bytes for row in uow.rows("select held_bytes from asked_import")} == {0}


def held_bytes(db: Database, cast: Cast) -> list[int]:
    with db.reading(cast.company.id) as uow:
        return [row.held_bytes for row in uow.rows("select held_bytes from asked_import")]


def away(*_: object) -> None:
    raise StorageAway("nobody answers")


def test_a_file_that_the_storage_does_not_let_go_counts_and_goes_with_the_next_purge(
    db: Database,
    cast: Cast,
    media: Media,
    brought: Brought,
    look: Look,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    company_id, now = cast.company.id, datetime.now(UTC)
    cancelled = brought(cast.ada, "store", *NEW)
    faulty = brought(cast.ada, "store", "code,name,channel", "Z9,,kiosk")
    with monkeypatch.context() as patched:
        patched.setattr(LocalStorage, "delete", away)
        cancel(db, cast, media, cancelled)
        assert purge_imports(db, media, company_id, now) == 0
    assert asked(db, cast, cancelled).state == "CANCELLED"
    with monkeypatch.context() as patched:
        delete = LocalStorage.delete
        patched.setattr(
            LocalStorage,
            "delete",
            lambda its, key: delete(its, key) if key.endswith(".xlsx") else away(),
        )
        assert look(faulty).state == "FAULTY"
    assert stored(media) == sorted([str(cancelled), str(faulty), f"{faulty}.marked.xlsx"])
    assert sum(held_bytes(db, cast)) == sum(one.size for one in media.storage.stored())
    assert purge_imports(db, media, company_id, now) == 0
    assert stored(media) == [f"{faulty}.marked.xlsx"]
    assert sum(held_bytes(db, cast)) == sum(one.size for one in media.storage.stored())
    cancel(db, cast, media, faulty, "let go")
    assert sum(held_bytes(db, cast)) == 0
    assert stored(media) == []


def test_somebody_and_a_company_have_only_so_many_bytes_waiting(
    db: Database, cast: Cast, media: Media, brought: Brought, look: Look
) -> None:
    line = "x" * 1_000
    bounds = replace(media.bounds, import_person_bytes=2_500, import_company_bytes=3_500)
    bounded = replace(media, bounds=bounds)
    adas = [brought(cast.ada, "store", line, into=bounded) for _ in range(2)]
    with pytest.raises(TooMuchWaits, match="your files that wait"):
        brought(cast.ada, "store", line, into=bounded)
    brought(cast.mia, "store", line, into=bounded)
    with pytest.raises(TooMuchWaits, match="the company's files that wait"):
        brought(cast.mia, "store", line, into=bounded)
    assert len(stored(media)) == 3
    cancel(db, cast, media, adas[0])
    brought(cast.ada, "store", line, into=bounded)


def test_bringing_and_cancelling_over_and_over_fills_nothing(
    db: Database, cast: Cast, media: Media, brought: Brought
) -> None:
    for _ in range(2 * OPEN_MAX):
        cancel(db, cast, media, brought(cast.ada, "store", *NEW))
    assert stored(media) == []


def test_files_go_after_a_week(db: Database, cast: Cast, media: Media, brought: Brought) -> None:
    brought(cast.ada, "store", "code,name")
    company_id, now = cast.company.id, datetime.now(UTC)
    assert purge_imports(db, media, company_id, now + timedelta(days=6)) == 0
    assert purge_imports(db, media, company_id, now + timedelta(days=8)) == 1
    assert list(media.storage.stored()) == []
