"""A phone's day as the bytes of one push. What it is made of is data: a make-up, and a part for each kind.

The bytes are made beforehand, so that sending them costs the client next to nothing.
"""

import json
import random
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from mobile_contract.packed_points import PackedPoint, pack_text
from tests.bench.masters import CURRENCY, answers_to
from tests.bench.stage import Phone

STEPS = ("PREPARE", "GREET", "CHECK_STORE", "MERCHANDISE", "TAKE_STOCK", "AGREE_ORDER")
HOUR_MS = 3_600_000
# The day begins so long before it is sent, and so long after that its visits are over.
BEGINS_MS = 10 * HOUR_MS
ENDS_MS = HOUR_MS
STAY_MS = 10 * 60_000


@dataclass(frozen=True, slots=True)
class MakeUp:
    """How much of what a day holds."""

    name: str
    visits: int
    points: int
    # So many forms, with so many questions answered each.
    forms: int
    questions: int
    # So many orders of so many lines each.
    orders: int
    lines: int
    # Their records; the bytes travel apart and are measured apart (photos.py).
    photos: int = 0


# The day that the design was sized with.
SPINE = MakeUp("spine", 12, points=480, forms=12, questions=5, orders=6, lines=8)
# The domain's "A normal day, for sizing".
TERMINAL = MakeUp("terminal", 25, points=400, forms=25, questions=25, orders=12, lines=4, photos=60)


@dataclass(slots=True)
class Called:
    """A visit of the day, for what is done in it."""

    visit_id: str
    store_id: str
    began_ago: int


