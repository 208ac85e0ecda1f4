"""Why something about a kept item is refused: one class per cause."""

from typing import ClassVar


class QuarantineError(Exception):
    """A decision that is not made. `code` is stable; the text says what to do, on one line."""

    code: ClassVar[str] = "quarantine"


class AlreadyDecided(QuarantineError):
    """Somebody decided it, or what it waited for came."""

    code = "already_decided"


class NotThisItem(QuarantineError):
    """The bytes that are to be put in its place are those of another item."""

    code = "not_this_item"


class FieldInvalid(QuarantineError):
    """What was given cannot be; the text names it."""

    code = "field_invalid"
