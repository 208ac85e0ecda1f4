"""A form that is made is looked at before phones get it: what it changes, who gets it, and what still keeps it back."""

from uuid import UUID

from flask import Blueprint, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import NotFound

from server.forms.answers import count_answers
from server.forms.differences import compare_definitions
from server.forms.edits import Edit, find_edit, keep_edit, lock_edit, publish_edit
from server.forms.errors import FormError, FormInvalid, NoSuchEdit, NoSuchForm
from server.forms.fault_words import told_faults
from server.forms.form_list import FormShown, definition_of, show_form
from server.forms.reach import reach_of
from server.forms.templates import all_faults
from server.forms.words import told_title
from server.identity.sessions import Visitor
from server.language import tell
from server.web.desk import FORM_BODY, Desk, draw
from server.web.form_words import COUNTED_DAYS, COUNTED_MAX, editor_words
from server.web.menu import ADMIN
from server.web.people_words import told_role
from sync.unit_of_work import UnitOfWork


def publish_routes(desk: Desk, routes: Blueprint) -> None:
    """The last steps of an edit."""

    @routes.get("/edits/<uuid:edit_id>/review")
    @desk.page(*ADMIN)
    def review(visitor: Visitor, edit_id: UUID) -> ResponseReturnValue:
        """What publishing it would do."""
        with desk.database.reading(visitor.company_id) as uow:
            edit = found_edit(uow, visitor, edit_id)
            held = form_of(uow, edit)
            faults = told_faults(all_faults(uow, edit.definition), edit.definition)
            before = None if held is None or held.version is None else definition_of(uow, held)
            reach = reach_of(uow, edit.definition.get("divisions") or (), visitor.today)
            first_day = visitor.today - COUNTED_DAYS
            answers = (
                0
                if held is None
                else count_answers(uow, held.id, first_day, at_most=COUNTED_MAX + 1)
            )
        return draw(
            "forms/review.html",
            edit=edit,
            title=told_title(edit.definition),
            held=held,
            is_current=("" if held is None else held.basis) == edit.basis,
            faults=faults,
            differences=None if before is None else compare_definitions(before, edit.definition),
            reach=reach,
            roles=[(told_role(role), number) for role, number in reach.positions.items()],
            answers=answers,
            answers_max=COUNTED_MAX,
            seen=edit.changed_at.isoformat(),
            **editor_words(edit.definition),
        )

    @routes.post("/edits/<uuid:edit_id>/publish")
    @desk.page(*ADMIN, body=FORM_BODY)
    def publish_made(visitor: Visitor, edit_id: UUID) -> ResponseReturnValue:
        """Make it the version in force, or the draft that everybody of the office sees."""
        form = request.form
        is_kept = form.get("act") == "keep"
        try:
            with desk.database.company(visitor.company_id) as uow:
                edit = lock_edit(uow, visitor.person_id, edit_id)
                if form.get("seen") != edit.changed_at.isoformat():
                    flash(tell("You changed it since: look at it again."), "alert")
                    return _again(edit_id)
                do = keep_edit if is_kept else publish_edit
                code = do(uow, visitor.actor, visitor.person_id, edit_id).code
        except NoSuchEdit:
            raise NotFound from None
        except FormInvalid:
            flash(tell("Not yet: something is still wrong with it."), "alert")
            return _again(edit_id)
        except FormError as refused:
            flash(str(refused), "alert")
            return _again(edit_id)
        if is_kept:
            flash(tell("The draft is kept. Phones get it once it is published."), "notice")
            return redirect(url_for("forms.form_page", code=code), code=303)
        flash(tell("Phones get it with their next sync."), "notice")
        return redirect(url_for("forms.form_page", code=code), code=303)


def found_edit(uow: UnitOfWork, visitor: Visitor, edit_id: UUID) -> Edit:
    """What the visitor is making; anybody else's is not there."""
    try:
        return find_edit(uow, visitor.person_id, edit_id)
    except NoSuchEdit:
        raise NotFound from None


def form_of(uow: UnitOfWork, edit: Edit) -> FormShown | None:
    """The form as it stands now; None where it is not there yet."""
    try:
        return show_form(uow, edit.code)
    except NoSuchForm:
        return None


def _again(edit_id: UUID) -> ResponseReturnValue:
    return redirect(url_for("forms.review", edit_id=edit_id), code=303)
