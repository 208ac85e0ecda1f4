"""People: who is here, what they hold, how they sign in; added, renamed, given a password. Leaving is in `leaving`."""

from collections.abc import Mapping
from uuid import UUID

from flask import Blueprint, Response, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import NotFound

from server.identity.device_list import list_devices
from server.identity.errors import IdentityError, NoSuchPerson
from server.identity.passwords import make_password, set_password
from server.identity.people import (
    MAX_EMAIL_LENGTH,
    MAX_NAME_LENGTH,
    change_email,
    create_person,
    rename_person,
)
from server.identity.people_list import (
    STATES,
    Held,
    PeopleAsked,
    PersonFound,
    find_people,
    find_person,
    held_by,
)
from server.identity.sessions import Visitor
from server.language import sentence, tell, told_day, told_moment, told_number
from server.planning.positions import ROUTED_ROLES
from server.web.basis import ChangedMeanwhile, must_be_as_drawn, with_basis
from server.web.choices import people_choices
from server.web.desk import FORM_BODY, Desk, draw
from server.web.filled import Filled
from server.web.leaving import leaving_routes
from server.web.listing import Badge, Column, Link, Listing, Shown, answer_listing, pages_of
from server.web.marks import text_and_id
from server.web.people_words import (
    ADMINS,
    READERS,
    ROLE_WORDS,
    STATE_WORDS,
    roles_told,
    told_refused,
    told_role,
    unbroken,
)
from sync.unit_of_work import UnitOfWork


def _state(person: PersonFound) -> Badge | list[Badge]:
    words, tone = STATE_WORDS[person.state]
    found = [Badge(tell(words), tone)]
    if person.state in {"HERE", "LEAVING"} and not person.positions:
        found.append(Badge(tell("no position"), "warn"))
    return found


def _since(person: PersonFound) -> Shown:
    """The day that goes with the state: of leaving, or of beginning."""
    day = person.left_on or (person.next_day if person.state == "TO_COME" else None)
    return None if day is None else unbroken(told_day(day))


COLUMNS: tuple[Column[PersonFound], ...] = (
    Column(
        sentence("Person"),
        lambda one: Link(one.name, url_for("people.person_page", person_id=one.id)),
        lambda one: one.name,
    ),
    Column(sentence("E-mail"), lambda one: one.email, lambda one: one.email),
    Column(sentence("State"), _state, lambda one: one.state),
    Column(
        sentence("From day"),
        _since,
        lambda one: one.left_on or (one.next_day if one.state == "TO_COME" else None),
    ),
    Column(
        sentence("Positions"),
        lambda one: ", ".join(one.positions) or None,
        lambda one: ", ".join(one.positions),
    ),
    Column(
        sentence("Role"),
        lambda one: ", ".join(told_role(role) for role in one.roles) or None,
        lambda one: " ".join(one.roles),
    ),
    Column(
        sentence("Region"),
        lambda one: ", ".join(one.regions) or None,
        lambda one: ", ".join(one.regions),
    ),
    Column(
        sentence("Phones"),
        lambda one: told_number(one.phones),
        lambda one: one.phones,
        is_number=True,
    ),
    Column(
        sentence("Password"),
        lambda one: tell("yes") if one.has_password else None,
        lambda one: "yes" if one.has_password else "no",
    ),
)


