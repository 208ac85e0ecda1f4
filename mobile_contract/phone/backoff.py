"""When to try again: later and later, spread out at random, and never before the server asked for.

Exponential back-off with full jitter: after n failures in a row wait a random time between nothing and
min(longest, first x 2^n). The randomness matters more than the growth: a whole fleet that lost its
server at one moment must not come back at one moment. For the same reason a Retry-After is the
least wait, and the jitter comes on top. Every answer ends the row, also one in the middle of a long
sync: on a bad network that makes progress waits stay short. Time is uptime; after a reboot
everything is due.
"""

from __future__ import annotations

from random import Random

from mobile_contract.phone.clock import Moment

FIRST_MS = 2_000
LONGEST_MS = 15 * 60_000
_GROWS_UP_TO = 20


class Backoff:
    """The waiting of one leg of a sync; push and pull each have their own."""

    def __init__(
        self, random: Random, *, first_ms: int = FIRST_MS, longest_ms: int = LONGEST_MS
    ) -> None:
        self._random = random
        self._first_ms = first_ms
        self._longest_ms = longest_ms
        self._failures = 0
        self._due_at_uptime_ms = 0
        self._boot_id: str | None = None

    def wait_ms(self, now: Moment) -> int:
        """How long until the next try is due; 0 when it is."""
        if now.boot_id != self._boot_id:
            return 0
        return max(0, self._due_at_uptime_ms - now.uptime_ms)

    def note_success(self) -> None:
        self._failures = 0
        self._boot_id = None

    def note_failure(self, now: Moment, *, retry_after_s: float | None) -> None:
        growth = 2 ** min(self._failures, _GROWS_UP_TO)
        jitter_ms = self._random.uniform(0, min(self._longest_ms, self._first_ms * growth))
        self._failures += 1
        self._boot_id = now.boot_id
        self._due_at_uptime_ms = now.uptime_ms + int((retry_after_s or 0) * 1000 + jitter_ms)
