"""People, by their e-mail addresses; one without an address is named by the id of an export."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from server.exchange.cells import Day, Raw, Value, Words, text_of
from server.exchange.faults import CellInvalid
from server.exchange.references import References
from server.exchange.sheet import Change, Column, Sheet, Told
from server.identity.change_log import Actor
from server.identity.errors import EmailInvalid
from server.identity.leaving import leave_person, return_person
from server.identity.people import (
    MAX_NAME_LENGTH,
    change_email,
    checked_email,
    create_person,
    rename_person,
)
from server.language import Said, said_by, sentence, tell
from sync.unit_of_work import UnitOfWork


@dataclass(frozen=True, slots=True)
class Email:
    """An e-mail address."""

    sql: str = "text"

    def read(self, raw: Raw) -> Value:
        try:
            return checked_email(text_of(raw))
        except EmailInvalid as invalid:
            raise CellInvalid("not_text", said_by(invalid)) from None

    def write(self, value: Value) -> Raw:
        return str(value)

    def settled(self, value: Value) -> Value:
        return value

    @property
    def about(self) -> str:
        return tell("e-mail address")


@dataclass(frozen=True, slots=True)
class WhoseCode:
    """How other sheets name a person: an e-mail address, or the id of one who has none."""

    sql: str = "text"

    def read(self, raw: Raw) -> Value:
        text = text_of(raw)
        return text.casefold()

    def write(self, value: Value) -> Raw:
        return str(value)

    def settled(self, value: Value) -> Value:
        return value

    @property
    def about(self) -> str:
        return tell("e-mail address, or the id where there is none,")


def apply(
    uow: UnitOfWork, actor: Actor, changes: Sequence[Change], _references: References, today: date
) -> None:
    """Add and rename people, give them other addresses, let them leave and take them back."""
    for change in changes:
        if change.is_new:
            email = change.values["email"]
            person_id = create_person(uow, actor, change.values["name"], email)
        else:
            person_id = change.id
            if "name" in change.fields:
                rename_person(uow, actor, person_id, change.values["name"])
            if "email" in change.fields:
                change_email(uow, actor, person_id, change.values["email"])
        if "left_on" not in change.fields:
            continue
        before, after = change.fields["left_on"]
        if before is not None:
            return_person(uow, actor, person_id, today=today)
        if after is not None:
            leave_person(uow, actor, person_id, left_on=after, today=today)


def check(_uow: UnitOfWork, changes: Sequence[Change], _today: date) -> Iterable[Told]:
    """An address is changed, never taken away: it is how the person is named."""
    for change in changes:
        if "email" in change.fields and change.values["email"] is None:
            yield Told(change, "email", "required", Said("an address is changed, never taken away"))
        elif change.is_new and change.values["email"] is None:
            yield Told(change, "email", "required", Said("a new person needs an address"))


def closes(change: Change) -> bool:
    """Whether a person leaves."""
    return change.fields.get("left_on", (None, None))[1] is not None


PERSON = Sheet(
    name="person",
    about=sentence("People, whatever they hold."),
    columns=(
        Column(name="email", cell=Email(), about=sentence("the address that names them")),
        Column(
            name="name", cell=Words(MAX_NAME_LENGTH), about=sentence("their name"), is_required=True
        ),
        Column(
            name="left_on",
            cell=Day(),
            about=sentence("the day after their last; empty while they are here"),
        ),
    ),
    key=("reference",),
    select="""
        select id, email, name, left_on, coalesce(email, id::text) as reference from person
        where company_id = :company
    """,
    apply=apply,
    check=check,
    closes=closes,
)
