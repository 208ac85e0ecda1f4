import json
import re
from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import pytest
from click.testing import CliRunner, Result

from server.cli import COMMANDS, load_command
from server.identity.change_log import Actor
from server.planning.commands import conflict, proposal
from server.planning.rule_words import told_rule
from server.planning.stores import edit_stores
from sync.engine import Engine as SyncEngine
from sync.unit_of_work import Database
from tests.factories import Cast, Person, item, push_items, rule

Run = Callable[..., Result]


@pytest.fixture
def run(
    database: dict[str, str], redis_url: str, monkeypatch: pytest.MonkeyPatch, cast: Cast
) -> Run:
    monkeypatch.setenv("DATABASE_URL", database["app"])
    monkeypatch.setenv("REDIS_URL", redis_url)
    monkeypatch.setenv("SECRET_KEY", "x" * 48)

    def invoke(group: str, *words: str) -> Result:
        command = {"proposal": proposal, "conflict": conflict}[group]
        return CliRunner().invoke(command, [*words, "--company", cast.company.code])

    return invoke


@pytest.fixture
def waiting(cast: Cast, sync_engine: SyncEngine) -> UUID:
    edit = item(
        "store",
        "edit",
        cast.ana_stores[0],
        {"changes": {"name": "Anchor & Sons"}, "reason": "New sign"},
        base_version=1,
    )
    (result,) = push_items(sync_engine, cast.ana.device, [edit])
    return UUID(result["proposal_id"])


def refused(result: Result) -> str:
    assert result.exit_code == 1
    (line,) = result.output.splitlines()
    return line


def test_the_groups_are_on_the_one_command_line() -> None:
    places = {name: place for name, place, _ in COMMANDS}
    assert load_command(places["proposal"]) is proposal
    assert load_command(places["conflict"]) is conflict
    assert load_command(places["demo"]).name == "demo"


def test_a_list_of_nothing_says_so(run: Run) -> None:
    assert run("proposal", "list").output == "No proposal is waiting.\n"
    assert run("conflict", "list").output == "No conflict is open.\n"


def test_a_proposal_is_listed_with_what_it_would_change(run: Run, waiting: UUID) -> None:
    assert run("proposal", "list").output.splitlines()[0] == f"{waiting}  store Anchor"
    assert "name: Anchor → Anchor & Sons" in run("proposal", "list").output
    assert "by Ana" in run("proposal", "list").output


def test_a_proposal_is_approved_once(run: Run, waiting: UUID) -> None:
    assert run("proposal", "approve", str(waiting)).output == "Approved: Anchor & Sons.\n"
    assert "approved already" in refused(run("proposal", "approve", str(waiting)))
    assert "approved by operator" in run("proposal", "list", "--state", "APPROVED").output


def test_a_proposal_is_amended_with_json(run: Run, waiting: UUID) -> None:
    assert run("proposal", "amend", str(waiting), "nonsense").exit_code == 2
    done = run("proposal", "amend", str(waiting), '{"name": "Anchor and Sons"}')
    assert done.output == "Amended: Anchor and Sons.\n"


def test_a_proposal_is_refused_with_a_reason(run: Run, waiting: UUID) -> None:
    assert run("proposal", "refuse", str(waiting), "A poster").output == "Refused: Anchor.\n"
    assert "no such proposal" in refused(run("proposal", "refuse", str(uuid4()), "x"))


def test_a_new_store_needs_its_code(run: Run, cast: Cast, sync_engine: SyncEngine) -> None:
    new = item(
        "store", "create", uuid4(), {"name": "Lantern", "channel": "kiosk", "address": "2 Quay"}
    )
    (result,) = push_items(sync_engine, cast.ana.device, [new])
    assert "code:" in refused(run("proposal", "approve", result["proposal_id"]))
    line = refused(run("proposal", "approve", result["proposal_id"], "--code", "L1"))
    assert "name its region, one of HARBOUR, NORTH, SOUTH, WHARF" in line
    place = ("--code", "L1", "--region", "NORTH", "--position", "REP-BEN")
    done = run("proposal", "approve", result["proposal_id"], *place)
    assert done.output == "Approved: Lantern.\n"
    assert "code: L1" in run("proposal", "list", "--state", "APPROVED").output


