"""One rep's day as their phone would report it: where they went, when, and what went wrong.

Pure: the same company, person, day and seed give the same items, ids included. Times are
milliseconds since 1970 in UTC, the working day is that of the demo's time zone.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from random import Random
from typing import Any
from uuid import UUID, uuid5
from zoneinfo import ZoneInfo

from server.demo.answering import Form, Product, Shelf, answers_at, payload
from server.demo.ordering import Prices, order_at
from server.demo.shops import Shop
from server.demo.underway import Seen, stretches

ZONE = ZoneInfo("Asia/Shanghai")
_MINUTE_MS = 60_000
_HOUR_MS = 3_600_000
_STEPS = (
    "PREPARE", "GREET", "CHECK_STORE", "MERCHANDISE", "TAKE_STOCK", "PRESENT", "AGREE_ORDER",
    "REVIEW",
)  # fmt: skip
_MINUTES_AT_A_STORE = (1, *range(5, 20), *range(6, 12), 25)
_SKIPS = ("CLOSED", "REFUSED", "NO_TIME", "ROAD")

# One rep's phone runs some minutes ahead; another rep restarts theirs at noon once a week.
PLACE_OF_WRONG_CLOCK = 3
_PLACE_OF_RESTART = 7
WRONG_CLOCK_MS = 4 * _MINUTE_MS + 11_000


@dataclass(frozen=True, slots=True)
class Item:
    """An item of a push, and the start of the phone in which it was captured (true time)."""

    wire: dict[str, Any]
    boot_id: UUID
    booted_at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Workday:
    """What a day is made from."""

    company_key: UUID
    person: str
    position_id: UUID
    # The rep's place among the reps: some faults are some people's.
    place: int
    day: date
    plan_id: UUID
    stores: tuple[UUID, ...]
    shops: Mapping[UUID, Shop]
    # What is asked at stores, by the code of the form, and what each store must stock.
    forms: Mapping[str, Form]
    must_stock: Mapping[UUID, Sequence[Product]]
    prices: Prices
    seed: int
    # True time in milliseconds at which the day is told: what comes later has not happened. None: the day is over.
    until: int | None = None


@dataclass(frozen=True, slots=True)
class Sent:
    """A day's items in the order they were captured, and when the phone sent them.

    `sent_at` is what the phone's clock said then; `booted_at` and `received_at` are true.
    """

    items: list[Item]
    sent_at: int
    received_at: int
    boot_id: UUID
    booted_at: int


def day_start_ms(day: date) -> int:
    """Midnight of a day in the demo's time zone."""
    return int(datetime.combine(day, time(), ZONE).timestamp()) * 1000


def walk(workday: Workday) -> Sent:
    """The day along its plan, in the evening or, seldom, the evening after. One that is still under way as far as it has
    come, sent just then; nothing where it has not begun.
    """
    return _Walk(workday).walk()


