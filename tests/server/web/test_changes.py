"""Admins read who changed what, in plain words, and find it by person, kind, record and day."""

import ast
import csv
import io
import re
from datetime import date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import Engine, text

import server
from server.changes.change_list import ChangesAsked, list_changes
from server.changes.words import ACTIONS, KINDS, VERBS
from server.identity.change_log import Actor, log_change, log_changes
from server.identity.occupancies import give_occupancy
from server.identity.people import rename_person
from tests.factories import TODAY
from tests.measures_factories import add_visit
from tests.server.web.conftest import Office
from tests.sync.talking import counted_statements


def change(office: Office, action: str, kind: str, subject: object, **sides: object) -> None:
    actor = Actor("Ada", office.cast.ada.id)
    with office.database.company(office.cast.company.id) as uow:
        log_change(uow, actor, action, kind, str(subject), **sides)  # type: ignore[arg-type]


def test_a_visit_is_called_after_its_store(office: Office, owner_engine: Engine) -> None:
    cast = office.cast
    with owner_engine.begin() as connection:
        visit = add_visit(connection, cast.company, cast.ana, cast.ana_stores[0])
        store = connection.scalar(
            text("select name from store where id = :id"), {"id": cast.ana_stores[0]}
        )
    change(office, "visit.decide_flag", "visit", visit, after={"flag": "offsite"})
    listed = office.browser(cast.ada).get("/changes/").text
    assert f">{store}</a>" in listed
    assert f">{str(visit)[:8]}</a>" not in listed


def test_the_log_is_for_admins(office: Office) -> None:
    assert office.browser(office.cast.ada).get("/changes/").status_code == 200
    assert office.browser(office.cast.mia).get("/changes/").status_code == 404
    assert office.browser(office.cast.mia).get("/changes/1").status_code == 404


def test_a_change_is_told_in_plain_words_with_names_for_ids(office: Office) -> None:
    actor = Actor("Ada", office.cast.ada.id)
    with office.database.company(office.cast.company.id) as uow:
        rename_person(uow, actor, office.cast.ana.id, "Anna")
        give_occupancy(
            uow,
            actor,
            person_id=office.cast.ana.id,
            position_id=office.cast.ben.position_id,
            starts_on=TODAY,
            is_acting=True,
            today=TODAY,
        )
        (seat,) = uow.rows(
            "select code from position where id = :id", id=office.cast.ben.position_id
        )
    text = office.browser(office.cast.ada).get("/changes/").text
    assert "Name: Ana → Anna" in text
    assert "renamed" in text
    # The occupancy has no name: it is called after whose it is.
    assert f"Anna, {seat.code}</a>" in text
    assert f"Position: {seat.code}" in text
    # An id that is shown anyhow is no field of its own.
    assert "Id: " not in text
    assert "First day: Wed, 4 Mar 2026" in text
    assert "Stands in: yes" in text


def test_a_list_tells_what_came_and_went(office: Office) -> None:
    one, two, three = office.cast.ana_stores
    change(
        office,
        "route.set_stops",
        "route",
        office.cast.ana_route,
        before={"stores": [one, two]},
        after={"stores": [two, three]},
    )
    names = {
        row.id: f"{row.code or ''} {row.name}".strip()
        for row in _rows(office, "select id, code, name from store")
    }
    ada = office.browser(office.cast.ada)
    (page,) = re.findall(r'href="(/changes/[0-9]+)"', ada.get("/changes/").text)
    text = ada.get(page).text
    assert f"2 in it: {names[one]}" in text
    assert f"2 in it: {names[three]}" in text
    assert names[two] not in text


def _rows(office: Office, statement: str) -> list[Any]:
    with office.database.reading(office.cast.company.id) as uow:
        return uow.rows(statement)


