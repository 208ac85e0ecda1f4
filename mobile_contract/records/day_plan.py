"""day_plan: the stops due for a position on a date. It comes down; proposals go up."""

from typing import Final

from mobile_contract.fields import JSON_INT_MAX, NULLABLE, Bool, Day, Id, Int, ListOf, Part, Text
from mobile_contract.records.contract import RecordContract
from mobile_contract.records.route import STOPS_MAX
from mobile_contract.schema import WireSchema


class PlannedStop(WireSchema):
    """A store of a proposed day, in its order."""

    store_id = Id(about="the store")


class DayPlanPropose(WireSchema):
    """A rep proposes how a day should be; somebody decides."""

    reason = Text(1, 400, about="why, for who decides")
    stops = ListOf(Part(PlannedStop), STOPS_MAX, about="the whole day, in order")


class HeldPlannedStop(WireSchema):
    """A store of a day."""

    store_id = Id(about="the store")
    sequence = Int(0, 1_000_000, about="order within the day, lowest first")
    route_id = Id(presence=NULLABLE, about="the route it is due by; null: added for the day")


class DayPlanDown(WireSchema):
    """A day plan as the server holds it."""

    date = Day(about="the day")
    position_id = Id(about="the position that it is for")
    plan_version = Int(1, JSON_INT_MAX, about="counts up when the plan of a frozen day is changed")
    is_frozen = Bool(about="whether the day has started")
    stops = ListOf(Part(HeldPlannedStop), 1_000, about="the whole day")


DAY_PLAN: Final = RecordContract(
    kind="day_plan",
    ops={1: {"propose": DayPlanPropose}, 2: {"propose": DayPlanPropose}},
    down={1: DayPlanDown, 2: DayPlanDown},
    needs_base_version=frozenset({"propose"}),
)