def people_routes(desk: Desk) -> Blueprint:
    """/people and what is below it."""
    routes = Blueprint("people", __name__, url_prefix="/people")

    @routes.get("/")
    @desk.page(*READERS)
    def people_list(visitor: Visitor) -> ResponseReturnValue:
        """The people whom the visitor may see."""
        asked = _asked(request.args)
        return answer_listing(
            desk,
            visitor,
            people_listing(visitor, request.args),
            "people/list.html",
            asked=asked,
            states=[("", tell("all who have not left"))]
            + [(key, tell(STATE_WORDS[key][0])) for key in STATES]
            + [("ALL", tell("all"))],
            state=request.args.get("state", ""),
            roles=roles_told(),
            may_set=visitor.has_role(*ADMINS),
        )

    @routes.get("/<uuid:person_id>")
    @desk.page(*READERS)
    def person_page(visitor: Visitor, person_id: UUID) -> ResponseReturnValue:
        """A person: what they hold, will hold and held; their phones; how they sign in."""
        with desk.database.reading(visitor.company_id) as uow:
            person = _person(uow, visitor, person_id)
            held = held_by(uow, person_id, today=visitor.today, asker_id=visitor.person_id)
            phones = list_devices(uow, person_id, at_most=20)
        return draw(
            "people/person.html",
            person=person,
            state=STATE_WORDS[person.state],
            held=[(one, _when(one, visitor)) for one in held],
            hands_over=[
                one.id
                for one in held
                if one.role in ROUTED_ROLES and (one.is_vacant or not one.is_over(visitor.today))
            ],
            phones=phones,
            role_words=ROLE_WORDS,
            zone=visitor.policy.time_zone,
            told_at=lambda at: told_moment(round(at.timestamp() * 1000), visitor.policy.time_zone),
            may_set=visitor.has_role(*ADMINS),
        )

    @routes.get("/choices")
    @desk.page(*READERS)
    def choices(visitor: Visitor) -> ResponseReturnValue:
        """People by what they are called, for a select."""
        words = request.args.get("find", "")
        with desk.database.reading(visitor.company_id) as uow:
            found = people_choices(uow, visitor, words=words)
        return draw("people/options.html", choices=found, vacant=request.args.get("vacant") == "1")

    _setting_routes(desk, routes)
    leaving_routes(desk, routes)
    return routes


def people_listing(visitor: Visitor, arguments: Mapping[str, str]) -> Listing[PersonFound]:
    """The list of people that an address asks for. Raises NotFound."""
    asked = _asked(arguments)

    read = pages_of(
        lambda uow, after, at_most: find_people(
            uow,
            asked,
            today=visitor.today,
            asker_id=visitor.person_id,
            after=after,
            at_most=at_most,
        ),
        lambda one: f"{one.name}~{one.id}",
        text_and_id,
    )

    return Listing(
        name="people",
        columns=COLUMNS,
        read=read,
        nothing=sentence("Nobody like this is here."),
    )


def _asked(arguments: Mapping[str, str]) -> PeopleAsked:
    state, role = arguments.get("state", ""), arguments.get("role", "")
    if state not in {"", "ALL", *STATES} or (role and role not in ROLE_WORDS):
        raise NotFound
    return PeopleAsked(
        words=arguments.get("words", "")[:200],
        state={"": "NOT_LEFT", "ALL": ""}.get(state, state),
        role=role,
    )


