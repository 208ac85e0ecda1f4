"""Why something about a photo or its file is refused: one class per cause."""

from typing import ClassVar


class PhotoError(Exception):
    """A change that is not made. `code` is stable; the text says what to do, on one line."""

    code: ClassVar[str] = "photo"


class NoSuchPhoto(PhotoError):
    code = "no_such_photo"


class NoSuchFile(PhotoError):
    """There is no file that is set aside like this."""

    code = "no_such_file"


class NoSuchEvidence(PhotoError):
    """The photo was not judged, or not as often."""

    code = "no_such_evidence"
