"""policy: the settings of the company that a phone works by; one record a company. Only down."""

from typing import Final

from mobile_contract.fields import JSON_INT_MAX, Bool, Int, Text
from mobile_contract.records.contract import RecordContract
from mobile_contract.schema import WireSchema


class PolicyDown(WireSchema):
    """The company's policy."""

    policy_version = Int(0, JSON_INT_MAX, about="verdicts name the version they were made with")
    time_zone = Text(1, 64, about="IANA name; business days are days of it")
    fence_radius_m = Int(0, 100_000, about="where neither store nor class sets one", unit="m")
    is_fence_hard = Bool(about="true: the phone itself refuses a check-in outside the fence")
    min_visit_s = Int(0, 86_400, about="shorter visits are flagged", unit="s")
    working_from_min = Int(0, 1_440, about="start of working hours", unit="minutes after midnight")
    working_until_min = Int(0, 1_440, about="end of working hours", unit="minutes after midnight")
    max_speed_kmh = Int(1, 10_000, about="implied speeds above it are flagged", unit="km/h")


POLICY: Final = RecordContract(kind="policy", down={1: None, 2: PolicyDown})
