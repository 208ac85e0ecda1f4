"""`roadbook measures` and `roadbook flag`: aligned, whole, and one line where something cannot be."""

import csv
import re
from collections.abc import Callable
from uuid import UUID

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import Engine, text

from server.cli import load_command
from tests.factories import TODAY, Cast
from tests.measures_factories import add_frozen_plan, add_order, add_visit

Run = Callable[..., Result]


@pytest.fixture
def run(
    database: dict[str, str], redis_url: str, monkeypatch: pytest.MonkeyPatch, cast: Cast
) -> Run:
    monkeypatch.setenv("DATABASE_URL", database["app"])
    monkeypatch.setenv("REDIS_URL", redis_url)
    monkeypatch.setenv("SECRET_KEY", "x" * 48)

    def invoke(command: str, *words: str) -> Result:
        loaded = load_command(f"server.measures.commands:{command}")
        return CliRunner().invoke(loaded, [*words, "--company", cast.company.code])

    return invoke


@pytest.fixture
def visits(owner_engine: Engine, cast: Cast) -> list[UUID]:
    with owner_engine.begin() as connection:
        add_frozen_plan(connection, cast.company, cast.ana.position_id, TODAY, cast.ana_stores)
        add_order(connection, cast.company, cast.ana, cast.ana_stores[0], [(cast.ana.id, 1, 1_999)])
        connection.execute(
            text("update store set name = '=cmd()\x1b[2J' where id = :id"),
            {"id": cast.ana_stores[0]},
        )
        return [
            add_visit(connection, cast.company, cast.ana, cast.ana_stores[0], hour=9),
            add_visit(connection, cast.company, cast.ana, cast.ana_stores[1], verdict="OFFSITE"),
        ]


@pytest.mark.usefixtures("visits")
def test_the_usual_measures_are_a_line(run: Run) -> None:
    done = run("measures", "--period", "2026-03", "--by", "person")
    assert done.exit_code == 0, done.output
    assert done.output.splitlines() == [
        "2026-03-01 to 2026-03-31",
        "PERSON  SC  TC  PC  COVERAGE    STRIKE_RATE",
        "Ana     3   1   1   1/3 33.3 %  1/1 100.0 %",
    ]


@pytest.mark.usefixtures("visits")
def test_money_says_its_currency(run: Run) -> None:
    done = run("measures", "drop_size", "net_value", "--period", "2026-03-04")
    assert done.output.splitlines()[1:] == [
        "DROP_SIZE           NET_VALUE",
        "1999/1 1999.00 CNY  1999 CNY",
    ]


@pytest.mark.usefixtures("visits")
def test_csv_has_both_numbers_of_each_figure(run: Run) -> None:
    done = run("measures", "COVERAGE", "TC", "--period", "2026-W10", "--by", "region", "--csv")
    rows = list(csv.reader(done.output.splitlines()))
    assert rows[0] == ["region", "measure", "numerator", "denominator", "unit", "currency"]
    assert rows[1:] == [
        [region, *figure]
        for region in ("HARBOUR", "NORTH", "WHARF")
        for figure in (["COVERAGE", "1", "3", "ratio", ""], ["TC", "1", "", "store-days", ""])
    ]


@pytest.mark.usefixtures("visits")
def test_behind_are_the_visits_and_why_others_are_left_out(run: Run) -> None:
    done = run("measures", "TC", "--period", "2026-03", "--behind", "--left-out")
    assert done.exit_code == 0, done.output
    assert "\x1b" not in done.output
    lines = done.output.splitlines()
    assert lines[0] == "visits:"
    assert re.search(r"2026-03-04 09:00 +Ana +REP-ANA +ANCHOR .* counts ", lines[2])
    assert "left out: waits offsite" in lines[3]


@pytest.mark.usefixtures("visits")
def test_no_cell_of_a_csv_is_a_formula(run: Run) -> None:
    done = run("measures", "STRIKE_RATE", "--period", "2026-03", "--behind", "--csv")
    assert done.exit_code == 0, done.output
    assert "'=cmd()" in done.output
    assert '"=cmd()' not in done.output
    assert ",=cmd()" not in done.output


@pytest.mark.usefixtures("visits")
def test_of_what_is_read_by_a_program_nothing_is_cut(run: Run) -> None:
    words = ("measures", "SC", "--period", "2026-03", "--behind", "--at-most", "1")
    assert "Only the first 1" in run(*words).output
    assert len(run(*words, "--csv").output.splitlines()) == 1 + 3


def test_a_flag_is_listed_decided_and_then_counts(run: Run, visits: list[UUID], cast: Cast) -> None:
    listed = run("flag", "list", "--period", "2026-03", "--open")
    assert str(visits[1]) in listed.output
    assert "offsite" in listed.output
    done = run("flag", "accept", str(visits[1])[:13], "offsite", "--reason", "The pin was wrong.")
    assert done.exit_code == 0, done.output
    assert done.output == f"Accepted: offsite of visit {visits[1]} (decision 1 about it).\n"
    assert run("flag", "list", "--period", "2026-03", "--open").output == "No flags.\n"
    told = run("flag", "list", "--period", "2026-03").output
    assert "accepted" in told
    assert "The pin was wrong." in told
    assert "2/3 66.7 %" in run("measures", "COVERAGE", "--period", "2026-03").output
    run("flag", "reject", str(visits[1]), "offsite", "--reason", "It was not.")
    assert "1/3 33.3 %" in run("measures", "COVERAGE", "--period", "2026-03").output


@pytest.mark.parametrize(
    ("command", "words", "says"),
    [
        ("measures", ["JOY"], "measure JOY: one of SC, TC"),
        ("measures", ["TC", "--by", "shoe"], "by shoe: one of person"),
        ("measures", ["TC", "--period", "2026-13"], "period 2026-13: YYYY-MM-DD"),
        ("measures", ["TC", "--period", "2026-03..2026-02"], "it ends before it begins"),
        ("measures", ["TC", "--person", "nobody@x.example"], "nobody@x.example"),
        ("measures", ["TC", "--division", "NONE"], "there is no division 'NONE'"),
        ("measures", ["TC", "--by", "product"], "TC is not told by product"),
        ("flag", ["accept", "0000", "offsite", "--reason", "x"], "there is no visit"),
    ],
)
def test_what_cannot_be_is_one_line(run: Run, command: str, words: list[str], says: str) -> None:
    done = run(command, *words)
    assert done.exit_code == 1
    assert says in done.output
    assert len(done.output.splitlines()) == 1


def test_every_measure_is_listed_with_what_it_is(run: Run) -> None:
    done = run("measures", "--list")
    assert "planned and visited ÷ planned" in done.output
