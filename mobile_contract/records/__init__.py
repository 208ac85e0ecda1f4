"""RECORDS, the only list of what kinds of record the wire knows, and how each is lowered."""

from typing import Any, Final

from mobile_contract.records.activity import ACTIVITY
from mobile_contract.records.activity_store import ACTIVITY_STORE
from mobile_contract.records.attendance import ATTENDANCE
from mobile_contract.records.audit_visit import AUDIT_VISIT
from mobile_contract.records.conflict import CONFLICT
from mobile_contract.records.contract import RecordContract
from mobile_contract.records.day_plan import DAY_PLAN
from mobile_contract.records.form_answer import FORM_ANSWER
from mobile_contract.records.form_template import FORM_TEMPLATE
from mobile_contract.records.item import ITEM
from mobile_contract.records.location_check import LOCATION_CHECK
from mobile_contract.records.notice import NOTICE
from mobile_contract.records.order import ORDER
from mobile_contract.records.photo import PHOTO
from mobile_contract.records.policy import POLICY
from mobile_contract.records.price_list import PRICE_LIST
from mobile_contract.records.product import PRODUCT
from mobile_contract.records.promotion import PROMOTION
from mobile_contract.records.proposal import PROPOSAL
from mobile_contract.records.route import ROUTE
from mobile_contract.records.store import STORE
from mobile_contract.records.store_history import STORE_HISTORY
from mobile_contract.records.store_terms import STORE_TERMS
from mobile_contract.records.target import TARGET
from mobile_contract.records.task import TASK
from mobile_contract.records.track import TRACK
from mobile_contract.records.visit import VISIT
from mobile_contract.version import CURRENT

RECORDS: Final[tuple[RecordContract, ...]] = (
    VISIT,
    ATTENDANCE,
    TRACK,
    STORE,
    STORE_TERMS,
    STORE_HISTORY,
    ROUTE,
    DAY_PLAN,
    PRODUCT,
    PRICE_LIST,
    PROMOTION,
    ORDER,
    FORM_TEMPLATE,
    FORM_ANSWER,
    ACTIVITY,
    ACTIVITY_STORE,
    AUDIT_VISIT,
    PHOTO,
    TASK,
    NOTICE,
    LOCATION_CHECK,
    TARGET,
    POLICY,
    PROPOSAL,
    ITEM,
    CONFLICT,
)
RECORDS_BY_KIND: Final = {record.kind: record for record in RECORDS}
KINDS: Final = tuple(RECORDS_BY_KIND)


def lower_record(kind: str, fields: dict[str, Any], contract: int) -> dict[str, Any] | None:
    """The ``fields`` of a record as a phone of ``contract`` gets them.

    None where that contract never sees the record: the whole kind, or this record for good.
    """
    if contract == CURRENT:
        return fields
    record = RECORDS_BY_KIND[kind]
    if record.down[contract] is None:
        return None
    return record.lower_2_to_1(fields)


def lower_merged(
    kind: str, fields: dict[str, Any], merged: dict[str, dict[str, Any]], contract: int
) -> dict[str, dict[str, Any]] | None:
    """``merged`` of a result by the fields that records have in a phone's ``contract``.

    ``fields`` is the record with the item's effect. None where the contract sees nothing of it.
    """
    if contract == CURRENT:
        return merged
    kept, lost = (
        lower_record(kind, fields | {name: each[side] for name, each in merged.items()}, contract)
        for side in ("kept", "lost")
    )
    if kept is None or lost is None:
        return None
    return {
        name: {"kept": kept[name], "lost": lost[name]} for name in kept if kept[name] != lost[name]
    } or None
