"""Two edits met on a field and both values were kept: somebody chooses, both people hear of it.

Per field: the value that is held stays, the one that was sent takes its place, or another does.
The choice, its effect and what both phones are told are one transaction. An item that was kept first and
then met another edit is over with it, and its sender's phone is told that as well.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import update

from server.identity.change_log import Actor, log_change
from server.language import Said, listed
from server.planning.errors import AlreadyDecided, ChoiceInvalid, MayNotDecide, NoSuchConflict
from server.planning.stores import change_stores, store_columns
from sync.document import decode_document
from sync.publish import Draft, publish
from sync.record_kind import CLASHING, CONFLICT, ITEM, KEEPING
from sync.tables import conflict
from sync.unit_of_work import UnitOfWork

_SELECT = """
select c.id, c.kind, c.entity_id, c.op_id, c.fields, h.name as held_by, s.name as sent_by, c.state,
       c.sent_by as sender_id, case when not exists (
           select from change_log g
           where g.company_id = c.company_id and g.subject_kind = c.kind
             and g.subject_id = c.entity_id::text and g.person_id = c.held_by
             and g.at <= c.opened_at) then c.held_by end as reporter_id,
       c.chosen, c.decided_by, c.opened_at, c.decided_at, r.doc, l.decided,
       (select max(w.changed_at) from (
            select v.changed_at from record_version v
            where v.company_id = c.company_id and v.id = c.entity_id and v.changed_by = c.held_by
            union all
            select r.changed_at where r.changed_by = c.held_by) w
        where w.changed_at <= c.opened_at) as held_at
from conflict c
left join person h on h.company_id = c.company_id and h.id = c.held_by
left join person s on s.company_id = c.company_id and s.id = c.sent_by
left join record r on r.company_id = c.company_id and r.id = c.entity_id
left join lateral (
    select g.after -> 'values' as decided from change_log g
    where g.company_id = c.company_id and g.subject_kind = 'conflict'
      and g.subject_id = c.id::text and c.state <> 'OPEN'
    order by g.id desc limit 1
) l on true
where c.company_id = :company
"""
# Of stores of positions that are seen, on their routes, or edited by people who held one of them then; of what people
# reported by those who did.
_SEEN = """
and (:is_all
     or (c.kind = 'store' and exists (
         select from store s where s.company_id = c.company_id and s.id = c.entity_id
           and (s.position_id = any(:seen)
                or exists (select from route_stop t
                           join route q on q.company_id = t.company_id and q.id = t.route_id and q.is_active
                           where t.company_id = s.company_id and t.store_id = s.id
                             and q.position_id = any(:seen)))))
     or exists (
         select from occupancy o where o.company_id = c.company_id and o.person_id = c.sent_by
           and o.position_id = any(:seen) and o.starts_on <= cast(c.opened_at as date)
           and (o.ends_on is null or o.ends_on >= cast(c.opened_at as date))))
"""
_LIST = f"""
{_SELECT} and c.state = :state {_SEEN}
  and (cast(:after_at as timestamptz) is null
       or (c.opened_at, c.id) > (:after_at, cast(:after_id as uuid)))
order by c.opened_at, c.id limit :at_most
"""
_ONE = f"{_SELECT} and c.id = :conflict {_SEEN}"
_LOCK = "select state from conflict where company_id = :company and id = :conflict for update"
_DOC = "select doc from record where company_id = :company and id = :conflict"
# The states of its sender's items, and whether each is over if it is about this record: it is the one
# that met the other edit, or no conflict of theirs about the record is open any more.
_ITEMS = """
select r.id, r.doc, r.id = c.op_id or not exists (
           select from conflict o where o.company_id = c.company_id and o.state = 'OPEN'
           and o.entity_id = c.entity_id and o.sent_by = c.sent_by) as is_over
from conflict c
join record_key k on k.company_id = c.company_id and k.key = c.sent_by and k.kind = :item
join record r on r.company_id = k.company_id and r.id = k.id
where c.company_id = :company and c.id = :conflict
"""


@dataclass(frozen=True, slots=True)
class Conflict:
    """A conflict as who decides sees it; `fields` are {name: {base, held, sent}}.

    `decided` are the values that the fields got, once it is decided.
    """

    id: UUID
    kind: str
    entity_id: UUID
    op_id: UUID
    subject: str
    fields: dict[str, dict[str, Any]]
    now: dict[str, Any]
    held_by: str
    # When who holds it changed the record last before the two met; None where nobody's phone did.
    held_at: datetime | None
    sent_by: str
    # Whose phones the two values came from; what somebody set on a page is the office's.
    parties: frozenset[UUID]
    state: str
    chosen: dict[str, str] | None
    decided: dict[str, Any] | None
    decided_by: str | None
    opened_at: datetime
    decided_at: datetime | None

    def is_of(self, person_id: UUID | None) -> bool:
        """Whether one of the two values is this person's, who so does not choose between them."""
        return person_id in self.parties


@dataclass(frozen=True, slots=True)
class Other:
    """A value that is neither the one held nor the one sent."""

    value: Any


Choice = Literal["held", "sent"] | Other


