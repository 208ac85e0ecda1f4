"""`roadbook form`: forms from files to phones, and what was answered to them."""

import json
from datetime import datetime
from typing import IO, Any
from uuid import UUID

import click

from mobile_contract.fields import Id
from server.cli import say
from server.forms.answers import AnswerListed, list_answers, product_names, show_answer
from server.forms.errors import FormError
from server.forms.form_list import FormListed, definition_of, list_forms, show_form
from server.forms.templates import import_template, publish_template, retire_template
from server.forms.words import answer_lines, score_lines, told_form_flag, told_score
from server.identity.aligned import NOTHING, aligned, say_list, told_moment
from server.identity.companies import company_zone
from server.identity.people import person_by_email
from server.identity.prefixes import id_that_begins
from server.identity.terminal import at_most_option, company_of, company_option, opened, operator
from server.planning.errors import PlanningError
from server.planning.named_stores import stores_by_code
from server.quarantine.kept import in_one_line
from sync.kinds.form_answer.table import form_answer
from sync.kinds.form_template.states import PUBLISHING
from sync.kinds.visit.table import visit
from sync.unit_of_work import UnitOfWork

FILE_BYTES_MAX = 1024 * 1024
_is_id = Id().accepts


@click.group()
def form() -> None:
    """Forms: import one from a file, publish it to phones, retire it; read what was answered."""


@form.command("list")
@click.option(
    "--state",
    "states",
    multiple=True,
    type=click.Choice(PUBLISHING.stored_states, case_sensitive=False),
    help="Default: all.",
)
@at_most_option
@company_option
def list_command(states: tuple[str, ...], at_most: int, company: str | None) -> None:
    """List forms by code."""
    chosen = states or PUBLISHING.stored_states
    with company_of(company) as uow:
        found = list_forms(uow, states=chosen, at_most=at_most + 1)
        zone = company_zone(uow)
    rows = [_form_row(one, zone) for one in found]
    head = ("CODE", "TITLE", "STATE", "VERSION", "QUESTIONS", "PUBLISHED", "DRAFT")
    say_list(head, rows, "There is no form like this.", at_most=at_most)


@form.command("show")
@click.argument("code")
@click.option("--version", type=int, help="Of this version; the one in force unless given.")
@click.option("--draft", "is_draft", is_flag=True, help="Of the draft that waits.")
@click.option("--json", "as_json", is_flag=True, help="The definition, as a file to import.")
@company_option
def show_command(
    *, code: str, version: int | None, is_draft: bool, as_json: bool, company: str | None
) -> None:
    """Show a form: its questions, its score, its versions."""
    with company_of(company, FormError) as uow:
        shown = show_form(uow, code)
        zone = company_zone(uow)
        if is_draft and shown.draft is None:
            raise click.ClickException(f"form {code} has no draft")
        definition = shown.draft if is_draft else definition_of(uow, shown, version)
    if as_json:
        say(json.dumps(definition, ensure_ascii=False, indent=2))
        return
    assert definition is not None
    state = shown.state.lower()
    number = "" if shown.version is None else f", version {shown.version}"
    say(f"{shown.code}  {definition['title']}: {state}{number}")
    for line in aligned(("QUESTION", "TYPE", "TITLE", "WHEN"), list(_question_rows(definition))):
        say(f"  {line}")
    for score in definition.get("scores") or ():
        say(
            f"  score {score['code']}: weight {score['weight']}, {score['full']} × {score['points']}"
        )
    for each in shown.versions:
        at = told_moment(each.published_at, zone)
        say(f"version {each.version}, {at} by {each.published_by}")
    if shown.drafted_at is not None:
        say(f"a draft of {told_moment(shown.drafted_at, zone)} waits to be published")
    say(f"Times of {zone}.")


@form.command("import")
@click.argument("file", type=click.File("rb"))
@click.option("--publish", "is_published", is_flag=True, help="Publish it as well.")
@click.option(
    "--check", "is_check", is_flag=True, help="Say what is wrong with it; change nothing."
)
@company_option
def import_command(
    *, file: IO[bytes], is_published: bool, is_check: bool, company: str | None
) -> None:
    """Keep a definition as the draft of its form. The format is FormDefinition of PROTOCOL.md.

    All that is wrong with it is said at once, each with its place; then nothing is changed.
    """
    definition = _read(file)
    with opened(company, FormError) as found:
        begin = found.database.rehearsal if is_check else found.database.company
        with begin(found.company_id) as uow:
            imported = import_template(uow, operator(), definition)
            published = None
            if is_published and (imported.is_changed or show_form(uow, imported.code).draft):
                published = publish_template(uow, operator(), imported.code)
    if is_check:
        say(f"Nothing is wrong with form {imported.code}.")
    elif published is not None:
        say(f"Published: form {published.code}, version {published.version}.")
    elif imported.is_changed:
        say(
            f"Imported: form {imported.code} as a draft. Publish it: roadbook form publish {imported.code}"
        )
    else:
        say(f"Form {imported.code} is like this already.")


@form.command("publish")
@click.argument("code")
@company_option
def publish_command(code: str, company: str | None) -> None:
    """Make the draft the version in force, and give it to phones. A version never changes."""
    with company_of(company, FormError) as uow:
        published = publish_template(uow, operator(), code)
    say(f"Published: form {code}, version {published.version}.")


