"""The people of a company as the office sees them: found by what they are called, page by page, and one of them whole.

An admin sees everybody. Whoever oversees positions sees the people who hold one of these, will hold one, or held one last.
Nobody else is there for them.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from server.identity.errors import NoSuchPerson
from server.identity.permissions import positions_to_act_for, sees_all
from server.language import Said
from sync.unit_of_work import UnitOfWork

STATES = ("HERE", "TO_COME", "LEAVING", "LEFT")
"""HERE: with the company, whether they hold a position or not. TO_COME: their first position begins later. LEAVING: their
day of leaving is set, and has not come. LEFT: it has."""

_STATE = """
    case when n.left_on <= :today then 'LEFT'
         when n.left_on is not null then 'LEAVING'
         when exists (select from occupancy o where o.company_id = n.company_id
                      and o.person_id = n.id and o.starts_on > :today)
              and not exists (select from occupancy o where o.company_id = n.company_id
                              and o.person_id = n.id and o.starts_on <= :today) then 'TO_COME'
         else 'HERE' end
"""
# Whom an asker with these positions sees: by what is held today or later; else by what was held last.
_SEEN = """
    (:is_all or n.id = :asker or exists (
        select from occupancy o where o.company_id = n.company_id and o.person_id = n.id
          and (o.ends_on is null or o.ends_on >= :today) and o.position_id in (select id from seen))
     or (not exists (select from occupancy o where o.company_id = n.company_id and o.person_id = n.id
                     and (o.ends_on is null or o.ends_on >= :today))
         and (select o.position_id from occupancy o
              where o.company_id = n.company_id and o.person_id = n.id
              order by o.ends_on desc, o.id limit 1) in (select id from seen)))
"""
_HELD_TODAY = """
    from occupancy o
    join position p on p.company_id = o.company_id and p.id = o.position_id
    join region g on g.company_id = p.company_id and g.id = p.region_id
    where o.company_id = n.company_id and o.person_id = n.id and o.starts_on <= :today
      and (o.ends_on is null or o.ends_on >= :today)
      and (:is_all or o.position_id in (select id from seen))
"""
# The page first, and what is to be told of its people then: of thousands fifty are told.
_LIST = f"""
with seen as (select unnest(cast(:seen as uuid[])) as id), page as materialized (
    select n.* from person n
    where n.company_id = :company and {_SEEN}
      and (cast(:only as uuid[]) is null or n.id = any(:only))
      and (cast(:after_name as text) is null
           or (n.name, n.id) > (:after_name, cast(:after_id as uuid)))
      and (cast(:state as text) is null
           or (:state = 'NOT_LEFT' and (n.left_on is null or n.left_on > :today))
           or (:state <> 'NOT_LEFT' and :state = {_STATE}))
      and (cast(:role as text) is null or exists (select {_HELD_TODAY} and p.role = :role))
      and (cast(:words as text) is null or n.name ilike :words or n.email ilike :words
           or exists (select {_HELD_TODAY} and p.code ilike :words))
    order by n.name, n.id limit :at_most
)
select n.id, n.name, n.email, n.left_on, {_STATE} as state, n.signed_in_at,
       n.password_hash is not null as has_password, held.codes, held.roles, held.regions,
       (select min(o.starts_on) from occupancy o where o.company_id = n.company_id
        and o.person_id = n.id and o.starts_on > :today) as next_day,
       (select count(*) from device d where d.company_id = n.company_id and d.person_id = n.id
        and d.state in ('ACTIVE', 'DRAINING')) as phones
from page n
left join lateral (
    select array_agg(p.code order by o.is_acting, p.code) as codes,
           array_agg(distinct p.role) as roles, array_agg(distinct g.name) as regions
    {_HELD_TODAY}
) held on true
order by n.name, n.id
"""  # noqa: S608  put together from constants, above
_HELD = """
select o.id, o.position_id, p.code, p.name, p.role, g.name as region, o.starts_on, o.ends_on, o.is_acting,
       not exists (select from occupancy h where h.company_id = o.company_id
                   and h.position_id = o.position_id and not h.is_acting and h.starts_on <= :today
                   and (h.ends_on is null or h.ends_on >= :today)) as is_vacant
from occupancy o
join position p on p.company_id = o.company_id and p.id = o.position_id
join region g on g.company_id = p.company_id and g.id = p.region_id
where o.company_id = :company and o.person_id = :person
  and (:is_all or o.position_id in (select unnest(cast(:seen as uuid[]))))
