"""What goes wrong in the field, how often, and which phones it hits.

The rates of `field` are those of the domain's "Faults seen in the field"; those of lost and cut
messages, which it does not number, are a mobile network's on a bad day. Faults of a phone (a
wrong clock, a reboot, a mocked position, late work) hit the share of the fleet that the rate says,
rounded up, so that a small fleet sees each of them; faults of a request hit at random.
"""

import math
from dataclasses import dataclass
from random import Random
from typing import Final

MINUTE_MS = 60_000
DAY_MS = 24 * 60 * MINUTE_MS


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultRates:
    """Shares from 0 to 1: of requests, of phones, and of phones' days."""

    sent_twice: float = 0.0
    newest_first: float = 0.0
    request_lost: float = 0.0
    answer_lost: float = 0.0
    body_cut: float = 0.0
    answer_cut: float = 0.0
    socket_stalled: float = 0.0
    clock_wrong: float = 0.0
    rebooted: float = 0.0
    mocked: float = 0.0
    late_a_day: float = 0.0
    late_a_week: float = 0.0
    older_app: float = 0.0


FAULTS: Final = {
    "none": FaultRates(),
    "field": FaultRates(
        sent_twice=0.20,
        newest_first=0.05,
        request_lost=0.02,
        answer_lost=0.08,
        body_cut=0.02,
        answer_cut=0.01,
        clock_wrong=0.03,
        rebooted=0.01,
        mocked=0.02,
        late_a_day=0.10,
        late_a_week=0.01,
        older_app=0.10,
    ),
    "harsh": FaultRates(
        sent_twice=0.30,
        newest_first=0.30,
        request_lost=0.10,
        answer_lost=0.20,
        body_cut=0.10,
        answer_cut=0.05,
        socket_stalled=0.03,
        clock_wrong=0.30,
        rebooted=0.20,
        mocked=0.10,
        late_a_day=0.25,
        late_a_week=0.10,
        older_app=0.25,
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class PhoneFaults:
    """What is wrong with one phone.

    `clock_offset_ms` holds from the start, or from the middle of the first day on where
    `is_clock_set_at_work`; `late_days` is how many days ago its last day of work lies more.
    """

    clock_offset_ms: int = 0
    is_clock_set_at_work: bool = False
    is_rebooted: bool = False
    is_mocked: bool = False
    late_days: int = 0
    contract: int = 2


def draw_phone_faults(random: Random, rates: FaultRates, phones: int) -> list[PhoneFaults]:
    """What is wrong with each of the phones; the same seed gives the same."""
    clock_wrong = _hit(random, rates.clock_wrong, phones)
    rebooted = _hit(random, rates.rebooted, phones)
    mocked = _hit(random, rates.mocked, phones)
    older = _hit(random, rates.older_app, phones)
    late = sorted(_hit(random, rates.late_a_day, phones))
    very_late = set(late[: math.ceil(rates.late_a_week * phones)])
    drawn = []
    for number in range(phones):
        offset_ms = random.randint(MINUTE_MS, DAY_MS) * random.choice((-1, 1))
        is_set_at_work = random.random() < 0.5
        late_days = random.randint(2, 6) if number not in very_late else random.randint(8, 12)
        drawn.append(
            PhoneFaults(
                clock_offset_ms=offset_ms if number in clock_wrong else 0,
                is_clock_set_at_work=is_set_at_work and number in clock_wrong,
                is_rebooted=number in rebooted,
                is_mocked=number in mocked,
                late_days=late_days if number in late else 0,
                contract=1 if number in older else 2,
            )
        )
    return drawn


def _hit(random: Random, rate: float, phones: int) -> set[int]:
    return set(random.sample(range(phones), min(phones, math.ceil(rate * phones))))