def test_a_conflict_is_listed_and_decided_by_field(
    run: Run, cast: Cast, sync_engine: SyncEngine
) -> None:
    for person, address in ((cast.sam, "1 Bell"), (cast.ana, "2 Bell")):
        edit = item(
            "store", "edit", cast.ana_stores[0], {"changes": {"address": address}}, base_version=1
        )
        (result,) = push_items(sync_engine, person.device, [edit])
    listed = run("conflict", "list").output
    assert "address: held 1 Bell (Sam)" in listed
    assert "sent 2 Bell (Ana)" in listed
    conflict_id = result["conflict_id"]
    assert "choose for each of: address" in refused(
        run("conflict", "choose", conflict_id, "x=held")
    )
    assert run("conflict", "choose", conflict_id, "address").exit_code == 2
    assert run("conflict", "choose", conflict_id, "address=3 Bell").exit_code == 2
    assert run("conflict", "choose", conflict_id, 'address="3 Bell"').output == "Decided: Anchor.\n"
    *_, chosen, decided, zone = run("conflict", "list", "--state", "DECIDED").output.splitlines()
    assert chosen == "             chosen: other, 3 Bell"
    assert re.fullmatch(r"    decided by operator \w+, [-0-9]{10} [:0-9]{5}", decided)
    assert zone == "Times of Asia/Shanghai."


def test_a_list_that_was_cut_says_so(run: Run, cast: Cast, sync_engine: SyncEngine) -> None:
    def edit(changes: dict[str, str], sender: Person) -> None:
        payload = {"changes": changes, "reason": "r"}
        one = item("store", "edit", cast.ana_stores[0], payload, base_version=1)
        push_items(sync_engine, sender.device, [one])

    for number in (1, 2):
        edit({"name": f"Anchor {number}"}, cast.ana)
    for address, sender in (("1 Bell", cast.sam), ("2 Bell", cast.ana), ("3 Bell", cast.ana)):
        edit({"address": address}, sender)
    for group in ("proposal", "conflict"):
        listed = run(group, "list", "--at-most", "1").output.splitlines()
        assert "Only the first 1: --at-most shows more." in listed
        assert sum(" by " in line or "sent" in line for line in listed) == 1
        assert "Only" not in run(group, "list", "--at-most", "2").output


def test_what_was_decided_stays_shown_as_it_was_then(
    run: Run, waiting: UUID, cast: Cast, db: Database, office: Actor
) -> None:
    run("proposal", "amend", str(waiting), '{"name": "Anchor and Sons"}', "--answer", "Spelt out")
    with db.company(cast.company.id) as uow:
        edit_stores(uow, office, {cast.ana_stores[0]: {"name": "Anchorage"}})
    _, asked, wish, decided, done, zone = run(
        "proposal", "list", "--state", "AMENDED"
    ).output.splitlines()
    assert re.fullmatch(r"    by Ana, [-0-9]{10} [:0-9]{5}: New sign", asked)
    assert wish == "      name: Anchor → Anchor & Sons"
    assert re.fullmatch(r"    amended by operator \w+, [-0-9]{10} [:0-9]{5}: Spelt out", decided)
    assert done == "      name: Anchor → Anchor and Sons"
    assert zone == "Times of Asia/Shanghai."


def test_ids_may_be_cut_short_where_one_thing_alone_begins_so(run: Run, waiting: UUID) -> None:
    assert "no such proposal" in refused(run("proposal", "refuse", "x", "No"))
    for few in (1, 3):
        assert "too little of an id" in refused(run("proposal", "refuse", str(waiting)[:few], "No"))
    assert run("proposal", "refuse", str(waiting)[:9], "No").output == "Refused: Anchor.\n"


def proposed_route(cast: Cast, sync_engine: SyncEngine, *stops: tuple[UUID, Any]) -> str:
    sent = [{"store_id": str(store_id), "rule": stop_rule} for store_id, stop_rule in stops]
    payload = {"reason": "Shorter", "stops": sent}
    one = item("route", "propose", cast.ana_route, payload, base_version=1)
    (result,) = push_items(sync_engine, cast.ana.device, [one])
    return str(result["proposal_id"])


def stops_now(db: Database, cast: Cast) -> list[tuple[UUID, list[int]]]:
    with db.reading(cast.company.id) as uow:
        rows = uow.rows(
            "select store_id, rule from route_stop where route_id = :id order by sequence",
            id=cast.ana_route,
        )
    return [(row.store_id, row.rule["weekdays"]) for row in rows]


