"""`make bench`: the limit and Roadbook on the same database in one run, and their ratios.

Prints a table and writes the same as JSON (`--json FILE`). Every figure belongs to this run; compare
ratios, not rates, between machines.
"""

import argparse
import gzip
import json
import os
import random
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import psycopg

from mobile_contract.compiled import decode_pull, decode_push
from server.migrate import driver_url
from sync import direct
from sync.engine import Engine
from sync.kinds import ALL_KINDS
from sync.kinds.store.publish import publish_stores
from tests.bench.day import QUESTIONS, TERMINAL, phone_day
from tests.bench.limit import DayRows, write_days
from tests.bench.load import Line, Run, drive, get_bytes, request_bytes
from tests.bench.masters import add_more_masters, give_history
from tests.bench.stage import Phone, Stage, add_phone, cpu_ms, staged
from tests.factories import add_store

AT_ONCE = (1, 8, 32)
ROUNDS = 3
MASTERS = 2_500
STORES_OWNED = 300
CHANGES = 20_000
HISTORY = (1, 10, 100)


def main() -> int:
    """Run every measurement and report."""
    options = argparse.ArgumentParser(
        prog="python -m tests.bench", description="Measure Roadbook against its database's limit."
    )
    options.add_argument("--days", type=int, default=320, help="phone-days a measurement")
    options.add_argument("--json", type=Path, help="write the figures here as well")
    options.add_argument("--workers", type=int, default=os.cpu_count() or 2)
    chosen = options.parse_args()
    figures: dict[str, Any] = {"cores": os.cpu_count(), "days": chosen.days}
    with staged(max(AT_ONCE), web_workers=chosen.workers, questions=QUESTIONS) as stage:
        day = _real_day(stage)
        figures["rows_a_day"] = day.counts
        write_days(stage.owner_url, day, 1, 30)
        figures["push"] = [_push(stage, day, phones, chosen.days) for phones in AT_ONCE]
        figures["resend"] = _resend(stage)
        figures["statements"] = _statements(stage)
        figures["wire"] = _terminal_day(stage)
        figures["first_sync"] = _first_sync(stage)
        figures["pulls"] = _pulls(stage)
        figures["history"] = _history(stage)
    _print(figures)
    if chosen.json is not None:
        chosen.json.write_text(json.dumps(figures, indent=2) + "\n")
    return 1 if any(row["failures"] for row in figures["push"]) else 0


# ---- pushing ----------------------------------------------------------------------------------


def _real_day(stage: Stage) -> DayRows:
    """Push one day and take what it writes."""
    phone = stage.phones[0]
    push = request_bytes(phone, "/v1/push", phone_day(phone, random.Random(1)))
    warm = drive(stage.port, [[push]], b'"applied"')
    if warm.failures:
        sys.exit(f"the first push failed: {warm.failures[0]!r}")
    engine = Engine(stage.database, ALL_KINDS, b"bench" * 8)
    body = decode_push(phone_day(phone, random.Random(2)))
    return DayRows(
        stage.cast.company.id,
        [str(each.device.id) for each in stage.phones],
        lambda: engine.push(phone.device.claim, body, body.sent_at),
    )


