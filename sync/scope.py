"""Who holds what: people hold scope keys, records are at scope keys, and where they meet a record
is in a person's scope.

A key is the id of what owns a record: the company, a division, a person, a position, a route or a
region. A seat of no division has them all. A manager of two million stores holds a few keys. Keys
follow from occupancies, positions, divisions, routes and the region tree; `rescope` works them out again and is called in the transaction that changed one
of these. Such transactions of a company follow one another (`take_turn`): each sees what the one
before it changed, and whom that concerns. What is logged is which keys were touched: a pull then
decides from the state it sees, record by record, so that two removals at once still evict.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from sync.errors import ScopeTooLarge
from sync.policy import current_policy
from sync.unit_of_work import UnitOfWork

# Roles that see what the positions of their region and below see.
OVERSEERS = ("supervisor", "regional_manager")


# Whether the record `r` is in the scope of a person: an expression for the driver's statements.
# Two arrays, so that the cost follows the keys of the one record and of the one person; as a join
# it could be planned the other way round, over everything that the person may see.
def is_visible(company: str, person: str) -> str:
    """The expression, with the placeholders of the statement that it goes into."""
    return f"""
array(select k.key from record_key k where k.company_id = r.company_id and k.id = r.id)
&& array(select h.key from holder_key h where h.company_id = {company} and h.person_id = {person})
"""


# Of two numbers, so that it is no other lock of ours: what it is for, and the company.
_TURN = "select pg_advisory_xact_lock(5, :company)"
_WANTED = """
with recursive holding as (
    select o.person_id, p.id as position_id, p.region_id, p.division_id, p.role
    from occupancy o
    join position p on p.company_id = o.company_id and p.id = o.position_id
    join person n on n.company_id = o.company_id and n.id = o.person_id
    where o.company_id = :company and o.person_id = any(:people)
      and o.starts_on <= :today and (o.ends_on is null or o.ends_on >= :today)
      and (n.left_on is null or n.left_on > :today)
), below as (
    select h.person_id, h.position_id as by_position, h.region_id
    from holding h where h.role = any(:overseers)
    union
    select b.person_id, b.by_position, r.id
    from below b join region r on r.company_id = :company and r.parent_id = b.region_id
), overseen as (
    select b.person_id, b.by_position, p.id as position_id
    from below b join position p on p.company_id = :company and p.region_id = b.region_id
)
select n.id as person_id, c.key as key, 'company' as reason
from person n join company c on c.id = n.company_id
where n.company_id = :company and n.id = any(:people)
  and (n.left_on is null or n.left_on > :today)
union select n.id, n.id, 'self' from person n
where n.company_id = :company and n.id = any(:people)
  and (n.left_on is null or n.left_on > :today)
union select person_id, position_id, 'holds' from holding
union select h.person_id, d.id, 'division of ' || h.position_id
from holding h join division d
  on d.company_id = :company and (h.division_id is null or d.id = h.division_id)
union select h.person_id, r.id, 'route of ' || h.position_id
from holding h join route r on r.company_id = :company and r.position_id = h.position_id and r.is_active
union select person_id, region_id, 'region under ' || by_position from below
union select person_id, position_id, 'overseen by ' || by_position from overseen
union select o.person_id, r.id, 'route overseen by ' || o.by_position
from overseen o join route r
  on r.company_id = :company and r.position_id = o.position_id and r.is_active
"""
_HELD = "select person_id, key, reason from holder_key where company_id = :company and person_id = any(:people)"
# Who of these people holds other keys than they should.
_DIFFERING = f"""
with wanted as (select * from ({_WANTED}) w), held as ({_HELD})
select distinct person_id from (
    (select * from wanted except select * from held)
    union all
    (select * from held except select * from wanted)
) d
order by person_id
"""
_GAIN = """
insert into holder_key (company_id, person_id, key, reason)
select :company, r.person_id, r.key, r.reason
from unnest(cast(:people as uuid[]), cast(:keys as uuid[]), cast(:reasons as text[]))
     as r(person_id, key, reason)
"""
_LOSE = """
with gone as (
    delete from holder_key h
    using unnest(cast(:people as uuid[]), cast(:keys as uuid[]), cast(:reasons as text[]))
          as r(person_id, key, reason)
    where h.company_id = :company and h.person_id = r.person_id and h.key = r.key
      and h.reason = r.reason
    returning h.company_id, h.person_id, h.key, h.reason, h.since
)
insert into holder_key_past (company_id, person_id, key, reason, since) select * from gone
"""
_LOG = """
insert into holder_change (company_id, person_id, key)
select :company, r.person_id, r.key
from unnest(cast(:people as uuid[]), cast(:keys as uuid[])) as r(person_id, key)
"""
_SIZE = """
select count(distinct k.id) from holder_key h
join record_key k on k.company_id = h.company_id and k.key = h.key
where h.company_id = %s and h.person_id = %s
"""
_CONCERNED = """
with recursive above as (
    select p.id as position_id, p.region_id from position p
    where p.company_id = :company and p.id = any(:positions)
), up as (
    select region_id from above
    union
    select r.parent_id from up join region r on r.company_id = :company and r.id = up.region_id
    where r.parent_id is not null
)
select distinct o.person_id from occupancy o
join position p on p.company_id = o.company_id and p.id = o.position_id
where o.company_id = :company
  and (p.id = any(:positions)
       or (p.role = any(:overseers) and p.region_id in (select region_id from up)))