def test_a_route_proposal_shows_what_would_be_added_removed_moved_and_ruled_otherwise(
    run: Run, cast: Cast, sync_engine: SyncEngine
) -> None:
    one, _, three = cast.ana_stores
    stops = [(three, rule(weekdays=[2])), (one, rule()), (cast.ben_stores[0], rule(cycle_weeks=2))]
    proposed_route(cast, sync_engine, *stops)
    days, every = "mon,tue,wed,thu,fri,sat", "every week from 2026-01-05, not on holidays"
    other = f"{days} every 2 weeks from 2026-01-05, not on holidays"
    assert run("proposal", "list").output.splitlines()[2:-1] == [
        "      stops: 3 → 3",
        "      removed: BEACON Beacon",
        f"      added at 3: DOCK Dock, {other}",
        "      moved: COMPASS Compass, 3 → 1",
        f"      rule of COMPASS Compass: {days} {every} → tue {every}",
        "      order: COMPASS,ANCHOR,DOCK",
    ]


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"week_groups": [0]}, "every 2 weeks from 2026-03-02"),
        ({"week_groups": [0, 1]}, "every week from 2026-03-02"),
        ({"week_groups": [1]}, "every 2 weeks counted from 2026-03-09, from 2026-03-02"),
        (
            {"cycle_weeks": 3, "week_groups": [0, 1]},
            "every 3 weeks counted from 2026-03-02 and 2026-03-09, from 2026-03-02",
        ),
    ],
)
def test_a_rule_is_told_without_saying_one_day_twice(changed: dict[str, Any], told: str) -> None:
    monday = {"anchor": "2026-03-02", "starts_on": "2026-03-02"}
    assert told_rule(rule(weekdays=[1, 3], cycle_weeks=2, **monday) | changed) == (
        f"mon,wed {told}, not on holidays"
    )


def test_another_order_is_amended_by_the_codes_of_stores(
    run: Run, cast: Cast, sync_engine: SyncEngine, db: Database
) -> None:
    one, two, three = cast.ana_stores
    proposal_id = proposed_route(cast, sync_engine, (two, rule(weekdays=[2])), (one, rule()))
    assert "give CHANGES, or --stops" in run("proposal", "amend", proposal_id).output
    unknown = refused(run("proposal", "amend", proposal_id, "--stops", "ANCHOR,NOWHERE"))
    assert "no store 'NOWHERE'" in unknown
    done = run("proposal", "amend", proposal_id, "--stops", "ANCHOR, COMPASS,BEACON")
    assert done.output.startswith("Amended: ")
    every = [1, 2, 3, 4, 5, 6]
    assert stops_now(db, cast) == [(one, every), (three, every), (two, [2])]


def test_a_route_is_amended_with_rules_of_its_own_in_json(
    run: Run, cast: Cast, sync_engine: SyncEngine, db: Database
) -> None:
    one, two, _ = cast.ana_stores
    proposal_id = proposed_route(cast, sync_engine, (two, rule()), (one, rule()))
    stops = ["BEACON", {"store": "ANCHOR", "rule": rule(weekdays=[5])}]
    done = run("proposal", "amend", proposal_id, json.dumps({"stops": stops}))
    assert done.output.startswith("Amended: ")
    assert stops_now(db, cast) == [(two, [1, 2, 3, 4, 5, 6]), (one, [5])]


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ({"store": "BEACON", "rule": [2]}, "stops[1].rule: must be an object"),
        ({"store": "BEACON", "rule": None}, "stops[1].rule: must be an object"),
        ({"store": "BEACON", "rule": {}}, "stops[1].rule.weekdays"),
        ({"store": "BEACON", "rules": {}}, "stops[1].rules: no name of a stop"),
        ({"store": "BEACON", "store_id": str(uuid4())}, "stops[1]: name its store once"),
        ({"rule": {}}, "stops[1]: name its store"),
    ],
)
def test_nothing_that_is_typed_of_a_stop_is_passed_over(
    run: Run, cast: Cast, sync_engine: SyncEngine, db: Database, typed: Any, said: str
) -> None:
    one, two, _ = cast.ana_stores
    held = stops_now(db, cast)
    proposal_id = proposed_route(cast, sync_engine, (two, rule()), (one, rule()))
    changes = json.dumps({"stops": ["ANCHOR", typed]})
    assert said in refused(run("proposal", "amend", proposal_id, changes))
    assert stops_now(db, cast) == held


def test_a_route_is_not_emptied_without_a_word(
    run: Run, cast: Cast, sync_engine: SyncEngine, db: Database
) -> None:
    proposal_id = proposed_route(cast, sync_engine, (cast.ana_stores[0], rule()))
    for words in (('{"stops": []}',), ("--stops", "")):
        assert "--empty" in refused(run("proposal", "amend", proposal_id, *words))
    assert len(stops_now(db, cast)) == 3
    assert run("proposal", "amend", proposal_id, '{"stops": []}', "--empty").exit_code == 0
    assert stops_now(db, cast) == []
