"""What the pages of people and positions share: roles and states in words, why a change is refused, days that are typed."""

from collections.abc import Mapping
from datetime import date

from werkzeug.exceptions import NotFound

from server.identity.errors import IdentityError, LeaveDoubtful
from server.language import sentence, tell, told_day, told_number
from server.planning.errors import PhoneTooFull, PlanningError
from server.web.typed import typed_day
from sync.errors import ScopeTooLarge
from sync.organisation import ROLES

ADMINS = ("admin",)
READERS = ("regional_manager", "admin")
YEARS = (1990, 2199)
REFUSALS = (IdentityError, PlanningError, ScopeTooLarge)

ROLE_WORDS = {
    "rep": sentence("rep"),
    "supervisor": sentence("supervisor"),
    "regional_manager": sentence("regional manager"),
    "auditor": sentence("auditor"),
    "driver": sentence("driver"),
    "admin": sentence("admin"),
}
STATE_WORDS = {
    "HERE": (sentence("with the company"), "good"),
    "TO_COME": (sentence("to come"), ""),
    "LEAVING": (sentence("leaving"), "warn"),
    "LEFT": (sentence("left"), ""),
}
_REFUSED = {
    "email_taken": sentence("Somebody in this company has that e-mail address already."),
    "email_invalid": sentence("An e-mail address looks like name@example.com."),
    "name_invalid": sentence("A name has 1 to 200 printable characters."),
    "person_has_left": sentence(
        "They have left by then: nothing can be held, and nobody signs in, after the last day."
    ),
    "position_held": sentence(
        "Somebody else holds this position in that time. Hand it over, end their time first, or let the other one stand in."
    ),
    "period_invalid": sentence(
        "These days cannot be. A last day is not before the first; what has ended stays as it was; an end can only come earlier."
    ),
    "too_early": sentence("A position is handed over from today on."),
    "last_admin": sentence(
        "Nobody would be admin of the company any more, and nobody could undo it here. Name another admin first."
    ),
    "code_taken": sentence("This code is taken already."),
    "name_taken": sentence(
        "The other position has a route of that name already. Call one of them otherwise first."
    ),
}
_FIELDS = {
    "name": sentence("A name has 1 to 200 printable characters."),
    "code": sentence("A code has 1 to 40 printable characters without a space."),
    "above": sentence("A region cannot be part of itself."),
    "role": sentence("This is no role."),
    "year": sentence("A year is from 2000 to 2100."),
    "country": sentence("The calendar of this country is not known."),
    "subdivision": sentence("This part of the country has no calendar of its own."),
    "language": sentence("The names are not known in this language."),
}


def roles_told() -> list[tuple[str, str]]:
    """The roles to choose from."""
    return [(role, tell(ROLE_WORDS[role])) for role in ROLES]


def told_role(role: str) -> str:
    """A role in words."""
    return tell(ROLE_WORDS[role])


def told_refused(refused: Exception) -> str:
    """Why a change is refused, to a person; what is not there is not there."""
    if isinstance(refused, LeaveDoubtful):
        return " ".join(told_doubts(refused))
    if isinstance(refused, PhoneTooFull):
        return tell(
            "The phone of {name} would hold {records} records; the company's limit is {limit}.",
            name=refused.name,
            records=told_number(refused.records),
            limit=told_number(refused.limit),
        )
    if isinstance(refused, ScopeTooLarge):
        return tell(
            "A phone would hold {records} records; the company's limit is {limit}.",
            records=told_number(refused.size),
            limit=told_number(refused.limit),
        )
    code = getattr(refused, "code", "")
    if code.startswith("no_such_"):
        raise NotFound
    if code == "field_invalid":
        field = str(refused).partition(":")[0]
        return tell(_FIELDS[field]) if field in _FIELDS else str(refused)
    return tell(_REFUSED[code]) if code in _REFUSED else str(refused)


def told_doubts(doubtful: LeaveDoubtful) -> list[str]:
    """What speaks against a day of leaving."""
    found = [
        tell("They hold {position} since {day}.", position=code, day=told_day(since))
        for code, since in doubtful.held
    ]
    if doubtful.worked_on is not None:
        found.append(tell("They worked on {day}.", day=told_day(doubtful.worked_on)))
    if doubtful.days_ago is not None:
        found.append(tell("That is {days} days ago.", days=told_number(doubtful.days_ago)))
    return found


def unbroken(told: str) -> str:
    """A day or a figure that stays on one line."""
    return told.replace(" ", "\N{NO-BREAK SPACE}")


def asked_day(form: Mapping[str, str], name: str, otherwise: date) -> date:
    """A day of a form; nothing typed: the other. Nobody means one of another century."""
    day = typed_day(form.get(name), otherwise)
    if not YEARS[0] <= day.year <= YEARS[1]:
        raise NotFound
    return day


def asked_last_day(form: Mapping[str, str], name: str) -> date | None:
    """A day of a form that may be without an end."""
    return asked_day(form, name, date.max) if form.get(name) else None
