"""What becomes of filled-in forms: judged by the version that they name, worked out again, kept whole."""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any
from uuid import UUID, uuid4

import pytest
import sqlalchemy

from server.forms.templates import retire_template
from sync.engine import Engine
from sync.form_versions import FormVersions, version_id
from sync.kinds.form_answer import judge
from sync.unit_of_work import Database
from tests.factories import Cast, Person, make_cast
from tests.form_factories import (
    ANSWERS,
    COLA,
    COMPUTED,
    OFFICE,
    SCORE_E2,
    STORE_CHECK,
    TEA,
    answer,
    definition,
    published,
)
from tests.sync.talking import (
    HOUR,
    MINUTE,
    Json,
    Phone,
    counted_statements,
    only,
    rows_of,
    without_receipt,
)

PhoneOf = Callable[[Person], Phone]


@pytest.fixture
def form(db: Database, cast: Cast) -> UUID:
    """The store check, in its first version."""
    return published(db, cast.company)


@pytest.fixture
def ana(cast: Cast, phone: PhoneOf) -> Phone:
    return phone(cast.ana)


def report(ana: Phone, *items: Json) -> Json:
    """Push all, pull, and give the record of the last."""
    assert set(ana.statuses(*items)) == {"applied"}
    ana.pull()
    return ana.fields(items[-1]["entity_id"])


def names(fields: Json) -> list[str]:
    return [flag["flag"] for flag in fields["flags"]]


def test_a_form_is_kept_with_what_follows_from_it(
    cast: Cast, ana: Phone, form: UUID, db: Database
) -> None:
    visit = ana.visit(cast.ana_stores[0])
    item = answer(ana, form, visit)
    fields = report(ana, visit, item)
    assert fields["flags"] == []
    assert (fields["score_e2"], fields["template_version"]) == (SCORE_E2, 1)
    assert fields["visit_id"] == visit["entity_id"]
    assert fields["position_id"] == str(cast.ana.position_id)
    assert "answers" not in fields
    row = only(rows_of(db, cast, "select * from form_answer"))
    assert (row.score_over, row.score_out_of, row.score_e2) == (25, 40, SCORE_E2)
    version = only(rows_of(db, cast, "select * from form_answer_version"))
    assert version.answers == ANSWERS
    assert version.computed == COMPUTED
    assert version.points == {"osa": [3, 5, 10], "display": [1, 10, 10]}
    assert (version.reason, version.answered["at"]) == (None, item["payload"]["answered"]["at"])


def test_measures_are_kept_as_exact_figures_and_by_product(
    cast: Cast, ana: Phone, form: UUID, db: Database
) -> None:
    visit = ana.visit(cast.ana_stores[0])
    report(ana, visit, answer(ana, form, visit))
    rows = {row.measure: row for row in rows_of(db, cast, "select * from form_measure")}
    assert {name: (row.numerator, row.denominator) for name, row in rows.items()} == {
        "OSA": (1, 2),
        "SHARE_OF_SHELF": (6, 24),
        "STORE_SCORE": (25, 40),
    }
    osa = rows["OSA"]
    assert (osa.product_ids, osa.numerators, osa.denominators) == ([TEA, COLA], [1, 0], [1, 1])
    assert (osa.store_id, osa.person_id) == (cast.ana_stores[0], cast.ana.id)
    by_product = rows_of(
        db,
        cast,
        "select p.id, sum(p.n) as n, sum(p.d) as d from form_measure,"
        " unnest(product_ids, numerators, denominators) as p(id, n, d)"
        " where measure = 'OSA' group by p.id order by p.id",
    )
    assert [tuple(row) for row in by_product] == [(TEA, 1, 1), (COLA, 0, 1)]


def test_a_form_waits_for_its_visit(cast: Cast, ana: Phone, form: UUID, db: Database) -> None:
    visit = ana.visit(cast.ana_stores[0])
    item = answer(ana, form, visit)
    result = ana.push_one(item)
    assert (result["status"], result["missing"]) == ("deferred", [visit["entity_id"]])
    # In one batch the order is not the phone's business.
    other = answer(ana, form, visit)
    assert ana.statuses(other, visit) == ["applied", "applied"]


