"""Agreement, figures of auditors, lists, and verdicts shown again as they were made."""

from collections.abc import Callable
from datetime import timedelta
from fractions import Fraction
from typing import Any
from uuid import UUID

import pytest
from click.testing import Result
from sqlalchemy import Engine

from server.audits.agreement import agreement_of, permille, read_agreement
from server.audits.appeals import appeal_for, open_appeals
from server.audits.auditors import read_auditors
from server.audits.case_list import list_cases
from server.audits.errors import BeyondScope, NoSuchVerdict
from server.audits.replay import replay_verdict
from server.identity.change_log import Actor
from server.identity.policy import change_policy
from server.photos.judging import judge_some_photos
from sync.unit_of_work import Database
from tests.audit_factories import (
    NOW,
    SHOWN,
    Running,
    add_readings,
    bring,
    claim,
    judged,
    stand,
)
from tests.factories import TODAY, Cast, Person
from tests.sync.talking import Phone

PhoneOf = Callable[[Person], Phone]
Run = Callable[..., Result]
DAY = timedelta(days=1)


def test_kappa_is_what_is_above_chance() -> None:
    """Cohen's own example in the form in which it is taught: 20 and 15 agree, 5 and 10 do not."""
    pairs = {("PASS", "PASS"): 20, ("PASS", "FAIL"): 5, ("FAIL", "PASS"): 10, ("FAIL", "FAIL"): 15}
    agreement = agreement_of(pairs)
    assert (agreement.pairs, agreement.raw, agreement.kappa) == (
        50,
        Fraction(7, 10),
        Fraction(2, 5),
    )
    assert permille(agreement.kappa) == 400


@pytest.mark.parametrize(
    ("pairs", "raw", "kappa"),
    [
        ({}, None, None),
        ({("PASS", "PASS"): 9}, Fraction(1), None),
        ({("PASS", "PASS"): 1, ("FAIL", "FAIL"): 1}, Fraction(1), Fraction(1)),
        ({("PASS", "FAIL"): 1, ("FAIL", "PASS"): 1}, Fraction(0), Fraction(-1)),
    ],
)
def test_kappa_at_its_ends(
    pairs: dict[tuple[str, str], int], raw: Fraction | None, kappa: Fraction | None
) -> None:
    agreement = agreement_of(pairs)
    assert (agreement.raw, agreement.kappa) == (raw, kappa)


def test_thousandths_are_rounded_down() -> None:
    assert [permille(Fraction(2, 3)), permille(Fraction(-1, 3)), permille(None)] == [
        666,
        -334,
        None,
    ]


def test_agreement_and_figures_follow_from_what_was_looked_at_twice(
    cast: Cast, db: Database, phone: PhoneOf, running: Running, sol: Person, office: Actor, run: Run
) -> None:
    with db.company(cast.company.id) as uow:
        change_policy(uow, office, {"audit_second_percent": 100})
    bring(phone(cast.ana), db, running, *cast.ana_stores, flagged=True)
    for turn in claim(db, cast.aki):
        judged(db, cast.aki, turn, now=NOW + timedelta(minutes=2), END_CAP="UNCLEAR")
    for number, turn in enumerate(claim(db, sol)):
        failed: dict[str, Any] = {"END_CAP": "UNCLEAR"} if number else {}
        judged(db, sol, turn, now=NOW + timedelta(minutes=5), **failed)
    with db.reading(cast.company.id) as uow:
        assert read_agreement(uow, TODAY, TODAY, today=TODAY)[0].pairs == 0
    stand(db, cast, now=NOW + timedelta(hours=1))
    with db.reading(cast.company.id) as uow:
        whole, by_item = read_agreement(uow, TODAY, TODAY, today=TODAY, asker_id=cast.ada.id)
        before, _ = read_agreement(uow, TODAY - DAY, TODAY - DAY, today=TODAY)
        with pytest.raises(BeyondScope):
            read_agreement(uow, TODAY, TODAY, today=TODAY, asker_id=cast.aki.id)
        figures = read_auditors(uow, TODAY, TODAY, today=TODAY)
        (own,) = read_auditors(uow, TODAY, TODAY, today=TODAY, asker_id=sol.id)
    assert (whole.pairs, whole.agreed, before.pairs) == (9, 8, 0)
    assert by_item["END_CAP"].raw == Fraction(2, 3)
    assert by_item["POSTER"].raw == 1
    assert [(one.name, one.verdicts, one.failed, one.median_s) for one in figures] == [
        ("Aki", 3, 3, 120),
        ("Sol", 3, 2, 300),
    ]
    assert [(one.paired_items, one.agreed_items) for one in figures] == [(9, 8), (9, 8)]
    # What was looked at twice is not an auditor's to know.
    assert (own.name, own.paired_items) == ("Sol", None)
    day = ("--from", TODAY.isoformat(), "--to", TODAY.isoformat())
    assert run("audit", "agreement", *day).output.splitlines()[-1].split() == [
        "all", "9", "8", "888", "727",
    ]  # fmt: skip
    assert "Aki      3         3       2 min" in run("audit", "auditors", *day).output


