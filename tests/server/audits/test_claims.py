"""Auditors get different things out of the queue, never their own region's, and for a time."""

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import Engine, update

from server.audits.claims import (
    CLAIMS_AT_ONCE,
    Claimed,
    give_back,
    list_claimed,
    queue_in_numbers,
)
from server.audits.errors import FieldInvalid, NoSuchTurn
from server.identity.change_log import Actor, changes_of
from server.identity.policy import change_policy
from sync.kinds.store.table import store
from sync.unit_of_work import Database
from tests.audit_factories import NOW, Running, acting, add_auditor, bring, claim
from tests.factories import TODAY, Cast, Person
from tests.sync.talking import Phone, counted_statements

PhoneOf = Callable[[Person], Phone]


def visits(claimed: list[Claimed]) -> set[UUID]:
    return {one.audit_visit_id for one in claimed}


def test_nobody_gets_what_another_has(
    cast: Cast, db: Database, phone: PhoneOf, running: Running, sol: Person
) -> None:
    ids = bring(phone(cast.ana), db, running, *cast.ana_stores, flagged=True)
    first = claim(db, cast.aki, 2)
    second = claim(db, sol)
    assert len(first) == 2
    assert visits(first) | visits(second) == set(ids)
    assert not visits(first) & visits(second)


@pytest.mark.slow
def test_many_claimers_at_once_never_get_the_same(
    cast: Cast,
    db: Database,
    phone: PhoneOf,
    running: Running,
    owner_engine: Engine,
    office: Actor,
) -> None:
    """Each audit visit has two turns: whoever got one of them gets no other."""
    with db.company(cast.company.id) as uow:
        change_policy(uow, office, {"audit_second_percent": 100})
    auditors = [
        add_auditor(owner_engine, cast, f"Auditor{number}", cast.regions.south)
        for number in range(6)
    ]
    ids = bring(phone(cast.ana), db, running, *cast.ana_stores * 6, flagged=True)
    # Each of them from two windows.
    with ThreadPoolExecutor(12) as pool:
        got = list(
            pool.map(
                lambda auditor: [
                    (auditor.id, one) for _ in range(4) for one in claim(db, auditor, 2)
                ],
                auditors * 2,
            )
        )
    claimed = [pair for some in got for pair in some]
    turns = Counter(one.id for _, one in claimed)
    assert set(turns.values()) == {1}
    assert len(claimed) == 36
    assert Counter(one.audit_visit_id for _, one in claimed) == dict.fromkeys(ids, 2)
    pairs = Counter((auditor, one.audit_visit_id) for auditor, one in claimed)
    assert set(pairs.values()) == {1}


def test_an_auditor_never_gets_their_own_region(
    cast: Cast, db: Database, phone: PhoneOf, running: Running, nora: Person, sol: Person
) -> None:
    of_ana = bring(phone(cast.ana), db, running, cast.ana_stores[0], flagged=True)
    of_ben = bring(phone(cast.ben), db, running, cast.ben_stores[0], flagged=True)
    assert visits(claim(db, nora)) == set(of_ben)
    assert visits(claim(db, sol)) == set(of_ana)


def test_an_auditor_of_a_city_gets_no_district_of_it(
    cast: Cast, db: Database, phone: PhoneOf, running: Running, owner_engine: Engine
) -> None:
    of_city = add_auditor(owner_engine, cast, "Cora", cast.regions.harbour)
    bring(phone(cast.ana), db, running, cast.ana_stores[0], flagged=True)
    assert claim(db, of_city) == []


def test_whoever_is_no_auditor_gets_nothing(
    cast: Cast, db: Database, phone: PhoneOf, running: Running
) -> None:
    bring(phone(cast.ana), db, running, cast.ana_stores[0], flagged=True)
    for person in (cast.ana, cast.ben, cast.sam, cast.mia, cast.ada):
        assert claim(db, person) == []


def test_a_claim_ends_and_others_get_it_then(
    cast: Cast, db: Database, phone: PhoneOf, running: Running, sol: Person
) -> None:
    bring(phone(cast.ana), db, running, cast.ana_stores[0], flagged=True)
    (mine,) = claim(db, cast.aki)
    assert mine.expires_at == NOW + timedelta(minutes=30)
    assert claim(db, sol, now=NOW + timedelta(minutes=29)) == []
    (again,) = claim(db, sol, now=NOW + timedelta(minutes=30))
    assert again.id == mine.id
    with db.reading(cast.company.id) as uow:
        assert list_claimed(uow, cast.aki.id, now=NOW + timedelta(minutes=31)) == []


def test_what_is_given_back_is_there_for_others(
    cast: Cast, db: Database, phone: PhoneOf, running: Running, sol: Person
) -> None:
    bring(phone(cast.ana), db, running, cast.ana_stores[0], flagged=True)
    (mine,) = claim(db, cast.aki)
    with db.company(cast.company.id) as uow:
        with pytest.raises(NoSuchTurn):
            give_back(uow, acting(sol), sol.id, [mine.id])
        give_back(uow, acting(cast.aki), cast.aki.id, [mine.id])
        logged = changes_of(uow, subject_kind="audit_turn")
    assert [one.action for one in logged] == ["audit.give_back", "audit.claim"]
    assert visits(claim(db, sol)) == {mine.audit_visit_id}


def test_claims_are_bounded(cast: Cast, db: Database, phone: PhoneOf, running: Running) -> None:
    bring(phone(cast.ana), db, running, *cast.ana_stores * 18, flagged=True)
    for number in (0, CLAIMS_AT_ONCE + 1):
        with pytest.raises(FieldInvalid):
            claim(db, cast.aki, number)
    assert [len(claim(db, cast.aki)) for _ in range(4)] == [20, 20, 10, 0]
    with db.reading(cast.company.id) as uow:
        queue = queue_in_numbers(uow, today=TODAY, now=NOW, asker_id=cast.ada.id)
    assert (queue.open, queue.claimed, queue.candidates) == (54, 50, 0)
    assert queue.ready >= 4


def test_the_statements_of_a_claim_do_not_grow(
    cast: Cast, db: Database, phone: PhoneOf, running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    bring(phone(cast.ana), db, running, *cast.ana_stores * 4, flagged=True)
    counts = []
    for number in (1, 10):
        with counted_statements(monkeypatch) as statements:
            assert len(claim(db, cast.aki, number)) == number
        counts.append(len(statements))
    assert counts[0] == counts[1]


def test_an_auditor_never_gets_a_store_that_stands_in_their_region(
    cast: Cast,
    db: Database,
    phone: PhoneOf,
    running: Running,
    sol: Person,
    owner_engine: Engine,
) -> None:
    bring(phone(cast.ana), db, running, cast.ana_stores[0], flagged=True)
    with owner_engine.begin() as connection:
        connection.execute(
            update(store)
            .where(store.c.company_id == cast.company.id, store.c.id == cast.ana_stores[0])
            .values(region_id=cast.regions.south)
        )
    assert claim(db, sol) == []
    assert len(claim(db, cast.aki)) == 1
