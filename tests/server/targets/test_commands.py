"""`roadbook target`: set, split, explain, progress; a dry run changes nothing, a refusal is one line."""

import re
from collections.abc import Callable

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import Engine

from server.cli import load_command
from sync.unit_of_work import Database
from tests.factories import Cast
from tests.measures_factories import add_visit
from tests.sync.talking import rows_of

Run = Callable[..., Result]


@pytest.fixture
def run(
    database: dict[str, str], redis_url: str, monkeypatch: pytest.MonkeyPatch, cast: Cast
) -> Run:
    monkeypatch.setenv("DATABASE_URL", database["app"])
    monkeypatch.setenv("REDIS_URL", redis_url)
    monkeypatch.setenv("SECRET_KEY", "x" * 48)

    def invoke(*words: str) -> Result:
        loaded = load_command("server.targets.commands:target")
        return CliRunner().invoke(loaded, [*words, "--company", cast.company.code])

    return invoke


@pytest.fixture
def plan(run: Run) -> str:
    """The beginning of the id of a plan for 2030."""
    done = run("set", "2030", "tc", "2400", "--weights", "0,0,1000")
    assert done.exit_code == 0, done.output
    found = re.search(r"Version 1 of (\w+): 24 targets\.", done.output)
    assert found is not None, done.output
    return found[1]


def test_a_plan_is_set_listed_and_shown(run: Run, plan: str) -> None:
    listed = run("list").output.splitlines()
    assert listed[0].split() == [
        *("PLAN", "YEAR", "MEASURE", "REGION", "DIVISION", "TOTAL", "VERSION", "MADE", "BY"),
    ]
    assert listed[1].startswith(f"{plan}  2030  TC       WHARF   –         2400   1 ")
    shown = run("show", plan, "2030-03/HARBOUR").output.splitlines()
    assert shown == [
        "TC 2030-03 HARBOUR: 200 (version 1, exact)",
        (
            "fixed 0, shared 200 by last year 0 + potential 0 + equal 1000 thousandths; rounding left"
            " 0, one each to the largest remainders"
        ),
        "PART   AMOUNT  LAST YEAR  POTENTIAL  WEIGHT   QUOTA    WHY",
        "NORTH  100     0          6          50.00 %  100.000  exact",
        "SOUTH  100     0          6          50.00 %  100.000  exact",
    ]
    assert run("show", plan, "2030-03/REP-ANA").output.splitlines() == [
        "TC 2030-03 REP-ANA: 100 (version 1, exact)",
        "It is not split any further.",
    ]


def test_a_dry_run_says_what_would_be_and_changes_nothing(
    run: Run, plan: str, db: Database, cast: Cast
) -> None:
    done = run("split", plan, "--total", "4800", "--dry-run")
    assert done.exit_code == 0, done.output
    assert "TC 2030: 4800" in done.output
    assert done.output.splitlines()[-1] == "Nothing was changed: this was --dry-run."
    assert [row.version for row in rows_of(db, cast, "select version from target_plan")] == [1]
    other = run("set", "2031", "PC", "12", "--dry-run")
    assert other.exit_code == 0, other.output
    assert len(rows_of(db, cast, "select id from target_plan")) == 1


def test_parts_are_fixed_and_let_go(run: Run, plan: str) -> None:
    done = run(
        "split", plan, "--pin", "2030-03=300", "--pin", "2030-03/NORTH=40", "--reason", "A fair."
    )
    assert done.exit_code == 0, done.output
    assert re.search(r"^2030-03  300 .* fixed$", done.output, re.MULTILINE)
    shown = run("show", plan, "2030-03/HARBOUR").output
    assert re.search(r"^NORTH  40 .* fixed$", shown, re.MULTILINE)
    assert re.search(r"^SOUTH  260 .* exact$", shown, re.MULTILINE)
    versions = run("show", plan, "--versions").output
    assert "A fair." in versions
    done = run("split", plan, "--unpin", "2030-03", "--unpin", "2030-03/NORTH")
    assert done.exit_code == 0, done.output
    assert "fixed 0," in done.output
    assert "300 (version 2, fixed)" in run("show", plan, "2030-03", "--version", "2").output


def test_progress_is_told_by_position_and_by_person(
    run: Run, cast: Cast, owner_engine: Engine, db: Database
) -> None:
    today = rows_of(db, cast, "select (now() at time zone 'Asia/Shanghai')::date as day")[0].day
    assert run("set", str(today.year), "TC", "2400", "--weights", "0,0,1000").exit_code == 0
    with owner_engine.begin() as connection:
        add_visit(connection, cast.company, cast.ana, cast.ana_stores[0], day=today)
    lines = run("progress").output.splitlines()
    assert lines[0].split() == [
        *("POSITION", "MEASURE", "GROUP", "TARGET", "ACTUAL", "EXPECTED", "REMAINING"),
        *("REACHED", "DAYS"),
    ]
    assert re.match(r"REP-ANA +TC +– +100 +1 +\d+ +99 +1\.0 % +\d+/\d+$", lines[1])
    people = run("progress", "--people", "--position", "REP-ANA").output.splitlines()
    assert re.match(r"  Ana +100 +1 +1\.0 % +\d+ held$", people[2])
    cut = run("progress", "--at-most", "1").output
    assert "Only the first 1" in cut
    assert "REP-BEN" not in cut
    assert run("progress", "--month", "2035-01").output == "Nothing is set for 2035-01.\n"
    ben = f"ben@{cast.company.code.lower()}.example"
    assert "REP-ANA" not in run("progress", "--seen-by", ben).output


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["set", "2030", "JOY", "1"], "measure: one of TC"),
        (["set", "2030", "TC", "1", "--weights", "1,2"], "weights: three numbers"),
        (["set", "2030", "TC", "1", "--weights", "1,2,x"], "weights: 'x' is no whole number"),
        (["set", "2030", "TC", "1", "--weights", "1,2,3"], "together 1000 thousandths, not 6"),
        (["set", "2030", "TC", "1", "--region", "NONE"], "there is no region 'NONE'"),
        (["set", "2030", "TC", "1", "--division", "NONE"], "there is no 'NONE'"),
        (["set", "2030", "TC", "1", "--role", "driver"], "no position of the plan"),
        (["set", "2030", "TC", "1", "--potential", "Z=1"], "potential by class"),
        (["split", "ffffffff"], "there is no plan of targets"),
        (["show", "ffffffff"], "there is no plan of targets"),
        (["progress", "--month", "soon"], "month soon: YYYY-MM"),
    ],
)
def test_what_cannot_be_is_one_line(run: Run, words: list[str], says: str) -> None:
    done = run(*words)
    assert done.exit_code == 1
    assert says in done.output
    assert len(done.output.splitlines()) == 1


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--pin", "2030-03/NOBODY=1"], "there is no region 'NOBODY'"),
        (["--pin", "2030-03"], "is no whole number"),
        (["--pin", "2030-03/NORTH/Water=1"], "a product group is of a position"),
        (["--pin", "2030-03=2401"], "1 too much"),
        (["--unpin", "2030-03"], "is not fixed"),
        (["--total", "-1"], "a whole number from 0"),
    ],
)
def test_what_cannot_be_split_is_one_line(run: Run, plan: str, words: list[str], says: str) -> None:
    done = run("split", plan, *words)
    assert done.exit_code == 1
    assert says in done.output
    assert len(done.output.splitlines()) == 1
