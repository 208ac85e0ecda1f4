"""`python -m tests.bench.pages`: the server's time and the statements of every page, over a database with much in it.

The database is that of the settings (DATABASE_URL), with a company that `roadbook demo make --size large` made. The pages are asked
of the application itself, in this process, by somebody of each role that may have them. Which pages there are is read
from the routes, so that a new one is measured by itself; PLACES says where the parts of an address come from, ASKED with
what a page is asked beside its bare address. What cannot be filled in is told as not measured.

Time by the clock holds on a machine that does nothing else. `CPU` is what a page took of processors, here and in the
server of the database (where that runs on this machine, as Linux tells it): it holds on a busy machine as well, and what is
above it was waiting for a processor, a disk or a lock. What takes longer than ANSWERS_WITHIN_MS a page leaves to a worker, and is marked `…`: with
--whole it is read here to its end, as a worker does. `database` is what of the median was waiting for statements. With --limit
it ends with 1 when the median of a page is above so many milliseconds, or when a page does not answer; with --by-cpu the CPU is
held against the limit.
"""

import argparse
import json
import os
import sys
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any
from uuid import UUID

import psycopg
from flask import Flask
from flask.testing import FlaskClient

from server.answers.asked import ANSWER
from server.app import build_app
from server.forms.edits import begin_change
from server.forms.form_list import list_forms, show_form
from server.gunicorn_settings import settle_memory
from server.http.callers import Caller, declaration_of
from server.http.service import Service
from server.identity.companies import company_day
from server.identity.sessions import begin_session
from server.identity.throttle import LocalCounter
from server.settings import load_settings
from server.web.desk import SESSION_COOKIE
from server.wiring import make_engine
from sync.engine import Engine
from sync.kinds import ALL_KINDS
from sync.unit_of_work import Database, UnitOfWork

