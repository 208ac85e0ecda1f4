"""Why an errand is not taken or does not go on."""


class ErrandError(Exception):
    """An errand is not taken, or does not go on; the text says why, on one line."""


class NoSuchErrand(ErrandError):
    """It is not there, or not the asker's."""


class NotNow(ErrandError):
    """What the errand is by now does not let this happen."""


class TooManyErrands(ErrandError):
    """Somebody has as many on the way as anybody may."""


class StillDone(ErrandError):
    """Another worker is at it; it is looked at again later."""


class GivenUp(ErrandError):
    """Whoever asked for it wants no more of it, or another worker has it."""


class TurnLeft(ErrandError):
    """It is left to the next worker: this one is to stop, or others wait for long."""


class CannotBeDone(ErrandError):
    """The errand itself is refused; the words say why."""
