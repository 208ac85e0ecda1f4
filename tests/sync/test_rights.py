"""Who may write what, judged as of the moment of capture; what may not be written is kept."""

from collections.abc import Callable
from datetime import date, timedelta

import pytest
import sqlalchemy

from mobile_contract.field_tables import PROTOCOL
from sync.engine import Engine
from sync.kinds import ALL_KINDS
from sync.kinds.activity_store import judge as activity_store_judge
from sync.kinds.attendance import judge as attendance_judge
from sync.kinds.audit_visit import judge as audit_visit_judge
from sync.kinds.day_plan import judge as day_plan_judge
from sync.kinds.form_answer import judge as form_answer_judge
from sync.kinds.location_check import judge as location_check_judge
from sync.kinds.notice import judge as notice_judge
from sync.kinds.order import judge as order_judge
from sync.kinds.photo import judge as photo_judge
from sync.kinds.route import judge as route_judge
from sync.kinds.store import judge as store_judge
from sync.kinds.task import judge as task_judge
from sync.kinds.track import judge as track_judge
from sync.kinds.visit import judge as visit_judge
from sync.organisation import ROLES
from sync.unit_of_work import Database
from tests.factories import TODAY, Cast, Person
from tests.sync.office import end_occupancy, move_route, start_occupancy
from tests.sync.talking import DAY, HOUR, Json, Phone, only, rows_of

PhoneOf = Callable[[Person], Phone]


def leave(db: Database, cast: Cast, person: Person, day: date) -> None:
    with db.company(cast.company.id) as uow:
        uow.run("update person set left_on = :day where id = :id", day=day, id=person.id)
        end_occupancy(uow, person, day - timedelta(days=1))


def code_of(result: Json) -> str:
    return str(result.get("code", result["status"]))


# ---- scope --------------------------------------------------------------------------------------


def test_a_visit_outside_the_scope_is_kept_with_its_reason(cast: Cast, phone: PhoneOf) -> None:
    ana = phone(cast.ana)
    result = ana.push_one(ana.visit(cast.ben_stores[0]))
    assert (result["status"], result["code"]) == ("quarantined", "not_in_scope")
    assert result["where"] == "payload.store_id"
    ana.pull()
    assert ana.fields(result["op_id"])["code"] == "not_in_scope"


def test_an_edit_of_a_store_outside_the_scope_is_kept(cast: Cast, phone: PhoneOf) -> None:
    ana = phone(cast.ana)
    assert code_of(ana.push_one(ana.edit(cast.ben_stores[0], 1, address="x"))) == "not_in_scope"


def test_a_visit_cannot_be_corrected_to_a_store_outside_the_scope(
    cast: Cast, phone: PhoneOf
) -> None:
    ana = phone(cast.ana)
    visit = ana.visit(cast.ana_stores[0])
    ana.push_one(visit)
    result = ana.push_one(ana.correct(visit["entity_id"], 1, store_id=str(cast.ben_stores[0])))
    assert code_of(result) == "not_in_scope"


def test_a_visit_of_somebody_else_is_not_there_to_be_finished(cast: Cast, phone: PhoneOf) -> None:
    ana, sam = phone(cast.ana), phone(cast.sam)
    visit = ana.visit(cast.ana_stores[0])
    ana.push_one(visit)
    assert sam.push_one(sam.finish(visit["entity_id"]))["status"] == "deferred"


def test_an_id_of_another_kind_that_the_phone_holds_is_told_at_once(
    cast: Cast, phone: PhoneOf
) -> None:
    ana, store, route = phone(cast.ana), cast.ana_stores[0], cast.ana_route
    attendance = ana.attendance()
    ana.push_one(attendance)
    wrong = [
        ana.finish(store),
        ana.correct(store, 1, note="x"),
        ana.finish(attendance["entity_id"]),
        ana.item(
            "attendance", "correct", store, {"reason": "x", "changes": {"event": "OFF"}},
            base_version=1,
        ),
        ana.edit(route, 1, address="x"),
        ana.visit(route),
    ]  # fmt: skip
    results = ana.push(*wrong)
    assert {code_of(result) for result in results} == {"wrong_kind"}
    assert [result["where"] for result in results] == ["entity_id"] * 5 + ["payload.store_id"]


