"""A phone gets in by one code, once, and is shown out without losing its work."""

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import Connection, Engine, select, text, update

from server.identity.change_log import Actor
from server.identity.codes import ALPHABET, read_code
from server.identity.device_list import list_devices
from server.identity.device_states import drain, revoke
from server.identity.devices import (
    CODE_KEPT_FOR,
    CODE_TRIES,
    CODE_VALID_FOR,
    DeviceInfo,
    EnrolAnswer,
    enrol,
    hash_token,
    issue_enrolment_code,
    rotate,
)
from server.identity.errors import DeviceStateWrong, NoSuchDevice, NoSuchPerson, PersonHasLeft
from server.identity.leaving import leave_person
from sync.errors import Refused
from sync.organisation import device, enrolment_code, person
from sync.senders import Claim, authenticate
from sync.unit_of_work import Database
from tests.factories import Cast

OPERATOR = Actor.command("test")
NOW = datetime(2026, 3, 4, 9, 0, tzinfo=UTC)
INFO = DeviceInfo(model="Testphone 3", os="Android 15", app_version="2.0.0")


def issue(db: Database, cast: Cast, person_id: UUID | None = None) -> str:
    with db.company(cast.company.id) as uow:
        return issue_enrolment_code(uow, person_id or cast.ana.id, OPERATOR, now=NOW)


def enrolled(db: Database, code: str, now: datetime = NOW) -> EnrolAnswer | Refused:
    try:
        return enrol(db, code, INFO, 2, now=now)
    except Refused as refused:
        return refused


def wrong_secret(code: str) -> str:
    last = ALPHABET[(ALPHABET.index(code[-1]) + 1) % len(ALPHABET)]
    return code[:-1] + last


def claim_of(answer: EnrolAnswer, cast: Cast, token: str | None = None) -> Claim:
    return Claim(cast.company.id, str(answer.device_id), hash_token(token or answer.token))


def may(db: Database, claim: Claim, right: str) -> str:
    """Who is let in, or the code of the refusal."""
    with db.company(claim.company_id) as uow:
        try:
            return authenticate(uow, claim, right).person_name  # type: ignore[arg-type]
        except Refused as refused:
            return refused.code


def tries_left(db: Database, cast: Cast, code: str) -> int:
    read = read_code(code)
    assert read is not None
    with db.reading(cast.company.id) as uow:
        left: int = uow.connection.execute(
            select(enrolment_code.c.tries_left).where(
                enrolment_code.c.company_id == cast.company.id,
                enrolment_code.c.handle == read.handle,
            )
        ).scalar_one()
    return left


def assert_refused_like_any_other(answer: EnrolAnswer | Refused) -> None:
    assert isinstance(answer, Refused)
    assert answer.code == "code_invalid"
    assert answer.detail == "the code is wrong, used or expired: ask for a new one"
    assert (answer.where, answer.limit, answer.retry_after_s) == (None, None, None)


# ---- enrolment ----------------------------------------------------------------------------


def test_a_code_makes_the_phone_a_device_of_its_person(db: Database, rows: Cast) -> None:
    answer = enrolled(db, issue(db, rows).lower().replace("-", " "))
    assert isinstance(answer, EnrolAnswer)
    assert (answer.company_code, answer.company_name) == (
        rows.company.code,
        f"{rows.company.code} Ltd",
    )
    assert (answer.person_id, answer.person_name) == (rows.ana.id, "Ana")
    assert answer.time_zone == "Asia/Shanghai"
    assert answer.token.startswith(f"rbd_{rows.company.id}_{answer.device_id.hex}_")
    assert may(db, claim_of(answer, rows), "pull") == "Ana"


def test_neither_the_token_nor_the_secret_is_in_the_database(db: Database, rows: Cast) -> None:
    code = issue(db, rows)
    answer = enrolled(db, code)
    assert isinstance(answer, EnrolAnswer)
    # The secret may hold underscores itself.
    secret = answer.token.split("_", 3)[3]
    assert len(secret) > 20
    with db.reading(rows.company.id) as uow:
        for table in ("device", "enrolment_code", "change_log"):
            for row in uow.rows(f"select t::text as told from {table} t"):
                assert answer.token not in row.told
                assert secret not in row.told
                assert code[-6:] not in row.told


def test_a_code_works_once(db: Database, rows: Cast) -> None:
    code = issue(db, rows)
    assert isinstance(enrolled(db, code), EnrolAnswer)
    assert_refused_like_any_other(enrolled(db, code))