class _Walk:
    """The state of a rep under way: the time, the phone and what it has captured."""

    def __init__(self, workday: Workday) -> None:
        self.day = workday
        self.chance = Random(f"{workday.seed} {workday.person} {workday.day}")
        self.midnight = day_start_ms(workday.day)
        self.now = self.midnight + 8 * _HOUR_MS + self.chance.randrange(35) * _MINUTE_MS
        self.clock_error = WRONG_CLOCK_MS if workday.place == PLACE_OF_WRONG_CLOCK else 0
        self.booted_at = self.midnight + 6 * _HOUR_MS
        self.boot_id = self._id("boot morning")
        self.items: list[Item] = []
        # Where the rep was since duty began, or went on after a break.
        self.way: list[Seen] = []
        self.here = next(
            (shop for id_ in workday.stores if (shop := workday.shops[id_]).store.lat_e7), None
        )

    def walk(self) -> Sent:
        chance = self.chance
        self._attend("ON")
        is_before_lunch = True
        unplanned = [id_ for id_ in self.day.shops if id_ not in set(self.day.stores)]
        for store_id in self.day.stores:
            if self._is_ahead():
                return self._sent_under_way()
            if is_before_lunch and self.now > self.midnight + 12 * _HOUR_MS:
                is_before_lunch = False
                self._lunch()
            if self.now > self.midnight + 18 * _HOUR_MS + 30 * _MINUTE_MS:
                break  # what is left of the plan was missed
            luck = chance.random()
            if luck < 0.05:
                self._skip(store_id)
            elif luck > 0.03 + 0.05:
                self._visit(store_id, is_planned=True)
            if unplanned and chance.random() < 0.1:
                self._visit(chance.choice(unplanned), is_planned=False)
        self._attend("OFF")
        if self._is_ahead():
            return self._sent_under_way()
        self._send_track()
        delay = 24 * _HOUR_MS if chance.random() < 0.04 else 0
        received = self.now + chance.randrange(4, 40) * _MINUTE_MS + delay
        if self.day.until is not None:
            received = min(received, self.day.until)
        return Sent(self.items, received + self.clock_error, received, self.boot_id, self.booted_at)

    def _is_ahead(self) -> bool:
        return self.day.until is not None and self.now >= self.day.until

    def _sent_under_way(self) -> Sent:
        """What there is of the day at the moment at which it is told, with the way so far."""
        until = self.day.until
        assert until is not None
        self.items = [
            item for item in self.items if item.wire["captured_at"] - self.clock_error <= until
        ]
        if self.items:
            self.now = until
            self.way = [seen for seen in self.way if seen.at <= until]
            self._send_track()
        return Sent(self.items, until + self.clock_error, until, self.boot_id, self.booted_at)

    def _visit(self, store_id: UUID, *, is_planned: bool) -> None:
        chance, shop = self.chance, self.day.shops[store_id]
        self.now += chance.randrange(2, 11) * _MINUTE_MS
        is_by_phone = chance.random() < 0.03
        if not is_by_phone:
            self._go_to(shop)
        check_in = self._event(None if is_by_phone else shop)
        steps = [{"step": step, "outcome": "DONE"} for step in _STEPS if chance.random() < 0.93]
        self.now += chance.choice(_MINUTES_AT_A_STORE) * _MINUTE_MS
        self._note_place()
        name = f"visit {len(self.items)}"
        self._add(
            "visit",
            "create",
            name,
            {
                "store_id": str(store_id),
                "position_id": str(self.day.position_id),
                "day_plan_id": str(self.day.plan_id) if is_planned else None,
                "is_by_phone": is_by_phone,
                "check_in": check_in,
                "check_out": self._event(None if is_by_phone else shop),
                "closed_by": "PERSON" if chance.random() < 0.95 else "LEFT_FENCE",
                "steps": steps,
                "note": "Owner away, spoke to the assistant." if chance.random() < 0.05 else None,
            },
        )
        if not is_by_phone:
            self._fill_in_forms(store_id, name)
        self._take_order(store_id, name)

    def _take_order(self, store_id: UUID, visit: str) -> None:
        """What the store orders, agreed before the rep leaves."""
        chance = Random(f"{self.day.seed} {self.day.person} {self.day.day} {visit} order")
        ordered = order_at(chance, self.day.prices.get(str(store_id)), self.now)
        if ordered is not None:
            ordered["prices_as_of"] += self.clock_error
            self._add(
                "order",
                "submit",
                f"{visit} order",
                {
                    "store_id": str(store_id),
                    "visit_id": str(self._id(visit)),
                    "position_id": str(self.day.position_id),
                    **ordered,
                },
            )

    def _fill_in_forms(self, store_id: UUID, visit: str) -> None:
        """What was asked at the store, just before leaving it."""
        day = self.day.day
        # A chance of its own: the day goes the same way whatever is asked on it.
        chance = Random(f"{self.day.seed} {self.day.person} {day} {visit} forms")
        shelf = Shelf(store_id, self.day.must_stock.get(store_id, ()), day)
        for code, answers in answers_at(chance, shelf):
            answered = {**self._event(None), "at": self.now + self.clock_error - _MINUTE_MS}
            answered["uptime_ms"] -= _MINUTE_MS
            self._add(
                "form_answer",
                "create",
                f"{visit} {code}",
                {
                    "visit_id": str(self._id(visit)),
                    "store_id": str(store_id),
                    "answered": answered,
                    **payload(self.day.forms[code], answers, day),
                },
            )

    def _skip(self, store_id: UUID) -> None:
        shop = self.day.shops[store_id]
        self.now += self.chance.randrange(2, 9) * _MINUTE_MS
        self._go_to(shop)
        self._add(
            "visit",
            "skip",
            f"visit {len(self.items)}",
            {
                "store_id": str(store_id),
                "day_plan_id": str(self.day.plan_id),
                "reason": self.chance.choice(_SKIPS),
                "note": None,
                "skipped": self._event(shop),
            },
        )

    def _note_place(self) -> None:
        if self.here is not None:
            lat_e7, lon_e7 = self.here.store.lat_e7, self.here.store.lon_e7
            assert lat_e7 is not None
            assert lon_e7 is not None
            self.way.append(Seen(self.now, lat_e7, lon_e7))

    def _send_track(self) -> None:
        """The segments since duty began or went on: while it is off nothing is collected."""
        chance = Random(f"{self.day.seed} {self.day.person} {self.day.day} {self.now} track")
        for number, stretch in enumerate(stretches(chance, self.way, self.clock_error)):
            self._add(
                "track",
                "create",
                f"track {self.way[0].at} {number}",
                {
                    "position_id": str(self.day.position_id),
                    "began": {
                        "at": stretch.began_at + self.clock_error,
                        "uptime_ms": stretch.began_at - self.booted_at,
                        "boot_id": str(self.boot_id),
                        "gps_time": stretch.began_at,
                    },
                    "datum": "WGS84",
                    "points": stretch.points,
                    "gaps": list(stretch.gaps) or None,
                },
            )
        self.way = []

    def _lunch(self) -> None:
        self._attend("BREAK")
        self._send_track()
        self.now += self.chance.randrange(30, 70) * _MINUTE_MS
        if self.day.place == _PLACE_OF_RESTART and self.day.day.weekday() == 2:
            self.booted_at = self.now - 2 * _MINUTE_MS
            self.boot_id = self._id("boot noon")
        self._attend("ON")

    def _go_to(self, shop: Shop) -> None:
        """Breaks and the end of duty are pressed where the rep was last, or near to it."""
        if shop.store.lat_e7 is not None:
            self.here = shop
            self._note_place()

    def _attend(self, event: str) -> None:
        self.now += _MINUTE_MS
        self._add(
            "attendance",
            "create",
            f"attendance {len(self.items)}",
            {
                "event": event,
                "position_id": str(self.day.position_id),
                "occurred": self._event(self.here),
            },
        )
        self.now += _MINUTE_MS

    def _event(self, shop: Shop | None) -> dict[str, Any]:
        """Now, at the store's door or not quite: with a fix where the phone had one."""
        return {
            "at": self.now + self.clock_error,
            "uptime_ms": self.now - self.booted_at,
            "boot_id": str(self.boot_id),
            "fix": None if shop is None else self._fix(shop),
        }

    def _fix(self, shop: Shop) -> dict[str, Any] | None:
        chance, store = self.chance, shop.store
        luck = chance.random()
        if luck < 0.03:
            return None
        near = shop if store.lat_e7 is not None else self.here
        if near is None or near.store.lat_e7 is None or near.store.lon_e7 is None:
            return None
        # 10⁻⁷ degrees: 30 m for nearly all, some hundred metres now and then, a street away seldom.
        spread_e7 = 2_700 if luck < 0.9 else 14_000 if luck < 0.96 else 60_000
        accuracy_m = round(chance.choice((5, 8, 12, 20, 35, 60)) * chance.uniform(0.8, 1.4))
        return {
            "lat_e7": near.store.lat_e7 + round(chance.gauss(0, spread_e7)),
            "lon_e7": near.store.lon_e7 + round(chance.gauss(0, spread_e7)),
            "datum": "WGS84",
            "accuracy_cm": 30_000 if 0.03 <= luck < 0.045 else 100 * accuracy_m,
            "gps_time": self.now,
            "is_mock": chance.random() < 0.01,
        }

    def _add(self, kind: str, op: str, name: str, payload: dict[str, Any]) -> None:
        self.items.append(
            Item(
                {
                    "op_id": str(self._id(f"op {name}")),
                    "kind": kind,
                    "entity_id": str(self._id(name)),
                    "op": op,
                    "captured_at": self.now + self.clock_error,
                    "captured_boot_id": str(self.boot_id),
                    "captured_uptime_ms": self.now - self.booted_at,
                    "payload": payload,
                },
                self.boot_id,
                self.booted_at,
            )
        )

    def _id(self, name: str) -> UUID:
        return uuid5(self.day.company_key, f"{self.day.person} {self.day.day} {name}")