def test_an_id_of_another_kind_that_the_phone_does_not_hold_is_not_told(
    cast: Cast, phone: PhoneOf
) -> None:
    ana = phone(cast.ana)
    assert ana.statuses(ana.finish(cast.ben_stores[0]), ana.visit(cast.ben_route)) == [
        "deferred",
        "deferred",
    ]


def test_somebody_elses_visit_that_is_on_the_phone_is_not_permitted(
    cast: Cast, phone: PhoneOf, db: Database
) -> None:
    ana, sam = phone(cast.ana), phone(cast.sam)
    visit = ana.visit(cast.ana_stores[0])
    ana.push_one(visit)
    with db.company(cast.company.id) as uow:
        uow.run(
            "insert into record_key (company_id, key, id, kind)"
            " select company_id, :sam, id, kind from record where id = :id",
            sam=cast.sam.id,
            id=visit["entity_id"],
        )
    result = sam.push_one(sam.finish(visit["entity_id"]))
    assert (code_of(result), result["where"]) == ("not_permitted", "entity_id")


def test_a_store_that_was_in_scope_within_the_grace_may_be_visited(
    cast: Cast, phone: PhoneOf, db: Database
) -> None:
    ana = phone(cast.ana)
    with db.company(cast.company.id) as uow:
        move_route(uow, cast.ana_route, cast.ben.position_id)
    assert ana.push_one(ana.visit(cast.ana_stores[0]))["status"] == "applied"


def test_a_store_that_left_the_scope_longer_ago_than_the_grace_may_not(
    cast: Cast, phone: PhoneOf, db: Database
) -> None:
    ana = phone(cast.ana)
    with db.company(cast.company.id) as uow:
        move_route(uow, cast.ana_route, cast.ben.position_id)
        for table in ("holder_key", "holder_key_past", "record_key", "record_key_past"):
            uow.run(f"update {table} set since = since - interval '900 days'")
        for table in ("holder_key_past", "record_key_past"):
            uow.run(f"update {table} set until = to_timestamp(:ms / 1000.0)", ms=ana.now)
    late, later = ana.visit(cast.ana_stores[0]), ana.visit(cast.ana_stores[1])
    ana.now += 8 * DAY
    assert ana.push_one(late)["status"] == "applied"
    later = ana.visit(cast.ana_stores[1])
    assert code_of(ana.push_one(later)) == "not_in_scope"


# ---- moving and leaving -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("days", "code"), [(0, "applied"), (7, "applied"), (8, "late_after_leave")]
)
def test_work_captured_after_a_position_ended_is_kept_for_review_past_the_grace(
    cast: Cast, phone: PhoneOf, db: Database, days: int, code: str
) -> None:
    ana = phone(cast.ana)
    with db.company(cast.company.id) as uow:
        end_occupancy(uow, cast.ana, TODAY)
    ana.now += days * DAY
    assert code_of(ana.push_one(ana.attendance())) == code


def test_work_captured_in_time_is_taken_however_late_it_comes(
    cast: Cast, phone: PhoneOf, db: Database
) -> None:
    ana = phone(cast.ana)
    visit = ana.visit(cast.ana_stores[0])
    with db.company(cast.company.id) as uow:
        end_occupancy(uow, cast.ana, TODAY)
    ana.now += 200 * DAY
    assert ana.push_one(visit)["status"] == "applied"
    row = only(rows_of(db, cast, "select position_id, business_day from visit"))
    assert (row.position_id, row.business_day) == (cast.ana.position_id, TODAY)


