"""The editor of forms: somebody makes one or changes it part by part, tries it out, and publishes it when it is whole.

A part is open at a time, and each act is a POST that leads back to the editor. What is being made is kept at once, so
that leaving the page loses nothing.
"""

from collections.abc import Mapping
from itertools import chain
from typing import Any
from uuid import UUID

from flask import Blueprint, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import NotFound

from server.catalogue.divisions import list_divisions
from server.catalogue.product_list import list_categories
from server.forms.differences import compare_definitions
from server.forms.edits import (
    STAYS,
    Edit,
    begin_change,
    begin_new,
    change_edit,
    drop_edit,
    others_at,
    take_basis,
    undo_step,
)
from server.forms.errors import ChangedMeanwhile, EditRefused, NoSuchEdit, NoSuchForm
from server.forms.fault_words import FaultAt, told_faults
from server.forms.form_list import FormShown, definition_of, list_forms, show_form
from server.forms.templates import all_faults
from server.forms.words import told_title
from server.http.bodies import BodyBounds
from server.identity.sessions import Visitor
from server.language import tell
from server.planning.store_list import list_channels
from server.web.desk import FORM_BODY, Desk, draw
from server.web.filled import Filled
from server.web.form_acts import TOLD_AT_FIELDS, act_of, columns_before, typed_part
from server.web.form_publish import form_of, found_edit, publish_routes
from server.web.form_texts import read_titles
from server.web.form_trying import rows_tried, tried_form, tried_words
from server.web.form_words import editor_words
from server.web.menu import ADMIN
from sync.unit_of_work import UnitOfWork

FORMS_OFFERED = 200
# What is done to a part beside the fields of its own form.
_WITHOUT_FIELDS = frozenset({"up", "down", "remove", "add-column"})
# A list of 300 rows has four fields each.
PART_BODY = BodyBounds(wire_bytes=1024 * 1024, unpacked_bytes=1024 * 1024)


def edit_routes(desk: Desk, routes: Blueprint) -> None:
    """/forms/new, and /forms/edits/… of whoever is making a form."""

    @routes.get("/new")
    @desk.page(*ADMIN)
    def new_form(visitor: Visitor) -> ResponseReturnValue:
        """What a new form is called, and which one it is to be like."""
        with desk.database.reading(visitor.company_id) as uow:
            return _new(uow, Filled({"like": request.args.get("like", "")}))

    @routes.post("/new")
    @desk.page(*ADMIN, body=FORM_BODY)
    def begin(visitor: Visitor) -> ResponseReturnValue:
        """Begin a form; nobody but the visitor sees it yet."""
        form = Filled()
        called = read_titles(form)
        if form.is_good:
            try:
                with desk.database.company(visitor.company_id) as uow:
                    like = _definition(uow, form["like"]) if form["like"] else None
                    edit_id = begin_new(
                        uow, visitor.person_id, code=form.text("code").upper(), like=like, **called
                    )
            except EditRefused as refused:
                form.fault(refused.field, str(refused))
            else:
                return redirect(url_for("forms.editor", edit_id=edit_id), code=303)
        with desk.database.reading(visitor.company_id) as uow:
            return _new(uow, form)

    @routes.post("/<code>/edits")
    @desk.page(*ADMIN, body=FORM_BODY)
    def change(visitor: Visitor, code: str) -> ResponseReturnValue:
        """Begin to change a form, or go on with it."""
        try:
            with desk.database.company(visitor.company_id) as uow:
                edit_id = begin_change(uow, visitor.person_id, show_form(uow, code))
        except NoSuchForm:
            raise NotFound from None
        except EditRefused as refused:
            flash(str(refused), "alert")
            return redirect(url_for("forms.form_page", code=code), code=303)
        return redirect(url_for("forms.editor", edit_id=edit_id), code=303)

    _part_routes(desk, routes)
    _leaving_routes(desk, routes)
    publish_routes(desk, routes)


