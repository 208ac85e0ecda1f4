"""Notices as the office gives, recalls and follows them.

Whoever gives one reaches only positions that they may see: the audience of a company, a division, a region or some
positions must lie within them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, NamedTuple
from uuid import UUID, uuid4

from sqlalchemy import insert, update

from mobile_contract.records.notice import NoticeText
from mobile_contract.schema import faults_of
from server.identity.change_log import Actor, log_change
from server.identity.permissions import positions_to_act_for
from server.language import Said, spoken_language
from server.tasks.errors import BeyondScope, FieldInvalid, NoSuchNotice, WrongState
from sync.kinds.notice.publish import publish_notices
from sync.kinds.notice.states import TELLING
from sync.kinds.notice.table import AUDIENCES, notice
from sync.publish import hold
from sync.scope import take_turn
from sync.unit_of_work import UnitOfWork

REASON_MAX = 400
DAYS_MAX = 366
POSITIONS_MAX = 2_000
LANGUAGES_MAX = 2

# The positions of the audience of notice `n`, as they are today.
_AUDIENCE = """
(n.audience = 'COMPANY'
 or (n.audience = 'DIVISION' and (p.division_id is null or p.division_id = any(n.audience_ids)))
 or (n.audience = 'POSITIONS' and p.id = any(n.audience_ids))
 or (n.audience = 'REGION' and p.region_id in (select region_id from below)))
"""
_BELOW = """
with recursive below as (
    select r.id as region_id from notice n
    join region r on r.company_id = n.company_id and r.id = any(n.audience_ids)
    where n.company_id = :company and n.id = :notice and n.audience = 'REGION'
    union
    select r.id from below b join region r on r.company_id = :company and r.parent_id = b.region_id
)
"""
_REACHED = f"""
{_BELOW}
select count(*) as positions, count(*) filter (where p.id = any(:positions)) as seen
from notice n join position p on p.company_id = n.company_id
where n.company_id = :company and n.id = :notice and {_AUDIENCE}
"""  # noqa: S608  put together from constants, above
_NAMED = """
select case cast(:audience as text)
    when 'DIVISION' then (select count(*) from division where company_id = :company and id = any(:ids))
    when 'REGION' then (select count(*) from region where company_id = :company and id = any(:ids))
    else (select count(*) from position where company_id = :company and id = any(:ids)) end as known
"""
_AUDIENCE_NAMES = """
select coalesce(d.name, r.name, p.code) as name from notice n
cross join unnest(n.audience_ids) as a(id)
left join division d on n.audience = 'DIVISION' and d.company_id = n.company_id and d.id = a.id
left join region r on n.audience = 'REGION' and r.company_id = n.company_id and r.id = a.id
left join position p on n.audience = 'POSITIONS' and p.company_id = n.company_id and p.id = a.id
where n.company_id = :company and n.id = :notice and coalesce(d.name, r.name, p.code) is not null
order by 1 limit 100
"""
_LOCK = """
select id, state, given_by from notice where company_id = :company and id = :notice for update
"""
# With an asker: those whose audience has a position that they see; of the readers, those who hold one.
_LISTED = """
with recursive seen as (
    select p.region_id, p.division_id from position p
    where p.company_id = :company and p.id = any(:positions)
), above as (
    select region_id from seen
    union
    select r.parent_id from above a join region r on r.company_id = :company and r.id = a.region_id
    where r.parent_id is not null
), people as (
    select distinct o.person_id from occupancy o
    where o.company_id = :company and o.position_id = any(:positions)
      and o.starts_on <= :today and (o.ends_on is null or o.ends_on >= :today)
)
select n.id, n.texts, n.state, n.starts_on, n.ends_on, n.audience, n.given_by, n.given_at,
       n.recalled_because,
       (select count(*) from notice_read r
        where r.company_id = n.company_id and r.notice_id = n.id
          and (:sees_all or r.person_id in (select person_id from people))) as readers
from notice n
where n.company_id = :company
  and (not :only_shown or (n.state = 'GIVEN' and :today between n.starts_on and n.ends_on))
  and (:sees_all
       or case n.audience
           when 'COMPANY' then exists (select from seen)
           when 'DIVISION' then exists (select from seen where division_id is null
                                           or division_id = any(n.audience_ids))
           when 'REGION' then n.audience_ids && array(select region_id from above)
           else n.audience_ids && cast(:positions as uuid[]) end)
