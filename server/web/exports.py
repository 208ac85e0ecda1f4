"""Files of long lists: asked for here, written by workers, fetched once they are ready. Leaving the page stops nothing."""

from urllib.parse import parse_qsl
from uuid import UUID

from flask import Blueprint, Response, flash, redirect, request, stream_with_context, url_for
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import NotFound

from server.exports.errors import NoSuchExport, NotNow, TooManyExports
from server.exports.runs import (
    ExportRun,
    ask_export,
    cancel_export,
    file_key,
    list_exports,
    read_export,
)
from server.identity.sessions import Visitor
from server.language import sentence, spoken_language, tell
from server.media.storage import NotStored
from server.web.desk import FORM_BODY, Desk, draw
from server.web.exporters import EXPORTERS
from server.web.listing import FORMS
from server.web.menu import OFFICE
from server.web.sheet_words import SHEET_TITLES

NAMES = {
    "changes": sentence("Changes"),
    "devices": sentence("Phones"),
    "answers": sentence("Answers to forms"),
    "facts": sentence("Facts behind a figure"),
    "flags": sentence("Flags"),
    "orders": sentence("Orders"),
}
_QUESTION_MAX = 4_000
_ARGUMENTS_MAX = 40
_NOT_OF_THE_LIST = ("after", "format")


def export_routes(desk: Desk) -> Blueprint:
    """/exports and what is below it."""
    routes = Blueprint("exports", __name__, url_prefix="/exports")

    @routes.get("/")
    @desk.page(*OFFICE)
    def export_list(visitor: Visitor) -> ResponseReturnValue:
        """The visitor's own exports of the last day; the list alone for a page that follows them."""
        with desk.database.reading(visitor.company_id) as uow:
            runs = list_exports(uow, visitor.person_id)
        return draw(
            "exports/list.html",
            runs=runs,
            name_of=_name_of,
            is_open=any(run.is_open for run in runs),
            is_part=request.headers.get("HX-Request") == "true",
            zone=visitor.policy.time_zone,
            as_ms=lambda at: round(at.timestamp() * 1000),
        )

    @routes.post("/")
    @desk.page(*OFFICE, body=FORM_BODY)
    def ask(visitor: Visitor) -> ResponseReturnValue:
        """Ask for a file of all rows of a list."""
        form = request.form
        name, kind, question = form.get("name", ""), form.get("form", ""), form.get("question", "")
        if name not in EXPORTERS or kind not in FORMS or len(question) > _QUESTION_MAX:
            raise NotFound
        try:
            asked = dict(parse_qsl(question, max_num_fields=_ARGUMENTS_MAX))
            arguments = {key: asked[key] for key in asked if key not in _NOT_OF_THE_LIST}
            if "\0" in "".join((*arguments, *arguments.values())):
                raise NotFound
            # What is no list is told here and not by a worker.
            with desk.database.reading(visitor.company_id) as uow:
                EXPORTERS[name](uow, visitor, arguments)
        except ValueError:
            raise NotFound from None
        try:
            with desk.database.company(visitor.company_id) as uow:
                ask_export(
                    uow, visitor.person_id, name, kind, arguments, language=spoken_language()
                )
        except TooManyExports:
            flash(tell("Three of your files are being written already. Wait for one."), "alert")
        return redirect(url_for("exports.export_list"), code=303)

    _one_export_routes(desk, routes)
    return routes


def _one_export_routes(desk: Desk, routes: Blueprint) -> None:
    @routes.get("/<uuid:export_id>")
    @desk.page(*OFFICE)
    def file(visitor: Visitor, export_id: UUID) -> ResponseReturnValue:
        """The file of an export that is ready."""
        run = _ready(desk, visitor, export_id)
        media = desk.service.media
        if media is None:
            raise NotFound
        try:
            pieces = media.storage.stream(file_key(visitor.company_id, run.id, run.form))
        except NotStored:
            raise NotFound from None
        response = Response(stream_with_context(pieces), content_type=FORMS[run.form])
        name = run.arguments["sheet"] if run.name == "sheet" else run.name
        response.headers["Content-Disposition"] = (
            f'attachment; filename="{name}-{run.asked_at:%Y-%m-%d}.{run.form}"'
        )
        if run.size is not None:
            response.headers["Content-Length"] = str(run.size)
        return response

    @routes.post("/<uuid:export_id>/cancel")
    @desk.page(*OFFICE, body=FORM_BODY)
    def cancel(visitor: Visitor, export_id: UUID) -> ResponseReturnValue:
        """Want no more of an export that is on its way."""
        try:
            with desk.database.company(visitor.company_id) as uow:
                cancel_export(uow, visitor.person_id, export_id)
        except NoSuchExport:
            raise NotFound from None
        except NotNow:
            flash(tell("It was over already."), "alert")
        return redirect(url_for("exports.export_list"), code=303)


def _name_of(run: ExportRun) -> str:
    """What an export is of."""
    sheet = SHEET_TITLES.get(str(run.arguments.get("sheet"))) if run.name == "sheet" else None
    return tell(sheet or NAMES.get(run.name, run.name))


def _ready(desk: Desk, visitor: Visitor, export_id: UUID) -> ExportRun:
    try:
        with desk.database.reading(visitor.company_id) as uow:
            run = read_export(uow, visitor.person_id, export_id)
    except NoSuchExport:
        raise NotFound from None
    if run.state != "READY":
        raise NotFound
    return run
