"""The worked example of docs/operating.md is run as it stands: at its end a phone has its route."""

import json
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


@pytest.fixture(autouse=True)
def environ(
    fresh_database: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", fresh_database["app"])
    monkeypatch.setenv("DATABASE_OWNER_URL", fresh_database["owner"])
    monkeypatch.setenv("SECRET_KEY", "k" * 40)
    monkeypatch.setenv("ROADBOOK_VAR", str(tmp_path))


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
    assert "NORTH  North  CN" in run("region", "list").output
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


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("company add --code ACME --name A --time-zone UTC", "already"),
        ("company policy fence_radius_m=5", "fence_radius_m: a whole number"),
        ("company policy no_such=1", "there is no such setting"),
        ("company policy fence", "NAME=VALUE"),
        ("region add SOUTH South --above NOWHERE", "no region 'NOWHERE'"),
        ("position add REP-1 Again --role rep --region NORTH", "already"),
        ("person place wang@acme.example NOWHERE", "no position 'NOWHERE'"),
        ("person place tang@acme.example REP-1", "held by Wang Wei"),
        ("person end tang@acme.example REP-1", "do not hold"),
        ("store add S001 Again --channel kiosk", "S001"),
        ("store add S009 Far --channel kiosk --at nan 0", "two numbers"),
        ("store add S009 Far --channel kiosk --at 95 0", "lat_e7"),
        ("route add R S777 --position REP-1 --on mon", "no store 'S777'"),
        ("route add R S001 --position REP-1 --on someday", "weekdays are"),
    ],
)
def test_what_cannot_be_is_one_line(words: str, said: str) -> None:
    founded()
    done = run(*shlex.split(words))
    assert done.exit_code != 0
    assert said in done.output
    assert "Traceback" not in done.output


def test_only_the_owner_founds_a_company(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DATABASE_OWNER_URL")
    done = run("company", "add", "--code", "A", "--name", "A", "--time-zone", "UTC")
    assert done.exit_code == 1
    assert "DATABASE_OWNER_URL" in done.output