@dataclass(slots=True)
class Day:
    """A day that is being made."""

    phone: Phone
    make_up: MakeUp
    chance: random.Random
    now: int = field(default_factory=lambda: time.time_ns() // 1_000_000)
    uptime: int = 50_000_000
    items: list[dict[str, Any]] = field(default_factory=list)
    calls: list[Called] = field(default_factory=list)

    def new_id(self) -> str:
        return str(uuid.UUID(int=self.chance.getrandbits(128), version=4))

    def add(self, kind: str, payload: dict[str, Any], ago: int, *, op: str = "create") -> str:
        """Capture the making of a record so many milliseconds ago; its id."""
        made = self.new_id()
        self.items.append(
            {
                "op_id": self.new_id(),
                "kind": kind,
                "entity_id": made,
                "op": op,
                "captured_at": self.now - ago,
                "captured_boot_id": self.phone.boot_id,
                "captured_uptime_ms": self.uptime - ago,
                "payload": payload,
            }
        )
        return made

    def event(self, ago: int, place: int) -> dict[str, Any]:
        """Something that happened then, near the store of this place on the route."""
        chance = self.chance
        return {
            "at": self.now - ago,
            "uptime_ms": self.uptime - ago,
            "fix": {
                "lat_e7": 312_304_000 + place * 3_000 + chance.randint(-9_000, 9_000),
                "lon_e7": 1_214_737_000 + chance.randint(-9_000, 9_000),
                "datum": "WGS84",
                "accuracy_cm": chance.randint(300, 3_000),
                "gps_time": self.now - ago - 200,
                "is_mock": False,
            },
        }

    def push(self) -> bytes:
        """The day as one push."""
        return json.dumps(
            {
                "contract": 2,
                "device_id": str(self.phone.device.id),
                "batch_id": self.new_id(),
                "sent_at": self.now,
                "boot_id": self.phone.boot_id,
                "uptime_ms": self.uptime,
                "app_version": "2.0.0",
                "outbox": {
                    "count": len(self.items),
                    "oldest_at": self.now - BEGINS_MS,
                    "bytes": 40_000,
                },
                "items": self.items,
            },
            separators=(",", ":"),
        ).encode()


def phone_day(phone: Phone, chance: random.Random, make_up: MakeUp = SPINE) -> bytes:
    """A whole day of a phone, with ids of its own."""
    day = Day(phone, make_up, chance)
    for part in PARTS:
        part(day)
    return day.push()


# ---- the parts ------------------------------------------------------------------------------------


def attendance(day: Day) -> None:
    """On, a break, off."""
    for name, ago in (
        ("ON", BEGINS_MS),
        ("BREAK", 6 * HOUR_MS),
        ("ON", 5 * HOUR_MS),
        ("OFF", ENDS_MS // 2),
    ):
        day.add("attendance", {"event": name, "occurred": day.event(ago, 0)}, ago)


def visits(day: Day) -> None:
    """Calls along the route, whole, with six steps each."""
    apart_ms = (BEGINS_MS - ENDS_MS) // (day.make_up.visits + 1)
    for number in range(day.make_up.visits):
        ago = BEGINS_MS - apart_ms * (number + 1)
        store_id = str(day.phone.store_ids[number % len(day.phone.store_ids)])
        visit_id = day.add(
            "visit",
            {
                "store_id": store_id,
                "is_by_phone": False,
                "check_in": day.event(ago, number),
                "check_out": day.event(ago - STAY_MS, number),
                "closed_by": "PERSON",
                "steps": [
                    {"step": step, "outcome": "DONE", "at": day.now - ago + 60_000}
                    for step in STEPS
                ],
                "note": "Shelf tidy, display in place",
            },
            ago - STAY_MS,
        )
        day.calls.append(Called(visit_id, store_id, ago))


def track(day: Day) -> None:
    """The way through the day in one segment, with the unrest of a receiver."""
    chance = day.chance
    apart_s = (BEGINS_MS - ENDS_MS) // 1000 // day.make_up.points
    lat, lon = 31_230_400, 121_473_700
    points = []
    for number in range(day.make_up.points):
        lat += chance.randint(0, 700)
        lon += chance.randint(-300, 300)
        points.append(PackedPoint(number * apart_s, lat, lon, chance.randint(4, 30)))
    began = {"at": day.now - BEGINS_MS, "uptime_ms": day.uptime - BEGINS_MS}
    payload = {"began": began, "datum": "WGS84", "points": pack_text(points), "gaps": []}
    day.add("track", payload, ENDS_MS)


def forms(day: Day) -> None:
    """Forms filled in at visits, one after the other."""
    questions = day.make_up.questions
    for number in range(day.make_up.forms):
        call = day.calls[number % len(day.calls)]
        ago = call.began_ago - STAY_MS // 2
        answers = answers_to(day.chance, questions)
        day.add(
            "form_answer",
            {
                "visit_id": call.visit_id,
                "store_id": call.store_id,
                "template_id": str(day.phone.masters.templates[questions]),
                "template_version": 1,
                "answered": {"at": day.now - ago, "uptime_ms": day.uptime - ago},
                "answers": answers,
                "computed": {"worked_out": answers["q1"] * 2 + 1},
                "score_e2": 10_000 if answers["q0"] else 0,
            },
            ago,
        )


def orders(day: Day) -> None:
    """Orders taken at visits, priced by the base list."""
    masters = day.phone.masters
    for number in range(day.make_up.orders):
        call = day.calls[number * len(day.calls) // day.make_up.orders]
        ago = call.began_ago - STAY_MS // 3
        lines: list[dict[str, Any]] = []
        for each in day.chance.sample(masters.products, day.make_up.lines):
            quantity = day.chance.randint(1, 12)
            lines.append(
                {
                    "product_id": str(each.product_id),
                    "unit": each.unit,
                    "quantity": quantity,
                    "price_minor": each.price_minor,
                    "discount_minor": 0,
                    "total_minor": quantity * each.price_minor,
                    "taken": [],
                }
            )
        payload = {
            "store_id": call.store_id,
            "visit_id": call.visit_id,
            "currency": CURRENCY,
            "lines": lines,
            "total_minor": sum(line["total_minor"] for line in lines),
            "prices_as_of": day.now - BEGINS_MS - HOUR_MS,
            "price_lists": [{"price_list_id": str(masters.base_list_id), "version": 1}],
            "promotions": [],
        }
        day.add("order", payload, ago, op="submit")


def photos(day: Day) -> None:
    """Photos taken at visits, one after the other."""
    for number in range(day.make_up.photos):
        place = number % len(day.calls)
        call = day.calls[place]
        ago = call.began_ago - STAY_MS // 4
        payload = {
            "visit_id": call.visit_id,
            "sha256": f"{day.chance.getrandbits(256):064x}",
            "size": day.chance.randint(150_000, 250_000),
            "role": "shelf",
            "occurred": day.event(ago, place),
            "source": "CAMERA",
        }
        day.add("photo", payload, ago)


PARTS: tuple[Callable[[Day], None], ...] = (attendance, visits, track, forms, orders, photos)
# Templates that the days fill in.
QUESTIONS = (SPINE.questions, TERMINAL.questions)
