"""conflict: two edits met on one field, both values are kept. It only comes down."""

from typing import Final

from mobile_contract.fields import NULLABLE, Choice, FreeObject, Id, MapOf, Millis, Text
from mobile_contract.records.contract import RecordContract
from mobile_contract.schema import WireSchema


class Sides(FreeObject):
    """One field in dispute: its value in the base version, the one held, the one sent."""


class ConflictDown(WireSchema):
    """A conflict as the server holds it. Both people of it get it."""

    kind = Choice(("visit", "attendance", "store"), about="the kind of the record")
    entity_id = Id(about="the record")
    op_id = Id(about="the item that met the other edit")
    fields_ = MapOf(
        Text(1, 40),
        Sides(),
        50,
        data_key="fields",
        about="by field: {base, held, sent}, each a value of that field or null",
    )
    held_by = Text(0, 200, presence=NULLABLE, about="name of the person whose value is held")
    sent_by = Text(0, 200, presence=NULLABLE, about="name of the person who sent the other")
    state = Choice(("OPEN", "DECIDED"), about="where it stands")
    chosen = MapOf(
        Text(1, 40),
        Choice(("held", "sent", "other")),
        50,
        presence=NULLABLE,
        about="by field: which value was chosen; null while open",
    )
    decided_at = Millis(presence=NULLABLE, about="when it was decided")


CONFLICT: Final = RecordContract(kind="conflict", down={1: None, 2: ConflictDown})