def test_a_code_ends(db: Database, rows: Cast) -> None:
    code = issue(db, rows)
    assert_refused_like_any_other(enrolled(db, code, NOW + CODE_VALID_FOR))
    assert isinstance(enrolled(db, code, NOW + CODE_VALID_FOR - timedelta(seconds=1)), EnrolAnswer)


def test_wrong_secrets_take_the_tries_and_then_the_right_one_is_refused_too(
    db: Database, rows: Cast
) -> None:
    code = issue(db, rows)
    for taken in range(1, CODE_TRIES + 1):
        assert_refused_like_any_other(enrolled(db, wrong_secret(code)))
        assert tries_left(db, rows, code) == CODE_TRIES - taken
    assert_refused_like_any_other(enrolled(db, code))
    assert tries_left(db, rows, code) == 0


def test_the_last_try_still_counts_for_the_right_secret(db: Database, rows: Cast) -> None:
    code = issue(db, rows)
    for _ in range(CODE_TRIES - 1):
        enrolled(db, wrong_secret(code))
    assert isinstance(enrolled(db, code), EnrolAnswer)


def test_an_unknown_company_handle_or_form_is_refused_like_a_wrong_secret(
    db: Database, rows: Cast
) -> None:
    code = issue(db, rows)
    for typed in ("NOSUCH" + code[len(rows.company.code) :], code[:-11] + "0000-000000", "", "\0"):
        assert_refused_like_any_other(enrolled(db, typed))


def test_a_code_of_one_company_is_none_in_another(db: Database, rows: Cast, other: Cast) -> None:
    code = issue(db, rows)
    crossed = other.company.code + code[len(rows.company.code) :]
    assert_refused_like_any_other(enrolled(db, crossed))
    assert tries_left(db, rows, code) == CODE_TRIES


def test_somebody_who_left_gets_no_code_and_their_open_one_opens_nothing(
    db: Database, rows: Cast
) -> None:
    code = issue(db, rows)
    with db.company(rows.company.id) as uow:
        uow.connection.execute(
            update(person)
            .where(person.c.company_id == rows.company.id, person.c.id == rows.ana.id)
            .values(left_on=NOW.date())
        )
    assert_refused_like_any_other(enrolled(db, code))
    with pytest.raises(PersonHasLeft):
        issue(db, rows)


def test_the_day_of_leaving_is_that_of_the_company(db: Database, rows: Cast) -> None:
    with db.company(rows.company.id) as uow:
        uow.connection.execute(
            update(person)
            .where(person.c.company_id == rows.company.id, person.c.id == rows.ana.id)
            .values(left_on=NOW.date())
        )
        # 15:30 UTC is 23:30 in Shanghai, half an hour before the day of leaving.
        evening = datetime(2026, 3, 3, 15, 30, tzinfo=UTC)
        assert issue_enrolment_code(uow, rows.ana.id, OPERATOR, now=evening)
        with pytest.raises(PersonHasLeft):
            issue_enrolment_code(uow, rows.ana.id, OPERATOR, now=evening + timedelta(hours=1))


def test_a_code_is_issued_for_a_person_of_the_company_only(
    db: Database, rows: Cast, other: Cast
) -> None:
    with pytest.raises(NoSuchPerson):
        issue(db, rows, person_id=other.ana.id)


def test_one_person_may_have_several_phones(db: Database, rows: Cast) -> None:
    answers = [enrolled(db, issue(db, rows)) for _ in range(2)]
    with db.reading(rows.company.id) as uow:
        listed = list_devices(uow, rows.ana.id)
    assert {one.id for one in listed} == {
        rows.ana.device.id,
        *(one.device_id for one in answers if isinstance(one, EnrolAnswer)),
    }


def test_old_codes_are_forgotten_when_a_new_one_is_issued(db: Database, rows: Cast) -> None:
    old = issue(db, rows)
    later = NOW + CODE_VALID_FOR + CODE_KEPT_FOR + timedelta(seconds=1)
    with db.company(rows.company.id) as uow:
        issue_enrolment_code(uow, rows.ana.id, OPERATOR, now=later)
        handles = uow.connection.execute(select(enrolment_code.c.handle)).scalars().all()
    assert len(handles) == 1
    assert handles[0] not in old


# ---- at the same moment -------------------------------------------------------------------


def at_once(
    owner_engine: Engine, cast: Cast, typed: list[str], database: Database
) -> list[EnrolAnswer | Refused]:
    """The answers to tries that have all begun before the first of them can write."""
    with owner_engine.connect() as holder, ThreadPoolExecutor(len(typed)) as pool:
        hold_codes(holder, cast)
        waiting = [pool.submit(enrolled, database, one) for one in typed]
        await_waiting(owner_engine, len(typed))
        holder.rollback()
        return [one.result() for one in waiting]