order by o.ends_on desc nulls first, o.starts_on desc, p.code limit 200
"""


@dataclass(frozen=True, slots=True)
class PersonFound:
    """A person and what they hold today, as far as the asker sees it."""

    id: UUID
    name: str
    email: str | None
    state: str
    left_on: date | None
    next_day: date | None
    positions: tuple[str, ...]
    roles: tuple[str, ...]
    regions: tuple[str, ...]
    phones: int
    has_password: bool
    signed_in_at: datetime | None

    @property
    def told(self) -> str:
        """Their name and what they hold, as lists to choose from have it."""
        more = ", ".join(self.positions) or self.email
        return f"{self.name} ({more})" if more else self.name


@dataclass(frozen=True, slots=True)
class Held:
    """An occupancy of somebody: which position, from the first day to the last."""

    id: UUID
    position_id: UUID
    code: str
    name: str
    role: str
    region: str
    starts_on: date
    ends_on: date | None
    is_acting: bool
    # Whether nobody holds the position today, or only stands in.
    is_vacant: bool

    def lasts(self, day: date) -> bool:
        """Whether it is held on this day."""
        return self.starts_on <= day and (self.ends_on is None or self.ends_on >= day)

    def is_over(self, day: date) -> bool:
        """Whether it ended before this day."""
        return self.ends_on is not None and self.ends_on < day


@dataclass(frozen=True, slots=True)
class PeopleAsked:
    """Which people: `words` are in their name, e-mail or codes of positions; `state` is one of `STATES`, or NOT_LEFT."""

    words: str = ""
    state: str = "NOT_LEFT"
    role: str = ""


def find_people(
    uow: UnitOfWork,
    asked: PeopleAsked,
    *,
    today: date,
    asker_id: UUID | None,
    after: tuple[str, UUID] | None = None,
    at_most: int = 100,
    only: Iterable[UUID] | None = None,
) -> list[PersonFound]:
    """The people whom the asker may see, by name. At most three queries."""
    words = " ".join(asked.words.replace("\0", " ").split())[:200]
    rows = uow.rows(
        _LIST,
        **_seen_by(uow, asker_id, today),
        only=None if only is None else list(only),
        state=asked.state or None,
        role=asked.role or None,
        words=f"%{_escaped(words)}%" if words else None,
        after_name=None if after is None else after[0],
        after_id=None if after is None else after[1],
        at_most=at_most,
    )
    return [
        PersonFound(
            row.id,
            row.name,
            row.email,
            row.state,
            row.left_on,
            row.next_day,
            tuple(row.codes or ()),
            tuple(row.roles or ()),
            tuple(row.regions or ()),
            row.phones,
            row.has_password,
            row.signed_in_at,
        )
        for row in rows
    ]


def find_person(
    uow: UnitOfWork, person_id: UUID, *, today: date, asker_id: UUID | None
) -> PersonFound:
    """One of `find_people`, also who has left. Raises NoSuchPerson, also for one that the asker may not see."""
    found = find_people(
        uow,
        PeopleAsked(state=""),
        today=today,
        asker_id=asker_id,
        at_most=1,
        only=[person_id],
    )
    if not found:
        raise NoSuchPerson(Said("there is no such person in this company"))
    return found[0]


def check_people_seen(
    uow: UnitOfWork, person_ids: Iterable[UUID], *, today: date, asker_id: UUID | None
) -> None:
    """Raise NoSuchPerson where the asker may not see one of them."""
    wanted = set(person_ids)
    found = find_people(
        uow,
        PeopleAsked(state=""),
        today=today,
        asker_id=asker_id,
        at_most=len(wanted),
        only=wanted,
    )
    if len(found) < len(wanted):
        raise NoSuchPerson(Said("there is no such person in this company"))


def held_by(uow: UnitOfWork, person_id: UUID, *, today: date, asker_id: UUID | None) -> list[Held]:
    """What a person holds, will hold and held, as far as the asker sees it: what lasts first, then the latest."""
    rows = uow.rows(_HELD, **_seen_by(uow, asker_id, today), person=person_id)
    return [
        Held(
            row.id,
            row.position_id,
            row.code,
            row.name,
            row.role,
            row.region,
            row.starts_on,
            row.ends_on,
            row.is_acting,
            row.is_vacant,
        )
        for row in rows
    ]


def _seen_by(uow: UnitOfWork, asker_id: UUID | None, today: date) -> dict[str, object]:
    """What `_SEEN` asks for: whom one gives work and positions. An admin's positions need not be read."""
    is_all = sees_all(uow, asker_id, today)
    seen = frozenset() if is_all else positions_to_act_for(uow, asker_id, today) or frozenset()
    return {
        "company": uow.company_id,
        "asker": asker_id,
        "today": today,
        "is_all": is_all,
        "seen": sorted(seen),
    }


def _escaped(words: str) -> str:
    return words.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