ROLES = ("admin", "regional_manager", "supervisor", "auditor", "rep")
# Who has the role on a day, the longest known first.
_WHO = """
select o.person_id from occupancy o
join position p on p.company_id = o.company_id and p.id = o.position_id
join person n on n.company_id = o.company_id and n.id = o.person_id
where o.company_id = :company and p.role = :role and o.starts_on <= :today
  and (o.ends_on is null or o.ends_on >= :today) and n.email is not null
order by p.code limit 1
"""
# The parts of addresses: what one of them is, of what the person may see best; `:person` is who asks.
PLACES: Mapping[str, str] = {
    "person_id": "select person_id from visit where company_id = :company and business_day < :today"
    " order by business_day desc, began_at limit 1",
    "visit_id": "select id from visit where company_id = :company and business_day < :today"
    " order by business_day desc, began_at limit 1",
    "order_id": "select id from order_header where company_id = :company"
    " order by business_day desc, ordered_at limit 1",
    "position_id": "select position_id from route where company_id = :company and is_active"
    " order by position_id limit 1",
    "route_id": "select id from route where company_id = :company and is_active"
    " order by position_id, id limit 1",
    "store_id": "select id from store where company_id = :company order by code limit 1",
    "region_id": "select id from region where company_id = :company order by code limit 1",
    "product_id": "select id from product where company_id = :company order by code limit 1",
    "device_id": "select id from device where company_id = :company order by id limit 1",
    "account_id": "select id from account where company_id = :company order by code limit 1",
    "activity_id": "select id from activity where company_id = :company order by code limit 1",
    "answer_id": "select id from form_answer where company_id = :company"
    " order by business_day desc, answered_at limit 1",
    "audit_visit_id": "select id from audit_visit where company_id = :company order by id limit 1",
    "change_id": "select id from change_log where company_id = :company order by id desc limit 1",
    "code": "select code from form_template where company_id = :company order by code limit 1",
    "conflict_id": "select id from conflict where company_id = :company order by id limit 1",
    "handle": "select handle from enrolment_code where company_id = :company order by handle limit 1",
    "import_id": "select id from import_run where company_id = :company order by id limit 1",
    "run_id": "select id from import_run where company_id = :company order by id limit 1",
    "list_id": "select id from price_list where company_id = :company order by code limit 1",
    "notice_id": "select id from notice where company_id = :company order by id limit 1",
    "occupancy_id": "select id from occupancy where company_id = :company order by id limit 1",
    "plan_id": "select id from target_plan where company_id = :company order by id limit 1",
    "promotion_id": "select id from promotion where company_id = :company order by code limit 1",
    "task_id": "select id from task where company_id = :company order by id limit 1",
    "proposal_id": "select id from proposal where company_id = :company order by id limit 1",
    "turn_id": "select id from audit_turn where company_id = :company and auditor_id = :person"
    " and state = 'CLAIMED' and expires_at > now() order by id limit 1",
    "edit_id": "select id from form_edit where company_id = :company and person_id = :person"
    " order by changed_at desc limit 1",
    "errand_id": "select id from errand where company_id = :company and person_id = :person"
    " order by asked_at desc limit 1",
    "export_id": "select id from export_run where company_id = :company and person_id = :person"
    " and state = 'READY' order by id limit 1",
    "day": "select cast(cast(:today as date) as text)",
    "op_id": "select op_id from kept_item where company_id = :company order by op_id, digest limit 1",
    "digest": "select encode(digest, 'hex') from kept_item where company_id = :company order by op_id, digest limit 1",
}
# The same parts where they are something else: what they are there.
WORDS_OF: Mapping[str, Mapping[str, str]] = {
    "settings.group_page": {"name": "planning"},
    "settings.version_page": {"version": "1"},
    "prices.version_file": {"version": "1"},
    "imports.sheet": {"name": "store"},
    "forms.ask": {"act": "retire"},
    "activities.ask": {"act": "suspend"},
}
# With what a page is asked beside its bare address.
ASKED: Mapping[str, Sequence[str]] = {
    "days.map_page": ("day={yesterday}",),
    "days.places": ("day={yesterday}",),
    "days.person_panel": ("day={yesterday}",),
    "facts.facts_page": (
        "measure=TC",
        "measure=COVERAGE",
        "measure=NET_VALUE",
        "measure=QUANTITY",
        "measure=ACTIVE_COVERAGE",
        "measure=NUMERIC_DISTRIBUTION",
        "measure=WORKING_TIME",
    ),
    "overview.figures": (
        *("show=visits", "show=sales", "show=store", "show=work"),
        *("period={week}", "period={last_month}", "period={quarter}"),
    ),
    "overview.groups": (
        *("show=visits", "show=sales", "show=store", "show=work"),
        *("by=position", "by=region", "by=channel", "by=day", "show=sales&by=product"),
    ),
    "overview.series": (
        *(
            "measure=TC",
            "measure=COVERAGE",
            "measure=NET_VALUE&by=region",
            "measure=ACTIVE_COVERAGE",
        ),
        "show=sales&measure=NET_VALUE&by=product_group",
    ),
    "orders.order_list": ("state=HELD", "store=a"),
    "quarantine.ask_release": ("kind=visit",),
    "routes.stores_found": ("search=a",),
    "routes.store_places": ("box=30000000,103000000,31000000,105000000",),
    "routes.rule": (),
}
# Only so asked: the bare address is none, or the same as one above.
_NOT_BARE = {
    "facts.facts_page",
    "quarantine.ask_release",
    "routes.store_places",
    "routes.stores_found",
}
# No pages: what leads elsewhere.
_LEFT_OUT = {"signing.front", "signing.nothing_here", "routes.rule"}


@dataclass(frozen=True, slots=True)
class Measured:
    """A page as somebody had it. Milliseconds."""

    role: str
    page: str
    status: int
    median_ms: float
    worst_ms: float
    cpu_ms: float | None
    database_ms: float
    statements: int
    kb: float
    is_left: bool


