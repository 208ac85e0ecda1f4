"""Plans of targets: set for a year, split down to positions, with why each part has what it has; shown before it is saved."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Any
from uuid import UUID

from flask import Blueprint, Response, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.datastructures import MultiDict
from werkzeug.exceptions import NotFound

from mobile_contract.records.target import BY_PRODUCT_GROUP, MEASURES
from server.catalogue.divisions import list_divisions
from server.http.bodies import BodyBounds
from server.identity.sessions import Visitor
from server.language import sentence, tell, told_moment, told_month, told_number, told_permille
from server.planning.errors import PlanningError
from server.planning.region_list import list_region_tree
from server.targets.basis import CLASSES, SplitBy, list_product_groups
from server.targets.errors import NoSuchNode, NoSuchPlan, TargetInvalid, TargetsError
from server.targets.months import read_month
from server.targets.office_plans import (
    PlanChange,
    compare_versions,
    rehearse_plan,
    set_plan,
    split_again,
)
from server.targets.plan_list import (
    Explanation,
    NodeNamed,
    PlanListed,
    PlanReach,
    explain_part,
    list_entries,
    list_plans,
    plan_reach,
    plan_versions,
)
from server.targets.splitting import Weights
from server.targets.tree import Level, Place
from server.web.desk import FORM_BODY, Desk, draw
from server.web.figure_words import MEASURE_WORDS
from server.web.listing import Column, Link, Listing, answer_listing, pages_of
from server.web.menu import PLANNERS
from server.web.target_words import (
    TypedWrongly,
    told_amount,
    told_faults,
    told_measure,
    told_part,
    told_quota,
    told_why,
    typed_amount,
    typed_permille,
    written_amount,
    written_percent,
)
from server.web.typed import typed_uuid
from sync.unit_of_work import UnitOfWork

# A field for each of the parts of a node.
PARTS_BODY = BodyBounds(wire_bytes=1024 * 1024, unpacked_bytes=1024 * 1024)
VERSIONS_SHOWN = 50
ROLES = {
    "rep": sentence("reps"),
    "driver": sentence("drivers"),
    "supervisor": sentence("supervisors"),
}
_YEARS_AHEAD = 2

Form = MultiDict[str, str]
Refused = (TargetsError, PlanningError, TypedWrongly)


def plan_routes(desk: Desk, routes: Blueprint) -> None:
    """The pages under /targets/plans."""

    @routes.get("/plans")
    @desk.page(*PLANNERS)
    def plan_list(visitor: Visitor) -> ResponseReturnValue:
        """What is set, the latest year first."""
        read = pages_of(
            lambda uow, after, at_most: list_plans(
                uow,
                reach=plan_reach(uow, visitor.person_id, visitor.today),
                after=after,
                at_most=at_most,
            ),
            lambda one: str(one.id),
            UUID,
        )

        return answer_listing(
            desk,
            visitor,
            Listing(
                name="target-plans",
                columns=_columns(visitor.policy.time_zone),
                read=read,
                nothing=sentence("Nothing is set yet."),
            ),
            "targets/plans.html",
        )

    @routes.get("/plans/new")
    @desk.page(*PLANNERS)
    def new_plan(visitor: Visitor) -> ResponseReturnValue:
        """The form of a plan that is not there yet."""
        held: Form = MultiDict(
            {"year": str(visitor.today.year), "measure": MEASURES[0], "total": "", "reason": ""}
        )
        _say_split(held, SplitBy())
        return _new(desk, visitor, held)

    @routes.post("/plans/rehearse")
    @desk.page(*PLANNERS, body=FORM_BODY)
    def rehearse_new(visitor: Visitor) -> ResponseReturnValue:
        """What setting it would come to. Nothing is kept."""
        return _rehearsed(desk, visitor, lambda: _setting(desk, visitor, request.form))

    @routes.post("/plans")
    @desk.page(*PLANNERS, body=FORM_BODY)
    def make(visitor: Visitor) -> ResponseReturnValue:
        """Set it; phones take it at their next sync."""
        try:
            change = _setting(desk, visitor, request.form)
            with desk.database.company(visitor.company_id) as uow:
                done = change(uow)
        except Refused as refused:
            return _new(desk, visitor, request.form, told_faults(refused))
        return _saved(done)

    _splitting(desk, routes)


def _splitting(desk: Desk, routes: Blueprint) -> None:
    @routes.get("/plans/<uuid:plan_id>")
    @desk.page(*PLANNERS)
    def plan_page(visitor: Visitor, plan_id: UUID) -> ResponseReturnValue:
        """A plan, or a part of it, and how it was split; in the version in force or another."""
        return _page(desk, visitor, plan_id, request.args)

    @routes.get("/plans/<uuid:plan_id>/compare")
    @desk.page(*PLANNERS)
    def compare(visitor: Visitor, plan_id: UUID) -> ResponseReturnValue:
        """How two versions of a plan differ."""
        with desk.database.reading(visitor.company_id) as uow:
            reach = plan_reach(uow, visitor.person_id, visitor.today)
            versions = _versions(uow, plan_id, reach)
            numbers = [one.version for one in versions]
            before = _number(request.args.get("before"), numbers, numbers[min(1, len(numbers) - 1)])
            after = _number(request.args.get("after"), numbers, numbers[0])
            parts = compare_versions(uow, versions[0], before, after, reach)
        return draw(
            "targets/compare.html",
            plan=versions[0],
            versions=numbers,
            before=before,
            after=after,
            parts=parts,
            **_words(),
        )

    @routes.post("/plans/<uuid:plan_id>/rehearse")
    @desk.page(*PLANNERS, body=PARTS_BODY)
    def rehearse_split(visitor: Visitor, plan_id: UUID) -> ResponseReturnValue:
        """What splitting it like this would come to. Nothing is kept."""
        return _rehearsed(desk, visitor, lambda: _split(desk, visitor, plan_id, request.form))

    @routes.post("/plans/<uuid:plan_id>")
    @desk.page(*PLANNERS, body=PARTS_BODY)
    def split(visitor: Visitor, plan_id: UUID) -> ResponseReturnValue:
        """Split it again; phones take it at their next sync."""
        form = request.form
        try:
            change = _split(desk, visitor, plan_id, form)
            with desk.database.company(visitor.company_id) as uow:
                done = change(uow)
        except Refused as refused:
            asked = {"part": form.get("part", "")}
            return _page(desk, visitor, plan_id, asked, form, told_faults(refused))
        return _saved(done, form.get("part") or None)


def _saved(done: PlanChange, part: str | None = None) -> ResponseReturnValue:
    flash(tell("Saved. Phones take it at their next sync."), "notice")
    return redirect(url_for("targets.plan_page", plan_id=done.plan_id, part=part), code=303)


def _rehearsed(
    desk: Desk, visitor: Visitor, asked: Callable[[], Callable[[UnitOfWork], PlanChange]]
) -> Response:
    try:
        found = rehearse_plan(desk.database, visitor.company_id, asked())
    except Refused as refused:
        return draw("targets/refused.html", faults=told_faults(refused), fields=_field_words())
    return draw("targets/told.html", found=found, **_words())


def _page(
    desk: Desk,
    visitor: Visitor,
    plan_id: UUID,
    asked: Mapping[str, str],
    form: Form | None = None,
    faults: Mapping[str, str] | None = None,
) -> Response:
    with desk.database.reading(visitor.company_id) as uow:
        reach = plan_reach(uow, visitor.person_id, visitor.today)
        versions = _versions(uow, plan_id, reach)
        numbers = [one.version for one in versions]
        chosen = _number(asked.get("version"), numbers, numbers[0])
        plan = versions[numbers.index(chosen)]
        may_set = reach.may_set(plan.region_id)
        told: Explanation | None = None
        way: list[NodeNamed] = []
        entries: list[NodeNamed] = []
        part = asked.get("part")
        if part or may_set:
            node_id = typed_uuid(part) if part else Place(Level.YEAR).node_id(plan_id)
            try:
                told, way = explain_part(uow, plan, node_id, reach)
            except NoSuchNode:
                raise NotFound from None
        else:
            entries = list_entries(uow, plan, reach)
        groups = list_product_groups(uow)
    if form is None:
        form = MultiDict({"total": written_amount(plan.total, plan.currency), "reason": ""})
        form["from_month"] = f"{_first_month(plan.year, visitor.today):%Y-%m}"
        _say_split(form, SplitBy.of_version(plan))
    return draw(
        "targets/plan.html",
        422 if faults else 200,
        plan=plan,
        versions=versions,
        is_latest=chosen == numbers[0],
        may_set=may_set,
        told=told,
        way=way,
        entries=entries,
        form=form,
        faults=faults or {},
        groups=_groups(groups, plan.measure),
        roles=[(key, tell(words)) for key, words in ROLES.items()],
        classes=CLASSES,
        zone=visitor.policy.time_zone,
        told_moment=lambda at: told_moment(round(at.timestamp() * 1000), visitor.policy.time_zone),
        **_words(),
    )


def _new(
    desk: Desk, visitor: Visitor, form: Form, faults: Mapping[str, str] | None = None
) -> Response:
    with desk.database.reading(visitor.company_id) as uow:
        rows = list_region_tree(uow, today=visitor.today, asker_id=visitor.person_id)
        divisions = list_divisions(uow)
        groups = list_product_groups(uow)
    year = visitor.today.year
    return draw(
        "targets/new_plan.html",
        422 if faults else 200,
        form=form,
        faults=faults or {},
        years=[str(one) for one in range(year - 1, year + _YEARS_AHEAD + 1)],
        measures=[(one, tell(MEASURE_WORDS[one])) for one in MEASURES],
        regions=[(str(row.id), "\u2003" * row.depth + row.name) for row in rows],
        divisions=[("", tell("all"))]
        + [(str(one.id), f"{one.code} {one.name}") for one in divisions],
        groups=groups,
        roles=[(key, tell(words)) for key, words in ROLES.items()],
        classes=CLASSES,
        currency=visitor.policy.currency,
    )


def _setting(desk: Desk, visitor: Visitor, form: Form) -> Callable[[UnitOfWork], PlanChange]:
    """What the form of a new plan asks for. Raises TargetsError, TypedWrongly."""
    measure = form.get("measure", "")
    currency = visitor.policy.currency if measure == "NET_VALUE" else None
    year = form.get("year", "")
    if not year.isdecimal() or len(year) > 4:
        raise TypedWrongly("year", tell("A year from 2000 to 2100."))
    division = form.get("division", "")
    asked: dict[str, Any] = {
        "year": int(year),
        "measure": measure,
        "total": typed_amount("total", form.get("total", ""), currency),
        "region_id": typed_uuid(form.get("region")),
        "division_id": typed_uuid(division) if division else None,
        "currency": currency,
        "by": _split_by(form),
        "reason": form.get("reason", "").strip() or None,
        "today": visitor.today,
        "now": desk.clock(),
        "asker_id": visitor.person_id,
    }
    return lambda uow: set_plan(uow, visitor.actor, **asked)


def _split(
    desk: Desk, visitor: Visitor, plan_id: UUID, form: Form
) -> Callable[[UnitOfWork], PlanChange]:
    """What the form of a split asks for. Raises TargetsError, TypedWrongly."""
    version = form.get("version", "")
    part = form.get("part", "")
    if not version.isdecimal() or len(version) > 9:
        raise NotFound
    node_id = typed_uuid(part) if part else Place(Level.YEAR).node_id(plan_id)
    with desk.database.reading(visitor.company_id) as uow:
        reach = plan_reach(uow, visitor.person_id, visitor.today)
        (plan,) = plan_versions(uow, plan_id, reach=reach, at_most=1)
        told, _ = explain_part(uow, plan, node_id, reach)
    pins, unpinned = _typed_pins(form, told, plan.currency)
    from_month = form.get("from_month", "")
    asked: dict[str, Any] = {
        "version": int(version),
        "total": typed_amount("total", form.get("total", ""), plan.currency),
        "by": _split_by(form),
        "pins": pins,
        "unpinned": unpinned,
        "from_month": _month(from_month, plan.year) if from_month else None,
        "reason": form.get("reason", "").strip() or None,
        "today": visitor.today,
        "now": desk.clock(),
        "asker_id": visitor.person_id,
    }
    return lambda uow: split_again(uow, visitor.actor, plan_id, **asked)


def _typed_pins(
    form: Form, told: Explanation, currency: str | None
) -> tuple[dict[UUID, int], list[UUID]]:
    """The parts that are fixed anew, and those that are let go."""
    pins: dict[UUID, int] = {}
    unpinned = []
    for each in told.parts:
        node, name = each.node, f"pin-{each.node.id}"
        typed = form.get(name)
        if typed is None or node.is_carried:
            continue
        if typed.strip():
            amount = typed_amount(name, typed, currency)
            if not node.is_pinned or amount != node.amount:
                pins[node.id] = amount
        elif node.is_pinned:
            unpinned.append(node.id)
    return pins, unpinned


def _split_by(form: Form) -> SplitBy:
    """How the form says that it is split. Raises TargetInvalid, TypedWrongly."""
    potential = {}
    for name in CLASSES:
        typed = form.get(f"potential-{name}", "").strip()
        if typed and (not typed.isdecimal() or len(typed) > 6):
            raise TypedWrongly("potential", tell("Whole numbers from 0 to 1000."))
        if typed:
            potential[name] = int(typed)
    return SplitBy(
        weights=Weights(
            last_year=typed_permille(form.get("last_year", "")),
            potential=typed_permille(form.get("potential", "")),
            equal=typed_permille(form.get("equal", "")),
        ),
        product_groups=tuple(form.getlist("group")),
        roles=tuple(form.getlist("role")),
        potential_by_class=potential,
    )


def _say_split(form: Form, by: SplitBy) -> None:
    """Put into a form how a plan is split."""
    weights = by.weights
    form["last_year"] = written_percent(weights.last_year)
    form["potential"] = written_percent(weights.potential)
    form["equal"] = written_percent(weights.equal)
    form.setlist("group", list(by.product_groups))
    form.setlist("role", list(by.roles))
    for name, weight in by.potential_by_class.items():
        form[f"potential-{name}"] = str(weight)


def _versions(uow: UnitOfWork, plan_id: UUID, reach: PlanReach) -> list[PlanListed]:
    try:
        return plan_versions(uow, plan_id, reach=reach, at_most=VERSIONS_SHOWN)
    except NoSuchPlan:
        raise NotFound from None


def _number(typed: str | None, known: Sequence[int], otherwise: int) -> int:
    if not typed:
        return otherwise
    if not typed.isdecimal() or len(typed) > 9 or int(typed) not in known:
        raise NotFound
    return int(typed)


def _month(typed: str, year: int) -> date:
    try:
        month = read_month(typed)
    except TargetInvalid:
        month = date(1, 1, 1)
    if month.year != year:
        raise TypedWrongly("from_month", tell("A month of the plan's year."))
    return month


def _first_month(year: int, today: date) -> date:
    """The first month that is split anew unless another is said."""
    return min(max(today.replace(day=1), date(year, 1, 1)), date(year, 12, 1))


def _groups(known: Sequence[str], measure: str) -> list[str]:
    return list(known) if measure in BY_PRODUCT_GROUP else []


def _words() -> dict[str, Any]:
    """What the templates of plans tell with."""
    return {
        "told_amount": told_amount,
        "told_quota": told_quota,
        "told_why": told_why,
        "told_part": told_part,
        "told_measure": told_measure,
        "told_month": told_month,
        "weight": lambda weight: told_permille(round(weight * 1000)),
        "written_amount": written_amount,
        "written_percent": written_percent,
        "Level": Level,
    }


def _field_words() -> dict[str, str]:
    """What the fields of the forms are called, where a fault names one."""
    return {
        "year": tell("Year"),
        "measure": tell("Figure"),
        "total": tell("Total of the year"),
        "weights": tell("Weights"),
        "group": tell("Product groups"),
        "role": tell("Whose positions"),
        "potential": tell("What a store of each class counts"),
        "reason": tell("Reason"),
        "from_month": tell("From"),
    }


def _columns(zone: str) -> tuple[Column[PlanListed], ...]:
    return (
        Column(
            sentence("Figure"),
            lambda plan: Link(
                told_measure(plan.measure), url_for("targets.plan_page", plan_id=plan.id)
            ),
            lambda plan: plan.measure,
        ),
        Column(
            sentence("Year"), lambda plan: str(plan.year), lambda plan: plan.year, is_number=True
        ),
        Column(sentence("Region"), lambda plan: plan.region_name, lambda plan: plan.region_code),
        Column(
            sentence("Division"),
            lambda plan: plan.division_name or tell("all"),
            lambda plan: plan.division_code or "",
        ),
        Column(
            sentence("Total"),
            lambda plan: told_amount(plan.total, plan.currency),
            lambda plan: plan.total,
            is_number=True,
        ),
        Column(sentence("Currency"), lambda plan: plan.currency, lambda plan: plan.currency or ""),
        Column(
            sentence("Version"),
            lambda plan: told_number(plan.version),
            lambda plan: plan.version,
            is_number=True,
        ),
        Column(
            sentence("Made"),
            lambda plan: told_moment(round(plan.made_at.timestamp() * 1000), zone),
            lambda plan: plan.made_at.isoformat(),
        ),
        Column(sentence("By"), lambda plan: plan.made_by, lambda plan: plan.made_by),
        Column(sentence("Reason"), lambda plan: plan.reason, lambda plan: plan.reason or ""),
    )