def test_work_of_a_mover_counts_for_the_position_they_held_when_it_was_captured(
    cast: Cast, phone: PhoneOf, db: Database
) -> None:
    ana = phone(cast.ana)
    before = ana.attendance()
    with db.company(cast.company.id) as uow:
        end_occupancy(uow, cast.ana, TODAY)
        start_occupancy(uow, cast, cast.ana, cast.ben.position_id, TODAY + timedelta(days=1))
    ana.now += DAY
    after = ana.attendance()
    ana.push(after, before)
    held = {
        str(row.id): row.position_id
        for row in rows_of(db, cast, "select id, position_id from attendance")
    }
    assert held == {
        before["entity_id"]: cast.ana.position_id,
        after["entity_id"]: cast.ben.position_id,
    }


@pytest.mark.parametrize(
    ("days", "code"), [(1, "applied"), (7, "applied"), (9, "late_after_leave")]
)
def test_what_a_leavers_phone_still_holds_is_taken_within_the_grace(
    cast: Cast, phone: PhoneOf, db: Database, days: int, code: str
) -> None:
    ana = phone(cast.ana)
    visit = ana.visit(cast.ana_stores[0])
    leave(db, cast, cast.ana, TODAY + timedelta(days=1))
    ana.now += days * DAY
    assert code_of(ana.push_one(visit)) == code


def test_late_work_that_somebody_reviewed_and_released_is_applied(
    cast: Cast, phone: PhoneOf, roadbook: Engine, db: Database
) -> None:
    ana = phone(cast.ana)
    visit = ana.visit(cast.ana_stores[0])
    leave(db, cast, cast.ana, TODAY + timedelta(days=1))
    ana.now += 30 * DAY
    assert code_of(ana.push_one(visit)) == "late_after_leave"
    row = only(rows_of(db, cast, "select op_id, digest from kept_item"))
    result = roadbook.release(
        cast.company.id, row.op_id, bytes(row.digest), decided_by="Sam", reason="I know of it"
    )
    assert (result.status, result.version) == ("applied", 1)
    held = only(rows_of(db, cast, "select person_id, position_id, business_day from visit"))
    assert tuple(held) == (cast.ana.id, cast.ana.position_id, TODAY)
    kept = only(rows_of(db, cast, "select state, decided_by, reason from kept_item"))
    assert tuple(kept) == ("RELEASED", "Sam", "I know of it")


def test_a_visit_outside_the_scope_that_somebody_released_is_applied(
    cast: Cast, phone: PhoneOf, roadbook: Engine, db: Database
) -> None:
    ana = phone(cast.ana)
    ana.push_one(ana.visit(cast.ben_stores[0]))
    row = only(rows_of(db, cast, "select op_id, digest from kept_item"))
    result = roadbook.release(cast.company.id, row.op_id, bytes(row.digest), decided_by="Sam")
    assert result.status == "applied"


def test_nobody_releases_work_under_a_position_that_its_sender_never_held(
    cast: Cast, phone: PhoneOf, roadbook: Engine, db: Database
) -> None:
    ana = phone(cast.ana)
    visit = ana.visit(cast.ana_stores[0], position_id=str(cast.ben.position_id))
    first = ana.push_one(visit)
    assert (first["code"], first["where"]) == ("not_permitted", "payload.position_id")
    row = only(rows_of(db, cast, "select op_id, digest from kept_item"))
    again = roadbook.release(cast.company.id, row.op_id, bytes(row.digest), decided_by="Sam")
    assert (again.status, again.code) == ("quarantined", "not_permitted")


# ---- the clock ----------------------------------------------------------------------------------