def test_a_difference_is_a_flag_with_both_values(cast: Cast, ana: Phone, form: UUID) -> None:
    visit = ana.visit(cast.ana_stores[0])
    computed = {"present": 2, "applicable": 2, "extra": True}
    item = answer(ana, form, visit, computed=computed, score_e2=10_000)
    fields = report(ana, visit, item)
    assert fields["flags"] == [
        {
            "flag": "computed_differs",
            "count": 3,
            "extra_sent": 1,
            "own_facings_held": 6,
            "present_sent": 2,
            "present_held": 1,
        },
        {"flag": "score_differs", "sent_e2": 10_000, "held_e2": SCORE_E2},
    ]
    assert fields["score_e2"] == SCORE_E2


def test_a_phone_that_worked_nothing_out_is_told_what_the_server_found(
    cast: Cast, ana: Phone, form: UUID
) -> None:
    visit = ana.visit(cast.ana_stores[0])
    fields = report(ana, visit, answer(ana, form, visit, computed=None, score_e2=None))
    assert fields["flags"][0]["count"] == 3
    assert fields["flags"][1] == {"flag": "score_differs", "held_e2": SCORE_E2}


def test_what_is_missing_hidden_or_past_a_limit_is_flagged_and_kept(
    cast: Cast, ana: Phone, form: UUID, db: Database
) -> None:
    visit = ana.visit(cast.ana_stores[0])
    answers = {"category_facings": 501, "has_display": False, "display_note": "cans"}
    fields = report(ana, visit, answer(ana, form, visit, answers=answers, computed={}))
    assert fields["flags"][:3] == [
        {"flag": "required_missing", "count": 1, "stock": 1},
        {"flag": "past_limit", "count": 1, "category_facings": 501},
        {"flag": "hidden_answered", "count": 1, "display_note": 1},
    ]
    assert only(rows_of(db, cast, "select answers from form_answer_version")).answers == answers


@pytest.mark.parametrize(
    ("answers", "code", "where"),
    [
        ({"price": 1}, "not_in_template", "payload.answers.price"),
        ({"has_display": "yes"}, "wrong_answer_type", "payload.answers.has_display"),
    ],
)
def test_what_is_no_answer_to_the_form_waits_for_a_person(
    cast: Cast, ana: Phone, form: UUID, answers: Json, code: str, where: str
) -> None:
    visit = ana.visit(cast.ana_stores[0])
    result = ana.push(visit, answer(ana, form, visit, answers=answers))[1]
    assert (result["status"], result["code"], result["where"]) == ("quarantined", code, where)


def test_a_version_that_was_never_published_is_told(cast: Cast, ana: Phone, form: UUID) -> None:
    visit = ana.visit(cast.ana_stores[0])
    results = ana.push(visit, answer(ana, form, visit, version=2), answer(ana, uuid4(), visit))
    assert [result.get("code") for result in results] == [None, *["template_unknown"] * 2]


def test_another_company_s_form_is_not_there(
    cast: Cast,
    ana: Phone,
    form: UUID,
    db: Database,
    owner_engine: sqlalchemy.Engine,
    roadbook: Engine,
) -> None:
    visit = ana.visit(cast.ana_stores[0])
    # This process has read the version by now.
    report(ana, visit, answer(ana, form, visit))
    elsewhere = make_cast(owner_engine, db)
    stranger = Phone(roadbook, elsewhere.ana.device)
    visit = stranger.visit(elsewhere.ana_stores[0])
    results = stranger.push(visit, answer(stranger, form, visit))
    assert results[1]["code"] == "template_unknown"


def test_an_answer_is_judged_by_the_version_that_it_names(
    cast: Cast, ana: Phone, form: UUID, db: Database
) -> None:
    later = definition()
    later["scores"] = later["scores"][1:]
    published(db, cast.company, later)
    visit = ana.visit(cast.ana_stores[0])
    old, new = answer(ana, form, visit), answer(ana, form, visit, version=2, score_e2=10_000)
    assert ana.statuses(visit, old, new) == ["applied"] * 3
    ana.pull()
    held = [ana.fields(item["entity_id"]) for item in (old, new)]
    assert [(fields["score_e2"], fields["flags"]) for fields in held] == [
        (SCORE_E2, []),
        (10_000, []),
    ]


