"""The part of `roadbook audit` for who looks after audits: what was found, agreement, results, settlements, replay."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from uuid import UUID

import click

from server.activities.activity_list import find_activity
from server.activities.errors import ActivityError
from server.activities.stores import pay_stores
from server.audits.agreement import Agreement, permille, read_agreement
from server.audits.auditors import read_auditors
from server.audits.case_list import list_cases
from server.audits.closing import CASES_AT_ONCE, close_cases, open_cases
from server.audits.compliance import STORES_AT_ONCE, audit_stores, stores_to_audit
from server.audits.errors import AuditError, NoSuchAuditVisit, NoSuchVerdict
from server.audits.replay import replay_verdict
from server.audits.settlement_file import write_settlement
from server.cli import say
from server.exchange.exporting import FORMS, Form
from server.exchange.faults import CannotExport
from server.exchange.whole_file import written_whole
from server.identity.aligned import NOTHING, say_list, told_moment, told_span
from server.identity.companies import company_day, company_zone
from server.identity.people import person_by_email
from server.identity.prefixes import id_that_begins
from server.identity.terminal import at_most_option, company_of, company_option, opened, operator
from sync.kinds.audit_visit.audit_table import audit_case, audit_verdict
from sync.kinds.audit_visit.states import AUDITING
from sync.unit_of_work import Database, UnitOfWork

FIRST = UUID(int=0)
_day = click.DateTime(["%Y-%m-%d"])
_from_option = click.option(
    "--from", "first", type=_day, help="First day; four weeks ago unless given."
)
_to_option = click.option("--to", "last", type=_day, help="Last day; today unless given.")


@click.command("list")
@click.option("--activity", "named", metavar="ACTIVITY")
@click.option(
    "--state",
    "states",
    multiple=True,
    type=click.Choice(AUDITING.stored_states, case_sensitive=False),
    help="May be repeated; all unless given.",
)
@click.option("--seen-by", metavar="E-MAIL", help="As this person sees it.")
@at_most_option
@company_option
def list_command(
    named: str | None,
    states: tuple[str, ...],
    seen_by: str | None,
    at_most: int,
    company: str | None,
) -> None:
    """List audit visits with what was found, the latest first."""
    with company_of(company, AuditError, ActivityError) as uow:
        found = list_cases(
            uow,
            today=company_day(uow),
            states=states or AUDITING.stored_states,
            activity_id=None if named is None else find_activity(uow, named),
            asker_id=None if seen_by is None else person_by_email(uow, seen_by),
            at_most=at_most + 1,
        )
    say_list(
        ("ID", "DAY", "ACTIVITY", "STORE", "NAME", "BY", "STATE", "WHY", "FAILED", "VERDICT"),
        [
            (
                one.id.hex[:8],
                one.business_day.isoformat(),
                one.activity_code or NOTHING,
                one.store_code or NOTHING,
                one.store_name,
                one.person,
                one.state,
                one.entry or NOTHING,
                ", ".join(one.failed) or ("nothing" if one.result else NOTHING),
                NOTHING if one.verdict_id is None else one.verdict_id.hex[:8],
            )
            for one in found
        ],
        "Nothing is like this.",
        at_most=at_most,
    )


@click.command("agreement")
@_from_option
@_to_option
@company_option
def agreement_command(first: datetime | None, last: datetime | None, company: str | None) -> None:
    """How far auditors agree where two looked at the same: raw, and Cohen's kappa, in thousandths."""
    with company_of(company, AuditError) as uow:
        today = company_day(uow)
        whole, by_item = read_agreement(uow, *_period(today, first, last), today=today)
    say_list(
        ("ITEM", "PAIRS", "AGREED", "RAW", "KAPPA"),
        [
            *((item, *_agreement_cells(one)) for item, one in by_item.items()),
            *([("all", *_agreement_cells(whole))] if by_item else []),
        ],
        "Nothing was looked at twice.",
        at_most=len(by_item) + 1,
    )