"""
_LIST = f"""
{_LISTED}
  and (cast(:after_at as timestamptz) is null
       or (n.given_at, n.id) < (:after_at, cast(:after_id as uuid)))
order by n.given_at desc, n.id desc limit :at_most
"""
_ONE = f"{_LISTED} and n.id = :notice"
# Whoever holds a position of the audience today, and whoever read it beside them. Those who have not
# read it come first.
_READING = f"""
{_BELOW}, audience as (
    select o.person_id, min(p.code) as position_code
    from notice n
    join position p on p.company_id = n.company_id
    join occupancy o on o.company_id = p.company_id and o.position_id = p.id
                    and o.starts_on <= :today and (o.ends_on is null or o.ends_on >= :today)
    where n.company_id = :company and n.id = :notice and {_AUDIENCE}
      and (:sees_all or p.id = any(:positions))
    group by o.person_id
), seen as (
    select r.person_id, r.read_at from notice_read r
    where r.company_id = :company and r.notice_id = :notice
      and (:sees_all or r.person_id in (
          select o.person_id from occupancy o
          where o.company_id = :company and o.position_id = any(:positions)
            and o.starts_on <= :today and (o.ends_on is null or o.ends_on >= :today)))
)
"""  # noqa: S608
_READERS = f"""
{_READING}
select n.id as person_id, n.name as person, a.position_code, s.read_at
from audience a full join seen s on s.person_id = a.person_id
join person n on n.company_id = :company and n.id = coalesce(a.person_id, s.person_id)
where (not :only_unread or s.read_at is null)
  and (cast(:after_name as text) is null
       or (coalesce(s.read_at, '-infinity'), n.name, n.id)
          > (coalesce(cast(:after_at as timestamptz), '-infinity'), :after_name, cast(:after_id as uuid)))