@form.command("retire")
@click.argument("code")
@company_option
def retire_command(code: str, company: str | None) -> None:
    """Take a form off the phones. What they have filled in is taken all the same."""
    with company_of(company, FormError) as uow:
        retire_template(uow, operator(), code)
    say(f"Retired: form {code}.")


@form.command("answers")
@click.option("--store", "store_code", help="Of this store.")
@click.option("--visit", "visit_begins", metavar="ID", help="Of this visit; its first letters do.")
@click.option("--person", "email", metavar="EMAIL", help="By this person.")
@click.option("--date", "day", type=click.DateTime(("%Y-%m-%d",)), metavar="YYYY-MM-DD")
@click.option("--form", "form_code", metavar="CODE", help="To this form.")
@click.option("--seen-by", metavar="EMAIL", help="Only what this person may see.")
@at_most_option
@company_option
def answers_command(
    *,
    store_code: str | None,
    visit_begins: str | None,
    email: str | None,
    day: datetime | None,
    form_code: str | None,
    seen_by: str | None,
    at_most: int,
    company: str | None,
) -> None:
    """List what was filled in, the newest first."""
    with company_of(company, FormError, PlanningError) as uow:
        found = list_answers(
            uow,
            store_id=None if store_code is None else stores_by_code(uow, [store_code])[0],
            visit_id=None if visit_begins is None else _visit(uow, visit_begins),
            person_id=None if email is None else person_by_email(uow, email),
            day=None if day is None else day.date(),
            form_code=form_code,
            asker_id=None if seen_by is None else person_by_email(uow, seen_by),
            at_most=at_most + 1,
        )
        zone = company_zone(uow)
    say_list(
        ("ANSWER", "AT", "FORM", "STORE", "PERSON", "SCORE", "FLAGS"),
        [_answer_row(one, zone) for one in found],
        "Nothing like this was filled in.",
        at_most=at_most,
    )


@form.command("answer")
@click.argument("id_begins", metavar="ID")
@click.option("--version", type=int, help="An earlier version of it.")
@click.option("--seen-by", metavar="EMAIL", help="As this person may see it.")
@company_option
def answer_command(
    *, id_begins: str, version: int | None, seen_by: str | None, company: str | None
) -> None:
    """Show what was filled in, in plain words, with how the score came about."""
    with company_of(company, FormError) as uow:
        answer_id = id_that_begins(
            uow, form_answer.c.id, id_begins, what="such form answer", refusal=FormError
        )
        asker_id = None if seen_by is None else person_by_email(uow, seen_by)
        shown = show_answer(uow, answer_id, version=version, asker_id=asker_id)
        products = product_names(uow, shown.looked_at.answers)
        zone = company_zone(uow)
    head = shown.head
    say(f"{head.title} (form {head.form_code}, version {head.template_version})")
    where = " ".join(filter(None, (head.store_code, head.store_name)))
    say(in_one_line(f"{where}, {head.person_name}, {told_moment(head.answered_at, zone)}"))
    for title, words in answer_lines(shown, products):
        say(in_one_line(f"  {title}: {words}"))
    for line in score_lines(shown):
        say(f"  {line}")
    if shown.looked_at.version == head.version:
        for flag in shown.flags:
            say(f"  flag: {told_form_flag(flag, shown.definition, str(zone))}")
    for each in shown.versions:
        said = "filled in" if each.reason is None else f"corrected: {each.reason}"
        mark = " (shown here)" if each is shown.looked_at and len(shown.versions) > 1 else ""
        at = told_moment(each.received_at, zone)
        say(in_one_line(f"version {each.version}, came {at}, {said}{mark}"))
    say(f"Times of {zone}.")


def _read(file: IO[bytes]) -> Any:
    content = file.read(FILE_BYTES_MAX + 1)
    if len(content) > FILE_BYTES_MAX:
        raise click.ClickException(f"The file is longer than {FILE_BYTES_MAX // 1024} kB.")
    try:
        return json.loads(content)
    except (ValueError, RecursionError) as error:
        raise click.ClickException(f"The file is not JSON: {error}") from error


def _visit(uow: UnitOfWork, begins: str) -> UUID:
    return id_that_begins(uow, visit.c.id, begins, what="such visit", refusal=FormError)


def _form_row(one: FormListed, zone: Any) -> tuple[str, ...]:
    return (
        one.code,
        one.title,
        one.state.lower(),
        NOTHING if one.version is None else str(one.version),
        str(one.questions),
        NOTHING if one.published_at is None else told_moment(one.published_at, zone),
        "waits" if one.has_draft else NOTHING,
    )


def _question_rows(definition: dict[str, Any]) -> Any:
    for question in definition["questions"]:
        mark = " *" if question.get("required") else ""
        yield (
            question["code"] + mark,
            question["type"],
            question["title"],
            question.get("shown_when") or question.get("expression") or "",
        )
        for column in question.get("columns") or ():
            mark = " *" if column.get("required") else ""
            yield f"  .{column['code']}{mark}", column["type"], column["title"], ""


def _answer_row(one: AnswerListed, zone: Any) -> tuple[str, ...]:
    return (
        str(one.id)[:8],
        told_moment(one.answered_at, zone),
        f"{one.form_code} {one.template_version}",
        one.store_code or one.store_name or NOTHING,
        one.person_name or NOTHING,
        told_score(one.score_e2),
        ", ".join(one.flags) or NOTHING,
    )