def test_a_retired_form_is_taken_all_the_same(
    cast: Cast, ana: Phone, form: UUID, db: Database
) -> None:
    with db.company(cast.company.id) as uow:
        retire_template(uow, OFFICE, "STORE_CHECK")
    visit = ana.visit(cast.ana_stores[0])
    assert report(ana, visit, answer(ana, form, visit))["score_e2"] == SCORE_E2


def corrected(ana: Phone, item: Json, base_version: int, **payload: Any) -> Json:
    stock = {str(TEA): {"state": "present", "facings": 6}, str(COLA): {"state": "present"}}
    return ana.item(
        "form_answer",
        "correct",
        item["entity_id"],
        {
            "reason": "it was in the fridge",
            "answers": {**ANSWERS, "stock": stock},
            "computed": {**COMPUTED, "present": 2},
            "score_e2": 10_000,
            **payload,
        },
        base_version=base_version,
    )


def test_a_correction_is_a_new_version_and_every_one_stays(
    cast: Cast, ana: Phone, form: UUID, db: Database
) -> None:
    visit = ana.visit(cast.ana_stores[0])
    item = answer(ana, form, visit)
    report(ana, visit, item)
    # Later versions are no concern of an answer to an earlier one.
    published(db, cast.company, definition(scores=[], measures=[]))
    fields = report(ana, corrected(ana, item, 1))
    assert (fields["score_e2"], fields["flags"], fields["template_version"]) == (10_000, [], 1)
    versions = rows_of(db, cast, "select * from form_answer_version order by version")
    assert [row.answers["stock"][str(COLA)]["state"] for row in versions] == ["absent", "present"]
    assert [row.reason for row in versions] == [None, "it was in the fridge"]
    assert only(rows_of(db, cast, "select version, score_e2 from form_answer")).score_e2 == 10_000
    osa = only(rows_of(db, cast, "select * from form_measure where measure = 'OSA'"))
    assert (osa.numerator, osa.denominator) == (2, 2)


def test_a_correction_in_the_batch_of_its_answer_leaves_both_versions(
    cast: Cast, ana: Phone, form: UUID, db: Database
) -> None:
    visit = ana.visit(cast.ana_stores[0])
    item = answer(ana, form, visit)
    report(ana, visit, item, corrected(ana, item, 1))
    rows = rows_of(db, cast, "select version from form_answer_version order by version")
    assert [row.version for row in rows] == [1, 2]


def test_two_corrections_of_one_version_both_stay_and_the_later_holds(
    cast: Cast, ana: Phone, form: UUID
) -> None:
    visit = ana.visit(cast.ana_stores[0])
    item = answer(ana, form, visit)
    report(ana, visit, item, corrected(ana, item, 1))
    fields = report(ana, corrected(ana, item, 1))
    assert fields["flags"] == [{"flag": "corrected_meanwhile", "base_version": 1, "version": 2}]
    assert ana.push_one(corrected(ana, item, 9))["code"] == "wrong_base_version"


def test_what_was_odd_about_the_moment_stays_through_a_correction(
    cast: Cast, ana: Phone, form: UUID
) -> None:
    visit = ana.visit(cast.ana_stores[0])
    item = answer(ana, form, visit)
    item["payload"]["answered"] = ana.event(HOUR - MINUTE, place=(1, 1), is_mock=True)
    assert names(report(ana, visit, item)) == ["mock_location"]
    assert names(report(ana, corrected(ana, item, 1))) == ["mock_location"]


def test_somebody_else_s_visit_is_not_there(
    cast: Cast, ana: Phone, form: UUID, phone: PhoneOf
) -> None:
    ben = phone(cast.ben)
    visit = ben.visit(cast.ben_stores[0])
    assert ben.push_one(visit)["status"] == "applied"
    item = answer(ana, form, visit)
    assert ana.push_one(item)["status"] == "deferred"
    mine = ana.visit(cast.ana_stores[0])
    report(ana, mine, own := answer(ana, form, mine))
    assert ben.push_one(corrected(ben, own, 1))["status"] == "deferred"


def test_another_store_than_the_visit_s_has_to_be_in_scope_and_is_flagged(
    cast: Cast, ana: Phone, form: UUID
) -> None:
    visit = ana.visit(cast.ana_stores[0])
    near = answer(ana, form, visit, store_id=str(cast.ana_stores[1]))
    far = answer(ana, form, visit, store_id=str(cast.ben_stores[0]))
    assert names(report(ana, visit, near)) == ["other_store"]
    assert ana.push_one(far)["code"] == "not_in_scope"