@click.command("auditors")
@_from_option
@_to_option
@at_most_option
@company_option
def auditors_command(
    first: datetime | None, last: datetime | None, at_most: int, company: str | None
) -> None:
    """What each auditor judged, how fast, how far others agree, and what appeals overturned."""
    with company_of(company, AuditError) as uow:
        today = company_day(uow)
        found = read_auditors(uow, *_period(today, first, last), today=today, at_most=at_most + 1)
    say_list(
        ("AUDITOR", "VERDICTS", "FAILED", "TOOK", "AGREED", "OVERTURNED"),
        [
            (
                one.name,
                str(one.verdicts),
                str(one.failed),
                told_span(one.median_s),
                f"{one.agreed_items} of {one.paired_items}" if one.paired_items else NOTHING,
                f"{one.overturned_items} of {one.appealed_items}"
                if one.appealed_items
                else NOTHING,
            )
            for one in found
        ],
        "Nobody judged anything.",
        at_most=at_most,
    )


@click.command("stores")
@click.argument("named", metavar="ACTIVITY")
@company_option
def stores_command(named: str, company: str | None) -> None:
    """Work out what the stores of an activity showed, of all whose verdicts are final."""
    with opened(company, AuditError, ActivityError) as found:
        with found.database.reading(found.company_id) as uow:
            activity_id = find_activity(uow, named)
        done, left = _audit_all(found.database, found.company_id, activity_id)
    say(f"Audited: {done}." + (f" Not final yet: {left}." if left else ""))


@click.command("close")
@click.argument("ids", metavar="[AUDIT-VISIT]…", nargs=-1)
@click.option(
    "--activity", "named", metavar="ACTIVITY", help="All of it that auditors did not get to."
)
@click.option("--reason", required=True, help="For the change log.")
@company_option
def close_command(
    ids: tuple[str, ...], named: str | None, reason: str, company: str | None
) -> None:
    """Close audit visits that auditors do not get to. Of an appeal the first verdict counts then."""
    if bool(ids) == bool(named):
        raise click.UsageError("Name audit visits, or an activity.")
    with opened(company, AuditError, ActivityError) as found:
        closed = 0
        while True:
            with found.database.company(found.company_id) as uow:
                some = (
                    open_cases(uow, find_activity(uow, named))
                    if named is not None
                    else [visit_that_begins(uow, typed) for typed in ids]
                )
                closed += close_cases(uow, operator(), some, reason, today=company_day(uow))
            if named is None or len(some) < CASES_AT_ONCE:
                break
    say(f"Closed: {closed}.")


@click.command("pay")
@click.argument("named", metavar="ACTIVITY")
@click.option("--answer", help="What phones show.")
@company_option
def pay_command(named: str, answer: str | None, company: str | None) -> None:
    """Give every audited store of an activity what was worked out for it."""
    paid: dict[str, int] = {}
    with opened(company, AuditError, ActivityError) as found:
        with found.database.reading(found.company_id) as uow:
            activity_id = find_activity(uow, named)
        after = FIRST
        while True:
            with found.database.company(found.company_id) as uow:
                ids = _audited(uow, activity_id, after)
                states = pay_stores(uow, operator(), ids, today=company_day(uow), answer=answer)
            for state in states.values():
                paid[state] = paid.get(state, 0) + 1
            if len(ids) < STORES_AT_ONCE:
                break
            after = ids[-1]
    said = ", ".join(f"{number} {state.lower()}" for state, number in sorted(paid.items()))
    say(said or "No store of it is audited and not paid.")


@click.command("settlement")
@click.argument("named", metavar="ACTIVITY")
@click.option("--to", "path", type=click.Path(dir_okay=False, path_type=Path), required=True)
@click.option("--form", type=click.Choice(FORMS), help="By the file's name unless given.")
@company_option
def settlement_command(named: str, path: Path, form: Form | None, company: str | None) -> None:
    """Write the settlement of a settled activity, as it was kept then, into a CSV or XLSX file."""
    chosen: Form = form or ("xlsx" if path.suffix.lower() == ".xlsx" else "csv")
    with company_of(company, AuditError, ActivityError, CannotExport) as uow:
        activity_id = find_activity(uow, named)
        with written_whole(path) as file:
            settlement = write_settlement(uow, activity_id, file, chosen, today=company_day(uow))
    total = (
        "pays nothing"
        if settlement.total_minor is None
        else f"{settlement.total_minor} {settlement.currency} in minor units"
    )
    say(f"{settlement.code}: {settlement.stores} stores, {total}; digest {settlement.digest}.")


