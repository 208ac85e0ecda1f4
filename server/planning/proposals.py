"""What people ask for from below is decided above: approved, refused with a reason, or amended.

A decision, its effect and what the proposer's phone is told are one transaction. A proposal about
something that has changed since its proposer saw it says so, and is only approved by somebody who
says that they know.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal
from uuid import UUID

from server.identity.change_log import Actor, log_change
from server.language import Said
from server.planning.day_plans import set_plan_stops
from server.planning.errors import (
    AlreadyDecided,
    FieldInvalid,
    MayNotDecide,
    NoSuchProposal,
    Outdated,
    StopsInvalid,
)
from server.planning.regions import region_codes, regions_of
from server.planning.routes import set_stops
from server.planning.rules import Stop, with_held_windows
from server.planning.stores import change_stores, store_columns
from sync.document import decode_document
from sync.geo import Point
from sync.publish import Draft, publish
from sync.record_kind import PROPOSAL, PROPOSING
from sync.unit_of_work import UnitOfWork

ANSWER_MAX = 400
STORE_FIELDS = ("name", "code", "store_class", "channel", "address", "pin")

# The document that the proposer saw is the record itself while its version is still the same.
_SELECT = """
select p.id, p.kind, p.entity_id, p.base_version, p.person_id, n.name as proposer, p.changes,
       p.reason, p.waits_for, p.state, p.answer, p.proposed_at, p.decided_at, p.decided_by,
       r.version, r.doc, case when r.version = p.base_version then r.doc else v.doc end as base_doc,
       l.held as held_then, l.decided
from proposal p
left join person n on n.company_id = p.company_id and n.id = p.person_id
left join record r on r.company_id = p.company_id and r.id = p.entity_id
left join record_version v on v.company_id = p.company_id and v.id = p.entity_id
                          and v.version = p.base_version
left join lateral (
    select g.before -> 'held' as held, g.after -> 'decided' as decided from change_log g
    where g.company_id = p.company_id and g.subject_kind = 'proposal'
      and g.subject_id = p.id::text and p.state <> 'WAITING'
    order by g.id desc limit 1
) l on true
where p.company_id = :company
"""
# Of routes and plans of positions that are seen; of stores by people who held one of them then.
_SEEN = """
and (:is_all
     or (p.kind = 'route' and exists (
         select from route o where o.company_id = p.company_id and o.id = p.entity_id
           and o.position_id = any(:seen)))
     or (p.kind = 'day_plan' and exists (
         select from day_plan o where o.company_id = p.company_id and o.id = p.entity_id
           and o.position_id = any(:seen)))
     or (p.kind = 'store' and exists (
         select from occupancy o where o.company_id = p.company_id and o.person_id = p.person_id
           and o.position_id = any(:seen) and o.starts_on <= cast(p.proposed_at as date)
           and (o.ends_on is null or o.ends_on >= cast(p.proposed_at as date)))))
"""
_LIST = f"""
{_SELECT} and p.state = :state {_SEEN}
  and (cast(:entity as uuid) is null or p.entity_id = :entity)
  and (cast(:after_at as timestamptz) is null
       or (p.proposed_at, p.id) > (:after_at, cast(:after_id as uuid)))
order by p.proposed_at, p.id limit :at_most
"""
_ONE = f"{_SELECT} and p.id = :proposal {_SEEN}"
_LOCK = "select state from proposal where company_id = :company and id = :proposal for update"
_CLOSE = """
update proposal set state = :state, answer = :answer, decided_by = :decided_by, decided_at = now()
where company_id = :company and id = :proposal returning decided_at
"""
_DOC = "select doc from record where company_id = :company and id = :proposal"
_STORE = """
select s.status, s.lat_e7, s.lon_e7, s.region_id, s.position_id, s.code,
       (select o.position_id from occupancy o
        join position q on q.company_id = o.company_id and q.id = o.position_id
        where o.company_id = s.company_id and o.person_id = s.proposed_by
          and q.role in ('rep', 'driver', 'supervisor')
          and o.starts_on <= :today and (o.ends_on is null or o.ends_on >= :today)
        order by q.role, o.starts_on, o.position_id limit 1) as proposer_position_id
