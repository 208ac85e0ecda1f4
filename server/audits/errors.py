"""Why something about an audit is refused: one class per cause, each with a code."""

from typing import ClassVar


class AuditError(Exception):
    """A change that is not made. `code` is stable; the text says what to do, on one line."""

    code: ClassVar[str] = "audit"


class NoSuchTurn(AuditError):
    """It is not there, or not this auditor's: which of the two is not told."""

    code = "no_such_turn"


class NoSuchAuditVisit(AuditError):
    code = "no_such_audit_visit"


class NoSuchVerdict(AuditError):
    code = "no_such_verdict"


class NoSuchWeek(AuditError):
    """No draw was made of this week."""

    code = "no_such_week"


class NoSuchSettlement(AuditError):
    code = "no_such_settlement"


class FieldInvalid(AuditError):
    """A field cannot be what was given; the text names it."""

    code = "field_invalid"


class MayNotDecide(AuditError):
    """Nobody decides about what they brought themselves."""

    code = "may_not_decide"


class WrongState(AuditError):
    """What it is by now does not let this happen."""

    code = "wrong_state"


class ChangedMeanwhile(AuditError):
    """The rep corrected it after the auditor looked."""

    code = "changed_meanwhile"


class VerdictTaken(AuditError):
    """The id is that of a verdict that says something else, or of another auditor's."""

    code = "verdict_taken"


class BeyondScope(AuditError):
    """Who asks has no right to do this."""

    code = "beyond_scope"
