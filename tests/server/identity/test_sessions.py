"""Sessions of a browser: who has the cookie is the person, for as long as they may be."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from server.identity.change_log import Actor
from server.identity.leaving import leave_person
from server.identity.passwords import set_password
from server.identity.sessions import (
    IDLE,
    LONGEST,
    NOTED_EVERY,
    PER_PERSON_MAX,
    Visitor,
    begin_session,
    end_session,
    end_sessions_of,
    find_visitor,
)
from sync.unit_of_work import Database
from tests.factories import TODAY, Cast
from tests.sync.talking import counted_statements

NOW = datetime(TODAY.year, TODAY.month, TODAY.day, 9, tzinfo=UTC)


def begun(db: Database, cast: Cast, person_id: UUID, now: datetime = NOW) -> str:
    with db.company(cast.company.id) as uow:
        return begin_session(uow, person_id, browser="Chromium", now=now)


def found(db: Database, cookie: str | None, now: datetime = NOW) -> Visitor | None:
    return find_visitor(db, cookie, now)


def test_a_cookie_finds_its_person_with_the_roles_of_their_positions(
    db: Database, cast: Cast
) -> None:
    visitor = found(db, begun(db, cast, cast.sam.id))
    assert visitor is not None
    assert (visitor.person_id, visitor.roles) == (cast.sam.id, frozenset({"supervisor"}))
    assert visitor.has_role("supervisor", "admin")
    assert not visitor.has_role("admin")
    assert visitor.today == TODAY


@pytest.mark.parametrize(
    "cookie", [None, "", "rbs_1_x", "rbs_0_" + "a" * 43, "rbs_1_" + "a" * 43, "x" * 5000]
)
def test_what_is_no_cookie_of_ours_finds_nobody(
    db: Database, cast: Cast, cookie: str | None
) -> None:
    assert found(db, cookie) is None


def test_a_cookie_of_one_company_opens_no_other(db: Database, cast: Cast) -> None:
    cookie = begun(db, cast, cast.sam.id)
    secret = cookie.split("_", 2)[2]
    assert found(db, f"rbs_{cast.company.id + 1}_{secret}") is None


def test_a_session_ends_when_nobody_uses_it_and_in_any_case(db: Database, cast: Cast) -> None:
    cookie = begun(db, cast, cast.sam.id)
    assert found(db, cookie, NOW + IDLE) is None
    now = NOW
    while now < NOW + LONGEST - IDLE / 2:
        now += IDLE / 2
        assert found(db, cookie, now) is not None
    assert found(db, cookie, NOW + LONGEST) is None


def test_a_session_is_noted_as_used_seldom_and_read_with_one_statement(
    db: Database, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    cookie = begun(db, cast, cast.sam.id)
    with counted_statements(monkeypatch) as statements:
        assert found(db, cookie, NOW + NOTED_EVERY) is not None
    assert len(statements) == 1
    with counted_statements(monkeypatch) as statements:
        assert found(db, cookie, NOW + NOTED_EVERY + timedelta(seconds=1)) is not None
    assert len(statements) == 2


def test_somebody_who_left_is_not_found(db: Database, cast: Cast, office: Actor) -> None:
    cookie = begun(db, cast, cast.sam.id)
    with db.company(cast.company.id) as uow:
        leave_person(uow, office, cast.sam.id, left_on=TODAY, today=TODAY)
    assert found(db, cookie) is None


def test_a_new_password_ends_the_sessions_of_the_old_one(
    db: Database, cast: Cast, office: Actor
) -> None:
    cookie = begun(db, cast, cast.sam.id)
    with db.company(cast.company.id) as uow:
        set_password(uow, office, cast.sam.id, "another long password", today=TODAY)
    assert found(db, cookie) is None


def test_signing_out_ends_one_session_and_ending_all_ends_the_others(
    db: Database, cast: Cast
) -> None:
    first, second, third = (begun(db, cast, cast.sam.id) for _ in range(3))
    visitor = found(db, first)
    assert visitor is not None
    with db.company(cast.company.id) as uow:
        end_session(uow, visitor.session_id)
    assert found(db, first) is None
    kept = found(db, second)
    assert kept is not None
    with db.company(cast.company.id) as uow:
        assert end_sessions_of(uow, cast.sam.id, but=kept.session_id) == 1
    assert found(db, third) is None
    assert found(db, second) is not None


def test_the_oldest_sessions_of_a_person_make_room(db: Database, cast: Cast) -> None:
    cookies = [
        begun(db, cast, cast.sam.id, NOW + timedelta(seconds=second))
        for second in range(PER_PERSON_MAX + 2)
    ]
    later = NOW + timedelta(minutes=1)
    assert [found(db, cookie, later) is not None for cookie in cookies] == [
        False,
        False,
        *[True] * PER_PERSON_MAX,
    ]
