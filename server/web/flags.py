"""The flags of visits that wait for a decision, and several of them decided at once with a reason."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from flask import Blueprint, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.datastructures import MultiDict
from werkzeug.exceptions import NotFound

from server.days.teams import list_teams
from server.identity.permissions import positions_to_act_for
from server.identity.policy import FLAGS_TO_ACCEPT
from server.identity.sessions import Visitor
from server.language import sentence, tell, tell_number, told_moment
from server.measures.errors import DecisionInvalid, NoSuchFlag, NoSuchVisit
from server.measures.flag_decisions import (
    REASON_LENGTH_MAX,
    FlagListed,
    FlagMark,
    decide_flags,
    list_flags,
)
from server.vocabulary import FLAG_NAMES, flag_name
from server.web.desk import FORM_BODY, Desk
from server.web.listing import (
    Badge,
    Column,
    Link,
    Listing,
    Shown,
    answer_listing,
    pages_of,
    part_by_day,
)
from server.web.marks import moment
from server.web.menu import OFFICE
from server.web.typed import typed_period

AT_ONCE_MAX = 200
_FLAG_MAX = 60

# What a list of them may have: what visits have by themselves, and what follows from others of the day.
_OF_VISITS = frozenset(FLAGS_TO_ACCEPT) | {
    "overlapping",
    "repeated_store",
    "implied_speed",
    "repeated_fix",
}


def flag_routes(desk: Desk) -> Blueprint:
    """/flags and what is below it."""
    routes = Blueprint("flags", __name__, url_prefix="/flags")

    @routes.get("/")
    @desk.page(*OFFICE)
    def flag_list(visitor: Visitor) -> ResponseReturnValue:
        """The flags that the visitor may decide about: those that wait, or all of a period."""
        asked = _read_asked(visitor, request.args)
        with desk.database.reading(visitor.company_id) as uow:
            seen = positions_to_act_for(uow, visitor.person_id, visitor.today)
            teams = list_teams(uow, visitor.today, seen)
        if asked.region is not None and asked.region not in {team.region_id for team in teams}:
            raise NotFound
        return answer_listing(
            desk,
            visitor,
            flag_listing(visitor, request.args),
            "flags/list.html",
            first=asked.first,
            last=asked.last,
            flag=asked.flag,
            which="all" if asked.is_all else "",
            region="" if asked.region is None else str(asked.region),
            teams=teams,
            flags=[(name, flag_name(name)) for name in FLAG_NAMES if name in _OF_VISITS],
            reason_max=REASON_LENGTH_MAX,
        )

    @routes.post("/")
    @desk.page(*OFFICE, body=FORM_BODY)
    def decide(visitor: Visitor) -> ResponseReturnValue:
        """Accept or reject the chosen flags: all of them, or none."""
        form = request.form
        chosen = [_chosen(typed) for typed in form.getlist("id")[: AT_ONCE_MAX + 1]]
        kept = {
            name: form[name]
            for name in ("first", "last", "flag", "which", "region")
            if form.get(name)
        }
        back = url_for("flags.flag_list", **kept)  # type: ignore[arg-type]
        if not chosen:
            flash(tell("No flag was chosen."), "alert")
            return redirect(back, code=303)
        if len(chosen) > AT_ONCE_MAX:
            flash(tell("At most {number} flags at once.", number=AT_ONCE_MAX), "alert")
            return redirect(back, code=303)
        try:
            with desk.database.company(visitor.company_id) as uow:
                number = decide_flags(
                    uow,
                    visitor.actor,
                    chosen,
                    form.get("decision", ""),
                    form.get("reason", ""),
                    now=desk.clock(),
                    asker_id=visitor.person_id,
                )
        except (NoSuchVisit, NoSuchFlag):
            raise NotFound from None
        except DecisionInvalid as refused:
            flash(_told(refused, form), "alert")
        else:
            flash(
                tell_number("One flag is decided.", "{number} flags are decided.", number), "notice"
            )
        return redirect(back, code=303)

    return routes


@dataclass(frozen=True, slots=True)
class AskedFlags:
    """Which flags: of which days, of what name, where, and whether also those that are decided."""

    first: date
    last: date
    flag: str
    region: UUID | None
    is_all: bool


def _read_asked(visitor: Visitor, arguments: Mapping[str, str]) -> AskedFlags:
    """What an address asks. Raises NotFound on what is none."""
    first, last = typed_period(arguments, visitor.today)
    flag, region = arguments.get("flag", ""), arguments.get("region", "")
    if len(flag) > _FLAG_MAX or not (flag.isprintable() or not flag):
        raise NotFound
    try:
        region_id = UUID(region) if region else None
    except ValueError:
        raise NotFound from None
    return AskedFlags(first, last, flag, region_id, is_all=arguments.get("which") == "all")


def flag_listing(visitor: Visitor, arguments: Mapping[str, str]) -> Listing[FlagListed]:
    """The list of flags that an address asks for. Raises NotFound."""
    asked = _read_asked(visitor, arguments)

    read = pages_of(
        lambda uow, after, at_most: list_flags(
            uow,
            asked.first,
            asked.last,
            flag=asked.flag or None,
            is_open=not asked.is_all,
            region_id=asked.region,
            asker_id=visitor.person_id,
            after=after,
            at_most=at_most,
        ),
        lambda row: f"{row.began_at.isoformat()}~{row.visit_id}~{row.flag}",
        _mark,
    )

    return Listing(
        name="flags",
        columns=_columns(visitor.policy.time_zone),
        read=read,
        key=lambda row: (
            None if row.person_id == visitor.person_id else f"{row.visit_id}~{row.flag}"
        ),
        nothing=sentence("No flag waits for a decision in these days."),
        exporter="flags",
        part_done=part_by_day(asked.first, asked.last),
    )


def _columns(zone: str) -> tuple[Column[FlagListed], ...]:
    return (
        Column(
            sentence("When"),
            lambda row: Link(
                told_moment(round(row.began_at.timestamp() * 1000), zone),
                url_for(
                    "days.map_page",
                    day=row.business_day,
                    person=row.person_id,
                    visit=row.visit_id,
                ),
            ),
            lambda row: row.began_at.isoformat(),
        ),
        Column(sentence("Person"), lambda row: row.person_name, lambda row: row.person_name or ""),
        Column(
            sentence("Position"), lambda row: row.position_code, lambda row: row.position_code or ""
        ),
        Column(sentence("Store"), lambda row: row.store_name, lambda row: row.store_name or ""),
        Column(
            sentence("Flag"), lambda row: Badge(flag_name(row.flag), "warn"), lambda row: row.flag
        ),
        Column(sentence("Decision"), _decision, lambda row: row.decision or ""),
        Column(sentence("By"), lambda row: row.decided_by, lambda row: row.decided_by or ""),
        Column(sentence("Reason"), lambda row: row.reason, lambda row: row.reason or ""),
    )


def _decision(row: FlagListed) -> Shown:
    if row.decision is None:
        return Badge(tell("waits"))
    if row.decision == "ACCEPTED":
        return Badge(tell("accepted"), "good")
    return Badge(tell("rejected"), "bad")


def _told(refused: DecisionInvalid, form: MultiDict[str, str]) -> str:
    if not form.get("reason", "").strip():
        return tell("Say why: a decision wants a reason.")
    return str(refused)


def _chosen(typed: str) -> tuple[UUID, str]:
    visit, _, flag = typed.partition("~")
    if not 0 < len(flag) <= _FLAG_MAX:
        raise NotFound
    try:
        return UUID(visit), flag
    except ValueError:
        raise NotFound from None


def _mark(typed: str) -> FlagMark:
    if not typed.isprintable():
        raise ValueError
    at, visit, flag = typed.split("~")
    return FlagMark(moment(at), UUID(visit), flag)