def test_a_moment_that_no_clock_supports_is_judged_as_of_receipt(
    cast: Cast, phone: PhoneOf, db: Database
) -> None:
    ana = phone(cast.ana)
    with db.company(cast.company.id) as uow:
        end_occupancy(uow, cast.ana, TODAY - timedelta(days=20))
    at = ana.now - 25 * DAY
    boot = "b" * 8 + ana.boot_id[8:]
    claimed = ana.item(
        "attendance",
        "create",
        "a" * 8 + "-0000-4000-8000-000000000001",
        {"event": "ON", "occurred": {"at": at, "uptime_ms": 5, "boot_id": boot}},
        at=at,
        captured_boot_id=boot,
        captured_uptime_ms=5,
    )
    assert code_of(ana.push_one(claimed)) == "late_after_leave"


def test_the_same_moment_supported_by_satellites_is_judged_as_of_capture(
    cast: Cast, phone: PhoneOf, db: Database
) -> None:
    ana = phone(cast.ana)
    with db.company(cast.company.id) as uow:
        end_occupancy(uow, cast.ana, TODAY - timedelta(days=20))
    at = ana.now - 25 * DAY
    fix = {
        "lat_e7": 0,
        "lon_e7": 0,
        "datum": "WGS84",
        "accuracy_cm": 900,
        "gps_time": at,
        "is_mock": False,
    }
    boot = "b" * 8 + ana.boot_id[8:]
    claimed = ana.item(
        "attendance",
        "create",
        "a" * 8 + "-0000-4000-8000-000000000002",
        {"event": "ON", "occurred": {"at": at, "uptime_ms": 5, "boot_id": boot, "fix": fix}},
        captured_boot_id=boot,
        captured_uptime_ms=5,
    )
    assert code_of(ana.push_one(claimed)) == "applied"


# ---- positions and roles ------------------------------------------------------------------------


def test_a_position_that_is_held_may_be_named(cast: Cast, phone: PhoneOf, db: Database) -> None:
    ana = phone(cast.ana)
    assert (
        ana.push_one(ana.attendance(position_id=str(cast.ana.position_id)))["status"] == "applied"
    )
    assert code_of(ana.push_one(ana.attendance(position_id=str(cast.ben.position_id)))) == (
        "not_permitted"
    )


def test_of_several_positions_the_one_that_began_last_is_taken(
    cast: Cast, phone: PhoneOf, db: Database
) -> None:
    with db.company(cast.company.id) as uow:
        start_occupancy(uow, cast, cast.ana, cast.ben.position_id, TODAY - timedelta(days=1))
    ana = phone(cast.ana)
    named = ana.attendance(position_id=str(cast.ana.position_id))
    unnamed = ana.attendance()
    assert ana.statuses(named, unnamed) == ["applied"] * 2
    ana.pull()
    positions = [ana.fields(each["entity_id"])["position_id"] for each in (named, unnamed)]
    assert positions == [str(cast.ana.position_id), str(cast.ben.position_id)]


def test_the_table_of_roles_says_what_each_kind_lets_its_roles_push() -> None:
    text = PROTOCOL.read_text(encoding="utf-8").partition("<!-- roles -->")[2].partition("\n\n")[0]
    head, _, *lines = [
        [cell.strip() for cell in line.strip("| ").split("|")] for line in text.strip().splitlines()
    ]
    told = {
        (kind, row[0])
        for row in lines
        for column, cell in zip(head[1:], row[1:], strict=True)
        for kind in column.replace("`", "").split(", ")
        if cell == "yes"
    }
    judges = {
        "visit": visit_judge,
        "attendance": attendance_judge,
        "store": store_judge,
        "order": order_judge,
        "route": route_judge,
        "day_plan": day_plan_judge,
        "activity_store": activity_store_judge,
        "audit_visit": audit_visit_judge,
        "task": task_judge,
        "notice": notice_judge,
        "location_check": location_check_judge,
        "form_answer": form_answer_judge,
        "photo": photo_judge,
        "track": track_judge,
    }
    assert set(judges) == {kind.name for kind in ALL_KINDS if kind.ops}
    assert {row[0].strip("`") for row in lines} == set(ROLES)
    assert {(kind, role.strip("`")) for kind, role in told} == {
        (kind, role) for kind, judge in judges.items() for role in judge.ROLES
    }


