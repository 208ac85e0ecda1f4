"""What a form was drawn from, so that nobody saves over what somebody else changed meanwhile.

Every change of a record is an entry of the log of changes. A form carries, as `basis`, the number of the last one that its record had
when it was drawn, and a short digest of what each field showed. Where there is a newer entry when it is saved it is refused, and told
who changed what. What was typed stays, what was not touched shows what is there now (`Filled.bring_up`), and the basis is the newer one:
whoever has read it and saves again means it. A form without a basis has seen nothing.
"""

from collections.abc import Callable, Mapping, Sequence
from hashlib import blake2s
from typing import Any
from uuid import UUID

from server.changes.names import names_of
from server.changes.words import SHORT, differences, told_action, told_differences
from server.identity.change_log import changes_of
from server.identity.sessions import Visitor
from server.language import Said, tell, told_moment
from sync.price_book import prices_changed
from sync.scope import take_turn
from sync.unit_of_work import UnitOfWork

Shown = Mapping[str, str] | Mapping[str, list[str]] | Mapping[str, str | list[str]]

TOLD_MAX = 3
_DIGITS_MAX = 18

_LAST = """
select max(id) as number from change_log
where company_id = :company and subject_kind = :kind and subject_id = :record
"""
# Rows that whoever changes such a record locks first, so that nothing is logged of it unseen once they are ours.
_LOCKED = {
    "account": "select id from account where company_id = :company and id = :record for update",
    "activity": "select id from activity where company_id = :company and id = :record for update",
    "person": "select id from person where company_id = :company and id = :record for no key update",
}
# Kinds whose changes wait for a turn of the whole company, before they lock anything.
_TURNS: Mapping[str, Callable[[UnitOfWork], None]] = {
    "position": take_turn,
    "price_list": prices_changed,
    "product": prices_changed,
    "promotion": prices_changed,
}


class ChangedMeanwhile(Exception):
    """The record is no longer what the form was drawn from; `number` is its last change."""

    code = "changed_meanwhile"

    def __init__(self, said: Said, number: int) -> None:
        super().__init__(said)
        self.number = number


def with_basis(
    uow: UnitOfWork, kind: str, record_id: UUID, shown: Shown
) -> dict[str, str | list[str]]:
    """What a form of this record shows, with its basis. One query."""
    rows = uow.rows(_LAST, company=uow.company_id, kind=kind, record=str(record_id))
    return {**shown, "basis": basis_of(rows[0].number or 0, shown)}


def basis_of(number: int, shown: Shown) -> str:
    """The basis of a form that shows this, of a record whose last change has this number."""
    fields = (
        f"{name}={_digest([value] if isinstance(value, str) else value)}"
        for name, value in shown.items()
        if name != "basis"
    )
    return " ".join([str(number), *fields])


def is_untouched(basis: str, name: str, typed: Sequence[str]) -> bool:
    """Whether a field of a form has what it showed when it was drawn."""
    return f" {name}={_digest(typed)} " in f"{basis} "


def _digest(values: Sequence[str]) -> str:
    # A browser ends lines in its own way, and sends no empty list.
    lines = "\n".join(line.strip() for value in values for line in value.splitlines())
    return blake2s(lines.strip().encode(errors="replace"), digest_size=5).hexdigest()


def must_be_as_drawn(
    uow: UnitOfWork,
    visitor: Visitor,
    kind: str,
    record_id: UUID,
    basis: str,
    currency: str | None = None,
) -> None:
    """Raise ChangedMeanwhile where the record was changed since the form was drawn; `currency` is that of its amounts.

    Call it in the transaction that changes the record, first: it waits for whoever is changing the record, also by an import
    or a command, and lets nobody do so before this transaction ends. Two queries; one of the names where it raises.
    """
    if kind in _TURNS:
        _TURNS[kind](uow)
    else:
        uow.rows(_LOCKED[kind], company=uow.company_id, record=record_id)
    seen = _number(basis)
    found = changes_of(uow, subject_kind=kind, subject_id=record_id, at_most=TOLD_MAX + 1)
    newer = [one for one in found if one.id > seen]
    if not newer:
        return
    names = names_of(uow, newer)
    zone = visitor.policy.time_zone

    def told(one: Any) -> str:
        differs = differences(one, names, zone, at_most=SHORT, currency=currency)
        return tell(
            "{who}, {moment}: {what}",
            who=one.actor,
            moment=told_moment(round(one.at.timestamp() * 1000), zone),
            what=told_differences(differs, SHORT) or told_action(one.action),
        )

    lines = [told(one) for one in newer[:TOLD_MAX]]
    if len(newer) > TOLD_MAX:
        lines.append("…")
    raise ChangedMeanwhile(
        Said(
            "This was changed while the form was open. {changes}. What you typed stands below, all else as it is now: save again if that shall hold.",
            changes="; ".join(lines),
        ),
        newer[0].id,
    )


def _number(basis: str) -> int:
    typed = basis.partition(" ")[0]
    return int(typed) if typed.isascii() and typed.isdecimal() and len(typed) <= _DIGITS_MAX else 0
