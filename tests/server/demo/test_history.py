"""The demo's past is past."""

from uuid import UUID

from server.demo.history import come_by
from server.demo.phones import DAY_MS
from server.demo.workday import Sent

MIDNIGHT = 1_772_553_600_000
BOOT = UUID("0b000000-0000-4000-8000-000000000001")


def test_a_day_that_came_the_evening_after_came_the_same_evening_where_that_is_still_ahead() -> (
    None
):
    ahead = Sent([], MIDNIGHT + 5_000, MIDNIGHT + 4_000, BOOT, MIDNIGHT - DAY_MS)
    assert come_by(MIDNIGHT, ahead) == Sent(
        [], MIDNIGHT + 5_000 - DAY_MS, MIDNIGHT + 4_000 - DAY_MS, BOOT, MIDNIGHT - DAY_MS
    )


def test_a_day_that_has_come_stays_as_it_was() -> None:
    past = Sent([], MIDNIGHT - 1, MIDNIGHT - 1, BOOT, MIDNIGHT - DAY_MS)
    assert come_by(MIDNIGHT, past) is past