class Statements:
    """Counts what connections send, and for how long they wait for it."""

    def __init__(self) -> None:
        self.number = 0
        self.seconds = 0.0
        self.slowest: list[tuple[float, str]] = []

    def begin(self) -> None:
        self.number, self.seconds = 0, 0.0
        self.slowest = []

    @contextmanager
    def counting(self) -> Iterator[None]:
        plain = psycopg.Cursor.execute

        def execute(cursor: Any, query: Any, *args: Any, **kwargs: Any) -> Any:
            began = time.perf_counter()
            try:
                return plain(cursor, query, *args, **kwargs)
            finally:
                spent = time.perf_counter() - began
                self.number += 1
                self.seconds += spent
                self.slowest.append((spent, " ".join(str(query).split())))

        psycopg.Cursor.execute = execute  # type: ignore[method-assign,assignment]
        try:
            yield
        finally:
            psycopg.Cursor.execute = plain  # type: ignore[method-assign]


class Processors:
    """What this process and those that serve its connections took of processors until now."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def spent_ms(self) -> float | None:
        """None where the database's processes are not on this machine."""
        spent = time.process_time() * 1000
        with self._database.installation() as uow:
            servers = uow.rows(
                "select pid from pg_stat_activity where application_name = 'roadbook-bench'"
            )
        for server in servers:
            place = Path(f"/proc/{server.pid}")
            try:
                if "postgres" not in (place / "comm").read_text():
                    return None
                spent += int((place / "schedstat").read_text().split()[0]) / 1_000_000
            except OSError:
                return None
        return spent


@dataclass(frozen=True, slots=True)
class Answers:
    """What was left to workers of somebody's questions."""

    database: Database
    company_id: int
    person_id: UUID

    def forget(self) -> bool:
        """Take it away, so that it is asked for the first time again; whether there was any."""
        with self.database.company(self.company_id) as uow:
            uow.run(
                "delete from outbox where company_id = :company and topic = :topic",
                company=self.company_id,
                topic=ANSWER,
            )
            return bool(
                uow.run(
                    "delete from long_answer where company_id = :company and person_id = :person",
                    company=self.company_id,
                    person=self.person_id,
                )
            )


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print a table; 1 where a page is above the limit or does not answer."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench.pages", description="Measure the server's time of every page."
    )
    parser.add_argument("--company", default="DEMO", help="its code")
    parser.add_argument("--times", type=int, default=5, help="how often each page is asked for")
    parser.add_argument("--role", action="append", choices=ROLES, help="only as this role")
    parser.add_argument("--only", action="append", help="only addresses that begin so")
    parser.add_argument("--limit", type=float, help="milliseconds that no median may be above")
    parser.add_argument("--by-cpu", action="store_true", help="hold the CPU against the limit")
    parser.add_argument(
        "--slowest", action="store_true", help="the slowest statements of each page"
    )
    parser.add_argument(
        "--whole", action="store_true", help="leave nothing to a worker: read everything here"
    )
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args(arguments)
    settings = load_settings(os.environ)
    database = Database(make_engine(settings, application_name="roadbook-bench"))
    secret = settings.secret_key.encode()
    app = build_app(
        Service(
            database=database,
            engine=Engine(database, ALL_KINDS, secret),
            secret=secret,
            tries=LocalCounter(),
        ),
        answers_within_ms=None if chosen.whole else settings.answers_within_ms,
    )
    aside = Database(make_engine(settings, application_name="roadbook-bench-aside"))
    with database.installation() as uow:
        (found,) = uow.rows("select company_id_of(:code) as id", code=chosen.company)
    if found.id is None:
        sys.exit(f"There is no company {chosen.company}: roadbook demo make --size large")
    # As the processes that serve the web do.
    settle_memory()
    before = os.getloadavg()
    processors = Processors(database)
    size = _size(database, found.id)
    measured: list[Measured] = []
    missed: dict[str, None] = {}
    for role in chosen.role or ROLES:
        asker = _sign_in(database, app, found.id, role)
        if asker is None:
            missed[f"nobody signs in as {role}"] = None
            continue
        client, person_id = asker
        if role == "admin":
            _begin_edit(database, found.id, person_id)
        with database.reading(found.id) as uow:
            pages, without = addresses_of(uow, app, role, person_id)
        missed |= dict.fromkeys(without)
        for _, page in pages:
            if chosen.only and not page.startswith(tuple(chosen.only)):
                continue
            answers = Answers(aside, found.id, person_id)
            measured.append(
                _measure(client, role, page, chosen.times, processors, answers, chosen.slowest)
            )
    machine = {
        "cores": os.cpu_count(),
        "load_before": [round(each, 1) for each in before],
        "load_after": [round(each, 1) for each in os.getloadavg()],
        **size,
    }
    limit = chosen.limit
    held = {
        (each.role, each.page): each.cpu_ms if chosen.by_cpu else each.median_ms
        for each in measured
    }
    slow = {place for place, ms in held.items() if limit is not None and (ms or 0) > limit}
    if chosen.json:
        _say(
            json.dumps({"machine": machine, "pages": [asdict(each) for each in measured]}, indent=1)
        )
    else:
        _print(machine, measured, list(missed), slow)
    failed = [each for each in measured if each.status >= 500]
    return 1 if slow or (failed and limit is not None) else 0


