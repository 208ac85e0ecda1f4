"""A row of the outbox is done, or says why not, and is never lost."""

from collections.abc import Mapping
from typing import Any

import pytest

from server.errands.errors import StillDone
from server.exchange.faults import StillImported
from server.exports.errors import StillWritten
from server.jobs.work import MAX_ATTEMPTS, Workshop, do_row, try_set_aside_again
from tests.factories import Company
from tests.server.jobs.conftest import add_row, rows_of, run


class Recorded:
    """An effect that notes how it was called, and fails as often as it is told."""

    def __init__(self, fails: int = 0) -> None:
        self.calls: list[tuple[int, Mapping[str, Any]]] = []
        self.fails = fails

    def __call__(self, _shop: Workshop, company_id: int, payload: Mapping[str, Any]) -> None:
        self.calls.append((company_id, payload))
        if len(self.calls) <= self.fails:
            raise ValueError("not \0 today")


def test_the_effect_happens_and_the_row_goes(shop: Workshop, company: Company) -> None:
    effect = Recorded()
    row = add_row(shop.database, company)
    assert do_row(shop, company.id, row, {"test": effect}) == "done"
    assert effect.calls == [(company.id, {"a": 1})]
    assert rows_of(shop.database, company) == []


def test_a_row_that_was_done_is_not_done_again(shop: Workshop, company: Company) -> None:
    effect = Recorded()
    row = add_row(shop.database, company)
    do_row(shop, company.id, row, {"test": effect})
    assert do_row(shop, company.id, row, {"test": effect}) == "gone"
    assert len(effect.calls) == 1


def test_a_row_of_another_company_is_not_there(shop: Workshop, company: Company) -> None:
    row = add_row(shop.database, company)
    assert do_row(shop, company.id + 1_000_000, row, {"test": Recorded()}) == "gone"
    assert len(rows_of(shop.database, company)) == 1


def test_a_failure_stays_with_its_reason_and_is_tried_again(
    shop: Workshop, company: Company
) -> None:
    effect = Recorded(fails=1)
    row = add_row(shop.database, company)
    assert do_row(shop, company.id, row, {"test": effect}) == "failed"
    (kept,) = rows_of(shop.database, company)
    assert (kept.attempts, kept.failure, kept.is_set_aside) == (
        1,
        "ValueError: not \\0 today",
        False,
    )
    assert do_row(shop, company.id, row, {"test": effect}) == "done"


def test_after_many_failures_a_row_is_set_aside_and_may_be_tried_again(
    shop: Workshop, company: Company
) -> None:
    effect = Recorded(fails=MAX_ATTEMPTS)
    row = add_row(shop.database, company)
    found = [do_row(shop, company.id, row, {"test": effect}) for _ in range(MAX_ATTEMPTS + 1)]
    assert found == ["failed"] * (MAX_ATTEMPTS - 1) + ["set aside", "gone"]
    assert rows_of(shop.database, company)[0].is_set_aside
    assert try_set_aside_again(shop.database, company.id) == 1
    assert do_row(shop, company.id, row, {"test": effect}) == "done"


def test_a_row_that_ends_its_worker_each_time_is_set_aside(
    shop: Workshop, company: Company
) -> None:
    effect = Recorded()
    row = add_row(shop.database, company)
    run(shop.database, company, "update outbox set attempts = :n", n=MAX_ATTEMPTS)
    assert do_row(shop, company.id, row, {"test": effect}) == "set aside"
    assert effect.calls == []
    assert "its worker ended" in rows_of(shop.database, company)[0].failure


@pytest.mark.parametrize("held", [StillDone, StillImported, StillWritten])
def test_what_another_worker_has_is_looked_at_later_and_never_set_aside(
    shop: Workshop, company: Company, held: type[Exception]
) -> None:
    row = add_row(shop.database, company)

    def others(*_: object) -> None:
        raise held("another worker has it")

    for _ in range(MAX_ATTEMPTS + 2):
        assert do_row(shop, company.id, row, {"test": others}) == "held"
    (left,) = rows_of(shop.database, company)
    assert (left.attempts, left.is_set_aside, left.failure) == (0, False, None)
    assert left.enqueued_at is not None


def test_a_topic_that_nobody_knows_is_set_aside_at_once(shop: Workshop, company: Company) -> None:
    row = add_row(shop.database, company, topic="nobody's")
    assert do_row(shop, company.id, row) == "set aside"
    assert "nobody's" in rows_of(shop.database, company)[0].failure


@pytest.mark.parametrize("ids", ["[]", '["5b0c7f5e-54a1-4a0c-9a54-5f2c2f6f3a01"]'])
def test_releasing_what_nobody_waits_for_is_done(
    shop: Workshop, company: Company, ids: str
) -> None:
    row = add_row(
        shop.database, company, topic="release_deferred", payload=f'{{"entity_ids": {ids}}}'
    )
    assert do_row(shop, company.id, row) == "done"
