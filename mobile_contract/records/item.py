"""item: what has become of an item that could not be applied at once. It only comes down.

Its id is the op_id of the item.
"""

from typing import Final

from mobile_contract.fields import NULLABLE, Choice, Id, ListOf, Text
from mobile_contract.problems import ITEM_CODES
from mobile_contract.records.contract import RecordContract
from mobile_contract.schema import WireSchema

STATES: Final = ("DEFERRED", "QUARANTINED", "CONFLICT", "RELEASED", "SET_ASIDE")
RELEASED_AS: Final = ("applied", "merged", "conflict", "duplicate", "deferred", "quarantined")
MISSING_MAX: Final = 100


class ItemDown(WireSchema):
    """The state of an item that the server holds."""

    kind = Text(0, 40, presence=NULLABLE, about="the kind it is of, where that could be read")
    entity_id = Id(presence=NULLABLE, about="the record it is about, where that could be read")
    state = Choice(STATES, about="where it stands")
    code = Choice(
        tuple(each.code for each in ITEM_CODES), presence=NULLABLE, about="why it is quarantined"
    )
    where = Text(0, 300, presence=NULLABLE, about="the place of the fault")
    detail = Text(0, 1_000, presence=NULLABLE, about="the fault in words")
    missing = ListOf(Id(), MISSING_MAX, about="the records that it waits for")
    result = Choice(RELEASED_AS, presence=NULLABLE, about="the status it was released with")


ITEM: Final = RecordContract(kind="item", down={1: ItemDown, 2: ItemDown})
