"""Settings change as whole versions, and phones hear of it at once."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields
from typing import Any
from uuid import UUID, uuid5

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select, update

from mobile_contract.phone.settings import steps_for
from mobile_contract.records.policy import PolicyDown
from mobile_contract.records.store import CLASSES
from mobile_contract.records.visit import STEPS
from mobile_contract.schema import faults_of
from server.identity.change_log import Actor, changes_of
from server.identity.errors import SettingInvalid
from server.identity.policy import RANGES, change_policy, changed_policy
from sync.document import decode_document
from sync.kinds.policy.publish import policy_fields
from sync.kinds.store.table import store
from sync.organisation import company
from sync.policy import Policy, current_policy
from sync.unit_of_work import Database, UnitOfWork
from tests.factories import Cast

OPERATOR = Actor.command("test")


def document(uow: UnitOfWork, record_id: UUID) -> dict[str, Any]:
    read: dict[str, Any] = decode_document(
        uow.rows("select doc from record where id = :id", id=record_id)[0].doc
    )
    return read


def version_of(uow: UnitOfWork, record_id: UUID) -> int:
    found: int = uow.rows("select version from record where id = :id", id=record_id)[0].version
    return found


def test_a_change_is_a_new_version_and_the_old_one_stays(db: Database, cast: Cast) -> None:
    with db.company(cast.company.id) as uow:
        assert change_policy(uow, OPERATOR, {"min_visit_s": 180}) == 2
        version, policy = current_policy(uow)
        kept = uow.rows("select version, settings from policy order by version")
    assert (version, policy.min_visit_s, policy.time_zone) == (2, 180, "Asia/Shanghai")
    assert [row.version for row in kept] == [1, 2]
    assert "min_visit_s" not in kept[0].settings


def test_the_log_has_what_differs_and_only_that(db: Database, cast: Cast) -> None:
    with db.company(cast.company.id) as uow:
        change_policy(uow, OPERATOR, {"min_visit_s": 180, "grace_days": 7})
        (entry,) = changes_of(uow, subject_kind="policy")
    assert (entry.before, entry.after) == ({"min_visit_s": 120}, {"min_visit_s": 180})
    assert entry.subject_id == "2"


def test_what_changes_nothing_is_no_version(db: Database, cast: Cast) -> None:
    with db.company(cast.company.id) as uow:
        assert change_policy(uow, OPERATOR, {"min_visit_s": 120}) == 1
        assert changes_of(uow, subject_kind="policy") == []


def test_phones_hear_of_a_new_version(db: Database, cast: Cast) -> None:
    record = uuid5(cast.company.key, "policy")
    with db.company(cast.company.id) as uow:
        change_policy(uow, OPERATOR, {"is_fence_hard": True})
        assert document(uow, record)["is_fence_hard"] is True
        assert document(uow, record)["policy_version"] == 2


def test_a_new_fence_reaches_every_store_without_one_of_its_own(db: Database, cast: Cast) -> None:
    own, follows = cast.ana_stores[0], cast.ana_stores[1]
    with db.company(cast.company.id) as uow:
        uow.connection.execute(
            update(store)
            .where(store.c.company_id == cast.company.id, store.c.id == own)
            .values(fence_radius_m=90)
        )
        untouched = version_of(uow, own)
        change_policy(uow, OPERATOR, {"fence_radius_m": 300})
        assert document(uow, follows)["fence_radius_m"] == 300
        assert version_of(uow, own) == untouched
        change_policy(uow, OPERATOR, {"fence_by_class": {"B": 150}})
        assert document(uow, follows)["fence_radius_m"] == 150
        before = version_of(uow, follows)
        change_policy(uow, OPERATOR, {"min_visit_s": 60})
        assert version_of(uow, follows) == before


def test_the_company_keeps_the_time_zone_of_its_policy(db: Database, cast: Cast) -> None:
    with db.company(cast.company.id) as uow:
        change_policy(uow, OPERATOR, {"time_zone": "Asia/Almaty"})
        zone = uow.connection.execute(
            select(company.c.time_zone).where(company.c.id == cast.company.id)
        ).scalar_one()
    assert zone == "Asia/Almaty"


def test_two_changes_at_once_both_hold(db: Database, cast: Cast) -> None:
    changes: list[dict[str, Any]] = [
        {"min_visit_s": 180},
        {"grace_days": 9},
        {"pin_move_m": 70},
        {"max_speed_kmh": 110},
    ]

    def change(one: dict[str, Any]) -> int:
        with db.company(cast.company.id) as uow:
            return change_policy(uow, OPERATOR, one)

    with ThreadPoolExecutor(len(changes)) as pool:
        versions = set(pool.map(change, changes))
    with db.reading(cast.company.id) as uow:
        _, policy = current_policy(uow)
    assert versions == {2, 3, 4, 5}
    assert (policy.min_visit_s, policy.grace_days, policy.pin_move_m, policy.max_speed_kmh) == (
        180,
        9,
        70,
        110,
    )


def test_the_settings_of_one_company_are_not_anothers(
    db: Database, cast: Cast, other: Cast
) -> None:
    with db.company(cast.company.id) as uow:
        change_policy(uow, OPERATOR, {"min_visit_s": 180})
    with db.reading(other.company.id) as uow:
        version, policy = current_policy(uow)
    assert (version, policy.min_visit_s) == (1, 120)


@pytest.mark.parametrize(
    "changes",
    [
        {"fence_radius_m": 0},
        {"fence_radius_m": 250.0},
        {"fence_radius_m": True},
        {"fence_radius_m": "250"},
        {"min_visit_s": -1},
        {"time_zone": "Middle/Earth"},
        {"time_zone": "../etc/passwd"},
        {"time_zone": ""},
        {"time_zone": None},
        {"is_fence_hard": 1},
        {"working_weekdays": []},
        {"working_weekdays": [0]},
        {"working_weekdays": [1, 1]},
        {"fence_by_class": {"D": 100}},
        {"fence_by_class": {"A": 5}},
        {"mandatory_steps": {"grocery": {"A": ["DANCE"]}}},
        {"mandatory_steps": {"grocery": ["GREET"]}},
        {"mandatory_steps": {"grocery": {"A": ["GREET", "GREET"]}}},
        {"mandatory_steps": {f"channel {n}": {"*": ["GREET"]} for n in range(51)}},
        {"working_from_min": 1_200},
        {"currency": "Euro"},
        {"min_order_by_channel": {"kiosk": -1}},
        {"colour": "red"},
    ],
)
def test_a_setting_that_cannot_be_is_refused_by_name(changes: dict[str, Any]) -> None:
    with pytest.raises(SettingInvalid, match=next(iter(changes)) + ":"):
        changed_policy(Policy(), changes)


@pytest.mark.parametrize("name", [field.name for field in fields(Policy)])
def test_every_setting_can_be_changed(name: str) -> None:
    others: dict[str, Any] = {
        "time_zone": "Asia/Almaty",
        "is_fence_hard": True,
        "working_weekdays": [7, 1],
        "fence_by_class": {"A": 100},
        "mandatory_steps": {"*": {"*": ["GREET"], "A": ["PREPARE", "REVIEW"]}},
        "working_from_min": 60,
        "working_until_min": 1_400,
        "currency": "CNY",
        "min_order_by_channel": {"kiosk": 5_000},
        "call_min_by_channel": {"supermarket": 45},
        "pay_half_percent": 70,
        "photo_reuse_bits": 6,
        "flags_to_accept": ["too_short"],
        "audit_reasons": {"EMPTY": {"words": "The shelf is empty", "task": "PUT_RIGHT"}},
    }
    value = others.get(name, RANGES.get(name, (None, None))[1])
    asked = changed_policy(Policy(), {name: value})
    assert asked != Policy()


@settings(max_examples=60, deadline=None)
@given(
    steps=st.dictionaries(
        st.sampled_from(["*", "kiosk", "grocery"]),
        st.dictionaries(
            st.sampled_from(["*", *CLASSES]),
            st.lists(st.sampled_from(STEPS), unique=True, max_size=3),
        ),
    )
)
def test_a_phone_finds_the_steps_by_which_its_visits_are_judged(
    steps: dict[str, dict[str, list[str]]],
) -> None:
    policy = Policy(mandatory_steps=steps)
    told = policy_fields(1, policy)
    assert faults_of(PolicyDown(), told) == []
    for channel in ("kiosk", "grocery", "bar"):
        for store_class in (*CLASSES, None):
            wanted = policy.steps_for(channel, store_class)
            assert steps_for(told["mandatory_steps"], channel, store_class) == wanted
