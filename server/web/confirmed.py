"""What is shown before it is done: the same form makes the change once somebody says so."""

from collections.abc import Callable, Mapping

from flask import flash, redirect
from flask.typing import ResponseReturnValue

from server.identity.sessions import Visitor
from server.language import tell
from server.web.desk import Desk
from sync.unit_of_work import UnitOfWork


def is_done(
    desk: Desk, visitor: Visitor, form: Mapping[str, str], change: Callable[[UnitOfWork], object]
) -> bool:
    """Whether the form confirms the change; then it is made. Raises what the change raises."""
    if form.get("act") != "save":
        return False
    with desk.database.company(visitor.company_id) as uow:
        change(uow)
    return True


def say_saved(place: str) -> ResponseReturnValue:
    """On to a place of ours, which tells that it is saved."""
    flash(tell("Saved. Phones take it at their next sync."), "notice")
    return redirect(place, code=303)