def _setting_routes(desk: Desk, routes: Blueprint) -> None:
    @routes.get("/new")
    @desk.page(*ADMINS)
    def new_person(_visitor: Visitor) -> ResponseReturnValue:
        """The form of somebody who is new."""
        return _form(None)

    @routes.post("/new")
    @desk.page(*ADMINS, body=FORM_BODY)
    def add_person(visitor: Visitor) -> ResponseReturnValue:
        """Somebody new, who holds nothing yet."""
        form = request.form
        name, email = form.get("name", ""), form.get("email", "").strip()
        try:
            with desk.database.company(visitor.company_id) as uow:
                person_id = create_person(uow, visitor.actor, name, email or None)
        except IdentityError as refused:
            return _form(None, name=name, email=email, told=(refused.code, told_refused(refused)))
        flash(tell("Added. Next: give them a position, and a password or a phone."), "notice")
        return redirect(url_for("people.person_page", person_id=person_id), code=303)

    @routes.get("/<uuid:person_id>/edit")
    @desk.page(*ADMINS)
    def edit_person(visitor: Visitor, person_id: UUID) -> ResponseReturnValue:
        """The form of a person's name and e-mail."""
        with desk.database.reading(visitor.company_id) as uow:
            person = _person(uow, visitor, person_id)
            shown = Filled(with_basis(uow, "person", person_id, _typed(person)))
        return _form(person, name=shown["name"], email=shown["email"], basis=shown["basis"])

    @routes.post("/<uuid:person_id>/edit")
    @desk.page(*ADMINS, body=FORM_BODY)
    def save_person(visitor: Visitor, person_id: UUID) -> ResponseReturnValue:
        """Give them this name and e-mail, as one change."""
        form = request.form
        name, email = form.get("name", ""), form.get("email", "").strip()
        with desk.database.reading(visitor.company_id) as uow:
            person = _person(uow, visitor, person_id)
        try:
            with desk.database.company(visitor.company_id) as uow:
                must_be_as_drawn(uow, visitor, "person", person_id, form.get("basis", ""))
                rename_person(uow, visitor.actor, person_id, name)
                if email != (person.email or ""):
                    change_email(uow, visitor.actor, person_id, email)
        except (IdentityError, ChangedMeanwhile) as refused:
            anew = Filled()
            if isinstance(refused, ChangedMeanwhile):
                anew.refused(refused)
                with desk.database.reading(visitor.company_id) as uow:
                    anew.bring_up(_typed(_person(uow, visitor, person_id)))
            return _form(
                person,
                name=anew["name"],
                email=anew["email"],
                told=(refused.code, told_refused(refused)),
                basis=anew["basis"],
            )
        flash(tell("Saved."), "notice")
        return redirect(url_for("people.person_page", person_id=person_id), code=303)

    @routes.get("/<uuid:person_id>/password")
    @desk.page(*ADMINS)
    def ask_password(visitor: Visitor, person_id: UUID) -> ResponseReturnValue:
        """What a new password does, before it is made."""
        with desk.database.reading(visitor.company_id) as uow:
            person = _person(uow, visitor, person_id)
        return draw("people/password.html", person=person, password=None, told=None)

    @routes.post("/<uuid:person_id>/password")
    @desk.page(*ADMINS, body=FORM_BODY)
    def give_password(visitor: Visitor, person_id: UUID) -> ResponseReturnValue:
        """Make a password and show it, this once: only its hash is kept."""
        with desk.database.reading(visitor.company_id) as uow:
            person = _person(uow, visitor, person_id)
        password = make_password()
        try:
            with desk.database.company(visitor.company_id) as uow:
                set_password(uow, visitor.actor, person_id, password, today=visitor.today)
        except IdentityError as refused:
            return draw(
                "people/password.html",
                422,
                person=person,
                password=None,
                told=told_refused(refused),
            )
        return draw("people/password.html", person=person, password=password, told=None)


def _typed(person: PersonFound) -> dict[str, str | list[str]]:
    """A person as they stand in the form."""
    return {"name": person.name, "email": person.email or ""}


def _form(
    person: PersonFound | None,
    *,
    name: str = "",
    email: str = "",
    told: tuple[str, str] | None = None,
    basis: str | None = None,
) -> Response:
    field = None if told is None else ("email" if told[0].startswith("email") else "name")
    if told is not None and told[0] == ChangedMeanwhile.code:
        field = ""
    return draw(
        "people/form.html",
        200 if told is None else 422,
        person=person,
        name=name,
        email=email,
        basis=basis,
        faults={} if told is None else {field: told[1]},
        name_max=MAX_NAME_LENGTH,
        email_max=MAX_EMAIL_LENGTH,
    )


def _person(uow: UnitOfWork, visitor: Visitor, person_id: UUID) -> PersonFound:
    try:
        return find_person(uow, person_id, today=visitor.today, asker_id=visitor.person_id)
    except NoSuchPerson:
        raise NotFound from None


def _when(one: Held, visitor: Visitor) -> tuple[str, str]:
    """Whether an occupancy lasts, is over or is to come: a badge."""
    if one.is_over(visitor.today):
        return tell("over"), ""
    if one.lasts(visitor.today):
        return tell("now"), "good"
    return tell("to come"), "warn"