def list_conflicts(
    uow: UnitOfWork,
    *,
    state: Literal["OPEN", "DECIDED"] = "OPEN",
    seen: Collection[UUID] | None = None,
    after: tuple[datetime, UUID] | None = None,
    at_most: int = 100,
) -> list[Conflict]:
    """Conflicts in a state, the oldest first; with `seen`, those that concern these positions. One query."""
    rows = uow.rows(
        _LIST,
        company=uow.company_id,
        state=state,
        is_all=seen is None,
        seen=sorted(seen or ()),
        after_at=None if after is None else after[0],
        after_id=None if after is None else after[1],
        at_most=at_most,
    )
    return [_seen(row) for row in rows]


def find_conflict(
    uow: UnitOfWork, conflict_id: UUID, *, seen: Collection[UUID] | None = None
) -> Conflict:
    """One conflict. Raises NoSuchConflict, also for one that concerns none of the positions that are `seen`."""
    found = uow.rows(
        _ONE,
        company=uow.company_id,
        conflict=conflict_id,
        is_all=seen is None,
        seen=sorted(seen or ()),
    )
    if not found:
        raise NoSuchConflict(Said("there is no such conflict in this company"))
    return _seen(found[0])


def choose(
    uow: UnitOfWork,
    actor: Actor,
    conflict_id: UUID,
    choices: Mapping[str, Choice],
    *,
    seen: Collection[UUID] | None = None,
) -> Conflict:
    """Decide every field of a conflict.

    `held` leaves the record as it is now, also where somebody changed it again meanwhile. A fact
    (a visit, an attendance event) is never rewritten from above: there only `held` can be chosen,
    and its person can send a correction. Raises NoSuchConflict, AlreadyDecided, MayNotDecide where one of the
    two values came from a phone of the actor's, ChoiceInvalid, and what the store's fields raise.
    """
    uow.rows(_LOCK, company=uow.company_id, conflict=conflict_id)
    found = find_conflict(uow, conflict_id, seen=seen)
    if CLASHING.after(found.state, "choose") is None:
        raise AlreadyDecided(Said("the conflict is decided already"))
    if found.is_of(actor.person_id):
        raise MayNotDecide(Said("nobody decides about an edit of their own"))
    if choices.keys() != found.fields.keys():
        raise ChoiceInvalid(
            Said(
                "choose for each of: {fields}",
                fields=listed([Said(name) for name in sorted(found.fields)]),
            )
        )
    values = {
        name: choice.value if isinstance(choice, Other) else found.fields[name]["sent"]
        for name, choice in choices.items()
        if choice != "held"
    }
    if values and found.kind != "store":
        raise ChoiceInvalid(
            Said(
                "a {kind} is what its person reported: keep what is held, a correction of theirs "
                "changes it",
                kind=Said(found.kind),
            )
        )
    if values:
        change_stores(uow, actor, "store.edit", {found.entity_id: store_columns(values)})
    _close(uow, actor, found, choices, {**found.now, **values})
    return find_conflict(uow, conflict_id)


def _close(
    uow: UnitOfWork,
    actor: Actor,
    found: Conflict,
    choices: Mapping[str, Choice],
    values: Mapping[str, Any],
) -> None:
    chosen = {
        name: "other" if isinstance(choice, Other) else choice
        for name, choice in sorted(choices.items())
    }
    now = uow.rows("select now() as now")[0].now
    uow.connection.execute(
        update(conflict)
        .where(conflict.c.company_id == uow.company_id, conflict.c.id == found.id)
        .values(state="DECIDED", chosen=chosen, decided_by=actor.name, decided_at=now)
    )
    drafts = _items_over(uow, found)
    told = uow.rows(_DOC, company=uow.company_id, conflict=found.id)
    if told:
        fields = {
            **decode_document(told[0].doc),
            "state": "DECIDED",
            "chosen": chosen,
            "decided_at": int(now.timestamp() * 1000),
        }
        drafts.append(Draft(CONFLICT, found.id, fields))
    publish(uow, drafts, actor.person_id)
    log_change(
        uow,
        actor,
        "conflict.choose",
        "conflict",
        found.id,
        before={"fields": found.fields},
        after={"chosen": chosen, "values": values},
    )


def _items_over(uow: UnitOfWork, found: Conflict) -> list[Draft]:
    """The items whose conflict this was, released: they have had their effect."""
    rows = uow.rows(_ITEMS, company=uow.company_id, conflict=found.id, item=ITEM.number)
    states = [(row.id, decode_document(row.doc)) for row in rows if row.is_over]
    return [
        Draft(ITEM, id_, {**fields, "state": KEEPING.after(fields["state"], "choose")})
        for id_, fields in states
        if KEEPING.after(fields["state"], "choose") and fields["entity_id"] == str(found.entity_id)
    ]


def _seen(row: Any) -> Conflict:
    held = {} if row.doc is None else decode_document(row.doc)
    return Conflict(
        id=row.id,
        kind=row.kind,
        entity_id=row.entity_id,
        op_id=row.op_id,
        subject=str(held.get("name", f"a {row.kind}")),
        fields=row.fields,
        now={name: held.get(name) for name in row.fields},
        held_by=row.held_by or "the office",
        held_at=row.held_at,
        sent_by=row.sent_by or "somebody unknown",
        parties=frozenset({row.sender_id, row.reporter_id} - {None}),
        state=row.state,
        chosen=row.chosen,
        decided=row.decided,
        decided_by=row.decided_by,
        opened_at=row.opened_at,
        decided_at=row.decided_at,
    )
