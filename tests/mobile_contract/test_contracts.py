"""Contract 1 is raised and lowered without losing what it said."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mobile_contract.compiled import decode_item
from mobile_contract.records import RECORDS, RECORDS_BY_KIND, lower_record
from mobile_contract.records.attendance import raise_1_to_2 as raise_attendance
from mobile_contract.records.evidence import NO_BOOT
from mobile_contract.records.store import raise_1_to_2 as raise_store
from mobile_contract.records.visit import raise_1_to_2 as raise_visit
from mobile_contract.schema import faults_of
from mobile_contract.version import CONTRACTS, CURRENT
from tests.mobile_contract.test_compiled import quick
from tests.mobile_contract.test_decoding import RECORD_ID, VISIT
from tests.mobile_contract.wire_values import values_of

OLD_OPS = [(record.kind, op) for record in RECORDS for op in record.ops.get(1, {})]
DOWN = [record for record in RECORDS if record.down[1] is not None]


@pytest.mark.parametrize(("kind", "op"), OLD_OPS)
@quick
@given(data=st.data())
def test_whatever_contract_1_accepts_the_current_one_accepts_when_raised(
    kind: str, op: str, data: st.DataObject
) -> None:
    schema = RECORDS_BY_KIND[kind].ops[1][op]
    payload = data.draw(values_of(schema))
    if faults_of(schema(), payload):
        return
    raw = json.dumps({**VISIT, "kind": kind, "op": op, "base_version": 1, "payload": payload})
    assert decode_item(raw.encode(), 1).kind == kind


@pytest.mark.parametrize("record", DOWN, ids=lambda record: record.kind)
@quick
@given(data=st.data())
def test_whatever_the_current_contract_sends_fits_contract_1_when_lowered(
    record: Any, data: st.DataObject
) -> None:
    held = data.draw(values_of(record.down[CURRENT]))
    lowered = lower_record(record.kind, held, 1)
    if lowered is not None:
        assert faults_of(record.down[1](), lowered) == []


def test_every_kind_says_what_every_contract_gets() -> None:
    for record in RECORDS:
        assert set(record.down) == set(CONTRACTS)
        assert not record.ops or set(record.ops) == set(CONTRACTS)


def test_the_end_of_a_break_is_being_at_work_again() -> None:
    raised = raise_attendance("correct", {"reason": "r", "changes": {"event": "BREAK_END"}})
    assert raised["changes"] == {"event": "ON"}


@pytest.mark.parametrize(("uptime_ms", "boot"), [(0, {"boot_id": NO_BOOT}), (1, {})])
def test_an_uptime_that_contract_1_cannot_tell_is_of_no_boot_of_the_phone(
    uptime_ms: int, boot: dict[str, Any]
) -> None:
    moment = {"at": 7, "uptime_ms": uptime_ms, **boot}
    attended = raise_attendance("create", {"event": "CLOCK_IN", "at": 7, "uptime_ms": uptime_ms})
    assert attended["occurred"] == {**moment, "fix": None}
    left = {"checked_out_at": 7, "checked_out_uptime_ms": uptime_ms, "steps": []}
    assert raise_visit("finish", left)["check_out"] == moment
    whole = {"store_id": RECORD_ID, "checked_in_at": 7, "checked_in_uptime_ms": uptime_ms, **left}
    visited = raise_visit("create", whole)
    assert visited["check_in"] == {**moment, "fix": None}
    assert visited["check_out"] == moment


@pytest.mark.parametrize(
    ("contact", "raised"),
    [
        ({"name": "Lin"}, {"contact_name": "Lin"}),
        ({"phone": None}, {"contact_phone": None}),
        (None, {"contact_name": None, "contact_phone": None}),
    ],
)
def test_what_contract_1_leaves_out_of_a_contact_stays_unchanged(
    contact: Any, raised: dict[str, Any]
) -> None:
    assert raise_store("edit", {"changes": {"contact": contact}})["changes"] == raised


def test_a_route_proposed_in_contract_1_says_nothing_about_time_windows() -> None:
    rule = {
        "weekdays": [1],
        "cycle_weeks": 1,
        "week_groups": [0],
        "anchor": "2026-11-23",
        "starts_on": "2026-11-23",
        "on_holiday": "SKIP",
    }
    payload = {"reason": "r", "stops": [{"store_id": RECORD_ID, "rule": rule}]}
    item = {**VISIT, "kind": "route", "op": "propose", "base_version": 1, "payload": payload}
    stop = decode_item(json.dumps(item).encode(), 1).payload.stops[0]
    assert "open_from_min" not in msgspec.to_builtins(stop)["rule"]