def _push(stage: Stage, day: DayRows, phones: int, days: int) -> dict[str, Any]:
    """The limit and Roadbook in turns, so that whatever the machine does meanwhile meets both."""
    chance = random.Random(phones)
    each = max(days // phones // ROUNDS, 2)
    pushing = stage.phones[:phones]

    def made(number: int) -> list[list[bytes]]:
        return [
            [request_bytes(p, "/v1/push", phone_day(p, chance)) for _ in range(number)]
            for p in pushing
        ]

    drive(stage.port, made(max(40 // phones, 2)))
    limit, run = Run(phones, 0, 0.0), Run(phones, 0, 0.0)
    web = database = 0.0
    for _ in range(ROUNDS):
        limit.add(write_days(stage.owner_url, day, phones, each))
        requests = made(each)
        web_before, database_before = cpu_ms(stage.web.pid), cpu_ms(stage.postmaster_pid)
        run.add(drive(stage.port, requests, b'"applied"'))
        web += cpu_ms(stage.web.pid) - web_before
        database += cpu_ms(stage.postmaster_pid) - database_before
    return {
        "phones": phones,
        "days_per_s": round(run.rate, 1),
        "limit_per_s": round(limit.rate, 1),
        "ratio": round(run.rate / limit.rate, 3),
        "p50_ms": round(run.percentile(0.5), 1),
        "p99_ms": round(run.percentile(0.99), 1),
        "web_cpu_ms_a_day": round(web / run.requests, 2),
        "database_cpu_ms_a_day": round(database / run.requests, 2),
        "bytes_a_day_wire": len(requests[0][0]),
        "failures": [failure.decode(errors="replace") for failure in run.failures[:3]],
    }


def _resend(stage: Stage) -> dict[str, Any]:
    """Whole days again that were acknowledged before."""
    phones = stage.phones[:8]
    chance = random.Random(99)
    days = [[request_bytes(p, "/v1/push", phone_day(p, chance)) for _ in range(10)] for p in phones]
    first = drive(stage.port, days, b'"applied"')
    again = drive(stage.port, days, b'"duplicate"')
    return {
        "first_per_s": round(first.rate, 1),
        "again_per_s": round(again.rate, 1),
        "failures": len(first.failures) + len(again.failures),
    }


# ---- on the wire --------------------------------------------------------------------------------


def _terminal_day(stage: Stage) -> dict[str, int]:
    """The bytes of a terminal team's day, heads included: one push, and what then comes down."""
    phone = stage.phones[3]
    _, cursor = _pull_all(stage, phone, None)
    line = Line(stage.port)
    body = phone_day(phone, random.Random(7), TERMINAL)
    push = request_bytes(phone, "/v1/push", body)
    status, head, answer = line.ask(push)
    if status != 200:
        sys.exit(f"the push of a terminal team's day failed: {answer[:300]!r}")
    pulled, _ = _pull_all(stage, phone, cursor)
    return {
        "plain_bytes": len(body),
        "up_bytes": len(push),
        "answer_bytes": len(head) + len(answer),
        "down_bytes": pulled["wire_bytes"],
        "changes": pulled["changes"],
        "total_bytes": len(push) + len(head) + len(answer) + pulled["wire_bytes"],
    }


def _first_sync(stage: Stage) -> dict[str, int]:
    """What a new phone of a rep fetches: its stores with all that is told of them, products, price lists with their
    prices, and forms.
    """
    phone = add_phone(
        stage.owner_engine, stage.database, stage.cast, stage.masters, "newcomer", STORES_OWNED
    )
    add_more_masters(stage.database, stage.cast.company.id, stage.masters, phone.store_ids)
    give_history(stage.database, stage.cast.company.id, phone.person_id, phone.store_ids)
    by_kind: Counter[str] = Counter()
    bodies: set[str] = set()

    def look(changes: list[dict[str, Any]]) -> None:
        by_kind.update(change["kind"] for change in changes)
        for change in changes:
            if change["kind"] == "price_list":
                bodies.update(each["body"]["sha256"] for each in change["fields"]["versions"])

    pulled, _ = _pull_all(stage, phone, None, look)
    line = Line(stage.port)
    body_bytes = 0
    for sha256 in sorted(bodies):
        status, head, body = line.ask(get_bytes(phone, f"/v1/bodies/{sha256}"))
        if status != 200:
            sys.exit(f"a body is not given: {body[:300]!r}")
        body_bytes += len(head) + len(body)
    return {
        "pages": pulled["pages"],
        "page_bytes": pulled["wire_bytes"],
        "bodies": len(bodies),
        "body_bytes": body_bytes,
        "total_bytes": pulled["wire_bytes"] + body_bytes,
        **{f"{kind} records": number for kind, number in sorted(by_kind.items())},
    }


# ---- statements ---------------------------------------------------------------------------------


def _statements(stage: Stage) -> dict[str, int]:
    """Statements of a push and of a pull, counted where the driver sends them."""
    engine = Engine(stage.database, ALL_KINDS, b"bench" * 8)
    phone = stage.phones[1]
    push = decode_push(phone_day(phone, random.Random(5)))
    pull = decode_pull(b'{"contract":2,"cursor":null}')
    now = push.sent_at
    return {
        "push": _counted(lambda: engine.push(phone.device.claim, push, now)),
        "resend": _counted(lambda: engine.push(phone.device.claim, push, now)),
        "pull": _counted(lambda: engine.pull(phone.device.claim, pull, now)),
    }


def _counted(act: Callable[[], object]) -> int:
    """How many statements an act sends; begin and commit are one more each."""
    count = 0
    plain, straight = psycopg.Connection.execute, direct.send

    def counting(original: Any) -> Any:
        def execute(*args: Any, **kwargs: Any) -> Any:
            nonlocal count
            count += 1
            return original(*args, **kwargs)

        return execute

    psycopg.Connection.execute = counting(plain)  # type: ignore[method-assign]
    direct.send = counting(straight)
    try:
        act()
    finally:
        psycopg.Connection.execute = plain  # type: ignore[method-assign]
        direct.send = straight
    return count


# ---- pulling ------------------------------------------------------------------------------------


def _pulls(stage: Stage) -> dict[str, Any]:
    """A first sync of masters, a pull with nothing new, and one with very many changes."""
    sam = stage.cast.sam
    overseer = Phone(sam.id, sam.device, [], stage.masters)
    with stage.owner_engine.begin() as connection:
        have = connection.exec_driver_sql("select count(*) from store").scalar_one()
        for number in range(max(0, MASTERS - have)):
            add_store(
                connection,
                stage.cast.company,
                f"master {number}",
                region_id=stage.cast.regions.harbour,
            )
    _touch(stage, lambda ids: ids)
    first, cursor = _pull_all(stage, overseer, None)
    nothing, cursor = _pull_all(stage, overseer, cursor)
    made = 0
    while made < CHANGES:
        made += _touch(stage, lambda ids: ids, rename=True)
    many, _ = _pull_all(stage, overseer, cursor)
    many["rows_in_the_feed"] = made
    return {"first_sync": first, "empty": nothing, "many_changes": many}


def _touch(stage: Stage, pick: Callable[[list[UUID]], list[UUID]], *, rename: bool = False) -> int:
    """Publish every store again, with another address when asked: a change each."""
    with stage.database.company(stage.cast.company.id) as uow:
        if rename:
            uow.run("update store set address = :address", address=f"{uuid4()} Street")
        ids = pick([row.id for row in uow.rows("select id from store order by id")])
        publish_stores(uow, ids)
    return len(ids)


def _pull_all(
    stage: Stage,
    phone: Phone,
    cursor: str | None,
    look: Callable[[list[dict[str, Any]]], None] = lambda _changes: None,
) -> tuple[dict[str, Any], str]:
    """Pull to completeness; how many changes, pages, bytes and milliseconds that took."""
    import time

    line = Line(stage.port)
    changes = pages = wire = 0
    started = time.perf_counter()
    while True:
        body = json.dumps({"contract": 2, "cursor": cursor, "limit": 1000}).encode()
        status, head, answer = line.ask(request_bytes(phone, "/v1/pull", body, packed=False))
        wire += len(head) + len(answer)
        if b"content-encoding: gzip" in head.lower():
            answer = gzip.decompress(answer)
        page = json.loads(answer)
        if status != 200:
            sys.exit(f"a pull failed: {page}")
        changes += len(page["changes"])
        look(page["changes"])
        pages += 1
        cursor = page["cursor"]
        if page["complete"]:
            break
    figures = {
        "changes": changes,
        "pages": pages,
        "wire_bytes": wire,
        "ms": round((time.perf_counter() - started) * 1000, 1),
    }
    assert isinstance(cursor, str)
    return figures, cursor


def _history(stage: Stage) -> list[dict[str, Any]]:
    """The same pull of 50 changes over 1, 10 and 100 times the history."""
    phone = stage.phones[2]
    _, cursor = _pull_all(stage, phone, None)
    figures = []
    base = 2_000
    with psycopg.connect(driver_url(stage.owner_url).replace("+psycopg", "")) as connection:
        there = 0
        for times in HISTORY:
            more = base * times - there
            connection.execute(_GROW, [more, stage.cast.company.id, phone.person_id])
            connection.commit()
            connection.autocommit = True
            connection.execute("analyze change, record, record_key")
            connection.autocommit = False
            there += more
            _, cursor = _pull_all(stage, phone, cursor)
            best = None
            for _ in range(5):
                with stage.database.company(stage.cast.company.id) as uow:
                    uow.run(
                        "update store set address = :address where id = any(:ids)",
                        address=f"{uuid4()} Street",
                        ids=phone.store_ids,
                    )
                    publish_stores(uow, phone.store_ids)
                pulled, cursor = _pull_all(stage, phone, cursor)
                if best is None or pulled["ms"] < best["ms"]:
                    best = pulled
            assert best is not None
            figures.append({"history": there, "changes": best["changes"], "ms": best["ms"]})
    return figures


# Old records of the phone's person, with their keys and their rows in the feed.
_GROW = """
with given as (
    select gen_random_uuid() as id, %s::integer as wanted, %s::integer as company,
           %s::uuid as person
), made as (
    insert into record (company_id, id, kind, version, doc, hash, person_id, changed_at)
    select company, gen_random_uuid(), 5, 1, '{"old":1}', 1, person, now()
    from given, generate_series(1, wanted) returning company_id, id, kind, person_id
), placed as (
    insert into record_key (company_id, key, id, kind)
    select company_id, person_id, id, kind from made
)
insert into change (company_id, key, id, kind) select company_id, person_id, id, kind from made
"""


def _print(figures: dict[str, Any]) -> None:
    say = sys.stdout.write
    made_of = ", ".join(f"{number} {name}" for name, number in figures["rows_a_day"].items())
    say(f"\nrows a phone-day: {made_of}\n\n")
    say("phones   days/s    limit   ratio   p50 ms   p99 ms   web CPU ms   database CPU ms\n")
    for row in figures["push"]:
        say(
            f"{row['phones']:6} {row['days_per_s']:8} {row['limit_per_s']:8} {row['ratio']:7}"
            f" {row['p50_ms']:8} {row['p99_ms']:8} {row['web_cpu_ms_a_day']:12}"
            f" {row['database_cpu_ms_a_day']:17}\n"
        )
        for failure in row["failures"]:
            say(f"       failed: {failure}\n")
    resend = figures["resend"]
    say(
        f"\nresend of whole days: {resend['again_per_s']} a second (first {resend['first_per_s']})\n"
    )
    counts = figures["statements"]
    say(
        f"statements: push {counts['push']}, resend {counts['resend']},"
        f" first page of a pull {counts['pull']}\n"
    )
    wire = figures["wire"]
    say(
        f"a terminal team's day: {wire['total_bytes']} bytes on the wire (up {wire['up_bytes']},"
        f" answer {wire['answer_bytes']}, {wire['changes']} changes down {wire['down_bytes']})\n"
    )
    first = figures["first_sync"]
    records = ", ".join(f"{v} {k}" for k, v in first.items() if k.endswith(" records"))
    say(
        f"first sync of a rep: {first['total_bytes']} bytes on the wire ({first['pages']} pages"
        f" {first['page_bytes']}, {first['bodies']} bodies {first['body_bytes']}); {records}\n"
    )
    for name, pull in figures["pulls"].items():
        say(
            f"{name.replace('_', ' ')}: {pull['changes']} changes, {pull['pages']} pages,"
            f" {pull['wire_bytes']} bytes on the wire, {pull['ms']} ms\n"
        )
    for row in figures["history"]:
        say(f"pull of {row['changes']} changes over {row['history']} old records: {row['ms']} ms\n")


if __name__ == "__main__":
    sys.exit(main())
