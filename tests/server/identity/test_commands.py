"""The commands for phones and people: calm, aligned, and one line where something cannot be."""

import re
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from click import ClickException
from click.testing import CliRunner, Result
from sqlalchemy import update

from server.cli import COMMANDS, load_command
from server.identity.aligned import aligned, shown_width, told_age, told_offset, told_size
from server.identity.change_log import changes_of
from server.identity.commands import device as device_group
from server.identity.commands import person as person_group
from server.identity.companies import company_day
from server.identity.device_list import list_devices
from server.identity.devices import DeviceInfo, enrol
from server.identity.passwords import verify
from server.identity.terminal import company_of
from sync.organisation import device
from sync.unit_of_work import Database
from tests.factories import TODAY, Cast

NOW = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)


@pytest.fixture
def run(
    database: dict[str, str], redis_url: str, monkeypatch: pytest.MonkeyPatch, rows: Cast
) -> "Run":
    monkeypatch.setenv("DATABASE_URL", database["app"])
    monkeypatch.setenv("REDIS_URL", redis_url)
    monkeypatch.setenv("SECRET_KEY", "x" * 48)
    return Run(rows)


class Run:
    def __init__(self, cast: Cast) -> None:
        self._cast = cast

    def __call__(self, *words: str, typed: str | None = None) -> Result:
        group = {"device": device_group, "person": person_group}[words[0]]
        return CliRunner().invoke(
            group, [*words[1:], "--company", self._cast.company.code], input=typed
        )


def email_of(cast: Cast, name: str = "ana") -> str:
    return f"{name}@{cast.company.code.lower()}.example"


def refused(result: Result) -> str:
    assert result.exit_code == 1
    (line,) = result.output.splitlines()
    return line


def test_both_groups_are_on_the_one_command_line() -> None:
    places = {name: place for name, place, _ in COMMANDS}
    assert load_command(places["device"]) is device_group
    assert load_command(places["person"]) is person_group


def test_phones_are_listed_in_aligned_columns(db: Database, rows: Cast, run: Run) -> None:
    with db.company(rows.company.id) as uow:
        uow.connection.execute(
            update(device)
            .where(device.c.company_id == rows.company.id, device.c.id == rows.ana.device.id)
            .values(
                last_seen_at=datetime.now(UTC) - timedelta(hours=5),
                outbox_count=7,
                outbox_oldest_at=datetime.now(UTC) - timedelta(days=3),
                outbox_bytes=4_200,
                clock_offset_ms=-90_000,
            )
        )
    result = run("device", "list")
    assert result.exit_code == 0
    header, *lines = result.output.splitlines()
    assert header.split() == [
        "DEVICE",
        "PERSON",
        "STATE",
        "APP",
        "CONTRACT",
        "SEEN",
        "HOLDS",
        "SINCE",
        "SIZE",
        "CLOCK",
    ]
    assert len(lines) == 6
    (ana,) = [line for line in lines if " Ana " in line]
    assert re.split(r" {2,}", ana) == [
        str(rows.ana.device.id)[:8],
        "Ana",
        "ACTIVE",
        "2.0.0",
        "2",
        "5 h",
        "7",
        "3 d",
        "4.2 kB",
        "-90 s",
    ]
    assert ana.index("ACTIVE") == header.index("STATE")


def test_a_code_from_the_command_line_lets_a_phone_in(db: Database, rows: Cast, run: Run) -> None:
    result = run("device", "code", "--person", email_of(rows).upper())
    code, says = result.output.splitlines()
    assert says == "For one phone, within 30 min."
    answer = enrol(db, code, DeviceInfo("Testphone 3", "Android 15", "2.0.0"), 2)
    assert answer.person_id == rows.ana.id