@click.command("replay")
@click.argument("named", metavar="VERDICT")
@company_option
def replay_command(named: str, company: str | None) -> None:
    """Show a verdict with what it was made with, compute again what can be, and say whether it is the same."""
    with company_of(company, AuditError) as uow:
        verdict_id = id_that_begins(
            uow, audit_verdict.c.id, named, what="such verdict", refusal=NoSuchVerdict
        )
        one = replay_verdict(uow, verdict_id, today=company_day(uow))
        zone = company_zone(uow)
    stood = "undone" if one.undone_at else "stands" if one.stands else "does not stand yet"
    say(
        f"Verdict {one.id}: {one.result}, {one.purpose.lower()}, by {one.auditor},"
        f" {told_moment(one.given_at, zone)}; {stood}"
    )
    say(
        f"On version {one.version} of audit visit {one.audit_visit_id}, by version"
        f" {one.standards_version} of the standards and {one.policy_version} of the settings"
    )
    for each in one.items:
        say(
            "  "
            + "; ".join(
                filter(None, (f"{each.item}: {each.verdict}", each.reason_code, each.reason))
            )
        )
    for photo in one.photos:
        flags = ", ".join(str(flag["flag"]) for flag in photo["flags"]) or "nothing found"
        version = photo["evidence_version"]
        by = (
            "no evidence"
            if version is None
            else f"evidence {version}, reader {photo['reader_version']}"
        )
        say(f"  photo {photo['sha256'][:12]} of {', '.join(photo['items'])}: {flags} ({by})")
    for check in one.checks:
        say(
            f"{check.name}: "
            + ("same" if check.is_same else f"kept {check.kept}, is {check.again}")
        )
    if not one.is_same:
        raise click.ClickException("It does not come out as it was kept.")
    say("same")


KEEPING = (
    list_command,
    agreement_command,
    auditors_command,
    stores_command,
    close_command,
    pay_command,
    settlement_command,
    replay_command,
)


def visit_that_begins(uow: UnitOfWork, typed: str) -> UUID:
    """The audit visit whose id begins like this. Raises NoSuchAuditVisit."""
    return id_that_begins(
        uow, audit_case.c.id, typed, what="such audit visit", refusal=NoSuchAuditVisit
    )


def _period(today: date, first: datetime | None, last: datetime | None) -> tuple[date, date]:
    return (
        today - timedelta(days=28) if first is None else first.date(),
        today if last is None else last.date(),
    )


def _agreement_cells(one: Agreement) -> tuple[str, str, str, str]:
    raw, kappa = permille(one.raw), permille(one.kappa)
    return (
        str(one.pairs),
        str(one.agreed),
        NOTHING if raw is None else str(raw),
        NOTHING if kappa is None else str(kappa),
    )


def _audit_all(database: Database, company_id: int, activity_id: UUID) -> tuple[int, int]:
    """Work out every store of which all is final, in slices; how many, and how many still run."""
    done, after = 0, FIRST
    while True:
        with database.company(company_id) as uow:
            ids = stores_to_audit(uow, activity_id, after)
            audit_stores(uow, operator(), ids, today=company_day(uow), now=datetime.now(UTC))
        done += len(ids)
        if len(ids) < STORES_AT_ONCE:
            break
        after = ids[-1]
    with database.reading(company_id) as uow:
        (left,) = uow.rows(
            "select count(*) as stores from activity_store"
            " where company_id = :company and activity_id = :activity and state = 'RUNNING'",
            company=company_id,
            activity=activity_id,
        )
    return done, left.stores


def _audited(uow: UnitOfWork, activity_id: UUID, after: UUID) -> list[UUID]:
    rows = uow.rows(
        "select id from activity_store where company_id = :company and activity_id = :activity"
        " and state = 'AUDITED' and id > :after order by id limit :at_most",
        company=uow.company_id,
        activity=activity_id,
        after=after,
        at_most=STORES_AT_ONCE,
    )
    return [row.id for row in rows]