def _part_routes(desk: Desk, routes: Blueprint) -> None:
    @routes.get("/edits/<uuid:edit_id>")
    @desk.page(*ADMIN)
    def editor(visitor: Visitor, edit_id: UUID) -> ResponseReturnValue:
        """The form as far as it is made, with one part open."""
        return _editor(desk, visitor, edit_id, request.args.get("open", ""))

    @routes.post("/edits/<uuid:edit_id>")
    @desk.page(*ADMIN, body=PART_BODY)
    def act(visitor: Visitor, edit_id: UUID) -> ResponseReturnValue:
        """Do something to one part, and come back to the editor."""
        form = Filled()
        part = form["part"]
        try:
            with desk.database.company(visitor.company_id) as uow:
                doing = act_of(form, part)
                change_edit(uow, visitor.person_id, edit_id, doing)
        except EditRefused as refused:
            if str(refused):
                form.fault(refused.field, str(refused))
            is_open = form["act"].partition(":")[0] not in _WITHOUT_FIELDS
            return _editor(desk, visitor, edit_id, part, form, is_typed=is_open)
        except (NoSuchEdit, NoSuchForm):
            raise NotFound from None
        return redirect(
            url_for("forms.editor", edit_id=edit_id, open=doing.opens, _anchor=doing.anchor),
            code=303,
        )

    @routes.post("/edits/<uuid:edit_id>/try")
    @desk.page(*ADMIN, body=PART_BODY)
    def try_out(visitor: Visitor, edit_id: UUID) -> ResponseReturnValue:
        """What a phone would show with these answers. Nothing is kept."""
        if request.headers.get("HX-Request") != "true":
            return _editor(desk, visitor, edit_id, "", answers=Filled())
        with desk.database.reading(visitor.company_id) as uow:
            edit = found_edit(uow, visitor, edit_id)
            rows = rows_tried(uow, edit.definition)
        answers = Filled()
        tried = tried_form(edit.definition, answers, rows, visitor.today)
        words = {**editor_words(edit.definition), **tried_words(tried, rows)}
        return draw("forms/tried.html", edit=edit, tried=tried, answers=answers, **words)


def _leaving_routes(desk: Desk, routes: Blueprint) -> None:
    @routes.post("/edits/<uuid:edit_id>/undo")
    @desk.page(*ADMIN, body=FORM_BODY)
    def undo(visitor: Visitor, edit_id: UUID) -> ResponseReturnValue:
        """Take back the last step."""
        try:
            with desk.database.company(visitor.company_id) as uow:
                is_done = undo_step(uow, visitor.person_id, edit_id)
        except NoSuchEdit:
            raise NotFound from None
        if is_done:
            flash(tell("The last step is taken back."), "notice")
        return redirect(url_for("forms.editor", edit_id=edit_id), code=303)

    @routes.post("/edits/<uuid:edit_id>/basis")
    @desk.page(*ADMIN, body=FORM_BODY)
    def go_on(visitor: Visitor, edit_id: UUID) -> ResponseReturnValue:
        """Go on upon what somebody else has made of the form meanwhile."""
        try:
            with desk.database.company(visitor.company_id) as uow:
                take_basis(uow, visitor.person_id, edit_id, request.form.get("basis", ""))
        except NoSuchEdit:
            raise NotFound from None
        except (ChangedMeanwhile, EditRefused) as refused:
            flash(str(refused), "alert")
        return redirect(url_for("forms.editor", edit_id=edit_id), code=303)

    @routes.get("/edits/<uuid:edit_id>/drop")
    @desk.page(*ADMIN)
    def ask_drop(visitor: Visitor, edit_id: UUID) -> ResponseReturnValue:
        """What throwing it away loses."""
        with desk.database.reading(visitor.company_id) as uow:
            edit = found_edit(uow, visitor, edit_id)
        return draw("forms/drop.html", edit=edit, title=told_title(edit.definition))

    @routes.post("/edits/<uuid:edit_id>/drop")
    @desk.page(*ADMIN, body=FORM_BODY)
    def drop(visitor: Visitor, edit_id: UUID) -> ResponseReturnValue:
        """Throw away what was being made."""
        try:
            with desk.database.company(visitor.company_id) as uow:
                drop_edit(uow, visitor.person_id, edit_id)
        except NoSuchEdit:
            raise NotFound from None
        flash(tell("It is thrown away. The form is as it was."), "notice")
        return redirect(url_for("forms.form_list"), code=303)