def test_a_resent_answer_has_its_first_result(cast: Cast, ana: Phone, form: UUID) -> None:
    visit = ana.visit(cast.ana_stores[0])
    item = answer(ana, form, visit)
    first = ana.push(visit, item)[1]
    again = ana.push_one(item)
    assert again["status"] == "duplicate"
    assert without_receipt(again["first"]) == without_receipt(first)


def test_the_statements_of_a_push_do_not_grow_with_the_answers(
    cast: Cast, ana: Phone, form: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    def statements(visits: int) -> int:
        items = []
        for _ in range(visits):
            visit = ana.visit(cast.ana_stores[0])
            items += [visit, answer(ana, form, visit), answer(ana, form, visit)]
        with counted_statements(monkeypatch) as sent:
            assert set(ana.statuses(*items)) == {"applied"}
        return len(sent)

    # The first reads the version; from then on this process has it.
    statements(1)
    assert statements(1) == statements(8)


def test_versions_that_are_asked_for_stay_and_others_go() -> None:
    versions = FormVersions(kept_versions=2)
    said = json.dumps(STORE_CHECK)
    ids = [version_id(str(uuid4()), 1) for _ in range(7)]
    kept = versions.read(1, ids[0], said)
    for id_ in ids[1:]:
        versions.read(1, id_, said)
        assert versions.of(1, ids[0]) is kept
    assert versions.of(2, ids[0]) is None
    assert [versions.of(1, id_) for id_ in ids[1:4]] == [None] * 3


def test_a_push_that_names_more_versions_than_are_kept_finds_them_all(
    cast: Cast, ana: Phone, db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(judge, "VERSIONS", FormVersions(kept_versions=2))
    forms = [published(db, cast.company, definition(code=f"CHECK_{n}")) for n in range(5)]
    visit = ana.visit(cast.ana_stores[0])
    assert ana.push_one(visit)["status"] == "applied"
    for named in (forms[:2], forms[3:], forms, forms[::-1], [*forms[2:], *forms[:2]], forms):
        items = [answer(ana, form, visit) for form in named]
        assert set(ana.statuses(*items)) == {"applied"}
        assert set(ana.statuses(*(corrected(ana, item, 1) for item in items))) == {"applied"}


def test_the_id_of_a_version_is_its_own() -> None:
    template = str(uuid4())
    assert version_id(template, 1) == version_id(template, 1)
    assert len({version_id(template, 1), version_id(template, 2), version_id(str(uuid4()), 1)}) == 3


def test_of_two_who_make_one_answer_at_once_one_is_told_that_the_id_is_taken(
    cast: Cast, ana: Phone, form: UUID, phone: PhoneOf, db: Database
) -> None:
    ben = phone(cast.ben)
    mine, his = ana.visit(cast.ana_stores[0]), ben.visit(cast.ben_stores[0])
    assert ana.statuses(mine) + ben.statuses(his) == ["applied", "applied"]
    answer_id = uuid4()
    barrier = Barrier(2)

    def send(one: Phone, visit: Json) -> Json:
        item = answer(one, form, visit, answer=answer_id)
        barrier.wait()
        return one.push_one(item)

    with ThreadPoolExecutor(2) as pool:
        results = list(pool.map(send, (ana, ben), (mine, his)))
    assert sorted(result.get("code") or result["status"] for result in results) == [
        "applied",
        "entity_taken",
    ]
    rows = rows_of(db, cast, "select person_id from form_answer")
    versions = rows_of(db, cast, "select id from form_answer_version")
    assert (len(rows), len(versions)) == (1, 1)


def test_the_photos_that_answer_a_form_are_files_that_somebody_names(
    cast: Cast, ana: Phone, db: Database
) -> None:
    said = definition(code="SHELVES")
    said["questions"].append({"code": "shelf", "type": "PHOTO", "title": "The shelf"})
    form = published(db, cast.company, said)
    visit = ana.visit(cast.ana_stores[0])
    digests = ["a" * 64, "b" * 64]
    report(ana, visit, answer(ana, form, visit, answers={**ANSWERS, "shelf": digests}))
    named = only(rows_of(db, cast, "select media from remark where kind = 'form_answer'")).media
    assert named == {"files": [{"sha256": one, "role": "shelf"} for one in digests]}
