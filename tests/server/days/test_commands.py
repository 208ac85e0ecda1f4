"""`roadbook day`: calm, aligned, and one line where something cannot be."""

import re
from collections.abc import Callable
from datetime import date

import pytest
import sqlalchemy
from click.testing import CliRunner, Result
from sqlalchemy import text

from server.cli import COMMANDS, load_command
from server.days.commands import day as day_command
from server.days.lines import printable
from sync.unit_of_work import Database
from tests.factories import TODAY, Cast, add_day_plan
from tests.sync.talking import HOUR, MINUTE, Phone

Run = Callable[..., Result]
TOLD_DAY = "Wednesday 2026-03-04"


@pytest.fixture
def run(
    database: dict[str, str], redis_url: str, monkeypatch: pytest.MonkeyPatch, cast: Cast
) -> Run:
    monkeypatch.setenv("DATABASE_URL", database["app"])
    monkeypatch.setenv("REDIS_URL", redis_url)
    monkeypatch.setenv("SECRET_KEY", "x" * 48)

    def invoke(*words: str, day: date = TODAY) -> Result:
        asked = ["--company", cast.company.code, "--date", day.isoformat(), *words]
        return CliRunner().invoke(day_command, asked)

    return invoke


@pytest.fixture
def worked(cast: Cast, phone: Callable[..., Phone], owner_engine: sqlalchemy.Engine) -> Cast:
    """Ana has worked: two of three planned stops, one visit too short and one by the next closed."""
    with owner_engine.begin() as connection:
        add_day_plan(
            connection,
            cast.company,
            position_id=cast.ana.position_id,
            day=TODAY,
            store_ids=cast.ana_stores,
        )
        connection.execute(
            text("update store set name = :name where company_id = :company and id = :id"),
            {"name": "Anchor\x1b[2J", "company": cast.company.id, "id": cast.ana_stores[0]},
        )
    ana = phone(cast.ana)
    far = (313_540_000, 1_215_000_000)
    ana.push(
        ana.attendance("ON", ago=15 * HOUR),
        ana.visit(cast.ana_stores[0], ago=14 * HOUR, place=(313_500_000, 1_215_000_000)),
        ana.visit(
            cast.ana_stores[1],
            ago=13 * HOUR,
            place=far,
            check_out=ana.event(13 * HOUR - MINUTE),
            closed_by="PERSON",
        ),
        ana.attendance("OFF", ago=5 * HOUR),
    )
    return cast


def email(cast: Cast, name: str) -> str:
    return f"{name}@{cast.company.code.lower()}.example"


def test_everybody_has_a_line(worked: Cast, run: Run) -> None:
    result = run()
    assert result.exit_code == 0, result.output
    title, empty, header, ana, ben = result.output.splitlines()
    assert title == f"{worked.company.code} Ltd, {TOLD_DAY}, times of Asia/Shanghai"
    assert empty == ""
    assert header.split() == [
        "PERSON", "ON", "OFF", "PLANNED", "VISITED", "SKIPPED", "MISSED", "OTHER", "VERDICTS",
        "FLAGS",
    ]  # fmt: skip
    assert re.split(r" {2,}", ana) == [
        "Ana", "08:00", "18:00", "3", "2", "0", "1", "0", "1 onsite, 1 offsite", "1",
    ]  # fmt: skip
    assert re.split(r" {2,}", ben) == ["Ben", "–", "–", "0", "0", "0", "0", "0", "–", "0"]
    assert ana.index("1 onsite") == header.index("VERDICTS")


def test_one_persons_day_is_told_in_its_order(worked: Cast, run: Run) -> None:
    result = run("--person", email(worked, "ana").upper())
    assert result.exit_code == 0, result.output
    assert result.output.splitlines() == [
        f"Ana, {TOLD_DAY}, times of Asia/Shanghai, settings version 1",
        "Duty   on 08:00, off 18:00, worked 10 h",
        "Plan   3 stops: 2 visited, 1 missed",
        "Times  4 by the phone's clock",
        "",
        "TIME         #  WHAT        STATE        WHERE",
        "08:00           on duty",
        "09:00–10:00  1  Anchor [2J  AUTO_CLOSED  ONSITE: 0 m from the pin, accuracy 9 m, fence 200 m",
        "             – closed by the next check-in",
        "10:00–10:01  2  Beacon      DONE         OFFSITE: 222 m from the pin, accuracy 9 m, fence 200 m",
        "             ! lasted 1 min, at least 2 min expected",
        "18:00           off duty",
        "",
        "Missed: Compass",
    ]


def test_only_what_somebody_may_see_is_shown(worked: Cast, run: Run) -> None:
    seen = run("--seen-by", email(worked, "ben"))
    assert [line.split()[0] for line in seen.output.splitlines()[3:]] == ["Ben"]
    hidden = run("--seen-by", email(worked, "ben"), "--person", email(worked, "ana"))
    assert hidden.exit_code == 1
    assert hidden.output == f"Error: no such person: {worked.ana.id}\n"


def test_a_day_on_which_nobody_could_work_is_one_line(worked: Cast, run: Run) -> None:
    assert run(day=date(2020, 1, 1)).output == "Nobody has a day on 2020-01-01.\n"


def test_what_cannot_be_is_one_line(worked: Cast, run: Run) -> None:
    result = run("--person", "nobody@example.com")
    assert result.exit_code == 1
    assert result.output == "Error: nobody in this company has the e-mail nobody@example.com\n"


def test_the_command_is_on_the_one_command_line(db: Database) -> None:
    places = {name: place for name, place, _ in COMMANDS}
    assert load_command(places["day"]) is day_command


def test_a_text_from_a_phone_cannot_steer_the_terminal() -> None:
    assert printable("a\x1b[2Jb\r\nc\u202ed 王") == "a [2Jb  c d 王"
