"""The photos of the demo's visits: taken by the reps, stored and read as any phone's are, those of audits each odd in its way.

One is dark, one is blurred, one was used before at another store, one was taken days earlier, one looks like the last
week's. What was found about each is what the server finds.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from itertools import groupby
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import UUID, uuid5
from zoneinfo import ZoneInfo

from server.demo.goods import build_goods
from server.demo.shelves import Picture, Ware, draw_shelf
from server.media.files import keep_file
from server.photos.judging import judge_photos
from server.photos.read_files import ReadingRoom, read_file
from sync.unit_of_work import Database

# Something is odd about the photos of the latest visit of people in turn; of these first ones also of the one a week before at
# the same store. The first visits of these have two photos.
PEOPLE_TWICE = 3
WITH_TWO = 4
_AT_ONCE = 2
_ROLE = "shelf"


@dataclass(frozen=True, slots=True)
class Taken:
    """A photo of an audit visit, and the file it names."""

    id: UUID
    item: str
    at_ms: int
    data: bytes
    # One that was used before is chosen among pictures.
    source: str = "CAMERA"

    @property
    def sha256(self) -> str:
        return sha256(self.data).hexdigest()


def take_photos(
    key: UUID,
    visits: Sequence[Any],
    items: Sequence[str],
    untagged: Collection[UUID],
    zone: ZoneInfo,
) -> dict[UUID, list[Taken]]:
    """What is photographed for the audits of these visits, by the visit's id: the shelf of each, and for some what the
    promotion costs. At the `untagged` ones half of the tags are missing.
    """
    wares = _wares(key)
    taken: dict[UUID, list[Taken]] = {}
    first: Taken | None = None
    numbers = {visit.id: number for number, visit in enumerate(_chosen(visits))}
    for visit in visits:
        at = visit.began_ms + 240_000
        moment = datetime.fromtimestamp(at / 1000, UTC).astimezone(zone)
        picture = Picture(
            str(visit.store_id),
            f"{visit.id}",
            moment,
            untagged_in_ten=6 if visit.id in untagged else 0,
        )
        number = numbers.get(visit.id)
        odd = None if number is None else number % 6
        if odd == 1:
            picture = replace(picture, is_dark=True)
        elif odd == 2:
            picture = replace(picture, is_blurred=True)
        elif odd == 3:
            picture = replace(picture, taken_at=moment - timedelta(days=2, hours=3))
        of_tags = _photo(key, visit, items[0], at, draw_shelf(picture, wares))
        if odd == 4 and first is not None:
            of_tags = replace(of_tags, data=first.data, source="GALLERY")
        first = first or of_tags
        taken[visit.id] = [of_tags]
        if number is not None and number < WITH_TWO:
            second = replace(picture, shot=f"{visit.id} prices", is_dark=False, is_blurred=False)
            of_prices = _photo(key, visit, items[1], at + 40_000, draw_shelf(second, wares))
            taken[visit.id].append(of_prices)
    return taken


def photograph_shelves(key: UUID, visits: Sequence[Any], zone: ZoneInfo) -> dict[UUID, list[Taken]]:
    """A photo of the shelf at each of these visits, for nobody's audit, by the visit's id."""
    wares = _wares(key)
    taken = {}
    for visit in visits:
        at = visit.began_ms + 120_000
        moment = datetime.fromtimestamp(at / 1000, UTC).astimezone(zone)
        picture = Picture(str(visit.store_id), f"{visit.id}", moment)
        taken[visit.id] = [_photo(key, visit, _ROLE, at, draw_shelf(picture, wares))]
    return taken


def photo_items(key: UUID, visit: Any, taken: Sequence[Taken], booted_at: int) -> Iterator[Any]:
    """What the phone sends of each photo besides its file."""
    for one in taken:
        fix = None
        if visit.lat_e7 is not None:
            fix = {
                "lat_e7": visit.lat_e7 + 900,
                "lon_e7": visit.lon_e7 - 700,
                "datum": "WGS84",
                "accuracy_cm": 1_200,
                "gps_time": one.at_ms,
                "is_mock": False,
            }
        yield {
            "op_id": str(uuid5(one.id, "op")),
            "kind": "photo",
            "entity_id": str(one.id),
            "op": "create",
            "captured_at": one.at_ms,
            "captured_boot_id": str(uuid5(key, "audit boot")),
            "captured_uptime_ms": one.at_ms - booted_at,
            "payload": {
                "visit_id": str(visit.id),
                "position_id": str(visit.position_id),
                "sha256": one.sha256,
                "size": len(one.data),
                "role": _ROLE,
                "occurred": {"at": one.at_ms, "uptime_ms": one.at_ms - booted_at, "fix": fix},
                "source": one.source,
            },
        }


def bring_files(
    database: Database,
    room: ReadingRoom,
    company_id: int,
    taken: Mapping[UUID, Sequence[Taken]],
    senders: Mapping[UUID, tuple[UUID, UUID]],
) -> int:
    """Store the files of these photos, read them and judge the photos; how many files. `senders`: by the visit's id
    (device, person).
    """
    files = {
        one.sha256: (one.data, senders[visit_id])
        for visit_id, photos in taken.items()
        for one in photos
    }
    with TemporaryDirectory(prefix="roadbook-demo-") as folder:

        def bring(digest: str) -> None:
            data, (device_id, person_id) = files[digest]
            path = Path(folder) / digest
            path.write_bytes(data)
            file_id = keep_file(
                database,
                room.storage,
                company_id,
                path,
                sha256=digest,
                size=len(data),
                device_id=device_id,
                person_id=person_id,
            )
            read_file(database, room, company_id, file_id)

        with ThreadPoolExecutor(_AT_ONCE) as readers:
            list(readers.map(bring, sorted(files)))
    room.close()
    judge_photos(database, company_id, [one.id for photos in taken.values() for one in photos])
    return len(files)


def _wares(key: UUID) -> list[Ware]:
    return [
        Ware(good.product.name, f"{good.piece_minor / 100:.2f}")
        for good in build_goods(key, {"DRINKS": key, "SNACKS": key})
        if good.piece_minor is not None
    ]


def _chosen(visits: Sequence[Any]) -> Iterator[Any]:
    """The latest visit of each person; of the first ones also that at the same store a week before."""
    people = sorted(visits, key=lambda visit: (str(visit.person_id), -visit.began_ms))
    for number, (_, group) in enumerate(groupby(people, key=lambda visit: visit.person_id)):
        of_person = list(group)
        latest = of_person[0]
        yield latest
        earlier = [visit for visit in of_person[1:] if visit.store_id == latest.store_id]
        if number < PEOPLE_TWICE and earlier:
            yield earlier[0]


def _photo(key: UUID, visit: Any, item: str, at_ms: int, data: bytes) -> Taken:
    return Taken(uuid5(key, f"photo {visit.id} {item}"), item, at_ms, data)
