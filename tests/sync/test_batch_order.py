"""Items of a batch are judged parents first, each once, in whatever order a phone sent them."""

from collections.abc import Callable
from uuid import uuid4

import pytest

from sync.settlement import Settlement
from tests.factories import Cast, Person
from tests.sync.talking import Phone

PhoneOf = Callable[[Person], Phone]


@pytest.fixture
def judged(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The op_ids in the order in which they are judged."""
    seen: list[str] = []
    judge = Settlement._judge_one

    def counting(self, item, context):  # type: ignore[no-untyped-def]
        seen.append(item.op_id)
        return judge(self, item, context)

    monkeypatch.setattr(Settlement, "_judge_one", counting)
    return seen


def test_a_long_chain_in_reverse_order_is_judged_once_an_item(
    cast: Cast, phone: PhoneOf, judged: list[str]
) -> None:
    ana = phone(cast.ana)
    chain = [ana.new_store()]
    for _ in range(40):
        chain.append(ana.new_store())
        chain[-1]["depends_on"] = [chain[-2]["entity_id"]]
    results = ana.push(*reversed(chain))
    assert {result["status"] for result in results} == {"applied"}
    assert judged == [item["op_id"] for item in chain]


def test_items_with_nothing_to_wait_for_are_judged_as_they_were_sent(
    cast: Cast, phone: PhoneOf, judged: list[str]
) -> None:
    ana = phone(cast.ana)
    batch = [ana.visit(cast.ana_stores[n % 2]) for n in range(6)]
    ana.push(*batch)
    assert judged == [item["op_id"] for item in batch]


def test_items_that_wait_for_each_other_hold_back_no_other(
    cast: Cast, phone: PhoneOf, judged: list[str]
) -> None:
    ana = phone(cast.ana)
    one, other, free = ana.new_store(), ana.new_store(), ana.new_store()
    one["depends_on"], other["depends_on"] = [other["entity_id"]], [one["entity_id"]]
    statuses = [result["status"] for result in ana.push(one, other, free)]
    assert statuses == ["deferred", "deferred", "applied"]
    assert judged[0] == free["op_id"]


def test_an_item_that_names_what_nobody_makes_takes_its_children_along(
    cast: Cast, phone: PhoneOf
) -> None:
    ana = phone(cast.ana)
    chain = [ana.new_store()]
    chain[0]["depends_on"] = [str(uuid4())]
    for _ in range(3):
        chain.append(ana.new_store())
        chain[-1]["depends_on"] = [chain[-2]["entity_id"]]
    results = ana.push(*reversed(chain))
    assert [result["missing"] for result in reversed(results)] == [
        item["depends_on"] for item in chain
    ]
