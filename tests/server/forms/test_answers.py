"""What was answered, for people: who may see it, and in plain words."""

from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import pytest

from server.forms.answers import AnswerShown, answer_pictures, list_answers, show_answer
from server.forms.errors import NoSuchAnswer
from server.forms.words import (
    answer_lines,
    score_lines,
    told_answer,
    told_decimal,
    told_form_flag,
    told_score,
)
from sync.unit_of_work import Database
from tests.evidence_factories import add_file, add_read_file
from tests.factories import Cast, Person
from tests.form_factories import ANSWERS, COLA, TEA, answer, definition, published
from tests.photo_factories import digest_of, shot
from tests.sync.talking import HOUR, Json, Phone

PhoneOf = Callable[[Person], Phone]
PRODUCTS = {str(TEA): "TEA-1 Tea"}


@pytest.fixture
def form(cast: Cast, db: Database) -> UUID:
    return published(db, cast.company)


@pytest.fixture
def ana(cast: Cast, phone: PhoneOf) -> Phone:
    return phone(cast.ana)


def filled(ana: Phone, form: UUID, store: UUID, **other: Any) -> UUID:
    visit = ana.visit(store)
    item = answer(ana, form, visit, **other)
    assert ana.statuses(visit, item) == ["applied"] * 2
    return UUID(item["entity_id"])


def listed(db: Database, cast: Cast, **asked: Any) -> list[UUID]:
    with db.reading(cast.company.id) as uow:
        return [one.id for one in list_answers(uow, **{"at_most": 50, **asked})]


def shown(db: Database, cast: Cast, id_: UUID, **asked: Any) -> AnswerShown:
    with db.reading(cast.company.id) as uow:
        return show_answer(uow, id_, **asked)