def test_what_an_appeal_overturned_is_counted(
    cast: Cast, db: Database, phone: PhoneOf, running: Running, sol: Person, office: Actor
) -> None:
    (id_,) = bring(phone(cast.ana), db, running, cast.ana_stores[0], flagged=True)
    (turn,) = claim(db, cast.aki)
    judged(db, cast.aki, turn, END_CAP="UNCLEAR", POSTER="NOT_THERE")
    stand(db, cast)
    with db.company(cast.company.id) as uow:
        appeal_for(uow, office, id_, ["END_CAP", "POSTER"], "They are there", now=NOW)
        open_appeals(uow, [id_], now=NOW)
    (turn,) = claim(db, sol)
    judged(db, sol, turn, POSTER="NOT_THERE")
    stand(db, cast)
    with db.reading(cast.company.id) as uow:
        aki, _ = read_auditors(uow, TODAY, TODAY, today=TODAY)
        (case,) = list_cases(uow, today=TODAY)
    assert (aki.name, aki.appealed_items, aki.overturned_items) == ("Aki", 2, 1)
    assert (case.state, case.result, case.failed) == ("FINAL", "FAIL", ("POSTER",))


def test_a_verdict_is_replayed_from_what_was_kept(
    cast: Cast, db: Database, phone: PhoneOf, running: Running, office: Actor, run: Run
) -> None:
    ana = phone(cast.ana)
    (id_,) = bring(ana, db, running, cast.ana_stores[0], shown=SHOWN[1:], flagged=True)
    with db.company(cast.company.id) as uow:
        add_readings(uow, darkness=950)
        photos = [row.id for row in uow.rows("select id from photo")]
        judge_some_photos(uow, photos)
    (turn,) = claim(db, cast.aki)
    verdict = judged(db, cast.aki, turn, END_CAP="UNCLEAR")
    # Everything changes afterwards.
    with db.company(cast.company.id) as uow:
        change_policy(uow, office, {"appeal_days": 1, "photo_darkness_max": 1_000})
        judge_some_photos(uow, photos)
    changes = {"reason": "r", "changes": {"photos": [], "answers": []}}
    ana.push_one(ana.item("audit_visit", "correct", id_, changes, base_version=1))
    with db.reading(cast.company.id) as uow:
        one = replay_verdict(uow, verdict, today=TODAY, asker_id=cast.ada.id)
        for person in (cast.aki, cast.sam, cast.ana):
            with pytest.raises(BeyondScope):
                replay_verdict(uow, verdict, today=TODAY, asker_id=person.id)
        with pytest.raises(NoSuchVerdict):
            replay_verdict(uow, id_, today=TODAY)
    assert one.is_same
    assert (one.version, one.policy_version, one.result, one.stands) == (1, 2, "FAIL", False)
    assert one.settings["appeal_days"] == 7
    assert {len(photo.flags) for photo in one.evidence} == {1}
    assert [flag["flag"] for flag in one.evidence[0].flags] == ["dark"]
    assert len(one.checks) == 8
    said = run("audit", "replay", verdict.hex[:8])
    assert said.exit_code == 0
    assert said.output.endswith("same\n")


def test_a_verdict_that_somebody_wrote_over_does_not_come_out_the_same(
    cast: Cast, db: Database, phone: PhoneOf, running: Running, owner_engine: Engine, run: Run
) -> None:
    bring(phone(cast.ana), db, running, cast.ana_stores[0], flagged=True)
    (turn,) = claim(db, cast.aki)
    verdict = judged(db, cast.aki, turn, END_CAP="UNCLEAR")
    with owner_engine.begin() as connection:
        connection.exec_driver_sql(
            "update audit_verdict_item set verdict = 'PASS', reason_code = null, reason = null"
            f" where verdict_id = '{verdict}' and item = 'END_CAP'"
        )
    with db.reading(cast.company.id) as uow:
        one = replay_verdict(uow, verdict, today=TODAY)
    assert {check.name for check in one.checks if not check.is_same} == {
        "result",
        "digest of the verdict",
    }
    assert run("audit", "replay", verdict.hex[:8]).exit_code == 1


def test_lists_show_what_one_may_see(
    cast: Cast, db: Database, phone: PhoneOf, running: Running, run: Run, sol: Person
) -> None:
    of_ana = bring(phone(cast.ana), db, running, cast.ana_stores[0], flagged=True)
    of_ben = bring(phone(cast.ben), db, running, cast.ben_stores[0], flagged=True)

    def seen() -> dict[str, set[UUID]]:
        people = (cast.ana, cast.ben, cast.sam, cast.ada, cast.aki, sol)
        with db.reading(cast.company.id) as uow:
            return {
                person.name: {one.id for one in list_cases(uow, today=TODAY, asker_id=person.id)}
                for person in people
            }

    every = {*of_ana, *of_ben}
    before = {"Ana": set(), "Ben": set(), "Sam": every, "Ada": every, "Aki": set(), "Sol": set()}
    assert seen() == before
    turn = next(one for one in claim(db, cast.aki) if one.audit_visit_id in of_ana)
    judged(db, cast.aki, turn)
    assert seen() == before
    stand(db, cast)
    assert seen() == {**before, "Ana": set(of_ana), "Aki": set(of_ana)}
    with db.reading(cast.company.id) as uow:
        (final,) = list_cases(uow, today=TODAY, states=["FINAL"])
    assert final.id == of_ana[0]
    assert "ANCHOR" in run("audit", "list", "--activity", running.activity.hex[:8]).output