def sent_by_the_way(items: list[Item], at: int) -> Sent:
    """Items sent at a moment by a phone whose clock is right."""
    return Sent(items, at, at, items[0].boot_id, items[0].booted_at)


def supervisor_edit(company_key: UUID, shop: Shop, at: int) -> Item:
    """The supervisor has written down another address for a store that its rep edits too."""
    changes = {"address": "Corner of Bell Street and Canal Street, Reed Bank, Yunhe"}
    return _edit(company_key, "supervisor", shop, 1, changes, None, at)


def first_edits(
    company_key: UUID, person: str, shops: Sequence[Shop], place: int, at: int
) -> list[Item]:
    """What a rep has noted about stores: a telephone number at once, other things to be decided."""
    edits = [
        _edit(
            company_key, person, shops[3], 1,
            {"contact_phone": f"138 2200 {place:04}", "delivery_note": "Ring twice."}, None, at,
        )
    ]  # fmt: skip
    if place == 0:
        changes: dict[str, Any] = {"address": "12 Bell Street, Reed Bank, Yunhe"}
        edits.append(_edit(company_key, person, shops[0], 1, changes, None, at))
    if place % 4 == 1:
        name = f"{shops[5].store.name} & Sons"
        changes = {"name": name}
        reason = "The sign has changed."
        edits.append(_edit(company_key, person, shops[5], 1, changes, reason, at))
    if place % 6 == 2:
        edits.append(_new_store(company_key, person, shops[8], at))
    return edits


