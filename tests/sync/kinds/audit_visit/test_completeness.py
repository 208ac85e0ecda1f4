"""What is missing in an audit visit is told with its figures."""

from sync.kinds.audit_visit.completeness import completeness_flags
from tests.activities_factories import STANDARDS


def answer(**answers: str) -> list[dict[str, str]]:
    return [{"item": item, "answer": said} for item, said in answers.items()]


def photos(*items: str) -> list[dict[str, str]]:
    return [{"item": item, "sha256": str(n)} for n, item in enumerate(items)]


def test_what_the_standards_ask_for_has_no_flag() -> None:
    answers = answer(END_CAP="DONE", POSTER="DONE", PRICE_TAG="NOT_DONE")
    shown = photos("END_CAP", "END_CAP", "POSTER", "PRICE_TAG")
    assert completeness_flags(STANDARDS, answers, shown) == ()


def test_what_is_missing_is_counted_item_by_item() -> None:
    assert completeness_flags(STANDARDS, answer(POSTER="DONE"), photos("END_CAP")) == (
        {
            "flag": "items_unanswered",
            "required": 3,
            "missing": 2,
            "item_end_cap": 1,
            "item_price_tag": 1,
        },
        {
            "flag": "photos_missing",
            "required": 3,
            "missing": 2,
            "item_end_cap": 1,
            "item_poster": 1,
        },
    )


def test_no_photos_are_asked_of_what_is_not_done_or_not_applicable() -> None:
    answers = answer(END_CAP="NOT_DONE", POSTER="NOT_APPLICABLE", PRICE_TAG="DONE")
    assert completeness_flags(STANDARDS, answers, []) == ()


def test_what_the_standards_do_not_have_is_counted() -> None:
    answers = answer(END_CAP="NOT_DONE", POSTER="NOT_DONE", PRICE_TAG="DONE", COOLER="DONE")
    assert completeness_flags(STANDARDS, answers, photos("COOLER", "FLOOR")) == (
        {"flag": "items_unknown", "unknown": 2},
    )


def test_an_activity_without_standards_asks_for_nothing() -> None:
    assert completeness_flags([], [], []) == ()
