"""proposal: what a person has proposed and what was decided about it. It only comes down."""

from typing import Final

from mobile_contract.fields import NULLABLE, Choice, FreeObject, Id, Millis, Text
from mobile_contract.records.contract import RecordContract
from mobile_contract.schema import WireSchema


class ProposalDown(WireSchema):
    """A proposal as the server holds it."""

    kind = Choice(("store", "route", "day_plan"), about="the kind of the record that it is about")
    entity_id = Id(about="the record that it is about")
    state = Choice(("WAITING", "APPROVED", "REFUSED", "AMENDED"), about="where it stands")
    reason = Text(0, 400, presence=NULLABLE, about="why it was proposed")
    answer = Text(0, 400, presence=NULLABLE, about="what who decided said to it")
    changes = FreeObject(about="what was proposed, by field, named as in contract 2")
    proposed_at = Millis(about="corrected time of proposing")
    decided_at = Millis(presence=NULLABLE, about="when it was decided; null while waiting")


PROPOSAL: Final = RecordContract(kind="proposal", down={1: ProposalDown, 2: ProposalDown})