def _edit(
    company_key: UUID,
    person: str,
    shop: Shop,
    base_version: int,
    changes: dict[str, Any],
    reason: str | None,
    at: int,
) -> Item:
    return noted_item(
        company_key, person, "edit", shop.id, {"changes": changes, "reason": reason}, at,
        base_version,
    )  # fmt: skip


def _new_store(company_key: UUID, person: str, neighbour: Shop, at: int) -> Item:
    """A store that opened beside one on the route."""
    store = neighbour.store
    pin = None
    if store.lat_e7 is not None and store.lon_e7 is not None:
        pin = {
            "lat_e7": store.lat_e7 + 3_000,
            "lon_e7": store.lon_e7 + 2_000,
            "datum": "WGS84",
            "accuracy_cm": 900,
            "photo_sha256": None,
        }
    payload = {
        "name": f"New Harvest Market by {store.name}",
        "channel": "supermarket",
        "store_class": "B",
        "address": store.address,
        "contact_name": None,
        "contact_phone": None,
        "opening_hours": None,
        "delivery_note": None,
        "pin": pin,
    }
    entity_id = uuid5(company_key, f"proposed store {person}")
    return noted_item(company_key, person, "create", entity_id, payload, at, None)


def noted_item(
    company_key: UUID,
    person: str,
    op: str,
    entity_id: UUID,
    payload: dict[str, Any],
    at: int,
    base_version: int | None,
    kind: str = "store",
) -> Item:
    """Something that a person noted about a record an hour before it is sent."""
    boot_id = uuid5(company_key, f"{person} boot of the edits")
    booted_at = at - 3 * _HOUR_MS
    wire = {
        "op_id": str(uuid5(entity_id, f"op {op} {person}")),
        "kind": kind,
        "entity_id": str(entity_id),
        "op": op,
        "base_version": base_version,
        "captured_at": at - _HOUR_MS,
        "captured_boot_id": str(boot_id),
        "captured_uptime_ms": 2 * _HOUR_MS,
        "payload": payload,
    }
    return Item(wire, boot_id, booted_at)