def test_answers_are_listed_by_what_is_asked(
    cast: Cast, ana: Phone, form: UUID, phone: PhoneOf, db: Database
) -> None:
    other = published(db, cast.company, definition(code="OTHER"))
    here = filled(ana, form, cast.ana_stores[0])
    there = filled(ana, other, cast.ana_stores[1], ago=HOUR // 2)
    bens = filled(phone(cast.ben), form, cast.ben_stores[0])
    assert set(listed(db, cast)) == {here, there, bens}
    assert listed(db, cast, person_id=cast.ana.id) == [there, here]
    assert listed(db, cast, store_id=cast.ana_stores[0]) == [here]
    assert listed(db, cast, form_code="OTHER") == [there]
    assert len(listed(db, cast, at_most=2)) == 2
    with db.reading(cast.company.id) as uow:
        one = list_answers(uow, store_id=cast.ana_stores[0], at_most=1)[0]
    assert listed(db, cast, visit_id=one.visit_id, day=one.business_day) == [here]
    assert (one.form_code, one.person_name, one.score_e2) == ("STORE_CHECK", "Ana", 6250)


def test_with_an_asker_only_what_they_may_see_is_there(
    cast: Cast, ana: Phone, form: UUID, db: Database
) -> None:
    id_ = filled(ana, form, cast.ana_stores[0])
    for person, sees in ((cast.ana, True), (cast.ben, False), (cast.sam, True), (cast.ada, True)):
        assert listed(db, cast, asker_id=person.id) == ([id_] if sees else [])
    with pytest.raises(NoSuchAnswer):
        shown(db, cast, id_, asker_id=cast.ben.id)
    with pytest.raises(NoSuchAnswer):
        shown(db, cast, uuid4())


def test_an_answer_is_told_in_words(cast: Cast, ana: Phone, form: UUID, db: Database) -> None:
    answers = {**ANSWERS, "has_display": False}
    one = shown(db, cast, filled(ana, form, cast.ana_stores[0], answers=answers, score_e2=3750))
    assert list(answer_lines(one, PRODUCTS)) == [
        ("Must-stock list", "2 rows"),
        ("  TEA-1 Tea", "On the shelf?: yes, Facings: 6"),
        (f"  {COLA}", "On the shelf?: no"),
        ("Present", "1"),
        ("Applicable", "2"),
        ("Facings of the category", "24"),
        ("Own facings", "6"),
        ("A display?", "no"),
    ]
    assert list(score_lines(one)) == [
        "Availability: 5 of 10 points, weight 3",
        "Display: 0 of 10 points, weight 1",
        "score 37.50: 15 of 40 weighted points",
    ]


def test_what_was_not_answered_is_told_and_what_does_not_apply(
    cast: Cast, ana: Phone, form: UUID, db: Database
) -> None:
    one = shown(db, cast, filled(ana, form, cast.ana_stores[0], answers={"has_display": True}))
    assert list(answer_lines(one, {})) == [
        ("Must-stock list", "–"),
        ("Facings of the category", "–"),
        ("A display?", "yes"),
        ("What is on it?", "–"),
    ]
    assert next(iter(score_lines(one))) == "Availability: does not apply"


def test_an_earlier_version_is_shown_as_it_was(
    cast: Cast, ana: Phone, form: UUID, db: Database
) -> None:
    id_ = filled(ana, form, cast.ana_stores[0])
    correction = ana.item(
        "form_answer",
        "correct",
        id_,
        {"reason": "no display", "answers": {**ANSWERS, "has_display": False}, "score_e2": 3750},
        base_version=1,
    )
    assert ana.push_one(correction)["status"] == "applied"
    now, then = shown(db, cast, id_), shown(db, cast, id_, version=1)
    assert [each.reason for each in now.versions] == [None, "no display"]
    assert (now.looked_at.version, then.looked_at.version) == (2, 1)
    assert list(score_lines(then))[-1] == "score 62.50: 25 of 40 weighted points"
    with pytest.raises(NoSuchAnswer):
        shown(db, cast, id_, version=3)


@pytest.mark.parametrize(
    ("question", "answered", "said"),
    [
        ({"type": "INT", "decimals": 2, "unit": "kg"}, -5, "-0.05 kg"),
        ({"type": "INT"}, 12, "12"),
        ({"type": "MONEY", "currency": "CNY"}, 1250, "12.50 CNY"),
        ({"type": "PHOTO"}, ["a" * 64], "1 photo"),
        ({"type": "PRODUCT"}, str(TEA), "TEA-1 Tea"),
        ({"type": "PRODUCT"}, str(COLA), str(COLA)),
        ({"type": "CHOICES", "options": [{"code": "x", "title": "Torn"}]}, ["x"], "Torn"),
        ({"type": "CHOICES", "options": [{"code": "x", "title": "Torn"}]}, [], "none"),
        ({"type": "DAY"}, "2026-11-23", "2026-11-23"),
        ({"type": "BOOL"}, True, "yes"),
    ],
)
def test_each_type_is_told_as_people_write_it(question: Json, answered: Any, said: str) -> None:
    assert told_answer(question, answered, PRODUCTS) == said


def test_figures_are_told_with_their_points() -> None:
    assert [told_score(score) for score in (0, 5, 5286, 10_000, None)] == [
        "0.00",
        "0.05",
        "52.86",
        "100.00",
        "–",
    ]
    assert [told_decimal(7, 3), told_decimal(-1200, 2)] == ["0.007", "-12.00"]


@pytest.mark.parametrize(
    ("flag", "said"),
    [
        (
            {"flag": "required_missing", "count": 1, "stock": 2},
            "not answered, and how many times: Must-stock list (2)",
        ),
        (
            {"flag": "computed_differs", "count": 1, "present_sent": 2, "present_held": 1},
            "worked out otherwise on the phone: Present: the phone 2, the server 1",
        ),
        (
            {"flag": "score_differs", "sent_e2": 10_000},
            "the phone showed the score 100.00, the server found none",
        ),
        (
            {"flag": "corrected_meanwhile", "base_version": 1, "version": 2},
            "corrected from version 1, when there was version 2 already",
        ),
        ({"flag": "other_store"}, "the visit was at another store"),
        (
            {"flag": "clock_offset", "offset_ms": 61_000},
            "the phone's clock was 1 min 1 s slow when sending",
        ),
    ],
)
def test_flags_are_told_in_words(flag: Json, said: str) -> None:
    assert told_form_flag(flag, definition(), "UTC") == said


def test_photos_that_answer_a_question_are_shown_and_those_of_others_are_not(
    cast: Cast, ana: Phone, phone: PhoneOf, db: Database
) -> None:
    said = definition(code="SHELVES")
    said["questions"].append({"code": "shelf", "type": "PHOTO", "title": "The shelf"})
    form = published(db, cast.company, said)
    assert phone(cast.ben).push_one(shot(phone(cast.ben), "of ben"))["status"] == "applied"
    with db.company(cast.company.id) as uow:
        add_read_file(uow, cast, "shelf")
        add_file(uow, cast, "not read yet", "STORED")
        add_read_file(uow, cast, "of ben")
    digests = [digest_of(name) for name in ("of ben", "not read yet", "shelf", "never came")]
    id_ = filled(ana, form, cast.ana_stores[0], answers={**ANSWERS, "shelf": digests})
    found = shown(db, cast, id_)
    with db.reading(cast.company.id) as uow:
        pictures = answer_pictures(uow, found)
    assert [(one.sha256, one.reader_version) for one in pictures] == [
        (digest_of("not read yet"), None),
        (digest_of("shelf"), 1),
    ]