from store s where s.company_id = :company and s.id = :store
"""
_HELD_RULES = """
select store_id, rule from route_stop where company_id = :company and route_id = :route
"""

State = Literal["WAITING", "APPROVED", "REFUSED", "AMENDED"]


@dataclass(frozen=True, slots=True)
class Proposal:
    """A proposal as who decides sees it. `outdated_fields` have changed since it was made.

    `held` is what `changes` would change: as it is while it waits, then as it was when it was decided.
    `decided` is what was done, in the form of `changes`; None for what waits or was refused.
    """

    id: UUID
    kind: str
    entity_id: UUID
    subject: str
    proposer_id: UUID
    proposer: str
    changes: dict[str, Any]
    held: dict[str, Any]
    decided: dict[str, Any] | None
    reason: str | None
    waits_for: dict[str, Any] | None
    state: str
    answer: str | None
    base_version: int | None
    current_version: int | None
    outdated_fields: tuple[str, ...]
    proposed_at: datetime
    decided_at: datetime | None
    decided_by: str | None

    @property
    def is_outdated(self) -> bool:
        """Whether what it would change is no longer what its proposer saw."""
        return bool(self.outdated_fields)

    def is_by(self, person_id: UUID | None) -> bool:
        """Whether this person proposed it, and so does not decide about it."""
        return person_id is not None and person_id == self.proposer_id

    @property
    def is_new_store(self) -> bool:
        """Whether a store waits to come into being, rather than to be changed."""
        return (self.waits_for or {}).get("rule") == "NEW_STORE"


@dataclass(frozen=True, slots=True, kw_only=True)
class NewStorePlace:
    """What the company gives a proposed store when it becomes one: its code and where it belongs.

    Without a region it is the one whose boundary contains the pin; without a position the store
    goes to its proposer's, so that it stays on their phone.
    """

    code: str
    region_id: UUID | None = None
    position_id: UUID | None = None


def list_proposals(
    uow: UnitOfWork,
    *,
    state: State = "WAITING",
    seen: Collection[UUID] | None = None,
    entity_id: UUID | None = None,
    after: tuple[datetime, UUID] | None = None,
    at_most: int = 100,
) -> list[Proposal]:
    """Proposals in a state, the longest waiting first; with `seen`, those that concern these positions; with
    `entity_id`, those about one route, plan or store. One query.
    """
    rows = uow.rows(
        _LIST,
        company=uow.company_id,
        state=state,
        is_all=seen is None,
        seen=sorted(seen or ()),
        entity=entity_id,
        after_at=None if after is None else after[0],
        after_id=None if after is None else after[1],
        at_most=at_most,
    )
    return [_seen(row) for row in rows]


def find_proposal(
    uow: UnitOfWork, proposal_id: UUID, *, seen: Collection[UUID] | None = None
) -> Proposal:
    """One proposal. Raises NoSuchProposal, also for one that concerns none of the positions that are `seen`."""
    found = uow.rows(
        _ONE,
        company=uow.company_id,
        proposal=proposal_id,
        is_all=seen is None,
        seen=sorted(seen or ()),
    )
    if not found:
        raise NoSuchProposal(Said("there is no such proposal in this company"))
    return _seen(found[0])


def approve(
    uow: UnitOfWork,
    actor: Actor,
    proposal_id: UUID,
    *,
    today: date,
    answer: str | None = None,
    place: NewStorePlace | None = None,
    knows_it_is_outdated: bool = False,
) -> Proposal:
    """Do what was proposed. Raises AlreadyDecided, MayNotDecide, Outdated, and what the change itself raises."""
    proposal = _open(uow, actor, proposal_id)
    _must_know(proposal, knows_it_is_outdated)
    decided = _carry_out(uow, actor, proposal, proposal.changes, place, today)
    return _close(uow, actor, proposal, "approve", answer, decided)


def amend(
    uow: UnitOfWork,
    actor: Actor,
    proposal_id: UUID,
    changes: Mapping[str, Any],
    *,
    today: date,
    answer: str | None = None,
    place: NewStorePlace | None = None,
    knows_it_is_outdated: bool = False,
    may_be_empty: bool = False,
) -> Proposal:
    """Do something like what was proposed: `changes` take the place of the proposal's own.

    They have the proposal's form; what was proposed stays as it was sent. No stops at all are more
    likely forgotten than meant, and have to be said to be. Raises as `approve`.
    """
    proposal = _open(uow, actor, proposal_id)
    _must_know(proposal, knows_it_is_outdated)
    if changes.get("stops") == [] and not may_be_empty:
        raise StopsInvalid(Said("no stop would be left: say --empty where that is meant"))
    decided = _carry_out(uow, actor, proposal, changes, place, today, is_amended=True)
    return _close(uow, actor, proposal, "amend", answer, decided)


def refuse(uow: UnitOfWork, actor: Actor, proposal_id: UUID, reason: str) -> Proposal:
    """Do not do what was proposed, and say why. A store that was proposed stays known as refused
    to its proposer. Raises AlreadyDecided, MayNotDecide, FieldInvalid for a missing reason.
    """
    if not reason.strip():
        raise FieldInvalid(Said("reason: a refusal says why"))
    proposal = _open(uow, actor, proposal_id)
    if proposal.is_new_store:
        change_stores(uow, actor, "store.refuse", {proposal.entity_id: {"status": "REFUSED"}})
    return _close(uow, actor, proposal, "refuse", reason)


def _open(uow: UnitOfWork, actor: Actor, proposal_id: UUID) -> Proposal:
    """The proposal, locked, so that two who decide at once follow one another. It is not the actor's own."""
    uow.rows(_LOCK, company=uow.company_id, proposal=proposal_id)
    proposal = find_proposal(uow, proposal_id)
    if proposal.is_by(actor.person_id):
        raise MayNotDecide(Said("nobody decides about a proposal of their own"))
    if not PROPOSING.acts_from(proposal.state):
        raise AlreadyDecided(
            Said("the proposal is {state} already", state=Said(proposal.state.lower()))
        )
    return proposal


