"""Routes: an ordered set of stores of a position, a row for each stop, with its rule in words."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from mobile_contract.records.route import STOPS_MAX
from mobile_contract.records.store import CODE_MAX
from server.exchange.cells import Choice, Code, Raw, Value, Words, text_of
from server.exchange.faults import CellInvalid
from server.exchange.references import References
from server.exchange.sheet import Change, Column, Sheet, Told
from server.identity.change_log import Actor
from server.language import Said, said_by, sentence, tell
from server.planning.errors import StopsInvalid
from server.planning.routes import close_route, make_route, move_route, set_stops
from server.planning.rule_words import FORM, read_rule_words, told_rule
from server.planning.rules import Stop, stored_rule
from sync.unit_of_work import UnitOfWork

ACTIVE, ENDED = "ACTIVE", "ENDED"
ROUTE_NAME_MAX = 200
_OPEN = "select code from store where company_id = :company and code = any(:codes) and status = 'ACTIVE'"


@dataclass(frozen=True, slots=True)
class RuleWords:
    """A visiting rule in words."""

    sql: str = "text"

    def read(self, raw: Raw) -> Value:
        try:
            return told_rule(stored_rule(read_rule_words(text_of(raw))))
        except StopsInvalid as invalid:
            raise CellInvalid("not_a_rule", said_by(invalid)) from None

    def write(self, value: Value) -> Raw:
        return str(value)

    def settled(self, value: Value) -> Value:
        return None if value is None else told_rule(value)

    @property
    def about(self) -> str:
        return tell("rule, as: {form}", form=FORM)


def apply(
    uow: UnitOfWork, actor: Actor, changes: Sequence[Change], references: References, today: date
) -> None:
    """Make routes, move them, set their stops, end them."""
    for change in changes:
        position_id = references.id("position", change.values["position"])
        stops = [
            Stop(references.id("store", line["store"]), read_rule_words(line["rule"]))
            for line in change.lines or ()
        ]
        if change.is_new or _begins_again(change):
            lines = change.lines
            if lines is None and change.held is not None:
                lines = change.held.lines
            make_route(
                uow,
                actor,
                position_id=position_id,
                name=change.values["route"],
                stops=[
                    Stop(references.id("store", line["store"]), read_rule_words(line["rule"]))
                    for line in lines or ()
                ],
                today=today,
                division_id=references.id_or_none("division", change.values["division"]),
            )
            continue
        if "position" in change.fields:
            move_route(uow, actor, change.id, position_id, today=today)
        if change.lines is not None:
            set_stops(uow, actor, change.id, stops, today=today)
        if closes(change):
            close_route(uow, actor, change.id, today=today)


def _begins_again(change: Change) -> bool:
    """Whether a route that ended is travelled again: that is a new one of the same name."""
    return change.after("status").get("status") == ACTIVE


def check(uow: UnitOfWork, changes: Sequence[Change], _today: date) -> Iterable[Told]:
    """Every stop is at an active store and has a rule; nothing is done to a route that has ended."""
    named = {line["store"] for change in changes for line in change.lines or ()}
    active = {row.code for row in uow.rows(_OPEN, company=uow.company_id, codes=sorted(named))}
    for change in changes:
        if change.is_new and change.values["status"] == ENDED:
            yield Told(change, "status", "conflicts", Said("there is no such route to be ended"))
        if change.held is not None and not _begins_again(change):
            was_ended = change.held.values["status"] == ENDED
            if was_ended and (change.lines is not None or "position" in change.fields):
                yield Told(
                    change, "status", "fixed", Said("the route has ended: say ACTIVE to begin anew")
                )
        if len(change.lines or ()) > STOPS_MAX:
            yield Told(
                change,
                "route",
                "too_long",
                Said("a route has at most {most} stops", most=STOPS_MAX),
            )
        for line, given in zip(change.lines or (), change.record.lines, strict=False):
            if line["store"] not in active:
                says = Said("{store} is no active store", store=line["store"])
                yield Told(change, "store", "conflicts", says, given.row)
            if line["rule"] is None:
                says = Said("a stop that is new on its route needs a rule")
                yield Told(change, "rule", "required", says, given.row)


def closes(change: Change) -> bool:
    """Whether a route is ended."""
    return change.after("status").get("status") == ENDED


def _from_line(row: Mapping[str, Any]) -> Mapping[str, Any]:
    return {"store": row["store"], "rule": row["rule"]}


ROUTE = Sheet(
    name="route",
    about=sentence(
        "Routes with their stops: a row for each stop in its order, and the rows of a route are all its "
        "stops. A route without any has one row without a store."
    ),
    columns=(
        Column(
            name="position",
            cell=Code(),
            about=sentence("whose it is"),
            is_required=True,
            refers_to="position",
        ),
        Column(
            name="route",
            cell=Words(ROUTE_NAME_MAX),
            about=sentence("its name"),
            is_required=True,
            is_fixed=True,
        ),
        Column(
            name="division",
            cell=Code(),
            about=sentence("for which it is; empty leaves it"),
            refers_to="division",
            is_fixed=True,
            keeps_when_empty=True,
        ),
        Column(
            name="status",
            cell=Choice((ACTIVE, ENDED)),
            about=sentence("empty leaves it, and a new route is active"),
            keeps_when_empty=True,
        ),
    ),
    line_columns=(
        Column(
            name="store",
            cell=Code(CODE_MAX, has_spaces=True),
            about=sentence("the stop"),
            is_required=True,
            refers_to="store",
        ),
        Column(
            name="rule",
            cell=RuleWords(),
            about=sentence("when it is due; empty leaves the rule that the stop has"),
            keeps_when_empty=True,
        ),
    ),
    line_key=("store",),
    key=("position", "route"),
    select="""
        select distinct on (p.code, r.name) r.id, p.code as position, r.name as route,
               d.code as division, case when r.is_active then 'ACTIVE' else 'ENDED' end as status
        from route r
        join position p on p.company_id = r.company_id and p.id = r.position_id
        left join division d on d.company_id = r.company_id and d.id = r.division_id
        where r.company_id = :company
        order by p.code, r.name, r.is_active desc, r.id
    """,
    line_select="""
        select t.route_id as of, t.sequence as place, s.code as store, t.rule
        from route_stop t join store s on s.company_id = t.company_id and s.id = t.store_id
        where t.company_id = :company
    """,
    apply=apply,
    from_line=_from_line,
    check=check,
    closes=closes,
    bound_by="position",
    records_at_once=20,
)
