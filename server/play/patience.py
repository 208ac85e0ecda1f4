"""The database may be away for a while: whoever asks it asks again, and at some time gives up."""

import time
from collections.abc import Callable
from typing import TypeVar

from sync.failures import is_passing

T = TypeVar("T")

FOR_S = 30.0
_PAUSE_S = 1.0


def ask_patiently(
    ask: Callable[[], T],
    *,
    for_s: float = FOR_S,
    clock: Callable[[], float] = time.monotonic,
    pause: Callable[[float], None] = time.sleep,
) -> T | None:
    """What `ask` returns, tried again while the database is away; None where it stays away.

    It must be something that can be done twice. What will fail again is raised.
    """
    until = clock() + for_s
    while True:
        try:
            return ask()
        except Exception as error:
            if not is_passing(error):
                raise
            if clock() >= until:
                return None
        pause(_PAUSE_S)
