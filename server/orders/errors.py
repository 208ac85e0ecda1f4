"""Why the office's work on orders is refused: one class per cause, each with a code."""

from typing import ClassVar


class OrderError(Exception):
    """A change that is not made. `code` is stable; the text says what to do, on one line."""

    code: ClassVar[str] = "order"


class NoSuchOrder(OrderError):
    code = "no_such_order"


class WrongState(OrderError):
    """An order stands where this does not lead on; the text names it and the state."""

    code = "wrong_state"


class ReasonInvalid(OrderError):
    code = "reason_invalid"


class LineInvalid(OrderError):
    """A line of an amendment cannot be taken; the text names it."""

    code = "line_invalid"


class MayNotDecide(OrderError):
    """The asker sees the order, and does not decide about it."""

    code = "may_not_decide"


class FontUnreadable(OrderError):
    """The file is no font that a slip can be set in."""

    code = "font_unreadable"


class CannotDeliver(OrderError):
    """The position is none that delivers."""

    code = "cannot_deliver"
