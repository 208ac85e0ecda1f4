"""The settings of a company by which evidence is judged and phones are filled.

Each change is a new version; verdicts name the version they were made with.
"""

from dataclasses import asdict, dataclass, field, fields
from typing import Any
from zoneinfo import ZoneInfo

from sync.errors import NotThere
from sync.unit_of_work import UnitOfWork

AUDIT_REASONS = {
    "NOT_SHOWN": {"words": "The photos do not show it", "task": "SHOOT_AGAIN"},
    "UNCLEAR": {"words": "Too dark, blurred or cut off to tell", "task": "SHOOT_AGAIN"},
    "WRONG_PHOTO": {
        "words": "Taken elsewhere, at another time, or used before",
        "task": "SHOOT_AGAIN",
    },
    "NOT_TO_STANDARD": {"words": "It is there, and not as the standards say", "task": "PUT_RIGHT"},
    "NOT_THERE": {"words": "The store does not have it", "task": "PUT_RIGHT"},
}


ANY = "*"
"""Stands for any channel, or any class, that is not named."""


@dataclass(frozen=True, slots=True)
class Policy:
    """One version of a company's settings. Defaults are those of the field."""

    time_zone: str = "UTC"
    fence_radius_m: int = 200
    fence_by_class: dict[str, int] = field(default_factory=dict)
    # A hard fence blocks on the phone only; the server never refuses a check-in.
    is_fence_hard: bool = False
    clock_tolerance_ms: int = 2_000
    # Offsets of a phone's clock above this are flagged with their size.
    clock_offset_flag_ms: int = 30_000
    min_visit_s: int = 120
    # A visit without a check-out ends by itself after this.
    visit_timeout_s: int = 4 * 3600
    max_speed_kmh: int = 120
    pin_move_m: int = 50
    working_from_min: int = 7 * 60
    working_until_min: int = 20 * 60
    # 1 = Monday … 7 = Sunday
    working_weekdays: tuple[int, ...] = (1, 2, 3, 4, 5, 6)
    # How long the points of tracks are kept.
    track_days: int = 180
    # A track without points for longer than this is broken off there.
    track_silence_s: int = 900
    # Somebody who stays within so many metres for so long makes a stop.
    stop_radius_m: int = 50
    stop_min_s: int = 300
    # How long somebody who is asked where they are has to answer.
    location_check_min: int = 15
    # How long after leaving a position its late work is kept without review.
    grace_days: int = 7
    max_scope_records: int = 50_000
    visit_days_on_phone: int = 14
    plan_days_ahead: int = 14
    plan_days_behind: int = 7
    # What planning reckons with: minutes of a call, by channel where it is named there; how fast people get
    # from store to store, as the crow flies; and how many minutes a day has for both.
    call_min: int = 10
    call_min_by_channel: dict[str, int] = field(default_factory=dict)
    travel_speed_kmh: int = 20
    day_capacity_min: int = 480
    # Of the orders of stores whose account names no other: ISO 4217.
    currency: str = "USD"
    # A smaller order is held, by channel where it is named there. Minor units.
    min_order_minor: int = 0
    min_order_by_channel: dict[str, int] = field(default_factory=dict)
    # Prices on a phone that are older than this: the order is flagged, and held.
    price_warn_h: int = 24
    price_hold_h: int = 72
    # Verdicts (in small letters) and flags with which a visit counts in measures only once somebody
    # accepted them; with any other it counts until somebody rejects it.
    flags_to_accept: tuple[str, ...] = ("offsite", "mock_location")
    # From which compliance on a store gets all of an activity's pay, and half of it.
    pay_full_percent: int = 80
    pay_half_percent: int = 60
    # Of what a rep brings for activities in a week, this much is drawn for auditors beside what is flagged.
    audit_sample_percent: int = 10
    # So much of what is audited is given to a second auditor, blind.
    audit_second_percent: int = 5
    # What waits for the bytes of its photos for longer is offered to auditors without them.
    audit_wait_h: int = 48
    # How long an auditor has something that they claimed, and how long they may undo a verdict.
    audit_claim_min: int = 30
    audit_undo_min: int = 10
    # For how long after a verdict the rep may appeal against it.
    appeal_days: int = 7
    # When the task is due that follows from a failed item.
    audit_task_days: int = 3
    # Why an auditor fails an item: code → {"words", "task"}, the sort of task that follows.
    audit_reasons: dict[str, dict[str, str]] = field(default_factory=lambda: dict(AUDIT_REASONS))
    # A photo that differs in at most so many of 64 bits, and of 1,000 of its detail, from one of another store
    # or day that was taken before is flagged as reused. With 1,000 the 64 bits alone decide.
    photo_reuse_bits: int = 8
    photo_reuse_detail_permille: int = 250
    # Less sharp, or darker, is flagged.
    photo_sharpness_min: int = 30
    photo_darkness_max: int = 900
    # The camera's time may be so far from the visit, and a position so far from the pin where the fence is nearer.
    photo_time_off_min: int = 30
    photo_elsewhere_m: int = 300
    # Signs of editing and of photographed screens are flagged when they are this sure.
    photo_edited_permille: int = 700
    photo_screen_permille: int = 600
    # Steps a call must have, by channel, then by class; "*" stands for any.
    mandatory_steps: dict[str, dict[str, list[str]]] = field(default_factory=dict)

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.time_zone)

    def steps_for(self, channel: str, store_class: str | None) -> tuple[str, ...]:
        """The mandatory steps of a call at such a store."""
        by_class = self.mandatory_steps.get(channel) or self.mandatory_steps.get(ANY) or {}
        return tuple(by_class.get(store_class or ANY) or by_class.get(ANY) or ())

    def min_order_for(self, channel: str) -> int:
        """The least worth of an order in a channel, in minor units; 0: none."""
        return self.min_order_by_channel.get(channel, self.min_order_minor)

    def call_min_for(self, channel: str) -> int:
        """How long a call in a channel is planned to take, in minutes."""
        return self.call_min_by_channel.get(channel, self.call_min)

    def fence_for(self, own_m: int | None, store_class: str | None) -> int:
        """The fence radius in metres: the store's own, else its class's, else the company's."""
        if own_m is not None:
            return own_m
        return self.fence_by_class.get(store_class or "", self.fence_radius_m)


_NAMES = {item.name for item in fields(Policy)}


def read_policy(settings: dict[str, Any]) -> Policy:
    """The policy that was stored; what an older version did not know has its default."""
    known = {name: value for name, value in settings.items() if name in _NAMES}
    for name in ("working_weekdays", "flags_to_accept"):
        if name in known:
            known[name] = tuple(known[name])
    return Policy(**known)


def policy_settings(policy: Policy) -> dict[str, Any]:
    """The policy as it is stored."""
    return asdict(policy)


def current_policy(uow: UnitOfWork) -> tuple[int, Policy]:
    """The company's latest policy and its version."""
    found = uow.rows("select version, settings from policy order by version desc limit 1")
    if not found:
        message = "the company has no policy"
        raise NotThere(message)
    return found[0].version, read_policy(found[0].settings)
