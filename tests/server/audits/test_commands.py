"""`roadbook audit` as an operator types it."""

from collections.abc import Callable
from datetime import date

from click.testing import Result

from server.audits.draws import draw_weeks
from sync.unit_of_work import Database
from tests.audit_factories import NOW, Running, bring
from tests.factories import Cast, Person
from tests.sync.talking import Phone

PhoneOf = Callable[[Person], Phone]
Run = Callable[..., Result]


def test_the_queue_is_drawn_claimed_and_given_back(
    cast: Cast, db: Database, phone: PhoneOf, running: Running, run: Run
) -> None:
    bring(phone(cast.ana), db, running, *cast.ana_stores)
    bring(phone(cast.ana), db, running, cast.ana_stores[0], flagged=True)
    assert run("audit", "draws").output == "Nothing was drawn yet.\n"
    draw_weeks(db, cast.company.id, date(2026, 3, 9), now=NOW)
    assert (
        "2026-03-02  0     2026-03-04 12:00  1       4        1        1"
        in run("audit", "draws").output
    )
    again = run("audit", "redraw", "2026-03-05")
    assert again.exit_code == 0
    assert again.output.endswith("same\n")
    assert "Ready for auditors: 2" in run("audit", "queue").output
    aki = f"aki@{cast.company.code.lower()}.example"
    assert run("audit", "claim", "--as", aki).output.startswith("Claimed: 2.")
    listed = run("audit", "claims", "--as", aki).output.splitlines()
    assert len(listed) == 3
    given = run("audit", "give-back", listed[1].split()[0], "--as", aki)
    assert given.output == "Given back: 1.\n"
    ben = f"ben@{cast.company.code.lower()}.example"
    refused = run("audit", "give-back", listed[2].split()[0], "--as", ben)
    assert (refused.exit_code, refused.output) == (
        1,
        "Error: one of these is not claimed by this auditor\n",
    )


def test_an_auditor_looks_judges_and_undoes(
    cast: Cast, db: Database, phone: PhoneOf, running: Running, run: Run
) -> None:
    (id_,) = bring(phone(cast.ana), db, running, cast.ana_stores[0], flagged=True)
    aki = ("--as", f"aki@{cast.company.code.lower()}.example")
    run("audit", "claim", *aki)
    turn = run("audit", "claims", *aki).output.splitlines()[1].split()[0]
    shown = run("audit", "look", turn, *aki).output
    assert "END_CAP: An end cap beside the cooler [required, DONE_AND_PHOTOS]" in shown
    assert "read; dark" in shown
    refused = run("audit", "judge", turn, *aki, "--fail", "POSTER=BECAUSE")
    assert refused.output.startswith("Error: POSTER: a reason of NOT_SHOWN")
    given = run("audit", "judge", turn, *aki, "--fail", "POSTER=NOT_THERE:the door is bare")
    assert given.output.startswith("FAIL: verdict ")
    verdict = given.output.split()[2].rstrip(".")
    assert run("audit", "undo", verdict, *aki).output == "Undone. It is claimed again.\n"
    early = run("audit", "appeal", id_.hex[:8], "--item", "POSTER", "--reason", "No")
    assert early.output == "Error: Nobody has judged it.\n"