def test_a_phone_is_drained_and_revoked_by_the_first_letters_of_its_id(
    db: Database, rows: Cast, run: Run
) -> None:
    short = str(rows.ana.device.id)[:8]
    assert run("device", "drain", short).output == f"Draining: Ana's Testphone 3 ({short}).\n"
    assert (
        run("device", "revoke", short.upper()).output == f"Revoked: Ana's Testphone 3 ({short}).\n"
    )
    assert "REVOKED" in refused(run("device", "drain", short))
    with db.reading(rows.company.id) as uow:
        assert [one.state for one in list_devices(uow, rows.ana.id)] == ["REVOKED"]
        assert all(one.actor.startswith("operator ") for one in changes_of(uow))


def test_phones_that_are_let_in_no_more_are_listed_only_where_asked_for(
    rows: Cast, run: Run
) -> None:
    short = str(rows.ana.device.id)[:8]
    run("device", "revoke", short)
    listed = run("device", "list").output
    assert short not in listed
    assert "1 revoked or wiped: --all shows them." in listed
    every = run("device", "list", "--all").output
    assert short in every
    assert "--all shows them" not in every


def test_of_many_phones_the_latest_enrolled_are_listed(db: Database, rows: Cast, run: Run) -> None:
    with db.company(rows.company.id) as uow:
        uow.connection.execute(
            update(device)
            .where(device.c.company_id == rows.company.id, device.c.id == rows.mia.device.id)
            .values(enrolled_at=datetime.now(UTC) + timedelta(minutes=1))
        )
    _, first, _, more = run("device", "list", "--at-most", "2").output.splitlines()
    assert " Mia " in first
    assert more == "Only the first 2: --at-most shows more."


def test_people_are_added_listed_and_let_go(db: Database, rows: Cast, run: Run) -> None:
    assert run("person", "add", "王 Zoe", "--email", "Zoe@example.com").exit_code == 0
    listed = run("person", "list").output.splitlines()
    assert listed[0].split()[:3] == ["NAME", "E-MAIL", "HOLDS"]
    assert len(listed) == 8
    (zoe,) = [line for line in listed if "zoe@example.com" in line]
    assert shown_width(zoe[: zoe.index("zoe@")]) == listed[0].index("E-MAIL")
    left = run("person", "leave", email_of(rows))
    assert left.output.splitlines()[1].startswith("Draining: Ana's Testphone 3 (")
    assert email_of(rows) not in run("person", "list").output
    assert email_of(rows) in run("person", "list", "--all").output


def test_a_leave_in_the_wrong_year_is_asked_about_and_whoever_left_comes_back(
    db: Database, rows: Cast, run: Run
) -> None:
    said = refused(run("person", "leave", email_of(rows), "--on", "2021-01-01"))
    assert "from 2021-01-01 on Ana would have held nothing, but they hold" in said
    assert said.endswith("If it is so, add --day-is-meant")
    assert run("person", "leave", email_of(rows)).exit_code == 0
    back = run("person", "return", email_of(rows))
    assert back.output.splitlines()[0] == "Ana is with the company and holds nothing."
    with db.company(rows.company.id) as uow:
        seat = uow.rows("select code from position where id = :id", id=rows.ana.position_id)[0].code
        assert changes_of(uow)[0].action == "person.return"
    assert run("person", "place", email_of(rows), seat).exit_code == 0
    assert run("device", "code", "--person", email_of(rows)).exit_code == 0


def test_who_was_to_leave_is_told_what_is_theirs_and_what_is_to_be_placed_again(
    db: Database, rows: Cast, run: Run
) -> None:
    with db.company(rows.company.id) as uow:
        today = company_day(uow)
        seats = [
            uow.rows("select code from position where id = :id", id=one.position_id)[0].code
            for one in (rows.ana, rows.ben)
        ]
    later = today + timedelta(days=40)
    run("person", "place", email_of(rows), seats[1], "--acting", "--from", str(later))
    run("person", "leave", email_of(rows), "--on", str(today + timedelta(days=7)))
    back = run("person", "return", email_of(rows)).output.splitlines()
    assert back == [
        f"Ana is with the company and holds {seats[0]}.",
        f"{seats[1]} from {later} was taken away by the leave: place them again.",
    ]
    last = today + timedelta(days=6)
    run("person", "end", email_of(rows), seats[0], "--last-day", str(last))
    run("person", "leave", email_of(rows), "--on", str(today + timedelta(days=30)))
    assert run("person", "return", email_of(rows)).output.splitlines()[1:] == [
        f"{seats[0]} until {last}, then place them again from {last + timedelta(days=1)}."
    ]


