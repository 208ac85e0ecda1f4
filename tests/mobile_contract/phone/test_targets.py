"""A phone shows the targets of a month in an order that does not change, each with its pace."""

from types import SimpleNamespace
from typing import Any, cast

from mobile_contract.phone.phone import Phone
from mobile_contract.phone.targets import Pace, targets_of_month


def held(measure: str, group: str | None, month: str = "2026-03", **other: Any) -> Any:
    fields = {
        "position_id": "p",
        "month": month,
        "measure": measure,
        "product_group": group,
        "target": 100,
        "actual": 40,
        "working_days_gone": 10,
        "working_days": 20,
        **other,
    }
    return SimpleNamespace(fields=fields)


def test_the_targets_of_a_month_come_by_measure_and_all_products_first() -> None:
    records = [
        held("TC", None, actual=60),
        held("NET_VALUE", "Water"),
        held("NET_VALUE", "Snacks"),
        held("NET_VALUE", None),
        held("TC", None, month="2026-04"),
    ]
    phone = cast("Phone", SimpleNamespace(held=lambda _kind: records))
    shown = targets_of_month(phone, "2026-03")
    assert [(fields["measure"], fields["product_group"]) for fields, _ in shown] == [
        ("NET_VALUE", None),
        ("NET_VALUE", "Snacks"),
        ("NET_VALUE", "Water"),
        ("TC", None),
    ]
    assert shown[0][1] == Pace(expected=50, remaining=60, is_behind=True)
    assert shown[3][1] == Pace(expected=50, remaining=40, is_behind=False)