def _editor(
    desk: Desk,
    visitor: Visitor,
    edit_id: UUID,
    part: str,
    form: Filled | None = None,
    *,
    is_typed: bool = True,
    answers: Filled | None = None,
) -> ResponseReturnValue:
    """The page; `form` is what was refused, and stays in its fields where the part `is_typed`."""
    with desk.database.reading(visitor.company_id) as uow:
        edit = found_edit(uow, visitor, edit_id)
        held = form_of(uow, edit)
        faults = told_faults(all_faults(uow, edit.definition), edit.definition)
        rows = rows_tried(uow, edit.definition)
        now = "" if held is None else held.basis
        meanwhile = _meanwhile(uow, edit, held) if now != edit.basis else None
        values: dict[str, Any] = {
            "others": others_at(uow, edit),
            "divisions": [(one.code, one.name) for one in list_divisions(uow)],
            "channels": list_channels(uow),
            "categories": list_categories(uow),
        }
    try:
        typed = form if form is not None and is_typed else typed_part(edit.definition, part)
    except NoSuchForm:
        raise NotFound from None
    if form is None:
        for fault in faults:
            if fault.part == part and fault.field in TOLD_AT_FIELDS:
                typed.fault(fault.field, fault.words)
    shown = answers or Filled({})
    tried = tried_form(edit.definition, shown, rows, visitor.today)
    return draw(
        "forms/edit.html",
        200 if form is None else 422,
        edit=edit,
        title=told_title(edit.definition),
        held=held,
        basis_now=now,
        meanwhile=meanwhile,
        opened=part if is_typed else "",
        form=typed,
        refused=None if form is None else _refused(form, is_at_fields=is_typed),
        refused_part=part,
        faults=_by_part(faults),
        fault_count=len(faults),
        tried=tried,
        answers=shown,
        blank=Filled({}),
        rest_of=lambda told, of: [
            one for one in told if of != part or not is_typed or one.field not in TOLD_AT_FIELDS
        ],
        zone=visitor.policy.time_zone,
        stays_days=STAYS.days,
        as_ms=lambda at: round(at.timestamp() * 1000),
        in_pairs=lambda *lists: [(one, one) for one in dict.fromkeys(chain(*lists))],
        columns_before=columns_before,
        **values,
        **editor_words(edit.definition),
        **tried_words(tried, rows),
    )


def _refused(form: Filled, *, is_at_fields: bool) -> list[str]:
    """Why an act was refused, as far as it does not stand beside a field."""
    told = [
        words
        for field, words in form.faults.items()
        if not (is_at_fields and field in TOLD_AT_FIELDS)
    ]
    return told or [tell("Not saved yet: see what stands beside the fields.")]


def _meanwhile(uow: UnitOfWork, edit: Edit, held: FormShown | None) -> Any:
    """What somebody else changed in the form since the edit was begun."""
    if held is None:
        return []
    now = held.draft or definition_of(uow, held)
    if edit.basis_version is None:
        return []
    return compare_definitions(definition_of(uow, held, edit.basis_version), now)


def _by_part(faults: list[FaultAt]) -> Mapping[str, list[FaultAt]]:
    found: dict[str, list[FaultAt]] = {}
    for fault in faults:
        found.setdefault(fault.part, []).append(fault)
    return found


def _definition(uow: UnitOfWork, code: str) -> dict[str, Any]:
    try:
        form = show_form(uow, code)
        return definition_of(uow, form)
    except NoSuchForm:
        raise EditRefused(tell("There is no form {code}.", code=code), "like") from None


def _new(uow: UnitOfWork, form: Filled) -> ResponseReturnValue:
    states = ("DRAFT", "PUBLISHED", "RETIRED")
    forms = list_forms(uow, states=states, at_most=FORMS_OFFERED)
    return draw(
        "forms/new.html",
        200 if form.is_good else 422,
        form=form,
        forms=[("", tell("an empty form"))] + [(one.code, told_title(one.words)) for one in forms],
    )