def test_a_password_is_read_from_what_is_piped_in_and_never_shown(
    db: Database, rows: Cast, run: Run
) -> None:
    result = run("person", "password", email_of(rows), typed="correct horse battery\n")
    assert result.output == "The password is set.\n"
    with db.company(rows.company.id) as uow:
        assert verify(uow, email_of(rows), "correct horse battery", today=TODAY) is not None


def test_what_cannot_be_done_is_one_line(rows: Cast, other: Cast, run: Run) -> None:
    assert "nobody in this company" in refused(run("device", "code", "--person", "no@example.com"))
    assert "no such person" in refused(run("device", "code", "--person", str(other.ana.id)))
    assert "no such device" in refused(run("device", "revoke", str(other.ana.device.id)))
    assert "no such device" in refused(run("device", "drain", str(uuid4())))
    assert "at least 10" in refused(run("person", "password", email_of(rows), typed="short\n"))
    assert "already" not in refused(run("person", "add", "Zoe", "--email", email_of(rows)))


def test_an_unknown_company_is_one_line(run: Run, rows: Cast) -> None:
    result = CliRunner().invoke(device_group, ["list", "--company", "NOSUCH"])
    assert refused(result) == "Error: there is no company 'NOSUCH'"
    lower = CliRunner().invoke(device_group, ["list", "--company", rows.company.code.lower()])
    assert lower.exit_code == 0


def test_a_database_that_does_not_answer_is_one_line(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://roadbook@127.0.0.1:1/none")
    assert refused(run("device", "list")).startswith(
        "Error: The database does not answer; does Roadbook run? "
    )


def test_columns_stay_aligned_for_wide_letters() -> None:
    lines = aligned(("NAME", "N"), [("王芳", "1"), ("Ana", "2"), ("e\u0301", "3")])
    assert [shown_width(line) for line in lines] == [7, 7, 7, 7]


def test_ages_sizes_and_offsets_read_like_speech() -> None:
    assert [
        told_age(NOW - timedelta(seconds=s), NOW) for s in (0, 59, 119, 120, 7_200, 172_800)
    ] == [
        "now",
        "59 s",
        "119 s",
        "2 min",
        "2 h",
        "2 d",
    ]
    assert told_age(None, NOW) == "–"
    assert [told_size(size) for size in (None, 0, 999, 1_000, 2_500_000)] == [
        "–",
        "0 B",
        "999 B",
        "1.0 kB",
        "2.5 MB",
    ]
    assert [told_offset(ms) for ms in (None, 0, -999, 1_000, -86_400_000)] == [
        "–",
        "right",
        "right",
        "+1 s",
        "-24 h",
    ]


@pytest.mark.parametrize("state", ["40P01", "40001", "55P03"])
@pytest.mark.parametrize("way", ["rows", "driver"])
def test_a_command_that_met_another_change_says_so_in_one_line(
    run: Run, rows: Cast, way: str, state: str
) -> None:
    # As PostgreSQL ends one of two transactions that wait for each other, or one that waits too long.
    ended = f"do $$ begin raise exception 'ended' using errcode = '{state}'; end $$"
    with (
        pytest.raises(ClickException, match="nothing was done: do it again"),
        company_of(rows.company.code) as uow,
    ):
        _ = uow.rows(ended) if way == "rows" else uow.driver.execute(ended)