order by coalesce(s.read_at, '-infinity'), n.name, n.id limit :at_most
"""  # noqa: S608
_READ_BY = f"""
{_READING}
select count(a.person_id) as audience, count(*) filter (where a.person_id is not null and s.read_at is not null) as read
from audience a full join seen s on s.person_id = a.person_id
"""  # noqa: S608


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """A notice in one language."""

    language: str
    title: str
    body: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewNotice:
    """A notice to be given. `audience_ids` are one division, regions, or positions; none: the company."""

    texts: Sequence[Text]
    starts_on: date
    ends_on: date
    audience: str = "COMPANY"
    audience_ids: Sequence[UUID] = ()
    id: UUID | None = None


@dataclass(frozen=True, slots=True)
class NoticeListed:
    """A notice as the office sees it; `state` is GIVEN, OVER or RECALLED as of the day asked about."""

    id: UUID
    title: str
    languages: tuple[str, ...]
    state: str
    starts_on: date
    ends_on: date
    audience: str
    given_by: str
    given_at: datetime
    recalled_because: str | None
    readers: int


@dataclass(frozen=True, slots=True)
class NoticeShown:
    """A notice whole, as the office sees it. `names` are what its audience is called, where it has ids; `audience_size` and
    `read` count people of today's audience that the asker may see.
    """

    listed: NoticeListed
    texts: tuple[Text, ...]
    names: tuple[str, ...]
    audience_size: int
    read: int


class ReaderMark(NamedTuple):
    """After which reader of a list a page begins."""

    read_at: datetime | None
    person: str
    person_id: UUID


@dataclass(frozen=True, slots=True)
class Reader:
    """Somebody who was to read a notice, or did; no position: they are not of its audience today."""

    person_id: UUID
    person: str
    position_code: str | None
    read_at: datetime | None

    @property
    def mark(self) -> ReaderMark:
        return ReaderMark(self.read_at, self.person, self.person_id)


def give_notice(
    uow: UnitOfWork,
    actor: Actor,
    new: NewNotice,
    *,
    today: date,
    asker_id: UUID | None = None,
    now: datetime | None = None,
) -> UUID:
    """Tell people something; phones hold it while it is shown.

    Raises FieldInvalid, and BeyondScope where it would reach a position that the asker may not see.
    """
    if new.audience == "REGION":
        # A position that moves at this moment sees the notice, or the notice sees it.
        take_turn(uow)
    texts = _checked_texts(new.texts)
    _check_period(new, today)
    ids = list(dict.fromkeys(new.audience_ids))
    _check_audience(uow, new.audience, ids)
    notice_id = new.id or uuid4()
    columns = {
        "texts": texts,
        "state": TELLING.after(None, "give"),
        "starts_on": new.starts_on,
        "ends_on": new.ends_on,
        "audience": new.audience,
        "audience_ids": ids,
        "given_by": actor.name if actor.person_id is not None else "the office",
        "given_at": now or datetime.now(UTC),
    }
    uow.connection.execute(
        insert(notice).values(company_id=uow.company_id, id=notice_id, **columns)
    )
    positions = positions_to_act_for(uow, asker_id, today)
    if positions is not None:
        _must_be_within(uow, notice_id, positions)
    publish_notices(uow, [notice_id], today)
    log_change(uow, actor, "notice.give", "notice", notice_id, after=columns)
    return notice_id


def recall_notice(
    uow: UnitOfWork,
    actor: Actor,
    notice_id: UUID,
    reason: str,
    *,
    today: date,
    asker_id: UUID | None = None,
) -> None:
    """Take a notice from all phones. Raises NoSuchNotice, WrongState, FieldInvalid, BeyondScope."""
    if not 1 <= len(reason.strip()) <= REASON_MAX or "\x00" in reason:
        raise FieldInvalid(Said("reason: a text of 1 to {most} characters", most=REASON_MAX))
    hold(uow, [notice_id])
    rows = uow.rows(_LOCK, company=uow.company_id, notice=notice_id)
    if not rows:
        raise NoSuchNotice(Said("there is no such notice in this company"))
    positions = positions_to_act_for(uow, asker_id, today)
    if positions is not None:
        _must_be_within(uow, notice_id, positions, of_others=True)
    state = TELLING.after(rows[0].state, "recall")
    if state is None:
        raise WrongState(Said("the notice is {state} by now", state=Said(rows[0].state.lower())))
    uow.connection.execute(
        update(notice)
        .where(notice.c.company_id == uow.company_id, notice.c.id == notice_id)
        .values(state=state, recalled_at=datetime.now(UTC), recalled_because=reason.strip())
    )
    publish_notices(uow, [notice_id], today)
    log_change(
        uow,
        actor,
        "notice.recall",
        "notice",
        notice_id,
        before={"state": rows[0].state},
        after={"state": state, "reason": reason.strip()},
    )


def list_notices(
    uow: UnitOfWork,
    *,
    today: date,
    only_shown: bool = False,
    asker_id: UUID | None = None,
    after: tuple[datetime, UUID] | None = None,
    at_most: int = 100,
) -> list[NoticeListed]:
    """Notices, the newest first. One query, and one for the asker's scope.

    An asker has those whose audience has a position that they may see; of the readers only those who
    hold such a position count.
    """
    rows = uow.rows(
        _LIST,
        company=uow.company_id,
        only_shown=only_shown,
        after_at=None if after is None else after[0],
        after_id=None if after is None else after[1],
        at_most=at_most,
        **_seen(uow, asker_id, today),
    )
    return [_listed(row, today) for row in rows]


def read_notice(
    uow: UnitOfWork, notice_id: UUID, *, today: date, asker_id: UUID | None = None
) -> NoticeShown:
    """One notice whole. Raises NoSuchNotice, also where it is for nobody whom the asker may see."""
    scope = _seen(uow, asker_id, today)
    found = uow.rows(_ONE, company=uow.company_id, notice=notice_id, only_shown=False, **scope)
    if not found:
        raise NoSuchNotice(Said("there is no such notice in this company"))
    row = found[0]
    counted = uow.rows(_READ_BY, company=uow.company_id, notice=notice_id, **scope)[0]
    names = uow.rows(_AUDIENCE_NAMES, company=uow.company_id, notice=notice_id)
    return NoticeShown(
        _listed(row, today),
        tuple(Text(**text) for text in row.texts),
        tuple(each.name for each in names),
        counted.audience,
        counted.read,
    )


def readers_of(
    uow: UnitOfWork,
    notice_id: UUID,
    *,
    today: date,
    only_unread: bool = False,
    asker_id: UUID | None = None,
    after: ReaderMark | None = None,
    at_most: int = 100,
) -> list[Reader]:
    """Who of a notice's audience, as it is today, has read it and who has not; those who have not first.

    With an asker only people are there who hold a position that they may see. One query, and one for
    the asker's scope.
    """
    rows = uow.rows(
        _READERS,
        company=uow.company_id,
        notice=notice_id,
        only_unread=only_unread,
        after_at=None if after is None else after.read_at,
        after_name=None if after is None else after.person,
        after_id=None if after is None else after.person_id,
        at_most=at_most,
        **_seen(uow, asker_id, today),
    )
    return [Reader(**row._mapping) for row in rows]  # noqa: SLF001 - SQLAlchemy's public name


def _title_of(texts: Sequence[Mapping[str, str]]) -> str:
    """In the language that is spoken just now, where it has one; else as it was written first."""
    spoken = [text for text in texts if text["language"].partition("-")[0] == spoken_language()]
    return (spoken or texts)[0]["title"]


def _listed(row: Any, today: date) -> NoticeListed:
    is_over = row.state == "GIVEN" and row.ends_on < today
    return NoticeListed(
        id=row.id,
        title=_title_of(row.texts),
        languages=tuple(text["language"] for text in row.texts),
        state="OVER" if is_over else row.state,
        starts_on=row.starts_on,
        ends_on=row.ends_on,
        audience=row.audience,
        given_by=row.given_by,
        given_at=row.given_at,
        recalled_because=row.recalled_because,
        readers=row.readers,
    )


def _checked_texts(texts: Sequence[Text]) -> list[dict[str, str]]:
    if not 1 <= len(texts) <= LANGUAGES_MAX:
        raise FieldInvalid(Said("texts: in one language or two"))
    listed = [{"language": text.language, "title": text.title, "body": text.body} for text in texts]
    for text in listed:
        faults = faults_of(NoticeText(), text)
        if faults:
            raise FieldInvalid(Said("texts: {faults}", faults=faults[0].said_of("a text")))
    if len({text["language"] for text in listed}) < len(listed):
        raise FieldInvalid(Said("texts: each in a language of its own"))
    return listed


def _check_period(new: NewNotice, today: date) -> None:
    if new.ends_on < max(new.starts_on, today):
        raise FieldInvalid(Said("ends_on: not before its first day, and not before today"))
    if (new.ends_on - new.starts_on).days > DAYS_MAX:
        raise FieldInvalid(
            Said("ends_on: a notice is shown for {most} days at most", most=DAYS_MAX)
        )


def _check_audience(uow: UnitOfWork, audience: str, ids: list[UUID]) -> None:
    if audience not in AUDIENCES:
        raise FieldInvalid(Said("audience: one of {choices}", choices=", ".join(AUDIENCES)))
    if audience == "COMPANY":
        if ids:
            raise FieldInvalid(Said("audience_ids: the company needs none"))
        return
    if not 1 <= len(ids) <= POSITIONS_MAX:
        raise FieldInvalid(Said("audience_ids: 1 to {most}", most=POSITIONS_MAX))
    known = uow.rows(_NAMED, company=uow.company_id, audience=audience, ids=ids)[0].known
    if known < len(ids):
        raise FieldInvalid(Said("audience_ids: one of them is not in this company"))


def _must_be_within(
    uow: UnitOfWork, notice_id: UUID, positions: frozenset[UUID], *, of_others: bool = False
) -> None:
    """Raise BeyondScope where a position of the audience is none of these; for a notice of others
    NoSuchNotice where none of them is.
    """
    reached = uow.rows(
        _REACHED, company=uow.company_id, notice=notice_id, positions=sorted(positions)
    )[0]
    if of_others and not reached.seen:
        raise NoSuchNotice(Said("there is no such notice in this company"))
    # Nobody is in it yet: who will be is not known to be theirs.
    if reached.seen < max(reached.positions, 1):
        raise BeyondScope(Said("it would reach people beyond what its giver may see"))


def _seen(uow: UnitOfWork, asker_id: UUID | None, today: date) -> dict[str, Any]:
    positions = positions_to_act_for(uow, asker_id, today)
    return {"sees_all": positions is None, "positions": sorted(positions or ()), "today": today}