def _sign_in(
    database: Database, app: Flask, company_id: int, role: str
) -> tuple[FlaskClient, UUID] | None:
    with database.company(company_id) as uow:
        who = uow.rows(_WHO, company=company_id, role=role, today=company_day(uow))
        if not who:
            return None
        cookie = begin_session(uow, who[0].person_id, browser="bench", now=datetime.now(UTC))
    client = app.test_client()
    client.set_cookie(SESSION_COOKIE, cookie)
    return client, who[0].person_id


def _begin_edit(database: Database, company_id: int, person_id: UUID) -> None:
    """Let somebody be at the longest form that there is."""
    with database.company(company_id) as uow:
        listed = list_forms(uow, states=("PUBLISHED",), at_most=50)
        if listed:
            longest = max(listed, key=lambda form: form.questions)
            begin_change(uow, person_id, show_form(uow, longest.code))


def addresses_of(
    uow: UnitOfWork, app: Flask, role: str, person_id: UUID
) -> tuple[list[tuple[str, str]], list[str]]:
    """The addresses that the role may have, each with its endpoint, and what there is no address for."""
    today = company_day(uow)
    given = {"company": uow.company_id, "today": today, "person": person_id}
    months = today.year * 12 + today.month - 2
    year, week, _ = today.isocalendar()
    words = {
        "yesterday": uow.rows(
            "select max(business_day) as day from visit"
            " where company_id = :company and business_day < :today",
            company=uow.company_id,
            today=today,
        )[0].day
        or today,
        "week": f"{year}-W{week:02}",
        "last_month": f"{months // 12}-{months % 12 + 1:02}",
        "quarter": f"{today.year}-Q{(today.month + 2) // 3}",
    }
    held: dict[str, object] = {}
    pages: list[tuple[str, str]] = []
    missed: list[str] = []
    for rule in sorted(app.url_map.iter_rules(), key=str):
        declared = declaration_of(app, rule.endpoint)
        if declared is None or declared.caller is not Caller.SIGNED_IN:
            continue
        if "GET" not in (rule.methods or ()) or rule.endpoint in _LEFT_OUT:
            continue
        if declared.roles and role not in declared.roles:
            continue
        parts: dict[str, Any] = {}
        for name in rule.arguments:
            if name in WORDS_OF.get(rule.endpoint, {}):
                parts[name] = WORDS_OF[rule.endpoint][name]
                continue
            if name not in held and name in PLACES:
                named = {key: given[key] for key in given if f":{key}" in PLACES[name]}
                rows = uow.rows(PLACES[name], **named)
                held[name] = rows[0][0] if rows else None
            parts[name] = held.get(name)
        if None in parts.values():
            missed.append(f"{rule.rule} as {role}: nothing to fill in")
            continue
        with app.test_request_context():
            adapter = app.url_map.bind("localhost")
            place = adapter.build(rule.endpoint, parts)
        if rule.endpoint not in _NOT_BARE:
            pages.append((rule.endpoint, place))
        pages += [
            (rule.endpoint, f"{place}?{asked.format(**words)}")
            for asked in ASKED.get(rule.endpoint, ())
        ]
    return pages, missed


