"""What reps ask for, beside what is; `proposal_decisions.py` is how it is decided."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import msgspec
from flask import Blueprint, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.datastructures import MultiDict
from werkzeug.exceptions import NotFound

from server.identity.permissions import positions_to_act_for
from server.identity.sessions import Visitor
from server.language import sentence, tell, told_moment
from server.planning.decision_lines import in_order, moved_stores, stores_in
from server.planning.named_stores import StoreNamed, named_stores, told_pin
from server.planning.positions import list_positions
from server.planning.proposals import Proposal, list_proposals
from server.planning.region_list import list_region_tree
from server.planning.rules import with_held_windows
from server.web.desk import Desk, draw
from server.web.listing import Badge, Column, Link, Listing, answer_listing, pages_of
from server.web.marks import moment_and_id
from server.web.menu import PLANNERS
from server.web.proposal_decisions import (
    Form,
    decision_routes,
    found_proposal,
    places_of,
    store_classes,
    written_values,
)
from server.web.route_words import map_words
from server.web.rule_words import told_rule

KINDS = {
    "route": sentence("route"),
    "day_plan": sentence("day plan"),
    "store": sentence("store"),
}
STATES = {
    "WAITING": (sentence("waiting"), "warn"),
    "APPROVED": (sentence("approved"), "good"),
    "REFUSED": (sentence("refused"), "bad"),
    "AMENDED": (sentence("amended"), "good"),
}
FIELDS = {
    "name": sentence("Name"),
    "code": sentence("Code"),
    "store_class": sentence("Class"),
    "channel": sentence("Channel"),
    "address": sentence("Address"),
    "pin": sentence("Pin"),
}


@dataclass(frozen=True, slots=True)
class StopTold:
    """A stop of one side: its store, its rule in words, and what becomes of it."""

    name: str
    rule: str
    mark: str
    tone: str


def proposal_routes(desk: Desk, routes: Blueprint) -> None:
    """The pages under /routes/proposals."""

    @routes.get("/proposals")
    @desk.page(*PLANNERS)
    def proposal_list(visitor: Visitor) -> ResponseReturnValue:
        """What waits for a decision, the longest first; or what was decided."""
        state = request.args.get("state", "") or "WAITING"
        if state not in STATES:
            raise NotFound

        read = pages_of(
            lambda uow, after, at_most: list_proposals(
                uow,
                state=state,  # type: ignore[arg-type]
                seen=positions_to_act_for(uow, visitor.person_id, visitor.today),
                after=after,
                at_most=at_most,
            ),
            lambda proposal: f"{proposal.proposed_at.isoformat()}~{proposal.id}",
            moment_and_id,
        )

        return answer_listing(
            desk,
            visitor,
            Listing(
                name="proposals",
                columns=_columns(visitor.policy.time_zone),
                read=read,
                nothing=sentence("Nothing here."),
            ),
            "routes/proposals.html",
            states=[(key, tell(words)) for key, (words, _) in STATES.items()],
            state=state,
        )

    def page(
        visitor: Visitor, proposal_id: UUID, form: Form | None = None, refused: str | None = None
    ) -> ResponseReturnValue:
        with desk.database.reading(visitor.company_id) as uow:
            proposal = found_proposal(uow, visitor, proposal_id)
            names = named_stores(uow, stores_in([proposal]))
            places = places_of(desk, uow, proposal)
            who = {"today": visitor.today, "asker_id": visitor.person_id}
            is_new = proposal.is_new_store and proposal.state == "WAITING"
            regions = list_region_tree(uow, **who) if is_new else []  # type: ignore[arg-type]
            positions = list_positions(uow, at_most=1_000, **who) if is_new else []  # type: ignore[arg-type]
        return draw(
            "routes/proposal.html",
            422 if refused else 200,
            proposal=proposal,
            is_own=proposal.is_by(visitor.person_id),
            refused=refused,
            form=MultiDict(written_values(proposal)) if form is None else form,
            kind=tell(KINDS[proposal.kind]),
            state=STATES[proposal.state],
            sides=_sides(proposal, names, visitor),
            fields=list(_fields(proposal)),
            classes=store_classes(),
            regions=[("", tell("where its pin lies"))]
            + [(str(one.id), "\u2003" * one.depth + one.name) for one in regions],
            positions=[("", tell("that of its proposer"))]
            + [(str(one.id), one.told) for one in positions],
            places=places,
            base=desk.base_map,
            words=msgspec.json.encode(map_words()).decode(),
            zone=visitor.policy.time_zone,
            ms=lambda at: round(at.timestamp() * 1000),
        )

    @routes.get("/proposals/<uuid:proposal_id>")
    @desk.page(*PLANNERS)
    def proposal_page(visitor: Visitor, proposal_id: UUID) -> ResponseReturnValue:
        """A proposal beside what is."""
        return page(visitor, proposal_id)

    decision_routes(desk, routes, page)


def _columns(zone: str) -> tuple[Column[Proposal], ...]:
    return (
        Column(
            sentence("Proposal"),
            lambda one: Link(one.subject, url_for("routes.proposal_page", proposal_id=one.id)),
            lambda one: one.subject,
        ),
        Column(sentence("What"), lambda one: tell(KINDS[one.kind]), lambda one: one.kind),
        Column(sentence("Proposed by"), lambda one: one.proposer, lambda one: one.proposer),
        Column(
            sentence("Since"),
            lambda one: told_moment(round(one.proposed_at.timestamp() * 1000), zone),
            lambda one: one.proposed_at.isoformat(),
        ),
        Column(sentence("Reason"), lambda one: one.reason, lambda one: one.reason),
        Column(
            sentence("State"),
            lambda one: (
                Badge(tell("changed since"), "warn")
                if one.is_outdated
                else Badge(tell(STATES[one.state][0]), STATES[one.state][1])
            ),
            lambda one: one.state,
        ),
    )


def _fields(proposal: Proposal) -> Iterator[tuple[str, str, str, str]]:
    """Each field of a store that would change: its name, what it is called, as it is, and as it is proposed."""
    for name, value in sorted(proposal.changes.items()):
        if name != "stops":
            before = proposal.held.get(name)
            words = tell(FIELDS[name]) if name in FIELDS else name
            yield name, words, _told(before), _told(value)


def _told(value: Any) -> str:
    if isinstance(value, Mapping) and {"lat_e7", "lon_e7"} <= value.keys():
        return told_pin(value["lat_e7"], value["lon_e7"])
    return "–" if value is None else str(value)


def _sides(
    proposal: Proposal, names: Mapping[UUID, StoreNamed], visitor: Visitor
) -> tuple[list[StopTold], list[StopTold]] | None:
    """The stops as they are and as they are proposed; None where it is not about stops."""
    if "stops" not in proposal.changes:
        return None
    held, asked = proposal.held.get("stops") or (), proposal.changes["stops"]
    was, now = in_order(held), in_order(asked)
    moved = moved_stores(was, now)
    rules = {UUID(stop["store_id"]): stop.get("rule") for stop in held}
    asked_rules = {UUID(stop["store_id"]): stop.get("rule") for stop in asked}

    def words(rule: Mapping[str, Any] | None) -> str:
        return "" if rule is None else told_rule(rule, visitor.today)

    before = [
        StopTold(
            str(names[id_]),
            words(rules.get(id_)),
            "" if id_ in asked_rules else tell("taken out"),
            "bad",
        )
        for id_ in was
    ]
    after = []
    for id_ in now:
        asked_rule = asked_rules[id_]
        told = words(None if asked_rule is None else with_held_windows(asked_rule, rules.get(id_)))
        if id_ not in rules:
            mark, tone = tell("added"), "good"
        elif told and told != words(rules[id_]):
            mark, tone = tell("other rule"), "warn"
        elif id_ in moved:
            mark, tone = tell("moved"), "warn"
        else:
            mark, tone = "", ""
        after.append(StopTold(str(names[id_]), told, mark, tone))
    return before, after
