"""Why an export is refused: one class per cause."""

from typing import ClassVar


class ExportError(Exception):
    """What is not done. `code` is stable; the text says what to do, on one line."""

    code: ClassVar[str] = "export"


class NoSuchExport(ExportError):
    code = "no_such_export"


class TooManyExports(ExportError):
    """Somebody has as many exports on the way as anybody may."""

    code = "too_many_exports"


class NotNow(ExportError):
    """What the export is by now does not let this happen."""

    code = "not_now"


class TurnLeft(Exception):
    """An export is left to the next worker, because this one is to stop."""


class StillWritten(ExportError):
    """Another worker is at it; it is looked at again later."""

    code = "still_written"