def _measure(
    client: FlaskClient,
    role: str,
    page: str,
    times: int,
    processors: Processors,
    answers: "Answers",
    with_slowest: bool,
) -> Measured:
    counted = Statements()
    spent: list[tuple[float, float]] = []
    status = size = statements = 0
    before: float | None = 0.0
    with counted.counting():
        # The first fetches templates and plans; it is not counted.
        for number in range(times + 1):
            if number == 1:
                before = processors.spent_ms()
            # As somebody has it who asks for the first time.
            answers.forget()
            counted.begin()
            began = time.perf_counter()
            answer = client.get(page, headers={"HX-Request": "true"} if is_part(page) else {})
            size = len(answer.data)
            if number:
                spent.append((time.perf_counter() - began, counted.seconds))
                statements = counted.number
            status = answer.status_code
        after = processors.spent_ms()
        is_left = answers.forget()
    if with_slowest:
        for seconds, query in sorted(counted.slowest, reverse=True)[:3]:
            _say(f"    {seconds * 1000:7.1f} ms  {query[:150]}")
    spent.sort()
    return Measured(
        role=role,
        page=page,
        status=status,
        median_ms=round(median(each for each, _ in spent) * 1000, 1),
        worst_ms=round(spent[-1][0] * 1000, 1),
        cpu_ms=None if before is None or after is None else round((after - before) / times, 1),
        database_ms=round(spent[len(spent) // 2][1] * 1000, 1),
        statements=statements,
        kb=round(size / 1024, 1),
        is_left=is_left,
    )


def is_part(page: str) -> bool:
    """Whether a page asks for it by htmx, and not the browser for itself."""
    return page.startswith(("/overview/figures", "/overview/groups", "/overview/now"))


def _size(database: Database, company_id: int) -> dict[str, int]:
    with database.reading(company_id) as uow:
        (row,) = uow.rows(
            "select (select count(*) from store where company_id = :company) as stores,"
            " (select count(*) from visit where company_id = :company) as visits",
            company=company_id,
        )
    return {"stores": row.stores, "visits": row.visits}


def _print(
    machine: Mapping[str, Any],
    measured: Sequence[Measured],
    missed: Sequence[str],
    slow: Collection[tuple[str, str]],
) -> None:
    _say(
        f"{machine['stores']:,} stores, {machine['visits']:,} visits; {machine['cores']} cores,"
        f" load before {machine['load_before']}, after {machine['load_after']}"
    )
    _say(
        f"\n{'median':>8} {'worst':>8} {'CPU':>8} {'database':>9} {'statements':>11} {'kB':>7}  as, page"
    )
    for each in sorted(measured, key=lambda one: -(one.cpu_ms or one.median_ms)):
        mark = "  …" if each.is_left else ""
        mark += "  not theirs" if each.status == 404 else ""
        mark += f"  ANSWERED {each.status}" if each.status >= 500 else ""
        over = "  ABOVE THE LIMIT" if (each.role, each.page) in slow else ""
        cpu = "" if each.cpu_ms is None else each.cpu_ms
        _say(
            f"{each.median_ms:8} {each.worst_ms:8} {cpu:>8} {each.database_ms:9}"
            f" {each.statements:11} {each.kb:7}  {each.role} {each.page}{mark}{over}"
        )
    for what in missed:
        _say(f"not measured: {what}")


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")


if __name__ == "__main__":
    sys.exit(main())
