"""A flag that somebody decides changes the measures, and who decided what stays."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Engine

from server.identity.change_log import Actor, changes_of
from server.measures.errors import DecisionInvalid, NoSuchFlag, NoSuchVisit
from server.measures.flag_decisions import FlagListed, decide_flag, list_flags
from sync.engine import Engine as SyncEngine
from sync.kinds import ALL_KINDS
from sync.unit_of_work import Database
from tests.factories import TODAY, Cast, make_cast
from tests.measures_factories import add_visit, moment
from tests.sync.talking import HOUR, Phone

SAM = "Sam"
Decide = Callable[..., int]


@pytest.fixture
def decide(db: Database, cast: Cast) -> Decide:
    def act(visit: UUID, flag: str, decision: str, *, reason: str = "looked", **more: Any) -> int:
        with db.company(cast.company.id) as uow:
            return decide_flag(
                uow,
                Actor(SAM, cast.sam.id),
                visit,
                flag,
                decision,
                reason,
                now=moment(cast.company, TODAY, 20),
                **more,
            )

    return act


@pytest.fixture
def flags(db: Database, cast: Cast) -> Callable[..., list[FlagListed]]:
    def ask(**more: Any) -> list[FlagListed]:
        with db.reading(cast.company.id) as uow:
            return list_flags(uow, TODAY, TODAY, **more)

    return ask


@pytest.fixture
def offsite(owner_engine: Engine, cast: Cast) -> UUID:
    with owner_engine.begin() as connection:
        return add_visit(
            connection,
            cast.company,
            cast.ana,
            cast.ana_stores[0],
            verdict="OFFSITE",
            flags=["too_short"],
        )


def test_a_decision_changes_the_measure_in_both_directions(
    offsite: UUID, decide: Decide, numbers: Any
) -> None:
    assert numbers("TC")[()] == [(0, None)]
    assert decide(offsite, "offsite", "ACCEPTED") == 1
    assert numbers("TC")[()] == [(1, None)]
    assert decide(offsite, "too_short", "REJECTED") == 1
    assert numbers("TC")[()] == [(0, None)]
    assert decide(offsite, "too_short", "ACCEPTED") == 2
    assert numbers("TC")[()] == [(1, None)]


def test_who_decided_what_and_why_stays(
    offsite: UUID, decide: Decide, db: Database, cast: Cast
) -> None:
    decide(offsite, "offsite", "REJECTED", reason="The shop was shut.")
    decide(offsite, "offsite", "ACCEPTED", reason="The pin was wrong.")
    with db.reading(cast.company.id) as uow:
        rows = uow.rows(
            "select number, decision, reason, person_id, decided_by from flag_decision"
            " where visit_id = :id order by number",
            id=offsite,
        )
        log = changes_of(uow, subject_kind="visit", subject_id=offsite)
    assert [tuple(row) for row in rows] == [
        (1, "REJECTED", "The shop was shut.", cast.sam.id, SAM),
        (2, "ACCEPTED", "The pin was wrong.", cast.sam.id, SAM),
    ]
    assert [(entry.action, entry.person_id) for entry in log] == [
        ("visit.decide_flag", cast.sam.id)
    ] * 2
    assert log[0].before == {
        "flag": "offsite",
        "decision": "REJECTED",
        "reason": "The shop was shut.",
    }


def test_the_same_decision_again_is_none(
    offsite: UUID, decide: Decide, db: Database, cast: Cast
) -> None:
    assert [decide(offsite, "offsite", "ACCEPTED") for _ in range(2)] == [1, 1]
    with db.reading(cast.company.id) as uow:
        assert len(changes_of(uow, subject_kind="visit", subject_id=offsite)) == 1


def test_a_flag_of_the_whole_day_can_be_decided(
    cast: Cast, db: Database, decide: Decide, numbers: Any, flags: Any
) -> None:
    phone = Phone(SyncEngine(db, ALL_KINDS, b"a key of the tests" * 2), cast.ana.device)
    first = phone.visit(cast.ana_stores[0], ago=4 * HOUR)
    again = phone.visit(cast.ana_stores[0], ago=2 * HOUR)
    assert phone.statuses(first, again) == ["applied", "applied"]
    assert numbers("TC", "VISITED_STORES")[()] == [(1, None), (1, None)]
    with pytest.raises(NoSuchFlag):
        decide(UUID(first["entity_id"]), "repeated_store", "REJECTED")
    for item in (first, again):
        with pytest.raises(NoSuchFlag):
            decide(UUID(item["entity_id"]), "implied_speed", "REJECTED")
    decide(UUID(again["entity_id"]), "repeated_store", "REJECTED")
    assert [(each.flag, each.decision) for each in flags(flag="repeated_store")] == [
        ("repeated_store", "REJECTED")
    ]


def test_a_decision_is_only_about_what_the_asker_may_see(
    offsite: UUID, decide: Decide, cast: Cast
) -> None:
    assert decide(offsite, "offsite", "ACCEPTED", asker_id=cast.sam.id) == 1
    for stranger in (cast.ben, cast.aki):
        # An auditor at the top of the tree sees everything, and decides about the flags of nobody.
        with pytest.raises(NoSuchVisit):
            decide(offsite, "offsite", "REJECTED", asker_id=stranger.id)
    with pytest.raises(DecisionInvalid):
        decide(offsite, "offsite", "ACCEPTED", asker_id=cast.ana.id)


def test_a_visit_of_another_company_is_not_there(
    offsite: UUID, db: Database, owner_engine: Engine
) -> None:
    other = make_cast(owner_engine, db)
    with db.company(other.company.id) as uow, pytest.raises(NoSuchVisit):
        decide_flag(
            uow,
            Actor("x"),
            offsite,
            "offsite",
            "ACCEPTED",
            "x",
            now=moment(other.company, TODAY, 20),
        )


@pytest.mark.parametrize(
    ("flag", "decision", "reason", "refusal"),
    [
        ("offsite", "MAYBE", "x", DecisionInvalid),
        ("offsite", "ACCEPTED", " ", DecisionInvalid),
        ("offsite", "ACCEPTED", "x" * 401, DecisionInvalid),
        ("offsite", "ACCEPTED", "a\x00b", DecisionInvalid),
        ("mock_location", "ACCEPTED", "x", NoSuchFlag),
        ("onsite", "REJECTED", "x", NoSuchFlag),
        ("", "REJECTED", "x", NoSuchFlag),
    ],
)
def test_what_cannot_be_decided_is_refused(
    offsite: UUID, decide: Decide, flag: str, decision: str, reason: str, refusal: type[Exception]
) -> None:
    with pytest.raises(refusal):
        decide(offsite, flag, decision, reason=reason)


def test_a_visit_that_is_not_there_is_refused(decide: Decide) -> None:
    with pytest.raises(NoSuchVisit):
        decide(uuid4(), "offsite", "ACCEPTED")


def test_a_decision_leaves_work_for_the_targets(
    offsite: UUID, decide: Decide, db: Database, cast: Cast
) -> None:
    decide(offsite, "offsite", "ACCEPTED")
    with db.reading(cast.company.id) as uow:
        (row,) = uow.rows("select topic, payload from outbox")
    assert (row.topic, row.payload) == ("refresh_targets", {"ids": [str(cast.ana.position_id)]})


def test_flags_are_listed_with_what_was_decided(
    offsite: UUID, decide: Decide, flags: Any, cast: Cast, owner_engine: Engine
) -> None:
    with owner_engine.begin() as connection:
        add_visit(
            connection, cast.company, cast.ben, cast.ben_stores[0], hour=11, flags=["too_short"]
        )
        add_visit(connection, cast.company, cast.ben, cast.ben_stores[1], hour=12)
    decide(offsite, "too_short", "ACCEPTED")
    listed = [(each.position_code, each.flag, each.decision) for each in flags()]
    assert listed == [
        ("REP-ANA", "offsite", None),
        ("REP-ANA", "too_short", "ACCEPTED"),
        ("REP-BEN", "too_short", None),
    ]
    assert [each.flag for each in flags(is_open=True)] == ["offsite", "too_short"]
    assert [each.position_code for each in flags(asker_id=cast.ben.id)] == ["REP-BEN"]
    first = flags(at_most=1)
    assert [each.flag for each in flags(after=first[0])] == ["too_short", "too_short"]


def test_a_day_without_flags_has_none(flags: Any, db: Database, cast: Cast) -> None:
    assert flags() == []
    with db.reading(cast.company.id) as uow:
        assert list_flags(uow, TODAY + timedelta(days=1), TODAY + timedelta(days=9)) == []