def test_an_admin_makes_no_visits_and_an_auditor_edits_no_stores(
    cast: Cast, phone: PhoneOf
) -> None:
    ada, aki = phone(cast.ada), phone(cast.aki)
    assert code_of(ada.push_one(ada.attendance())) == "not_permitted"
    assert code_of(aki.push_one(aki.attendance())) == "applied"
    assert code_of(aki.push_one(aki.new_store())) == "not_permitted"


def test_supervisors_and_managers_visit_what_lies_below_them(cast: Cast, phone: PhoneOf) -> None:
    for person in (cast.sam, cast.mia):
        one = phone(person)
        assert one.push_one(one.visit(cast.ben_stores[0]))["status"] == "applied"


@pytest.mark.parametrize("statement", ["update occupancy set ends_on", "update person set left_on"])
def test_an_end_on_the_calendars_last_day_still_permits_work(
    cast: Cast, phone: PhoneOf, db: Database, statement: str
) -> None:
    with db.company(cast.company.id) as uow:
        uow.run(f"{statement} = '9999-12-31'")
    ana = phone(cast.ana)
    assert ana.statuses(ana.visit(cast.ana_stores[0]), ana.attendance()) == ["applied"] * 2


def test_work_from_before_the_first_position_is_not_permitted(cast: Cast, phone: PhoneOf) -> None:
    ana = phone(cast.ana)
    ana.booted_at -= 200 * DAY
    assert code_of(ana.push_one(ana.attendance(ago=100 * DAY))) == "not_permitted"


def test_an_item_that_was_mended_is_applied_and_both_bytes_stay(
    cast: Cast, phone: PhoneOf, roadbook: Engine, db: Database, owner_engine: sqlalchemy.Engine
) -> None:
    import json

    ana = phone(cast.ana)
    visit = ana.visit(cast.ben_stores[0], ago=HOUR)
    ana.push_one(visit)
    row = only(rows_of(db, cast, "select op_id, digest from kept_item"))
    visit_mended = {**visit, "payload": {**visit["payload"], "store_id": str(cast.ana_stores[0])}}
    mended = json.dumps(visit_mended).encode()
    result = roadbook.release(
        cast.company.id, row.op_id, bytes(row.digest), decided_by="Sam", mended=mended
    )
    assert result.status == "applied"
    kept = only(rows_of(db, cast, "select raw, mended, state from kept_item"))
    assert (json.loads(bytes(kept.raw)), bytes(kept.mended), kept.state) == (
        visit,
        mended,
        "RELEASED",
    )
    assert ana.push_one(visit)["status"] == "duplicate"
    ana.pull()
    assert ana.fields(visit["op_id"])["state"] == "RELEASED"
    assert ana.fields(visit["entity_id"])["store_id"] == str(cast.ana_stores[0])


def test_an_item_that_was_set_aside_stays_with_its_reason(
    cast: Cast, phone: PhoneOf, roadbook: Engine, db: Database
) -> None:
    ana = phone(cast.ana)
    visit = ana.visit(cast.ben_stores[0])
    ana.push_one(visit)
    row = only(rows_of(db, cast, "select op_id, digest from kept_item"))
    roadbook.set_aside(
        cast.company.id, row.op_id, bytes(row.digest), decided_by="Sam", reason="A test visit"
    )
    kept = only(rows_of(db, cast, "select state, reason, decided_by from kept_item"))
    assert tuple(kept) == ("SET_ASIDE", "A test visit", "Sam")
    ana.pull()
    state = ana.fields(visit["op_id"])
    assert (state["state"], state["detail"]) == ("SET_ASIDE", "A test visit")
    assert ana.push_one(visit)["status"] == "duplicate"
