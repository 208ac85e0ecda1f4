"""A region with many stores is drawn anew by a worker: whole or not at all, by one worker at a time, as whoever asked for it."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg
import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import OperationalError

from server.errands.asked import (
    KEPT_MAX,
    OPEN_MAX,
    Errand,
    ask_errand,
    cancel_errand,
    confirm_errand,
    purge_errands,
    read_errand,
)
from server.errands.doing import TRIES, ErrandKind, do_errand
from server.errands.errors import NoSuchErrand, NotNow, StillDone, TooManyErrands
from server.language import Said, speaking
from server.planning import region_changes
from server.planning.region_changes import RegionAsked
from server.planning.region_errand import REDRAW, REDRAWING, Redraw, asked_redraw, read_change
from server.planning.region_list import ALL_REGIONS, find_region
from server.planning.stores import change_stores
from sync.unit_of_work import Database
from tests.factories import Cast
from tests.server.planning.test_region_changes import LONGER, box

Ask = Callable[..., UUID]
Look = Callable[[UUID], Errand]
# All of South's ground but its southern edge: all its stores that have a pin.
MUCH = box(121.4, 31.21, 121.6, 31.4)


@pytest.fixture
def ask(db: Database, cast: Cast) -> Ask:
    """Ask, as Mia unless said otherwise, for North with this line."""

    def act(
        line: dict[str, Any] = LONGER, *, by: UUID = cast.mia.id, is_shown: bool = True
    ) -> UUID:
        with db.company(cast.company.id) as uow:
            held = find_region(uow, cast.regions.north, ALL_REGIONS)
            asked = RegionAsked(code=held.code, name=held.name, above=held.parent_id, boundary=line)
            request = asked_redraw(Redraw(held.id, held.basis, asked))
            return ask_errand(uow, by, REDRAW, request, is_shown_first=is_shown)

    return act


@pytest.fixture
def work(db: Database, cast: Cast) -> Look:
    """Let a worker do what the errand waits for; what it is then."""

    def act(errand_id: UUID) -> Errand:
        do_errand(db, {REDRAW: REDRAWING}, cast.company.id, errand_id)
        return errand_of(db, cast, errand_id)

    return act


def errand_of(db: Database, cast: Cast, errand_id: UUID) -> Errand:
    with db.reading(cast.company.id) as uow:
        return read_errand(uow, errand_id, None)


def confirm(db: Database, cast: Cast, errand_id: UUID) -> None:
    with db.company(cast.company.id) as uow:
        confirm_errand(uow, errand_id, cast.mia.id)


def regions(db: Database, cast: Cast) -> list[Any]:
    with db.reading(cast.company.id) as uow:
        return uow.rows(
            "select id, region_id from store where company_id = :company order by id",
            company=cast.company.id,
        )


@pytest.fixture
def one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(region_changes, "STORES_AT_ONCE", 1)


@pytest.mark.usefixtures("one_by_one")
def test_what_is_shown_is_what_is_done_with_how_far_it_is(
    db: Database, cast: Cast, ask: Ask, work: Look
) -> None:
    before = regions(db, cast)
    errand = ask(MUCH)
    looked = work(errand)
    assert looked.state == "READY"
    assert looked.report is not None
    shown = read_change(looked.report)
    assert shown is not None
    assert shown.stores == 2
    assert (looked.done, looked.to_do) == (2, 2)
    assert regions(db, cast) == before
    confirm(db, cast, errand)
    done = work(errand)
    assert (done.state, done.done, done.to_do) == ("DONE", 2, 2)
    moved = sum(one != two for one, two in zip(before, regions(db, cast), strict=True))
    assert moved == 2
    # Once more is nothing more: it is over.
    after = regions(db, cast)
    assert work(errand).state == "DONE"
    assert regions(db, cast) == after


@pytest.mark.usefixtures("one_by_one")
def test_a_worker_that_is_killed_leaves_nothing_of_it_and_the_next_one_does_it(
    db: Database,
    cast: Cast,
    ask: Ask,
    work: Look,
    monkeypatch: pytest.MonkeyPatch,
    owner_engine: Engine,
) -> None:
    before = regions(db, cast)
    errand = ask(MUCH)
    work(errand)
    confirm(db, cast, errand)
    change = change_stores
    calls: list[int] = []

    def killed(*args: Any) -> Any:
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return change(*args)

    with monkeypatch.context() as patched:
        patched.setattr(region_changes, "change_stores", killed)
        with pytest.raises(KeyboardInterrupt):
            work(errand)
    assert regions(db, cast) == before
    held = errand_of(db, cast, errand)
    assert (held.state, held.done) == ("DOING", 1)
    with pytest.raises(StillDone):
        work(errand)
    with owner_engine.begin() as connection:
        connection.execute(text("update errand set held_until = now() - interval '1 second'"))
    assert work(errand).state == "DONE"
    assert regions(db, cast) != before


@pytest.mark.usefixtures("one_by_one")
def test_one_that_is_stopped_while_it_is_done_leaves_nothing_of_it(
    db: Database, cast: Cast, ask: Ask, work: Look, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = regions(db, cast)
    errand = ask(MUCH)
    work(errand)
    confirm(db, cast, errand)
    change = change_stores

    def stopping(*args: Any) -> Any:
        with db.company(cast.company.id) as uow:
            if errand_of(db, cast, errand).state == "DOING":
                cancel_errand(uow, errand, cast.mia.id)
        return change(*args)

    monkeypatch.setattr(region_changes, "change_stores", stopping)
    assert work(errand).state == "CANCELLED"
    assert regions(db, cast) == before


def test_it_is_bound_by_time_alone(
    db: Database, cast: Cast, ask: Ask, work: Look, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = regions(db, cast)
    monkeypatch.setattr("server.planning.region_errand.LONGEST_S", -1)
    failed = work(ask(MUCH))
    assert failed.state == "FAILED"
    assert "draw it in steps" in str(failed.failure)
    assert regions(db, cast) == before


def test_terms_and_plans_follow_once_each(
    db: Database, cast: Cast, ask: Ask, work: Look, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(region_changes, "STORES_AT_ONCE", 1)
    monkeypatch.setattr("sync.kinds.store_terms.publish.AT_ONCE", 0)
    errand = ask(MUCH)
    work(errand)
    with db.reading(cast.company.id) as uow:
        assert uow.rows("select id from outbox where topic = 'store_terms'") == []
    confirm(db, cast, errand)
    work(errand)
    with db.reading(cast.company.id) as uow:
        rows = uow.rows("select topic, payload from outbox where topic <> 'errand'")
    stores = [id_ for row in rows if row.topic == "store_terms" for id_ in row.payload["ids"]]
    assert len(stores) == len(set(stores)) == 2
    assert not [row for row in rows if row.topic == "plan_again"]


def test_who_may_no_longer_set_regions_has_nothing_done(
    db: Database, cast: Cast, ask: Ask, work: Look, owner_engine: Engine
) -> None:
    errand = ask()
    work(errand)
    confirm(db, cast, errand)
    with owner_engine.begin() as connection:
        connection.execute(
            text("update occupancy set ends_on = current_date - 2 where person_id = :mia"),
            {"mia": cast.mia.id},
        )
    failed = work(errand)
    assert failed.state == "FAILED"
    assert "may not do it any more" in str(failed.failure)


def test_an_errand_of_others_is_not_there_and_what_is_over_stays_over(
    db: Database, cast: Cast, ask: Ask
) -> None:
    errand = ask()
    with db.company(cast.company.id) as uow:
        with pytest.raises(NoSuchErrand):
            confirm_errand(uow, errand, cast.ada.id)
        with pytest.raises(NotNow):
            confirm_errand(uow, errand, cast.mia.id)
        cancel_errand(uow, errand, cast.mia.id)
        with pytest.raises(NotNow):
            cancel_errand(uow, errand, cast.mia.id)


def test_somebody_has_only_so_many_on_the_way(cast: Cast, ask: Ask) -> None:
    for _ in range(OPEN_MAX):
        ask(is_shown=False)
    with pytest.raises(TooManyErrands):
        ask(is_shown=False)
    ask(by=cast.ada.id)


def count(db: Database, cast: Cast, statement: str) -> int:
    with db.reading(cast.company.id) as uow:
        return int(uow.rows(f"select count(*) as number from {statement}")[0].number)


def test_looking_over_and_over_leaves_nothing_of_what_was_given_up(
    db: Database, cast: Cast, ask: Ask, work: Look
) -> None:
    looking = ask()
    with db.company(cast.company.id) as uow:
        uow.run("update errand set state = 'LOOKING', turn = 1")
    for _ in range(5):
        last = ask()
    assert count(db, cast, "errand") == 1
    assert count(db, cast, "outbox where topic = 'errand'") == 1
    assert work(last).state == "READY"
    # Whoever was at one that is gone by now finds nothing to do.
    do_errand(db, {REDRAW: REDRAWING}, cast.company.id, looking)


def test_of_what_is_over_somebody_keeps_the_latest_few(
    db: Database, cast: Cast, ask: Ask, work: Look
) -> None:
    other = ask(by=cast.ada.id)
    work(other)
    ids = []
    for _ in range(KEPT_MAX + 3):
        # Each has been looked at, and is given up by the next.
        ids.append(ask())
        work(ids[-1])
    with db.reading(cast.company.id) as uow:
        left = {row.id for row in uow.rows("select id from errand")}
    assert left == {other, *ids[-KEPT_MAX - 1 :]}


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (
            OperationalError("update store", {}, psycopg.errors.LockNotAvailable("a lock")),
            "met others at work for too long",
        ),
        (RuntimeError("a secret of the inside"), "it broke; incident"),
    ],
)
def test_one_that_fails_each_time_says_so_in_plain_words_and_the_error_is_in_the_log_alone(
    db: Database,
    cast: Cast,
    ask: Ask,
    error: Exception,
    says: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    errand_id = ask(is_shown=False)

    def failing(_: object) -> None:
        raise error

    kinds = {REDRAW: ErrandKind(REDRAW, ("regional_manager",), do=failing)}
    for _ in range(TRIES):
        with pytest.raises(type(error)):
            do_errand(db, kinds, cast.company.id, errand_id)
    failed = errand_of(db, cast, errand_id)
    assert failed.state == "FAILED"
    assert isinstance(failed.failure, Said)
    assert says in str(failed.failure)
    with speaking("zh"):
        assert says not in str(failed.failure)
    (logged,) = [one for one in caplog.records if one.message.startswith("incident ")]
    assert logged.exc_info is not None
    assert str(failed.failure.figures.get("incident", "")) in logged.message
    assert not set(str(error).split()) <= set(str(failed.failure).split())


@pytest.mark.usefixtures("one_by_one")
def test_a_worker_that_is_to_stop_leaves_it_to_the_next_at_once(
    db: Database, cast: Cast, ask: Ask, work: Look
) -> None:
    before = regions(db, cast)
    errand = ask(MUCH)
    work(errand)
    confirm(db, cast, errand)
    waiting = count(db, cast, "outbox where topic = 'errand'")
    do_errand(db, {REDRAW: REDRAWING}, cast.company.id, errand, is_stopping=lambda: True)
    assert errand_of(db, cast, errand).state == "DOING"
    assert regions(db, cast) == before
    assert count(db, cast, "outbox where topic = 'errand'") == waiting + 1
    assert work(errand).state == "DONE"
    assert regions(db, cast) != before


def test_errands_go_after_a_week(db: Database, cast: Cast, ask: Ask) -> None:
    ask()
    now = datetime.now(UTC)
    assert purge_errands(db, cast.company.id, now + timedelta(days=6)) == 0
    assert purge_errands(db, cast.company.id, now + timedelta(days=8)) == 1
