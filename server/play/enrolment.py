"""Where the phones of a play get their codes, and are given back: the identity service, as a command."""

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from server.identity.change_log import Actor
from server.identity.device_states import revoke
from server.identity.devices import issue_enrolment_code
from server.play.asking import Asked, ask_people, take_back
from sync.unit_of_work import Database, UnitOfWork

_ACTOR = Actor.command("play")
_REPS = """
select p.id, p.name from position s
join occupancy o on o.company_id = s.company_id and o.position_id = s.id
join person p on p.company_id = o.company_id and p.id = o.person_id
where s.company_id = :company and s.role = 'rep' and p.left_on is null
  and o.starts_on <= current_date and (o.ends_on is null or o.ends_on >= current_date)
group by p.id, p.name order by min(s.code), p.id
"""


class NobodyToPlay(Exception):
    """There is no such company, or it has no reps."""


@dataclass(frozen=True, slots=True)
class Seat:
    """A rep and a code with which one phone becomes theirs."""

    name: str
    code: str
    person_id: UUID


class EnrolmentDesk:
    """Hands out codes for the reps of one company, and takes the phones back."""

    def __init__(self, database: Database, company_code: str) -> None:
        self._database = database
        self.company_code = company_code
        with database.installation() as uow:
            found = uow.rows("select company_id_of(:code) as id", code=company_code)[0].id
        if found is None:
            raise NobodyToPlay(f"there is no company {company_code!r}; `roadbook demo` makes one")
        self.company_id: int = found
        self._asked = Asked()

    def seats(self, count: int) -> list[Seat]:
        """A code for each of `count` phones; with more phones than reps some reps get several."""
        with self._database.company(self.company_id) as uow:
            reps = [(row.id, row.name) for row in uow.rows(_REPS, company=self.company_id)]
            if not reps:
                raise NobodyToPlay("this company has no reps")
            return [self._seat(uow, *reps[number % len(reps)]) for number in range(count)]

    def take_back(self, device_ids: Iterable[str]) -> int:
        """Revoke these phones: nobody has them any more. How many there were."""
        ids = sorted(UUID(each) for each in device_ids)
        asked, self._asked = self._asked, Asked()
        take_back(self._database, self.company_id, _ACTOR, asked)
        with self._database.company(self.company_id) as uow:
            for device_id in ids:
                revoke(uow, _ACTOR, device_id)
        return len(ids)

    def _seat(self, uow: UnitOfWork, person_id: UUID, name: str) -> Seat:
        code = issue_enrolment_code(uow, person_id, _ACTOR)
        return Seat(name=name, code=code, person_id=person_id)

    def ask(self, seats: Iterable[Seat]) -> None:
        """Let the office ask something of everybody who plays, until the phones are taken back."""
        people = [seat.person_id for seat in seats]
        self._asked = ask_people(self._database, self.company_id, _ACTOR, people)
