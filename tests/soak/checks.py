"""Every promise after a soak, held against what the phones captured and what the tables say.

The plain model here is: the phones' own lists, made before anything was sent, and the office's
tables (occupancies, positions, regions, routes, stores). The engine's own tables of scope and feed
are not believed.
"""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Engine, text

from mobile_contract.records import lower_record
from server.play.check import Promised, count_in_database
from sync.unit_of_work import Database
from tests.soak.owners import read_owned
from tests.soak.scopes import BesideStores, plain_scopes

# A request may take this long from the phone's clock reading to the server's (a full backlog).
CLOCK_OFF_MS = 60_000
GPS_OFF_MS = 3_000

Report = Mapping[str, Any]


@dataclass(slots=True)
class Verdict:
    """One promise: held as long as nothing speaks against it."""

    promise: str
    evidence: str = ""
    faults: list[str] = field(default_factory=list)

    @property
    def is_held(self) -> bool:
        return not self.faults


class Checker:
    """The database after quiet, and the reports of every phone."""

    def __init__(
        self,
        database: Database,
        owner: Engine,
        company_id: int,
        phones: Sequence[Report],
        now: datetime,
    ) -> None:
        self.database = database
        self.owner = owner
        self.company_id = company_id
        self.phones = phones
        self.now = now
        self.devices = [phone["device_id"] for phone in phones]
        self.items = [item for phone in phones for item in phone["items"]]

    def rows(self, statement: str, **values: Any) -> list[Any]:
        with self.owner.connect() as connection:
            return list(connection.execute(text(statement), {"c": self.company_id, **values}))

    def all(self, told: Mapping[str, Mapping[str, int]]) -> list[Verdict]:
        """The verdict on each promise; `told` is what the phones answered to the last commands."""
        counted = self._counted()
        return [
            self._nothing_lost(counted.lost),
            self._once(counted.twice, told["resend"]),
            self._no_item_blocks(),
            self._nothing_skipped(told["compare"]),
            self._scope(),
            self._any_order(),
            self._conflicts(),
            self._old_phones(),
            self._time(),
            self._repair(told["corrupt"]),
            self._phones_ran(told["report"]),
        ]

    # ---- 1, 2, 3 ------------------------------------------------------------------------------

    def _counted(self) -> Any:
        promised = [
            Promised(each["op_id"], each["kind"], each["entity_id"], each["status"])
            for each in self.items
            if not each["is_unsent"] and each["status"] is not None
        ]
        return count_in_database(self.database, self.company_id, promised, self.devices)

    def _nothing_lost(self, lost: Sequence[str]) -> Verdict:
        receipts = {
            str(row.op_id): row.digest.hex()
            for row in self.rows(
                "select op_id, digest from ledger where company_id = :c and device_id = any(:d)",
                d=[UUID(device) for device in self.devices],
            )
        }
        captured = {each["op_id"] for each in self.items}
        found = Verdict(
            "1 nothing is lost", f"{len(captured)} items captured, {len(receipts)} receipts"
        )
        found.faults += list(lost)
        found.faults += [f"item {op_id} has no receipt" for op_id in captured - receipts.keys()]
        found.faults += [f"receipt {op_id} for nothing" for op_id in receipts.keys() - captured]
        found.faults += [
            f"item {each['op_id']}: other bytes than the phone's"
            for each in self.items
            if each["digest"] and receipts.get(each["op_id"], each["digest"]) != each["digest"]
        ]
        return found

    def _once(self, twice: Sequence[str], resent: Mapping[str, int]) -> Verdict:
        sendings = sum(each["sendings"] for each in self.items)
        found = Verdict(
            "2 once",
            f"{sendings} sendings of {len(self.items)} items;"
            f" {resent['resent']} sent again at the end, each a duplicate with its first result",
        )
        found.faults += list(twice)
        if resent["answered otherwise"]:
            found.faults.append(f"{resent['answered otherwise']} resends were answered otherwise")
        return found

    def _no_item_blocks(self) -> Verdict:
        kept = Counter(
            row.state for row in self.rows("select state from kept_item where company_id = :c")
        )
        found = Verdict("3 no item blocks another", f"kept items: {dict(kept) or 'none'}")
        found.faults += [
            f"a phone still holds {phone['unsent']} items"
            for phone in self.phones
            if phone["unsent"]
        ]
        return found

    # ---- 4, 5 ----------------------------------------------------------------------------------

    def _nothing_skipped(self, compared: Mapping[str, int]) -> Verdict:
        found = Verdict(
            "4 nothing is skipped",
            f"{compared['equal']} of {compared['phones']} phones equal by digest",
        )
        if compared["equal"] != compared["phones"]:
            found.faults.append("some phones differ from the server's digest")
        return found

    def _scope(self) -> Verdict:
        """Stores and routes by the office's tables alone, what goes with a store by its store, everything else by
        whose it is; of every kind field by field.
        """
        scopes = plain_scopes(self.rows, {phone["person_id"] for phone in self.phones}, self.now)
        beside = BesideStores(self.rows, self.now)
        records = {
            str(row.id): row
            for row in self.rows(
                "select id, kind, version, doc, person_id from record where company_id = :c"
            )
        }
        owned = read_owned(self.rows, self.now)
        found = Verdict("5 the phone holds its scope, exactly", faults=list(beside.missing))
        compared = going_along = 0
        for phone in self.phones:
            scope, name = scopes[phone["person_id"]], phone["device_id"]
            for kind, wanted in (("store", scope.stores), ("route", scope.routes)):
                held = phone["held"][kind].keys()
                found.faults += [f"{name}: {kind} {i} is missing" for i in sorted(wanted - held)]
                found.faults += [
                    f"{name}: {kind} {i} does not belong there" for i in sorted(held - wanted)
                ]
            for kind in owned.keys() & phone["held"].keys():
                found.faults += [
                    f"{name}: {kind} {id_} {wrong}"
                    for wrong, id_ in owned[kind].faults(scope.owners, phone["held"][kind])
                    if id_ in phone["held"][kind] or _lowered(records.get(id_), kind, phone)
                ]
            for kind in set(beside.kinds) & phone["held"].keys():
                going = phone["held"][kind]
                going_along += len(going)
                found.faults += [
                    f"{name}: {kind} {id_} {wrong}"
                    for wrong, id_ in beside.faults(kind, scope, phone["person_id"], going)
                ]
            for kind, held in phone["held"].items():
                for id_, (version, fields) in held.items():
                    compared += 1
                    record = records.get(id_)
                    lowered = _lowered(record, kind, phone)
                    if record is None or lowered != fields or record.version != version:
                        found.faults.append(f"{name}: {kind} {id_} has other fields")
        found.evidence = (
            f"{compared} records compared field by field, {going_along} of them beside their stores,"
            f" {len(self.phones)} phones"
        )
        return found

    # ---- 6 to 10 --------------------------------------------------------------------------------

    def _any_order(self) -> Verdict:
        deferred = Counter(each["status"] for each in self.items)
        waiting = self.rows(
            "select k.op_id from kept_item k where k.company_id = :c and k.state = 'DEFERRED'"
            " and not exists (select from unnest(k.missing) m where not exists"
            " (select from record r where r.company_id = k.company_id and r.id = m))"
        )
        released = self.rows(
            "select count(*) as n from kept_item where company_id = :c and state = 'RELEASED'"
        )[0].n
        outbox = self.rows("select count(*) as n from outbox where company_id = :c")[0].n
        found = Verdict(
            "6 any order", f"{released} children released after their parents; {dict(deferred)}"
        )
        found.faults += [f"item {row.op_id} waits for what is there" for row in waiting]
        if outbox:
            found.faults.append(f"{outbox} rows left in the outbox to the queue")
        return found

    def _conflicts(self) -> Verdict:
        people: dict[str, list[set[str]]] = {phone["person_id"]: [] for phone in self.phones}
        for phone in self.phones:
            if phone["contract"] > 1:
                people[phone["person_id"]].append(set(phone["held"]["conflict"]))
        rows = self.rows("select id, held_by, sent_by, fields from conflict where company_id = :c")
        found = Verdict("7 conflicts are seen", f"{len(rows)} conflicts")
        for row in rows:
            for person in {row.held_by, row.sent_by} - {None}:
                for held in people.get(str(person), ()):
                    if str(row.id) not in held:
                        found.faults.append(f"conflict {row.id} is not on a phone of {person}")
            if any("held" not in value or "sent" not in value for value in row.fields.values()):
                found.faults.append(f"conflict {row.id} lost a value")
        return found

    def _old_phones(self) -> Verdict:
        old = [phone for phone in self.phones if phone["contract"] == 1]
        sent = sum(len(phone["items"]) for phone in old)
        found = Verdict("8 old phones work", f"{len(old)} phones of contract 1 sent {sent} items")
        found.faults += [f"{p['device_id']} is not equal" for p in old if not p["is_equal"]]
        return found

    def _time(self) -> Verdict:
        true = {id_: ms for phone in self.phones for id_, ms in phone["true_times"].items()}
        worst: Counter[str] = Counter()
        trusts: Counter[str] = Counter()
        for row in self.rows(
            "select v.id, r.doc from visit v join record r on r.company_id = v.company_id and r.id = v.id"
            " where v.company_id = :c and v.device_id = any(:d)"
            " union all select a.id, r.doc from attendance a join record r"
            " on r.company_id = a.company_id and r.id = a.id"
            " where a.company_id = :c and a.device_id = any(:d)",
            d=[UUID(device) for device in self.devices],
        ):
            doc = json.loads(row.doc)
            event = doc.get("check_in") or doc.get("occurred")
            if event is None or str(row.id) not in true:
                continue
            trust = doc["clock"]["trust"]
            trusts[trust] += 1
            worst[trust] = max(worst[trust], abs(event["corrected_at"] - true[str(row.id)]))
        found = Verdict(
            "9 time is judged",
            f"{dict(trusts)}; worst error CLOCK {worst['CLOCK']} ms, GPS {worst['GPS']} ms",
        )
        for trust, limit in (("CLOCK", CLOCK_OFF_MS), ("GPS", GPS_OFF_MS)):
            if worst[trust] > limit:
                found.faults.append(f"a {trust} time is off by {worst[trust]} ms")
        return found

    @staticmethod
    def _phones_ran(told: Mapping[str, int]) -> Verdict:
        found = Verdict("the phones themselves ran", f"{told['cycles']} stretches of work and sync")
        if told["broken"]:
            found.faults.append(
                f"{told['broken']} times a phone broke off with an error of its own"
            )
        return found

    @staticmethod
    def _repair(told: Mapping[str, int]) -> Verdict:
        found = Verdict(
            "10 what is claimed can be checked",
            f"{told['repaired']} of {told['tried']} spoilt phones found and repaired,"
            f" outbox untouched on {told['outbox untouched']}",
        )
        if not told["repaired"] == told["tried"] == told["outbox untouched"]:
            found.faults.append("a corruption was not found, not repaired, or cost an outbox")
        return found


def _lowered(record: Any, kind: str, phone: Report) -> Any:
    """A record as this phone is told it; an old one is not told of everything. None where it is not there."""
    if record is None or record.doc is None:
        return None
    return lower_record(kind, json.loads(record.doc), phone["contract"])