def _must_know(proposal: Proposal, knows_it_is_outdated: bool) -> None:
    if proposal.is_outdated and not knows_it_is_outdated:
        fields = ", ".join(proposal.outdated_fields)
        raise Outdated(
            Said(
                "{subject} has changed since this was proposed ({fields}): look at both and decide "
                "knowingly",
                subject=proposal.subject,
                fields=fields,
            )
        )


def _carry_out(
    uow: UnitOfWork,
    actor: Actor,
    proposal: Proposal,
    changes: Mapping[str, Any],
    place: NewStorePlace | None,
    today: date,
    *,
    is_amended: bool = False,
) -> dict[str, Any]:
    """Do these changes; what was done, in their form."""
    decided = dict(changes)
    if proposal.kind == "route":
        set_stops(
            uow,
            actor,
            proposal.entity_id,
            _route_stops(uow, proposal.entity_id, changes),
            today=today,
        )
    elif proposal.kind == "day_plan":
        stops = [UUID(stop["store_id"]) for stop in _stops(changes)]
        set_plan_stops(uow, actor, proposal.entity_id, stops, today=today)
    elif proposal.is_new_store:
        # The store carries what its proposer sent, and edits since: an amendment adds to it, and
        # so does a pin that waited because no photo vouched for it.
        waited = {} if proposal.held.get("pin") else {"pin": proposal.changes.get("pin")}
        columns = _columns({**waited, **changes} if is_amended else waited)
        placed = _placed(uow, proposal.entity_id, columns, place, today)
        change_stores(uow, actor, "store.approve", {proposal.entity_id: {**columns, **placed}})
        decided["code"] = placed["code"]
    else:
        change_stores(uow, actor, "store.edit", {proposal.entity_id: _columns(changes)})
    return decided


def _columns(changes: Mapping[str, Any]) -> dict[str, Any]:
    """What a proposal sets of a store, as columns. Raises FieldInvalid."""
    for name in changes:
        if name not in STORE_FIELDS:
            raise FieldInvalid(
                Said("{name}: not a field of a store that a proposal sets", name=Said(name))
            )
    return store_columns(changes)