def test_entries_are_found_by_person_kind_record_and_day(office: Office) -> None:
    ana, ben = office.cast.ana.id, office.cast.ben.id
    change(office, "person.rename", "person", ana, before={"name": "A"}, after={"name": "B"})
    change(
        office,
        "device.drain",
        "device",
        ben,
        before={"state": "ACTIVE"},
        after={"state": "DRAINING"},
    )
    with office.database.company(office.cast.company.id) as uow:
        log_change(uow, Actor.command("the night job"), "task.withdraw", "task", "4711")
        (today,) = uow.rows("select cast(now() at time zone 'Asia/Shanghai' as date) as day")
    ada = office.browser(office.cast.ada)

    def actions(query: str) -> list[str]:
        with ada.get(f"/changes/?format=csv&{query}") as made:
            rows = csv.DictReader(io.StringIO(made.data.decode("utf-8-sig")))
            return [row["Kind"] for row in rows]

    assert actions("") == ["Task", "Phone", "Person"]
    assert actions("who=ad") == ["Phone", "Person"]
    assert actions("who=night") == ["Task"]
    assert actions("kind=device") == ["Phone"]
    assert actions(f"record={ana}") == ["Person"]
    assert actions(f"record={ana}&kind=device") == []
    assert actions(f"first={today.day}&last={today.day}") == ["Task", "Phone", "Person"]
    assert actions(f"last={date(2026, 1, 1)}") == []
    assert actions("last=9999-12-31") == ["Task", "Phone", "Person"]
    for odd in ("after=x", "after=2026-01-01~1", "first=x", "who=%00"):
        assert ada.get(f"/changes/?{odd}").status_code == 404, odd


def test_a_day_is_that_of_the_company(office: Office) -> None:
    change(office, "person.rename", "person", office.cast.ana.id, after={"name": "B"})
    east, west = ZoneInfo("Pacific/Kiritimati"), ZoneInfo("Pacific/Niue")  # 25 hours apart
    with office.database.reading(office.cast.company.id) as uow:
        (entry,) = list_changes(uow, ChangesAsked(), east, None, 5)
        day = entry.at.astimezone(east).date()
        asked = ChangesAsked(first=day, last=day)
        assert list_changes(uow, asked, east, None, 5) == [entry]
        assert list_changes(uow, asked, west, None, 5) == []


def test_pages_follow_each_other_at_the_same_cost_whatever_is_on_them(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("server.web.listing.ROWS_A_PAGE", 4)
    with office.database.company(office.cast.company.id) as uow:
        log_changes(
            uow,
            Actor("Ada", office.cast.ada.id),
            "store.edit",
            "store",
            # In one transaction all have the same moment.
            [
                (store, {"note": None}, {"note": str(n)})
                for n, store in enumerate([office.cast.ana_stores[0]] * 10)
            ],
        )
    ada = office.browser(office.cast.ada)
    seen, costs, path = [], set(), "/changes/"
    while path:
        with counted_statements(monkeypatch) as counted:
            text = ada.get(path).text
        costs.add(len(counted))
        seen += [part.split("<")[0] for part in text.split("Note: ")[1:]]
        more = text.split(">Next page<")[0] if ">Next page<" in text else ""
        path = more.rsplit('href="', 1)[1].split('"')[0].replace("&amp;", "&") if more else ""
    assert seen == [str(n) for n in range(9, -1, -1)]
    assert len(costs) == 1


def test_every_action_that_is_logged_by_its_name_has_words() -> None:
    for path in Path(server.__path__[0]).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call) or len(node.args) < 4:
                continue
            called = getattr(node.func, "id", getattr(node.func, "attr", ""))
            if called not in ("log_change", "log_changes"):
                continue
            action, kind = node.args[2], node.args[3]
            if isinstance(action, ast.Constant):
                verb = str(action.value).rpartition(".")[2]
                assert action.value in ACTIONS or verb in VERBS, action.value
            if isinstance(kind, ast.Constant):
                assert kind.value in KINDS, kind.value


def test_an_address_of_any_moment_is_read_or_not_there(office: Office) -> None:
    ada = office.browser(office.cast.ada)
    at = datetime(2026, 3, 4, tzinfo=ZoneInfo("UTC")).isoformat()
    assert ada.get("/changes/", query_string={"after": f"{at}~7"}).status_code == 200
    assert ada.get("/changes/99999999999999999999999").status_code == 404
