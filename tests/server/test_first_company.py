"""The worked example of docs/operating.md is run as it stands: at its end a phone has its route."""

import json
import re
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import create_engine

from mobile_contract.compiled import Pull
from server.cli import roadbook
from server.identity.change_log import changes_of
from server.identity.companies import find_company
from server.identity.devices import DeviceInfo, enrol
from sync.engine import Engine
from sync.kinds import ALL_KINDS
from sync.senders import Claim
from sync.unit_of_work import Database

OPERATING = Path(__file__).resolve().parents[2] / "docs" / "operating.md"
AT = 1_772_590_000_000


def set_environ(patched: pytest.MonkeyPatch, urls: dict[str, str], var: Path) -> None:
    """Commands find this database."""
    patched.setenv("DATABASE_URL", urls["app"])
    patched.setenv("DATABASE_OWNER_URL", urls["owner"])
    patched.setenv("SECRET_KEY", "k" * 40)
    patched.setenv("ROADBOOK_VAR", str(var))


@pytest.fixture(autouse=True)
def environ(
    fresh_database: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_environ(monkeypatch, fresh_database, tmp_path)


def run(*words: str) -> Result:
    return CliRunner().invoke(roadbook, list(words))


def example() -> list[list[str]]:
    section = OPERATING.read_text().partition("\n## A first company\n")[2].partition("\n## ")[0]
    return [
        shlex.split(line)[1:] for line in section.splitlines() if line.startswith("    roadbook ")
    ]


def founded() -> str:
    """Run the example; the enrolment code that it prints at its end."""
    said = ""
    for words in example():
        done = run(*words)
        assert (done.exit_code, words) == (0, words), done.output
        said = done.output
    return said.splitlines()[0]


def test_the_worked_example_ends_with_a_phone_that_has_its_stores_route_and_plans(
    fresh_database: dict[str, str],
) -> None:
    code = founded()
    engine = create_engine(fresh_database["app"])
    database = Database(engine)
    answer = enrol(database, code, DeviceInfo("M", "O", "1"), 2)
    company_id = find_company(database, None)
    with database.reading(company_id) as uow:
        token_hash = bytes(uow.rows("select token_hash from device")[0][0])
        assert len(changes_of(uow)) > len(example()) - 1
    claim = Claim(company_id, str(answer.device_id), token_hash)
    sync = Engine(database, ALL_KINDS, b"s" * 32)
    page = json.loads(sync.pull(claim, Pull(contract=2, cursor=None, limit=1000), AT))
    kinds = [one["kind"] for one in page["changes"]]
    assert (kinds.count("store"), kinds.count("route"), kinds.count("policy")) == (2, 1, 1)
    assert kinds.count("day_plan") > 5
    engine.dispose()


def test_what_was_added_is_listed_and_changed() -> None:
    founded()
    assert "ACME  Acme Foods  Asia/Shanghai  2" in run("company", "list").output
    assert "NORTH  North  CN     no" in run("region", "list").output
    assert "Wang Wei" in run("position", "list").output
    assert "2026-10-01  National Day" in run("holiday", "list").output
    assert "fence_radius_m=150" in run("company", "policy").output
    assert run("holiday", "remove", "2026-10-01").exit_code == 0
    run("position", "add", "REP-2", "Rep North 2", "--role", "rep", "--region", "NORTH")
    moved = run("person", "move", "wang@acme.example", "REP-2")
    assert moved.exit_code == 0, moved.output
    people = run("person", "list").output
    assert "REP-2" in people
    assert "REP-1" not in people
    assert run("person", "end", "wang@acme.example", "REP-2").exit_code == 0


def test_every_list_is_bounded_and_says_so_where_it_was_cut() -> None:
    founded()
    run("company", "add", "--code", "BCME", "--name", "B", "--time-zone", "Asia/Shanghai")
    run("person", "add", "Zoe", "--company", "ACME")
    run("holiday", "add", "2027-01-01", "New Year", "--company", "ACME")
    for group in ("company", "region", "position", "person", "holiday"):
        where = () if group == "company" else ("--company", "ACME")
        cut = run(group, "list", "--at-most", "1", *where).output.splitlines()
        assert len(cut) == 3, (group, cut)
        assert cut[-1] == "Only the first 1: --at-most shows more."
        assert "Only" not in run(group, "list", *where).output
    latest = run("holiday", "list", "--at-most", "1", "--company", "ACME").output
    assert "2027-01-01" in latest


def test_stores_are_listed_by_code_changed_and_closed() -> None:
    founded()
    header, corner, kiosk = run("store", "list").output.splitlines()
    assert " ".join(header.split()) == "CODE NAME CHANNEL CLASS REGION POSITION PIN FENCE"
    assert " ".join(corner.split()) == "S001 Corner Shop grocery A – REP-1 39.90420 116.40740 –"
    assert " ".join(kiosk.split()) == "S002 Station Kiosk kiosk C – REP-1 – –"

    words = "--name Halt --channel stall --at 39.9 116.4 --fence 90 --region NORTH --without class"
    done = run("store", "edit", "S002", *words.split())
    assert done.output == "Changed: store S002.\n"
    assert run("store", "edit", "S002", "--name", "Halt").output.endswith("is like this already.\n")
    (_, halt) = run("store", "list", "--region", "CN").output.splitlines()
    assert " ".join(halt.split()) == "S002 Halt stall – NORTH REP-1 39.90000 116.40000 90 m"
    assert run("store", "list", "--code", "S1").output == "No store like this is active.\n"
    listed = run("store", "list", "--position", "REP-1", "--at-most", "1").output
    assert listed.splitlines()[-1] == "Only the first 1: --at-most shows more."

    assert run("store", "edit", "S001", "--status", "closed").exit_code == 0
    assert "S001" not in run("store", "list").output
    assert "S001" in run("store", "list", "--status", "closed").output
    assert "S001" not in run("route", "list").output
    assert run("store", "edit", "S001", "--status", "active").exit_code == 0
    assert "S001" in run("store", "list").output


def test_a_route_is_listed_changed_moved_and_ended() -> None:
    founded()
    today = run("route", "list").output.partition(" from ")[2][:10]
    by_day = f"mon,tue,wed,thu,fri every week from {today}, not on holidays"
    first, stops = run("route", "list", "--position", "REP-1").output.splitlines()
    assert re.fullmatch(r"REP-1  North 1  [0-9a-f]{8}, 2 stops", first)
    assert stops == f"    S001 S002: {by_day}"

    run("store", "add", "S003", "Third", "--channel", "kiosk")
    done = run("route", "set-stops", "North 1", "S003", "S001")
    assert done.output.splitlines()[0] == "Changed: route North 1 has 2 stores."
    assert run("route", "list").output.splitlines()[1:] == [f"    S003 S001: {by_day}"]
    words = "--on mon --every 2 --from 2026-03-04"
    assert (
        run("route", "set-stops", first.split()[-3].rstrip(","), "S001", *words.split()).exit_code
        == 0
    )
    assert run("route", "list").output.splitlines()[1:] == [
        "    S001: mon every 2 weeks counted from 2026-03-02, from 2026-03-04, not on holidays"
    ]

    run("position", "add", "REP-2", "Rep North 2", "--role", "rep", "--region", "NORTH")
    assert "Moved: route North 1 to REP-2." in run("route", "move", "North 1", "REP-2").output
    run("route", "add", "North 1", "S002", "--position", "REP-1", "--on", "mon")
    assert "several routes are 'North 1'" in run("route", "end", "North 1").output
    ended = run("route", "end", "North 1", "--position", "REP-2")
    assert ended.output.splitlines()[0] == "Ended: route North 1 of REP-2."
    assert "REP-2" not in run("route", "list").output
    assert ", ended" in run("route", "list", "--all").output


def test_regions_and_positions_are_changed(tmp_path: Path) -> None:
    founded()
    ring = [[116, 39], [117, 39], [117, 40], [116, 40], [116, 39]]
    area = tmp_path / "area.json"
    area.write_text(json.dumps({"type": "Polygon", "coordinates": [ring]}))
    done = run("region", "edit", "NORTH", "--name", "Far North", "--boundary", str(area))
    assert done.output == "Changed: region NORTH.\n"
    assert "NORTH  Far North  CN     yes" in run("region", "list").output
    assert run("position", "edit", "REP-1", "--name", "Rep One", "--region", "CN").exit_code == 0
    (line,) = [one for one in run("position", "list").output.splitlines() if "REP-1" in one]
    assert line.split() == ["REP-1", "Rep", "One", "rep", "CN", "Wang", "Wei"]


def test_its_day_is_read_though_no_region_has_a_boundary() -> None:
    founded()
    read = run("day")
    assert read.exit_code == 0, read.output
    assert "Wang Wei" in read.output


def test_only_the_owner_founds_a_company(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DATABASE_OWNER_URL")
    done = run("company", "add", "--code", "A", "--name", "A", "--time-zone", "UTC")
    assert done.exit_code == 1
    assert "DATABASE_OWNER_URL" in done.output