def _placed(
    uow: UnitOfWork,
    store_id: UUID,
    columns: Mapping[str, Any],
    place: NewStorePlace | None,
    today: date,
) -> dict[str, Any]:
    if place is None:
        raise FieldInvalid(Said("code: a new store needs the company's code for it"))
    held = uow.rows(_STORE, company=uow.company_id, store=store_id, today=today)[0]
    region_id = place.region_id
    lat_e7 = columns.get("lat_e7", held.lat_e7)
    if region_id is None and lat_e7 is not None:
        region_id = regions_of(uow, [Point(lat_e7, columns.get("lon_e7", held.lon_e7))])[0]
    if region_id is None:
        raise FieldInvalid(
            Said(
                "region_id: the store's pin is in no region's boundary; name its region, "
                "one of {what}",
                what=region_codes(uow),
            )
        )
    return {
        "status": "ACTIVE",
        "code": place.code,
        "region_id": region_id,
        "position_id": place.position_id or held.proposer_position_id,
    }


def _route_stops(uow: UnitOfWork, route_id: UUID, changes: Mapping[str, Any]) -> list[Stop]:
    held = {
        row.store_id: row.rule
        for row in uow.rows(_HELD_RULES, company=uow.company_id, route=route_id)
    }
    return [
        Stop(store_id, with_held_windows(stop["rule"], held.get(store_id)))
        for stop in _stops(changes)
        for store_id in [UUID(stop["store_id"])]
    ]


def _stops(changes: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    stops = changes.get("stops")
    if set(changes) != {"stops"} or not isinstance(stops, list):
        raise StopsInvalid(Said("the stops of a proposal are a list named stops, and nothing else"))
    return stops


def _close(
    uow: UnitOfWork,
    actor: Actor,
    proposal: Proposal,
    act: str,
    answer: str | None,
    decided: dict[str, Any] | None = None,
) -> Proposal:
    """Write the decision and tell the proposer's phone. What was there and what was done stay in
    the change log, where the list of what was decided reads them.
    """
    state = PROPOSING.after(proposal.state, act)
    assert state is not None
    said = None if answer is None else answer.strip()[:ANSWER_MAX] or None
    decided_at = uow.rows(
        _CLOSE,
        company=uow.company_id,
        proposal=proposal.id,
        state=state,
        answer=said,
        decided_by=actor.name,
    )[0].decided_at
    told = uow.rows(_DOC, company=uow.company_id, proposal=proposal.id)
    if told:
        fields = {
            **decode_document(told[0].doc),
            "state": state,
            "answer": said,
            "decided_at": int(decided_at.timestamp() * 1000),
        }
        publish(uow, [Draft(PROPOSAL, proposal.id, fields)], actor.person_id)
    log_change(
        uow,
        actor,
        f"proposal.{state.lower()}",
        "proposal",
        proposal.id,
        before={"state": proposal.state, "held": proposal.held},
        after={"state": state, "answer": said, "decided": decided},
    )
    return find_proposal(uow, proposal.id)


def _seen(row: Any) -> Proposal:
    held = {} if row.doc is None else decode_document(row.doc)
    base = None if row.base_doc is None else decode_document(row.base_doc)
    held_now = {name: held.get(name) for name in row.changes}
    return Proposal(
        id=row.id,
        kind=row.kind,
        entity_id=row.entity_id,
        subject=_subject(row.kind, held),
        proposer_id=row.person_id,
        proposer=row.proposer or "somebody unknown",
        changes=row.changes,
        held=held_now if row.state == "WAITING" else row.held_then or {},
        decided=row.decided,
        reason=row.reason,
        waits_for=row.waits_for,
        state=row.state,
        answer=row.answer,
        base_version=row.base_version,
        current_version=row.version,
        outdated_fields=_outdated(row, held, base),
        proposed_at=row.proposed_at,
        decided_at=row.decided_at,
        decided_by=row.decided_by,
    )


def _outdated(row: Any, held: dict[str, Any], base: dict[str, Any] | None) -> tuple[str, ...]:
    """The fields of the proposal that have changed since its base; all, where that is unknown.

    The version alone would not do: the same edit may have changed other fields at once.
    """
    if row.state != "WAITING" or row.base_version is None or row.version == row.base_version:
        return ()
    if base is None:
        return tuple(sorted(row.changes))
    return tuple(sorted(name for name in row.changes if held.get(name) != base.get(name)))


def _subject(kind: str, held: Mapping[str, Any]) -> str:
    if kind == "day_plan":
        return f"the day plan of {held.get('date', 'an unknown day')}"
    return str(held.get("name", f"a {kind}"))
