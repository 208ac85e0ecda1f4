"""Why a change to people, devices or settings is refused: one class per cause, each with a code."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import ClassVar


class IdentityError(Exception):
    """A change that is not made. `code` is stable; the text says what to do, on one line."""

    code: ClassVar[str] = "identity"


class NoSuchCompany(IdentityError):
    code = "no_such_company"


class CompanyExists(IdentityError):
    code = "company_exists"


class CompanyCodeInvalid(IdentityError):
    code = "company_code_invalid"


class ExternalIdInvalid(IdentityError):
    code = "external_id_invalid"


class ExternalIdTaken(IdentityError):
    """Another record is called that in the same system."""

    code = "external_id_taken"


class NoSuchPerson(IdentityError):
    code = "no_such_person"


class NoSuchDevice(IdentityError):
    code = "no_such_device"


class NoSuchPosition(IdentityError):
    code = "no_such_position"


class NoSuchOccupancy(IdentityError):
    code = "no_such_occupancy"


class EmailTaken(IdentityError):
    code = "email_taken"


class EmailInvalid(IdentityError):
    code = "email_invalid"


class NameInvalid(IdentityError):
    code = "name_invalid"


class PersonHasLeft(IdentityError):
    code = "person_has_left"


class LeaveDoubtful(IdentityError):
    """The day of leaving would take back what has been, and nobody said that it is meant.

    `held` are codes of positions with their first day, later than that day; on `worked_on` they worked last; so many
    `days_ago` it is, where that is more than is ordinary.
    """

    code = "leave_doubtful"

    def __init__(
        self,
        left_on: date,
        name: str,
        *,
        held: Sequence[tuple[str, date]],
        worked_on: date | None,
        days_ago: int | None,
    ) -> None:
        doubts = [f"they hold {code} since {since}" for code, since in held]
        if worked_on is not None:
            doubts.append(f"they worked on {worked_on}")
        if days_ago is not None:
            doubts.append(f"it is {days_ago} days ago")
        super().__init__(
            f"from {left_on} on {name} would have held nothing, but {', '.join(doubts)}"
        )
        self.held = tuple(held)
        self.worked_on = worked_on
        self.days_ago = days_ago


class PasswordRefused(IdentityError):
    code = "password_refused"


class PasswordWrong(IdentityError):
    """Whoever asks does not know the present password."""

    code = "password_wrong"


class DeviceStateWrong(IdentityError):
    code = "device_state_wrong"


class PositionHeld(IdentityError):
    code = "position_held"


class PeriodInvalid(IdentityError):
    code = "period_invalid"


class LastAdmin(IdentityError):
    """Nobody would be admin of the company any more."""

    code = "last_admin"


class SettingInvalid(IdentityError):
    """Settings cannot be like this; `faults` says of each what it may be."""

    code = "setting_invalid"

    def __init__(self, said: object, faults: Mapping[str, object] | None = None) -> None:
        super().__init__(said)
        self.faults = faults or {}


class PolicyChanged(IdentityError):
    """Somebody else changed the settings since they were looked at."""

    code = "policy_changed"


class HandlesExhausted(IdentityError):
    code = "handles_exhausted"


class TooManyTries(IdentityError):
    """Too many tries; `retry_after_s` says when the next one counts."""

    code = "too_many_tries"

    def __init__(self, retry_after_s: int) -> None:
        super().__init__(f"too many tries: wait {retry_after_s} s")
        self.retry_after_s = retry_after_s
