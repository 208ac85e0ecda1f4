"""The facts behind a figure: the visits, orders, stops, stores … that it was made from, a page at a time or as a file."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from flask import Blueprint, Response, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import NotFound

from server.answers.asked import Answered, Answerer
from server.days.teams import list_teams
from server.identity.permissions import positions_to_act_for, visible_positions
from server.identity.sessions import Visitor
from server.language import sentence, tell, told_day, told_moment, told_money, told_number
from server.measures.behind import NUMBERS, Behind, Mark, facts_behind, read_behind
from server.measures.errors import QuestionInvalid
from server.measures.names import name_things
from server.vocabulary import flag_name
from server.web.desk import Desk, draw
from server.web.figure_words import MEASURE_MEANINGS, MEASURE_WORDS
from server.web.listing import (
    Badge,
    Column,
    Link,
    Listing,
    Read,
    Shown,
    drawn_page,
    pages_of,
    part_by_day,
    read_page,
    send_listing,
)
from server.web.marks import moment_and_id
from server.web.menu import OFFICE
from server.web.overview import narrowed_told
from server.web.overview_asked import DIMENSIONS, Asked, read_asked
from server.web.waiting import answer_to, stand_told, told_as_of
from sync.unit_of_work import UnitOfWork

FACTS: Mapping[str, str] = {
    "visits": sentence("Visits"),
    "stops": sentence("Planned stops"),
    "sales": sentence("Orders at calls"),
    "orders": sentence("Orders"),
    "lines": sentence("Orders with their lines"),
    "deliveries": sentence("Deliveries"),
    "stores": sentence("Stores"),
    "checks": sentence("Store checks"),
    "stocking": sentence("Store checks with the product"),
    "tracks": sentence("Tracks"),
    "duty": sentence("Time on duty"),
}
_NUMBERS: Mapping[str, str] = {
    "visited": sentence("Visited"),
    "value": sentence("Value"),
    "lines": sentence("Lines"),
    "quantity": sentence("Quantity"),
    "ordered": sentence("Ordered"),
    "delivered": sentence("Delivered"),
    "products": sentence("Products"),
    "distance_cm": sentence("Way"),
    "worked_ms": sentence("Time"),
}
# Which two numbers of a store check are a measure's.
_OF_CHECKS = ("over", "out_of")
# Facts that are orders, and those that a person's day on the map shows.
_ORDERS = ("sales", "orders", "lines", "deliveries")
_ON_THE_MAP = ("visits", "stops", "checks", "stocking", "tracks", "duty")
_KEY_MAX = 200
# What an address asks of the list beside the question and the measure.
_OF_A_PAGE = ("facts", "after")
_MINUTE_MS = 60_000


def fact_routes(desk: Desk) -> Blueprint:
    """/facts and what is below it."""
    routes = Blueprint("facts", __name__, url_prefix="/facts")

    @routes.get("/")
    @desk.page(*OFFICE)
    def facts_page(visitor: Visitor) -> ResponseReturnValue:
        """The facts of one kind behind one figure."""
        asked, behind = read_asked(visitor, request.args), _read_behind(request.args)
        with desk.database.reading(visitor.company_id) as uow:
            seen = visible_positions(uow, visitor.person_id, visitor.today)
            teams = list_teams(uow, visitor.today, seen)
            narrowed = narrowed_told(uow, asked, teams, seen)
            group = None if behind.key is None else _group_told(uow, asked, behind.key)
            theirs = (
                positions_to_act_for(uow, visitor.person_id, visitor.today)
                if behind.kind in _ORDERS
                else None
            )
        arguments: dict[str, Any] = {**asked.kept, "measure": behind.measure}
        if behind.key is not None:
            arguments["key"] = behind.key
        kinds = [
            (url_for("facts.facts_page", facts=each, **arguments), tell(FACTS[each]), each)
            for each in facts_behind(behind.measure)
        ]
        listing = fact_listing(visitor, request.args, theirs or frozenset())
        form = request.args.get("format")
        if form is not None:
            return send_listing(desk, visitor, listing, form)
        again = {name: request.args[name] for name in _OF_A_PAGE if name in request.args}
        if behind.has_left_out:
            again["all"] = "1"
        found = answer_to(desk, visitor, FACTS_PAGE, {**again, **arguments})
        stand = None if isinstance(found, Answered) else stand_told(found)
        if stand is not None and stand.is_shown:
            return Response(status=204)
        return draw(
            "facts/list.html",
            listing=drawn_page(listing, found.value.rows, found.value.more)
            if isinstance(found, Answered)
            else None,
            stand=stand,
            as_of=told_as_of(visitor, found),
            again=request.full_path.rstrip("?"),
            asked=asked,
            name=tell(MEASURE_WORDS[behind.measure]),
            meaning=tell(MEASURE_MEANINGS[behind.measure]),
            group=group,
            narrowed=narrowed,
            kinds=[(place, words, each == behind.kind) for place, words, each in kinds],
            kind=behind.kind,
            title=tell(FACTS[behind.kind]),
            has_left_out=behind.has_left_out,
            arguments=arguments,
        )

    return routes


@dataclass(frozen=True, slots=True)
class AskedBehind:
    """Behind which figure, which kind of facts, of which group, and whether with those that do not count."""

    measure: str
    kind: str
    key: str | None
    has_left_out: bool


def _read_behind(arguments: Mapping[str, str]) -> AskedBehind:
    """What an address asks of the facts behind a figure. Raises NotFound on what is none."""
    measure, key = arguments.get("measure", ""), arguments.get("key")
    if measure not in MEASURE_WORDS or len(key or "") > _KEY_MAX:
        raise NotFound
    kinds = facts_behind(measure)
    kind = arguments.get("facts") or kinds[0]
    if kind not in kinds:
        raise NotFound
    return AskedBehind(
        measure, kind, key, has_left_out=kind == "visits" and arguments.get("all") == "1"
    )


def fact_listing(
    visitor: Visitor, arguments: Mapping[str, str], theirs: frozenset[UUID] = frozenset()
) -> Listing[Behind]:
    """The list of facts that an address asks for; orders of `theirs`, the positions for which they act, can be opened.
    Raises NotFound.
    """
    asked, behind = read_asked(visitor, arguments), _read_behind(arguments)
    return Listing(
        name=f"facts-{behind.kind}",
        columns=_columns(
            visitor, behind.kind, behind.measure, theirs, has_left_out=behind.has_left_out
        ),
        read=_reader(asked, behind.kind, behind.key, has_left_out=behind.has_left_out),
        nothing=sentence("Nothing of this kind in this period."),
        exporter="facts",
        part_done=part_by_day(asked.first, asked.last),
    )


@dataclass(frozen=True, slots=True)
class FactsPage:
    """A page of facts, and the mark after which the next begins."""

    rows: Sequence[Behind]
    more: str | None


def _facts_page(
    uow: UnitOfWork, visitor: Visitor, arguments: Mapping[str, str], _now: datetime
) -> FactsPage:
    listing = fact_listing(visitor, arguments)
    return FactsPage(*read_page(uow, listing, arguments.get("after")))


FACTS_PAGE = Answerer("facts", FactsPage, _facts_page)


def _group_told(uow: UnitOfWork, asked: Asked, key: str) -> str:
    """The group that a figure is of, by name. Raises NotFound where it can be none."""
    try:
        name = name_things(uow, asked.by, [key])[key]
    except ValueError:
        raise NotFound from None
    return ": ".join((tell(DIMENSIONS[asked.by]), name or tell("none")))


def _reader(asked: Asked, kind: str, key: str | None, *, has_left_out: bool) -> Read[Behind]:
    question = asked.question() if key is None else asked.question(asked.by)

    def find(uow: UnitOfWork, after: Mark | None, at_most: int) -> list[Behind]:
        try:
            return read_behind(
                uow,
                question,
                kind,
                key=None if key is None else (key,),
                with_left_out=has_left_out,
                after=after,
                at_most=at_most,
            )
        except QuestionInvalid:
            # This kind of fact is not told apart like this: nobody is led here.
            raise NotFound from None

    return pages_of(
        find,
        lambda fact: f"{fact.at.isoformat()}~{fact.id}",
        lambda typed: Mark(*moment_and_id(typed)),
    )


def _columns(
    visitor: Visitor, kind: str, measure: str, theirs: frozenset[UUID], *, has_left_out: bool
) -> list[Column[Behind]]:
    columns: list[Column[Behind]] = []
    if kind != "stores":
        columns.append(
            Column(
                sentence("When"),
                lambda fact: _when(kind, fact, visitor, theirs),
                lambda fact: fact.day if kind == "stops" else fact.at.isoformat(),
            )
        )
        columns.append(
            Column(
                sentence("Person"),
                lambda fact: fact.person_name,
                lambda fact: fact.person_name or "",
            )
        )
    columns.append(
        Column(
            sentence("Position"),
            lambda fact: fact.position_code,
            lambda fact: fact.position_code or "",
        )
    )
    if kind not in {"tracks", "duty"}:
        columns += [
            Column(
                sentence("Store"), lambda fact: fact.store_name, lambda fact: fact.store_name or ""
            ),
            Column(
                sentence("Code of the store"),
                lambda fact: fact.store_code,
                lambda fact: fact.store_code or "",
            ),
        ]
    columns += [_number(name, words) for name, words in _numbers(kind, measure)]
    if any(name == "value" for name in NUMBERS[kind]):
        columns.append(
            Column(
                sentence("Currency"), lambda fact: fact.currency, lambda fact: fact.currency or ""
            )
        )
    if has_left_out:
        columns.append(
            Column(sentence("Does not count"), _left_out, lambda fact: "; ".join(fact.left_out))
        )
    return columns


def _numbers(kind: str, measure: str) -> list[tuple[str, str]]:
    if kind != "checks":
        return [(name, _NUMBERS[name]) for name in NUMBERS[kind]]
    titles = (sentence("Counted"), sentence("Out of"))
    names = (f"{measure.lower()}_{term}" for term in _OF_CHECKS)
    return list(zip(names, titles, strict=True))


def _number(name: str, words: str) -> Column[Behind]:
    def show(fact: Behind) -> Shown:
        number = fact.numbers[name]
        if name == "visited":
            return Badge(tell("yes"), "good") if number else Badge(tell("no"), "warn")
        if name == "value" and fact.currency is not None:
            return told_money(number, fact.currency)
        if name == "distance_cm":
            return tell("{number} m", number=told_number(number // 100))
        if name == "worked_ms":
            hours, minutes = divmod(number // _MINUTE_MS, 60)
            return tell("{hours} h {minutes} min", hours=hours, minutes=str(minutes).zfill(2))
        return told_number(number)

    units = {"value": tell("minor units"), "distance_cm": "cm", "worked_ms": "ms"}
    return Column(
        words,
        show,
        lambda fact: fact.numbers[name],
        is_number=name != "visited",
        unit=units.get(name, ""),
    )


def _when(kind: str, fact: Behind, visitor: Visitor, theirs: frozenset[UUID]) -> Shown:
    at = (
        told_day(fact.day)
        if kind == "stops"
        else told_moment(round(fact.at.timestamp() * 1000), visitor.policy.time_zone)
    )
    if kind in _ORDERS:
        if fact.person_id != visitor.person_id and fact.position_id not in theirs:
            return at
        return Link(at, url_for("orders.order_page", order_id=fact.id))
    if kind in _ON_THE_MAP and fact.person_id is not None:
        visit = fact.id if kind == "visits" else None
        place = url_for("days.map_page", day=fact.day, person=fact.person_id, visit=visit)
        return Link(at, place)
    return at


def _left_out(fact: Behind) -> Shown:
    return [Badge(_reason(reason), "warn") for reason in fact.left_out] or None


def _reason(reason: str) -> str:
    """Why a visit does not count, by the code that the reading has for it."""
    what, _, flag = reason.partition(" ")
    if reason == "skipped":
        return tell("skipped")
    if reason == "by_phone":
        return tell("by phone")
    if what == "waits":
        return tell("{flag} waits for a decision", flag=flag_name(flag))
    if reason == "rejected as the day showed":
        return tell("rejected, as the day showed")
    return tell("{flag} rejected", flag=flag_name(flag))
