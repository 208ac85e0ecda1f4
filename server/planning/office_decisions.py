"""Proposals as people in the office decide them: those that concern them, with what a decision does to phones.

A decision takes the asker. With `changes` it is an amendment, in the proposal's own form; without, an approval. The phones
are those of `office_routes`: `rehearse` makes a decision, looks at what it did, and takes it back.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from typing import Any
from uuid import UUID

from server.identity.change_log import Actor
from server.identity.permissions import positions_to_act_for, seats_of
from server.language import Said
from server.planning.errors import NoSuchRegion
from server.planning.office_routes import Effects
from server.planning.phones import Watch, phone_effects, watch_phones
from server.planning.positions import check_positions_seen, check_stores_seen
from server.planning.proposals import NewStorePlace, Proposal, amend, approve, find_proposal
from server.planning.region_list import region_reach
from server.planning.route_sheets import SheetStop
from sync.scope import take_turn
from sync.unit_of_work import UnitOfWork

_POSITION = """
select position_id from route where company_id = :company and id = :id
union all select position_id from day_plan where company_id = :company and id = :id
"""
_SEATS_AROUND = """
with recursive above as (
    select r.id, r.parent_id from region r join store s on s.company_id = r.company_id and s.region_id = r.id
    where r.company_id = :company and s.id = :store
    union
    select r.id, r.parent_id from region r join above a on r.id = a.parent_id where r.company_id = :company
)
select p.id from position p join above a on a.id = p.region_id where p.company_id = :company
union select position_id from store
where company_id = :company and id = :store and position_id is not null
"""
_COMPANIONS = "select distinct id from companion where company_id = :company and lead_id = :store"
_STOPS = """
select id, code, name, channel, store_class, status = 'ACTIVE' as is_active, lat_e7, lon_e7 from store
where company_id = :company and id = any(:ids)
"""


def decide_proposal(
    uow: UnitOfWork,
    actor: Actor,
    proposal_id: UUID,
    *,
    changes: Mapping[str, Any] | None,
    answer: str | None,
    place: NewStorePlace | None,
    knows_it_is_outdated: bool,
    today: date,
    asker_id: UUID | None,
) -> Effects:
    """Do what was proposed, or these changes instead.

    Raises NoSuchProposal, NoSuchStore, NoSuchPosition, NoSuchRegion, and as `approve` and `amend`.
    """
    take_turn(uow)
    seen = positions_to_act_for(uow, asker_id, today)
    proposal = find_proposal(uow, proposal_id, seen=seen)
    _check_seen(uow, proposal, changes, place, today, asker_id)
    wanted = _stores_of(proposal.changes if changes is None else changes)
    before = _watch(uow, proposal, wanted, today)
    other: dict[str, Any] = {
        "today": today,
        "answer": answer,
        "place": place,
        "knows_it_is_outdated": knows_it_is_outdated,
    }
    if changes is None:
        approve(uow, actor, proposal_id, **other)
    else:
        amend(uow, actor, proposal_id, changes, **other)
    return phone_effects(uow, _with_new(uow, proposal, before))


def position_of(uow: UnitOfWork, proposal: Proposal) -> UUID | None:
    """The position whose route or day plan a proposal is about; None where it is about a store. One query."""
    found = uow.rows(_POSITION, company=uow.company_id, id=proposal.entity_id)
    return found[0].position_id if found else None


def read_stops(uow: UnitOfWork, rules: Mapping[UUID, Mapping[str, Any]]) -> dict[UUID, SheetStop]:
    """These stores as stops, each with its rule. One query."""
    rows = uow.rows(_STOPS, company=uow.company_id, ids=list(rules))
    return {
        row.id: SheetStop(
            row.id,
            row.code,
            row.name,
            row.channel,
            row.store_class,
            row.is_active,
            row.lat_e7,
            row.lon_e7,
            rules[row.id],
        )
        for row in rows
    }


def _stores_of(changes: Mapping[str, Any]) -> set[UUID]:
    return {UUID(stop["store_id"]) for stop in changes.get("stops") or ()}


def _check_seen(
    uow: UnitOfWork,
    proposal: Proposal,
    changes: Mapping[str, Any] | None,
    place: NewStorePlace | None,
    today: date,
    asker_id: UUID | None,
) -> None:
    """Raise where what is named beside the proposal is not theirs to see."""
    if changes is not None:
        known = _stores_of(proposal.changes) | _stores_of(proposal.held)
        check_stores_seen(uow, _stores_of(changes) - known, today=today, asker_id=asker_id)
    if place is not None and place.position_id is not None:
        check_positions_seen(uow, [place.position_id], today=today, asker_id=asker_id)
    region_id = None if place is None else place.region_id
    if region_id is not None and not region_reach(uow, asker_id, today).may_see(region_id):
        raise NoSuchRegion(Said("there is no such region in this company"))


def _watch(uow: UnitOfWork, proposal: Proposal, wanted: set[UUID], today: date) -> Watch:
    """Who sees what, before the decision."""
    if proposal.kind != "store":
        position_id = position_of(uow, proposal)
        seats = [] if position_id is None else [position_id]
        return watch_phones(uow, position_ids=seats, keys=[proposal.entity_id, *seats], ids=wanted)
    store_id = proposal.entity_id
    seats = [seat.position_id for seat in seats_of(uow, proposal.proposer_id, today)]
    return watch_phones(
        uow,
        position_ids=[*seats, *_seats_around(uow, store_id)],
        keys=(),
        ids=[store_id, *_companions(uow, store_id)],
    )


def _with_new(uow: UnitOfWork, proposal: Proposal, before: Watch) -> Watch:
    """Also those who see a store only now: it was at its proposer before."""
    if not proposal.is_new_store:
        return before
    store_id = proposal.entity_id
    others = watch_phones(uow, position_ids=_seats_around(uow, store_id), keys=())
    return replace(
        before,
        ids=before.ids | set(_companions(uow, store_id)),
        people=before.people | others.people,
    )


def _seats_around(uow: UnitOfWork, store_id: UUID) -> list[UUID]:
    rows = uow.rows(_SEATS_AROUND, company=uow.company_id, store=store_id)
    return [row.id for row in rows]


def _companions(uow: UnitOfWork, store_id: UUID) -> list[UUID]:
    rows = uow.rows(_COMPANIONS, company=uow.company_id, store=store_id)
    return [row.id for row in rows]
