"""What one filled-in form costs a push in Python: decoding and judging, without a database.

    python -m tests.bench.forms

Three forms: 25 plain questions, as the phone-day of a terminal team has them; the demo's consumer
survey; and its store check with fifteen products. Answers differ from one another, so that nothing that was
worked out for one is only looked up for the next.
"""

import argparse
import json
from collections.abc import Callable, Iterator
from datetime import date
from random import Random
from time import process_time
from typing import Any
from uuid import UUID, uuid4

from mobile_contract.canonical import canonical_json
from mobile_contract.compiled import OutboxState, PushEnvelope
from server.demo.forms import form_definitions
from sync.arrivals import check_item
from sync.form_versions import VERSIONS, version_id
from sync.kinds.form_answer.judge import NAMED_VERSIONS, NamedVersions, create
from sync.policy import Policy
from sync.record_kind import Accepted, Arrived, Context, Known
from sync.senders import Held, Sender
from tests.bench.masters import answers_to, form_of

ITEMS = 2_000
ROUNDS = 3
QUESTIONS = 25
PRODUCTS = 15
NOW = 1_795_399_790_000
Json = dict[str, Any]


def survey(chance: Random) -> Json:
    """The answers of somebody who buys the drinks."""
    return {
        "agrees": True,
        "age": chance.choice(("from_18", "from_30", "from_45")),
        "drinks_ours": True,
        "how_often": chance.choice(("daily", "weekly", "monthly")),
        "years": chance.randrange(20),
        "why": ["taste", "near"],
        "would_advise": chance.randrange(11),
        "price_fair": chance.randrange(100, 900),
        "wish": "a smaller bottle for children",
    }


def store_check(chance: Random) -> Json:
    """The answers at an open shop."""
    rows: Json = {}
    for _ in range(PRODUCTS):
        row: Json = {"state": "absent"}
        if chance.random() < 0.8:
            row = {
                "state": "present",
                "facings": chance.randrange(1, 12),
                "made_on": f"2026-{chance.randrange(8, 12):02}-{chance.randrange(1, 23):02}",
                "expires_on": f"2027-{chance.randrange(1, 9):02}-{chance.randrange(1, 28):02}",
                "shelf_life": 270,
            }
        rows[str(UUID(int=chance.getrandbits(128), version=4))] = row
    return {
        "is_open": True,
        "stock": rows,
        "category_facings": chance.randrange(60, 300),
        "has_display": True,
        "display_kind": ["floor"],
        "display_photo": ["a" * 64],
        "price_tags": chance.random() < 0.8,
        "is_clean": chance.choice(("clean", "fair", "dirty")),
    }


class Desk:
    """One sender with one visit, and a form whose version was read."""

    def __init__(self, definition: Json) -> None:
        self.template_id, self.store_id, self.visit_id = (str(uuid4()) for _ in range(3))
        id_ = version_id(self.template_id, 1)
        VERSIONS.read(1, id_, canonical_json(definition).decode())
        position_id, person_id = str(uuid4()), str(uuid4())
        visit = canonical_json({"store_id": self.store_id, "position_id": position_id})
        policy = Policy(time_zone="Asia/Shanghai")
        self.context = Context(
            sender=Sender(
                company_id=1,
                company_key=str(uuid4()),
                device_id=str(uuid4()),
                person_id=person_id,
                person_name="Ana",
                left_on=None,
                is_draining=False,
                contract=2,
                positions=(Held(position_id, "rep", date(2026, 1, 1), None),),
                policy_version=1,
                policy=policy,
            ),
            policy=policy,
            policy_version=1,
            known={self.visit_id: Known(self.visit_id, 4, 1, visit, person_id, is_visible=True)},
            reads={NAMED_VERSIONS.name: NamedVersions(1, [id_])},
            histories={},
            names={},
        )
        self.boot_id = str(uuid4())
        self.envelope = PushEnvelope(
            contract=2,
            device_id=str(uuid4()),
            batch_id=str(uuid4()),
            sent_at=NOW,
            boot_id=self.boot_id,
            uptime_ms=90_000_000,
            app_version="2.0.0",
            outbox=OutboxState(count=1, oldest_at=None, bytes=1),
            items=[],
        )

    def items(self, answers: Callable[[Random], Json]) -> Iterator[bytes]:
        """So many items, as a phone sends them."""
        chance = Random(7)
        for number in range(ITEMS):
            at = NOW - 1_000 * number
            uptime = 90_000_000 - 1_000 * number
            fix = {"lat_e7": 312304160, "lon_e7": 1214737010, "datum": "WGS84"}
            event = {
                "at": at,
                "uptime_ms": uptime,
                "fix": {**fix, "accuracy_cm": 900, "is_mock": False},
            }
            item = {
                "op_id": str(uuid4()),
                "kind": "form_answer",
                "entity_id": str(uuid4()),
                "op": "create",
                "captured_at": at,
                "captured_boot_id": self.boot_id,
                "captured_uptime_ms": uptime,
                "payload": {
                    "visit_id": self.visit_id,
                    "store_id": self.store_id,
                    "template_id": self.template_id,
                    "template_version": 1,
                    "answered": event,
                    "answers": answers(chance),
                },
            }
            yield json.dumps(item).encode()

    def decode(self, raw: bytes) -> Arrived:
        item = check_item(raw, self.envelope, NOW)
        assert isinstance(item, Arrived), item
        return item

    def judge(self, item: Arrived) -> None:
        outcome = create(item, self.context)
        assert isinstance(outcome, Accepted), outcome


def timed(work: Callable[[Any], Any], items: list[Any]) -> tuple[float, list[Any]]:
    """Microseconds of processor time for each item, the best of some rounds, and what came of the last."""
    best, done = float("inf"), []
    for _ in range(ROUNDS):
        began = process_time()
        done = [work(item) for item in items]
        best = min(best, (process_time() - began) / len(items) * 1e6)
    return best, done


def main() -> None:
    argparse.ArgumentParser(
        prog="python -m tests.bench.forms",
        description="Measure what a filled-in form costs a push: decoding it and judging it.",
    ).parse_args()
    demo = {definition["code"]: definition for definition in form_definitions()}
    print(f"{'form':<34}{'bytes':>7}{'decode µs':>11}{'judge µs':>10}")
    for name, definition, answers in (
        (
            f"{QUESTIONS} questions",
            form_of(Random(1), "PLAIN", QUESTIONS),
            lambda c: answers_to(c, QUESTIONS),
        ),
        ("consumer survey", demo["CONSUMER_SURVEY"], survey),
        (f"store check, {PRODUCTS} products", demo["STORE_CHECK"], store_check),
    ):
        desk = Desk(definition)
        raw = list(desk.items(answers))
        decode_us, items = timed(desk.decode, raw)
        judge_us, _ = timed(desk.judge, items)
        size = sum(map(len, raw)) // len(raw)
        print(f"{name:<34}{size:>7}{decode_us:>11.0f}{judge_us:>10.0f}")


if __name__ == "__main__":
    main()