def hold_codes(connection: Connection, cast: Cast) -> None:
    """Lock the company's codes until this connection's transaction ends."""
    connection.execute(
        select(enrolment_code.c.handle)
        .where(enrolment_code.c.company_id == cast.company.id)
        .with_for_update()
    )


def await_waiting(owner_engine: Engine, number: int) -> None:
    """Return once so many transactions wait for a row that somebody else holds."""
    gives_up_at = time.monotonic() + 20
    while _locks_waited_for(owner_engine) < number:
        assert time.monotonic() < gives_up_at, "they never met"


def _locks_waited_for(owner_engine: Engine) -> int:
    # In a transaction of its own each time: within one, the view of who is connected stands still.
    with owner_engine.connect() as connection:
        counted: int = connection.execute(
            text(
                "select count(*) from pg_locks where not granted and locktype in"
                " ('transactionid', 'tuple') and pid in (select pid from pg_stat_activity"
                " where datname = current_database())"
            )
        ).scalar_one()
    return counted


def test_of_many_phones_with_one_code_exactly_one_gets_in(
    db: Database, rows: Cast, owner_engine: Engine
) -> None:
    code = issue(db, rows)
    answers = at_once(owner_engine, rows, [code] * 8, db)
    refused = [one for one in answers if isinstance(one, Refused)]
    assert len(refused) == len(answers) - 1
    for one in refused:
        assert_refused_like_any_other(one)
    with db.reading(rows.company.id) as uow:
        assert len(list_devices(uow, rows.ana.id)) == 2
    assert tries_left(db, rows, code) == CODE_TRIES


def test_wrong_tries_at_once_are_counted_one_by_one(
    db: Database, rows: Cast, owner_engine: Engine
) -> None:
    code = issue(db, rows)
    at_once(owner_engine, rows, [wrong_secret(code)] * (CODE_TRIES - 1), db)
    assert tries_left(db, rows, code) == 1
    at_once(owner_engine, rows, [wrong_secret(code)] * 8, db)
    assert tries_left(db, rows, code) == 0
    assert_refused_like_any_other(enrolled(db, code))


def test_a_right_try_among_wrong_ones_gets_in_at_most_once_and_the_count_is_exact(
    db: Database, rows: Cast, owner_engine: Engine
) -> None:
    code = issue(db, rows)
    answers = at_once(owner_engine, rows, [*[wrong_secret(code)] * 6, code, code], db)
    let_in = sum(isinstance(one, EnrolAnswer) for one in answers)
    left = tries_left(db, rows, code)
    assert (let_in, left) in {(1, left), (0, 0)}
    assert 0 <= left <= CODE_TRIES


def test_who_leaves_while_their_phone_enrols_keeps_no_phone_that_is_active(
    db: Database, cast: Cast, owner_engine: Engine
) -> None:
    with db.company(cast.company.id) as uow:
        code = issue_enrolment_code(uow, cast.ana.id, OPERATOR)
    today = datetime.now(UTC).astimezone(ZoneInfo(cast.company.time_zone)).date()

    def leave() -> None:
        with db.company(cast.company.id) as uow:
            leave_person(uow, OPERATOR, cast.ana.id, left_on=today, today=today)

    with owner_engine.connect() as holder, ThreadPoolExecutor(2) as pool:
        hold_codes(holder, cast)
        enrols = pool.submit(enrolled, db, code, datetime.now(UTC))
        leaves = pool.submit(leave)
        await_waiting(owner_engine, 2)
        holder.rollback()
        leaves.result()
        enrols.result()
    with db.reading(cast.company.id) as uow:
        assert {one.state for one in list_devices(uow, cast.ana.id)} == {"DRAINING"}


# ---- tokens -------------------------------------------------------------------------------


def rotated(db: Database, claim: Claim) -> str:
    with db.company(claim.company_id) as uow:
        return rotate(uow, claim)


def test_the_old_token_works_until_the_new_one_is_used(db: Database, rows: Cast) -> None:
    old = rows.ana.device.claim
    token = rotated(db, old)
    new = Claim(rows.company.id, old.device_id, hash_token(token))
    assert may(db, old, "push") == "Ana"
    assert may(db, new, "pull") == "Ana"
    assert may(db, new, "push") == "Ana"
    assert may(db, old, "push") == "token_invalid"
    assert may(db, new, "push") == "Ana"


