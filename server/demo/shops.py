"""The stores of the demo and the rules by which they are visited."""

from dataclasses import dataclass
from datetime import date, timedelta
from random import Random
from typing import Any
from uuid import UUID, uuid5

from server.demo.city import Area, points_within
from server.planning.stores import NewStore

STORES_PER_REP = 50
# One store in so many has no pin yet.
UNPINNED_EVERY = 25

CHANNELS = ("grocery", "convenience", "supermarket", "restaurant", "kiosk")
_CHANNEL_WEIGHTS = (38, 27, 10, 15, 10)
_KINDS = {
    "grocery": ("Grocery", "Provisions", "Family Store"),
    "convenience": ("Corner Store", "Daily", "24 Hours"),
    "supermarket": ("Supermarket", "Fresh Market"),
    "restaurant": ("Noodle House", "Kitchen", "Tea House"),
    "kiosk": ("Kiosk", "Stand"),
}
_FAMILIES = (
    "An", "Bai", "Cao", "Dai", "Fan", "Feng", "Han", "Jiang", "Jin", "Kong", "Lu", "Meng", "Pan",
    "Peng", "Qiu", "Ren", "Shen", "Shi", "Tan", "Tao", "Wei", "Xie", "Xiong", "Yan", "Yao", "Yu",
    "Yuan", "Zeng", "Zheng", "Zhong",
)  # fmt: skip
_GIVEN = ("An", "Bin", "Dan", "Fei", "Hong", "Jie", "Kai", "Li", "Ping", "Qin", "Shan", "Wei")
_STREETS = (
    "Lotus Road", "Bell Street", "Canal Street", "Willow Lane", "Temple Road", "Station Road",
    "Market Street", "Plum Lane", "Bridge Street", "Harvest Avenue",
)  # fmt: skip

ODD_DAYS, EVEN_DAYS = [1, 3, 5], [2, 4, 6]


@dataclass(frozen=True, slots=True)
class Shop:
    """A store of the demo with the weekdays on which its route passes."""

    store: NewStore
    is_odd: bool
    rule: dict[str, Any]

    @property
    def id(self) -> UUID:
        assert self.store.id is not None
        return self.store.id


def build_shops(
    company_key: UUID, township: Area, region_id: UUID, first_number: int, seed: int, anchor: date
) -> list[Shop]:
    """The stores of one township, in the order in which a rep would pass them.

    `anchor` is the Monday from which the cycles of the rules are counted.
    """
    chance = Random(f"{seed} shops {township.code}")
    assert township.boundary is not None
    points = sorted(points_within(township.boundary, chance, STORES_PER_REP))
    # A pass through the township in strips, up one and down the next.
    points.sort(key=_strip)
    return [
        _shop(company_key, region_id, first_number + place, point, township, chance, anchor)
        for place, point in enumerate(points)
    ]


def _strip(point: tuple[int, int]) -> tuple[int, int]:
    lat_e7, lon_e7 = point
    strip = lon_e7 // 120_000
    return strip, lat_e7 if strip % 2 == 0 else -lat_e7


def _shop(
    company_key: UUID,
    region_id: UUID,
    number: int,
    point: tuple[int, int],
    township: Area,
    chance: Random,
    anchor: date,
) -> Shop:
    channel = chance.choices(CHANNELS, _CHANNEL_WEIGHTS)[0]
    family = chance.choice(_FAMILIES)
    store_class = chance.choices("ABC", (26, 42, 32))[0]
    is_odd = number % 2 == 0
    is_unpinned = number % UNPINNED_EVERY == 7
    code = f"Y{number:04}"
    store = NewStore(
        id=uuid5(company_key, f"store {code}"),
        code=code,
        name=f"{family}'s {chance.choice(_KINDS[channel])}",
        channel=channel,
        store_class=store_class,
        address=f"{chance.randint(1, 180)} {chance.choice(_STREETS)}, {township.name}, Yunhe",
        contact_name=f"{family} {chance.choice(_GIVEN)}",
        contact_phone=f"139 0000 {number:04}",
        opening_hours="10:30-14:00, 16:30-21:00" if channel == "restaurant" else "08:00-21:00",
        delivery_note="Deliver to the back door." if chance.random() < 0.2 else None,
        lat_e7=None if is_unpinned else point[0],
        lon_e7=None if is_unpinned else point[1],
        fence_radius_m=400 if channel == "supermarket" else None,
        region_id=region_id,
    )
    return Shop(store, is_odd, _rule(store_class, channel, number, is_odd, chance, anchor))


def _rule(
    store_class: str, channel: str, number: int, is_odd: bool, chance: Random, anchor: date
) -> dict[str, Any]:
    """A and most B: three days a week. The rest: two days, in one of two or of four weeks."""
    days = ODD_DAYS if is_odd else EVEN_DAYS
    if store_class == "A" or (store_class == "B" and number % 4):
        weekdays, cycle, groups = days, 1, [0]
    elif store_class == "B":
        weekdays, cycle, groups = sorted(chance.sample(days, 2)), 1, [0]
    elif number % 3:
        weekdays, cycle, groups = sorted(chance.sample(days, 2)), 2, [number % 2]
    else:
        weekdays, cycle, groups = sorted(chance.sample(days, 2)), 4, [number % 4]
    has_window = channel == "restaurant"
    return {
        "weekdays": weekdays,
        "cycle_weeks": cycle,
        "week_groups": groups,
        "anchor": anchor.isoformat(),
        "starts_on": anchor.isoformat(),
        "ends_on": None,
        "on_holiday": ("SKIP", "NEXT", "PREVIOUS")[number % 3],
        "open_from_min": 10 * 60 if has_window else None,
        "open_until_min": 17 * 60 if has_window else None,
    }


def first_anchor(today: date) -> date:
    """The Monday from which the demo's cycles count: some weeks before its history."""
    return today - timedelta(days=today.weekday() + 28)
