"""Why something about an activity is refused: one class per cause, each with a code."""

from typing import ClassVar


class ActivityError(Exception):
    """A change that is not made. `code` is stable; the text says what to do, on one line."""

    code: ClassVar[str] = "activity"


class NoSuchActivity(ActivityError):
    code = "no_such_activity"


class NoSuchActivityStore(ActivityError):
    code = "no_such_activity_store"


class NoSuchStore(ActivityError):
    code = "no_such_store"


class FieldInvalid(ActivityError):
    """A field cannot be what was given; the text names it."""

    code = "field_invalid"


class CodeTaken(ActivityError):
    code = "code_taken"


class MayNotDecide(ActivityError):
    """Nobody decides about what they asked for themselves."""

    code = "may_not_decide"


class WrongState(ActivityError):
    """What it is by now does not let this happen."""

    code = "wrong_state"


class AlreadyIn(ActivityError):
    """A store is in the activity by another request or by the office."""

    code = "already_in"


class NotSettled(ActivityError):
    """Stores of the activity are still open."""

    code = "not_settled"


class BeyondScope(ActivityError):
    """Who asks sees it and has no right to do this, or would reach beyond what they may."""

    code = "beyond_scope"
