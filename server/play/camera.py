"""The camera of a played phone: draws what it sees, keeps the photo on the phone, and remembers what was done.

Now and then a rep cheats. What was done is known here and nowhere else: the play's report compares it with what the
server found.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from random import Random
from zoneinfo import ZoneInfo

from mobile_contract.phone.captured import Fix
from mobile_contract.phone.phone import Phone
from mobile_contract.phone.photos import TakenPhoto, take_photo
from server.play.pictures import Spoilt, Taking, copy_picture, draw_shelf
from server.play.places import Place

_MODELS = (
    ("Xiaomi", "Redmi 9A"),
    ("samsung", "SM-A045F"),
    ("Google", "Pixel 4a"),
    ("motorola", "moto e13"),
    ("HONOR", "X6"),
)
_SIZE_VARIES = 0.25


class Cheat(StrEnum):
    """How a rep cheats, or is careless; the name in small letters is the flag that the server is to find."""

    REUSED = "reused"
    TAKEN_ELSEWHERE = "taken_elsewhere"
    DARK = "dark"
    BLURRED = "blurred"


_SPOILS = {Cheat.DARK: Spoilt.DARK, Cheat.BLURRED: Spoilt.BLURRED}


@dataclass(frozen=True, slots=True)
class Shot:
    """A photo that was taken, and what was wrong with it."""

    photo_id: str
    sha256: str
    size: int
    cheat: Cheat | None


@dataclass(slots=True)
class Camera:
    """The camera of one phone; `seed` and the number of the shot make each picture another one."""

    seed: str
    kilobytes: int
    random: Random
    shots: list[Shot] = field(default_factory=list)
    # How many pictures are still due by now.
    due: int = 0
    _last: tuple[str | None, bytes] | None = None

    def take(
        self,
        phone: Phone,
        *,
        role: str,
        fix: Fix | None,
        place: Place | None,
        store_id: str | None = None,
        visit_id: str | None = None,
        position_id: str | None = None,
        cheat: Cheat | None = None,
    ) -> TakenPhoto:
        """Take a picture here and now; `place` is where the camera thinks that it is."""
        number = len(self.shots)
        if cheat is Cheat.REUSED and (self._last is None or self._last[0] == store_id):
            cheat = None
        taking = self._taking(phone, place)
        if cheat is Cheat.REUSED:
            assert self._last is not None
            is_copied = self.random.random() < 0.5
            picture = copy_picture(self._last[1], taking=taking) if is_copied else self._last[1]
        else:
            picture = draw_shelf(
                f"{self.seed}/{number}",
                shelf=f"{store_id}/{number}",
                kilobytes=max(
                    10,
                    round(self.kilobytes * self.random.uniform(1 - _SIZE_VARIES, 1 + _SIZE_VARIES)),
                ),
                taking=taking,
                spoilt=None if cheat is None else _SPOILS.get(cheat),
            )
        if cheat is None:
            self._last = (store_id, picture)
        photo = take_photo(
            phone,
            picture,
            role=role,
            fix=fix,
            store_id=None if visit_id is not None else store_id,
            visit_id=visit_id,
            position_id=position_id,
        )
        self.shots.append(Shot(photo.id, photo.sha256, photo.size, cheat))
        return photo

    def _taking(self, phone: Phone, place: Place | None) -> Taking:
        """What the camera writes: the phone's clock, right or wrong, in the company's time zone."""
        zone = ZoneInfo(phone.device.enrolment.company["time_zone"])
        wall = datetime.fromtimestamp(phone.read_clock().wall_ms / 1000, UTC).astimezone(zone)
        make, model = _MODELS[sum(map(ord, self.seed)) % len(_MODELS)]
        return Taking(
            taken_at=wall,
            place=None if place is None else (place.latitude, place.longitude),
            make=make,
            model=model,
        )