def test_an_answer_lost_on_its_way_costs_nothing(db: Database, rows: Cast) -> None:
    old = rows.ana.device.claim
    lost = Claim(rows.company.id, old.device_id, hash_token(rotated(db, old)))
    new = Claim(rows.company.id, old.device_id, hash_token(rotated(db, old)))
    assert may(db, lost, "push") == "token_invalid"
    assert may(db, new, "push") == "Ana"


def test_a_new_token_may_ask_for_the_next_and_still_works_when_that_answer_is_lost(
    db: Database, rows: Cast
) -> None:
    first = rows.ana.device.claim
    second = Claim(rows.company.id, first.device_id, hash_token(rotated(db, first)))
    rotated(db, second)
    assert may(db, second, "push") == "Ana"
    assert may(db, first, "push") == "token_invalid"


def test_a_token_that_is_not_known_rotates_nothing(db: Database, rows: Cast, other: Cast) -> None:
    theirs = other.ana.device.claim
    for claim in (
        Claim(rows.company.id, rows.ana.device.claim.device_id, hash_token("rbd_made_up")),
        Claim(rows.company.id, theirs.device_id, theirs.token_hash),
        Claim(rows.company.id, str(uuid4()), hash_token("rbd_made_up")),
    ):
        with pytest.raises(Refused) as refused:
            rotated(db, claim)
        assert refused.value.code == "token_invalid"


# ---- on the way out -----------------------------------------------------------------------


def test_a_revoked_device_opens_nothing_and_revoking_again_is_nothing(
    db: Database, rows: Cast
) -> None:
    pending = Claim(
        rows.company.id,
        str(rows.ana.device.id),
        hash_token(rotated(db, rows.ana.device.claim)),
    )
    for _ in range(2):
        with db.company(rows.company.id) as uow:
            revoke(uow, OPERATOR, rows.ana.device.id)
    for claim in (rows.ana.device.claim, pending):
        assert may(db, claim, "push") == "token_invalid"
        assert may(db, claim, "pull") == "token_invalid"


def test_a_draining_device_may_push_and_nothing_else(db: Database, rows: Cast) -> None:
    for _ in range(2):
        with db.company(rows.company.id) as uow:
            drain(uow, OPERATOR, rows.ana.device.id)
    claim = rows.ana.device.claim
    assert may(db, claim, "push") == "Ana"
    assert may(db, claim, "pull") == "device_draining"
    with pytest.raises(Refused) as refused:
        rotated(db, claim)
    assert refused.value.code == "device_draining"


def test_what_was_revoked_cannot_be_drained(db: Database, rows: Cast) -> None:
    with db.company(rows.company.id) as uow:
        revoke(uow, OPERATOR, rows.ana.device.id)
    with pytest.raises(DeviceStateWrong), db.company(rows.company.id) as uow:
        drain(uow, OPERATOR, rows.ana.device.id)


def test_another_companys_device_can_be_neither_revoked_nor_drained_nor_seen(
    db: Database, rows: Cast, other: Cast
) -> None:
    theirs = other.ana.device.id
    with pytest.raises(NoSuchDevice), db.company(rows.company.id) as uow:
        revoke(uow, OPERATOR, theirs)
    with pytest.raises(NoSuchDevice), db.company(rows.company.id) as uow:
        drain(uow, OPERATOR, theirs)
    with db.reading(rows.company.id) as uow:
        assert theirs not in {one.id for one in list_devices(uow)}
        assert list_devices(uow, other.ana.id) == []
    assert may(db, other.ana.device.claim, "pull") == "Ana"


def test_a_supervisor_sees_whose_phone_holds_how_much_and_since_when(
    db: Database, rows: Cast
) -> None:
    with db.company(rows.company.id) as uow:
        uow.connection.execute(
            update(device)
            .where(device.c.company_id == rows.company.id, device.c.id == rows.ana.device.id)
            .values(
                last_seen_at=NOW,
                outbox_count=7,
                outbox_oldest_at=NOW - timedelta(days=2),
                outbox_bytes=4_200,
                clock_offset_ms=-90_000,
            )
        )
    with db.reading(rows.company.id) as uow:
        listed = list_devices(uow)
    assert [one.person_name for one in listed] == ["Ada", "Aki", "Ana", "Ben", "Mia", "Sam"]
    ana = listed[2]
    assert (ana.app_version, ana.contract, ana.state) == ("2.0.0", 2, "ACTIVE")
    assert (ana.outbox_count, ana.outbox_oldest_at, ana.outbox_bytes) == (
        7,
        NOW - timedelta(days=2),
        4_200,
    )
    assert (ana.last_seen_at, ana.clock_offset_ms) == (NOW, -90_000)
    assert listed[3].last_seen_at is None