"""


@dataclass(frozen=True, slots=True)
class ScopeChange:
    """Which keys a person gained and lost."""

    gained: frozenset[UUID]
    lost: frozenset[UUID]


def take_turn(uow: UnitOfWork) -> None:
    """Wait until no other transaction of the company changes who holds what, and let none do so
    before this one ends.

    Of two changes at once neither would see the other's: somebody given a position above a route
    that is just being moved there would never get it. Whoever changes an occupancy, a position, the
    owner of a route or the region tree calls it first, before reading or locking anything else, so
    that nobody who waits for it holds what its holder needs. Phones never wait for it.
    """
    uow.rows(_TURN, company=uow.company_id)


def rescope(
    uow: UnitOfWork, people: Iterable[UUID], today: date, *, is_bounded: bool = True
) -> dict[UUID, ScopeChange]:
    """Work out the keys of these people again, as of a day in the company's time zone.

    Call it in the transaction that changed an occupancy, a position, the owner of a route or the
    region tree. Raises ScopeTooLarge when a phone would get more records than the policy allows,
    unless it is not bounded: a date that has come takes effect, whatever it does to a phone.
    """
    ids = sorted(set(people))
    if not ids:
        return {}
    take_turn(uow)
    company = uow.company_id
    wanted = {
        (row.person_id, row.key, row.reason)
        for row in uow.rows(
            _WANTED, company=company, people=ids, today=today, overseers=list(OVERSEERS)
        )
    }
    held = {
        (row.person_id, row.key, row.reason) for row in uow.rows(_HELD, company=company, people=ids)
    }
    for statement, rows in ((_LOSE, held - wanted), (_GAIN, wanted - held)):
        if rows:
            listed = sorted(rows)
            uow.run(
                statement,
                company=company,
                people=[row[0] for row in listed],
                keys=[row[1] for row in listed],
                reasons=[row[2] for row in listed],
            )
    touched = sorted({(person, key) for person, key, _ in held ^ wanted})
    if touched:
        uow.run(
            _LOG,
            company=company,
            people=[person for person, _ in touched],
            keys=[key for _, key in touched],
        )
    return _bounded(uow, ids, held, wanted, is_bounded=is_bounded)


def _bounded(
    uow: UnitOfWork,
    ids: list[UUID],
    held: set[tuple[UUID, UUID, str]],
    wanted: set[tuple[UUID, UUID, str]],
    *,
    is_bounded: bool,
) -> dict[UUID, ScopeChange]:
    changes = {}
    limit = None
    for person in ids:
        before = {key for owner, key, _ in held if owner == person}
        after = {key for owner, key, _ in wanted if owner == person}
        changes[person] = ScopeChange(frozenset(after - before), frozenset(before - after))
        if is_bounded and after - before:
            if limit is None:
                limit = current_policy(uow)[1].max_scope_records
            size = scope_size(uow, person)
            if size > limit:
                raise ScopeTooLarge(person, size, limit)
    return changes


def scope_size(uow: UnitOfWork, person_id: UUID) -> int:
    """How many records are in a person's scope: what a first sync of their phone would carry."""
    row = uow.driver.execute(_SIZE, [uow.company_id, person_id]).fetchone()
    return 0 if row is None else int(row[0])


def people_concerned(uow: UnitOfWork, positions: Iterable[UUID]) -> set[UUID]:
    """Everybody whose keys may change when these positions, their routes or holders do: those who
    hold them or held them, and those above.
    """
    take_turn(uow)
    return {
        row.person_id
        for row in uow.rows(
            _CONCERNED,
            company=uow.company_id,
            positions=list(positions),
            overseers=list(OVERSEERS),
        )
    }


def people_out_of_date(uow: UnitOfWork, people: Iterable[UUID], today: date) -> list[UUID]:
    """Those of these people whose keys are not those that they should hold on this day."""
    found = uow.rows(
        _DIFFERING,
        company=uow.company_id,
        people=list(people),
        today=today,
        overseers=list(OVERSEERS),
    )
    return [row.person_id for row in found]
