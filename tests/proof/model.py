"""The plain model: what is true of one company, worked out with dictionaries and no database.

It is told what the office does and which items reach the server, in the order in which they do, and
says what each item's result must be, which records there are, and who may see them. It shares no
code with the engine: where the two differ, one of them is wrong.

Ids are texts. Only the cast's roles (rep, supervisor) and what phones of the tests do are modelled. Of kinds of
work beside visits and attendance the model knows only what every one of them has: it waits for what it
names, belongs to who did it, and its record says what was meant (works.py).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

Fields = dict[str, Any]

APPLIED = (
    "channel",
    "address",
    "contact_name",
    "contact_phone",
    "opening_hours",
    "delivery_note",
)
DECIDED = ("name", "code", "store_class")
# Ops that make a record.
MAKES = frozenset({"create", "submit", "return", "request"})


@dataclass(slots=True)
class Occupancy:
    """Who holds a position, both days included."""

    position: str
    person: str
    starts_on: date
    ends_on: date | None = None


@dataclass(slots=True)
class Route:
    position: str
    name: str
    stops: list[str]
    is_active: bool = True


@dataclass(slots=True)
class Held:
    """A record: its document with every version before, who wrote each, and where it is seen."""

    kind: str
    person: str | None
    versions: list[tuple[Fields | None, str | None]]
    own_keys: frozenset[str]
    # The item that made it; its resend is known for ever, also without a receipt.
    born: "Intent | None" = None

    @property
    def version(self) -> int:
        return len(self.versions)

    @property
    def fields(self) -> Fields | None:
        return self.versions[-1][0]


@dataclass(frozen=True, slots=True)
class Intent:
    """What somebody meant with an item, as the test captured it: no wire form, no contract."""

    op_id: str
    person: str
    kind: str
    op: str
    entity: str
    base_version: int | None = None
    store: str | None = None
    changes: Mapping[str, Any] = field(default_factory=dict)
    needs: tuple[str, ...] = ()
    # True where the payload is no item of the contract at all.
    is_spoiled: bool = False
    # Whether the record that it makes comes down to phones.
    is_told: bool = True


@dataclass(frozen=True, slots=True)
class Expected:
    """What the server must answer."""

    status: str
    code: str | None = None
    version: int | None = None


@dataclass(slots=True)
class Kept:
    """An item that the server holds and could not apply."""

    intent: Intent
    state: str
    record: str
    received_at: int


@dataclass(slots=True)
class Clash:
    """A conflict: who has to hear of it."""

    op_id: str
    entity: str
    fields: dict[str, dict[str, Any]]
    people: frozenset[str]
    state: str = "OPEN"


@dataclass(slots=True)
class Wish:
    """A proposal."""

    op_id: str
    person: str
    kind: str
    entity: str
    changes: Fields
    state: str = "WAITING"


class Truth:
    """One company. `deepcopy` is a backup of it."""

    def __init__(self, company_key: str, parents: Mapping[str, str | None], today: date) -> None:
        self.company_key = company_key
        self.parents = dict(parents)
        self.today = today
        self.people: list[str] = []
        # position → (role, region)
        self.positions: dict[str, tuple[str, str]] = {}
        self.occupancies: list[Occupancy] = []
        self.routes: dict[str, Route] = {}
        self.records: dict[str, Held] = {}
        self.receipts: dict[str, tuple[Intent, Expected]] = {}
        # (op_id, what was meant): items under an op_id that was somebody's already.
        self.aside: dict[tuple[str, Intent], Expected] = {}
        # op_ids of kept items whose receipts ran out: other bytes under them are items of their own.
        self.run_out: set[str] = set()
        self.kept: list[Kept] = []
        self.clashes: dict[str, Clash] = {}
        self.wishes: dict[str, Wish] = {}
        self.ever_seen: dict[str, set[str]] = {}

    # ---- scope ----------------------------------------------------------------------------

    def keys_of(self, person: str) -> set[str]:
        """What a person holds today: themself, the company, and what follows from positions."""
        keys = {self.company_key, person}
        for occupancy in self.occupancies:
            begun = occupancy.starts_on <= self.today
            if occupancy.person != person or not begun:
                continue
            if occupancy.ends_on is not None and occupancy.ends_on < self.today:
                continue
            keys.add(occupancy.position)
            role, region = self.positions[occupancy.position]
            if role == "supervisor":
                keys |= self._under(region)
        positions = keys & self.positions.keys()
        routes = {id_ for id_, r in self.routes.items() if r.is_active and r.position in positions}
        return keys | routes

    def _under(self, region: str) -> set[str]:
        regions = {region}
        while more := {r for r, p in self.parents.items() if p in regions} - regions:
            regions |= more
        return regions | {p for p, (_, where) in self.positions.items() if where in regions}

    def keys_at(self, record: str) -> set[str]:
        """Where a record is to be seen."""
        placed = {id_ for id_, r in self.routes.items() if r.is_active and record in r.stops}
        return set(self.records[record].own_keys) | placed

    def scope(self, person: str) -> dict[str, Held]:
        """Every record that a person's phones hold, by id; deleted ones are on no phone."""
        keys = self.keys_of(person)
        return {
            id_: held
            for id_, held in self.records.items()
            if held.fields is not None and keys & self.keys_at(id_)
        }

    def look(self) -> None:
        """Remember what everybody sees now: work on it is accepted also when it is gone."""
        for person in self.people:
            keys = self.keys_of(person)
            seen = self.ever_seen.setdefault(person, set())
            seen |= {id_ for id_ in self.records if keys & self.keys_at(id_)}

    # ---- the office -----------------------------------------------------------------------

    def put(
        self,
        record: str,
        kind: str,
        fields: Fields | None,
        keys: Iterable[str],
        *,
        person: str | None = None,
        by: str | None = None,
    ) -> None:
        """A record as it is now; the same document makes no new version."""
        held = self.records.get(record)
        if held is None:
            self.records[record] = Held(kind, person, [(fields, by)], frozenset(keys))
            return
        if held.fields != fields:
            held.versions.append((fields, by))
        held.own_keys = frozenset(keys)

    def change_store(self, store: str, by: str | None = None, **changes: Any) -> None:
        """The office changes fields of a store."""
        held = self.records[store]
        assert held.fields is not None
        self.put(store, "store", {**held.fields, **changes}, held.own_keys, by=by)

    def publish_route(self, route: str, rules: Mapping[str, Any]) -> None:
        """A route's record follows from the route."""
        known = self.routes[route]
        fields = {
            "name": known.name,
            "position_id": known.position,
            "stops": [
                {"store_id": store, "sequence": place, "rule": dict(rules)}
                for place, store in enumerate(known.stops)
            ],
        }
        self.put(route, "route", fields if known.is_active else None, {route, known.position})

    # ---- items ----------------------------------------------------------------------------

    def receive(self, batch: list[Intent], received_at: int) -> list[Expected]:
        """A batch reaches the server: what it must answer, and what comes of it."""
        answers: list[Expected | None] = [None] * len(batch)
        fresh: list[int] = []
        for index, intent in enumerate(batch):
            first = self.receipts.get(intent.op_id)
            if first is not None and first[0] == intent:
                answers[index] = Expected("duplicate", first[1].code, first[1].version)
            elif (intent.op_id, intent) in self.aside:
                answers[index] = Expected("duplicate")
            elif first is not None and intent.op_id not in self.run_out:
                code = "op_id_reused" if first[0].person == intent.person else "op_id_taken"
                answers[index] = self.aside[intent.op_id, intent] = Expected("quarantined", code)
                self.kept.append(Kept(intent, "QUARANTINED", "", received_at))
            else:
                fresh.append(index)
        # Parents before children, whatever their order in the batch.
        is_moving = True
        while fresh and is_moving:
            is_moving, waiting = False, []
            for index in fresh:
                if self._missing(batch[index]):
                    waiting.append(index)
                    continue
                answers[index] = self._first(batch[index], received_at)
                is_moving = True
            fresh = waiting
        for index in fresh:
            answers[index] = self._first(batch[index], received_at)
        self.look()
        return [answer for answer in answers if answer is not None]

    def _first(self, intent: Intent, received_at: int) -> Expected:
        answer = self._judge(intent)
        if intent.op_id in self.run_out:
            self.run_out.remove(intent.op_id)
            before, told = self.receipts[intent.op_id]
            self.aside[intent.op_id, before] = told
        if answer.status in ("deferred", "quarantined"):
            state = "DEFERRED" if answer.status == "deferred" else "QUARANTINED"
            if intent.op_id in self.records:
                self.kept.append(Kept(intent, state, "", received_at))
            else:
                self.kept.append(Kept(intent, state, intent.op_id, received_at))
                self.put(
                    intent.op_id, "item", {"state": state}, {intent.person}, person=intent.person
                )
        self.receipts[intent.op_id] = (intent, answer)
        return answer

    def release(self) -> None:
        """Whatever waited for a record that is there by now is judged again."""
        while True:
            waiting = [
                kept
                for kept in sorted(self.kept, key=lambda kept: kept.received_at)
                if kept.state == "DEFERRED" and not self._missing(kept.intent)
            ]
            if not waiting:
                break
            kept = waiting[0]
            answer = self._judge(kept.intent)
            kept.state = "QUARANTINED" if answer.status == "quarantined" else "RELEASED"
            told = "CONFLICT" if answer.status == "conflict" else kept.state
            self.put(kept.record, "item", {"state": told}, {kept.intent.person})
        self.look()

    def _missing(self, intent: Intent) -> bool:
        if intent.is_spoiled:
            return False
        if any(id_ not in self.records for id_ in intent.needs):
            return True
        if intent.op in MAKES:
            if intent.entity in self.records or intent.store is None:
                return False
            return not self._is_a(intent.store, "store")
        if intent.kind in ("visit", "attendance"):
            held = self.records.get(intent.entity)
            return held is None or held.kind != intent.kind or held.person != intent.person
        return not self._is_a(intent.entity, intent.kind)

    def _is_a(self, record: str, kind: str) -> bool:
        return record in self.records and self.records[record].kind == kind

    def _may_see(self, person: str, record: str) -> bool:
        return self.records[record].person == person or record in self.ever_seen[person]

    def _judge(self, intent: Intent) -> Expected:  # noqa: C901, PLR0911  one return a rule
        if intent.is_spoiled:
            return Expected("quarantined", "invalid_field")
        if self._missing(intent):
            return Expected("deferred")
        held = self.records.get(intent.entity)
        if intent.op in MAKES:
            if held is not None and held.born == intent:
                return Expected("applied", version=held.version)
            if held is not None:
                return Expected("quarantined", "entity_taken")
            answer = self._create(intent)
            if answer.status == "applied":
                self.records[intent.entity].born = intent
            return answer
        assert held is not None
        assert held.fields is not None or held.kind == "route"
        if intent.op in ("answer", "read"):
            return self._answer(intent, held)
        if intent.op == "finish":
            assert held.fields is not None
            if held.fields["state"] != "OPEN":
                return Expected("quarantined", "not_open")
            note = intent.changes.get("note") or held.fields["note"]
            held.versions.append(({**held.fields, "state": "DONE", "note": note}, intent.person))
            return Expected("applied", version=held.version)
        if intent.kind in ("store", "route") and not self._may_see(intent.person, intent.entity):
            return Expected("quarantined", "not_in_scope")
        assert intent.base_version is not None
        if intent.base_version > held.version:
            return Expected("quarantined", "wrong_base_version")
        if intent.op == "propose":
            self._propose(intent, {})
            return Expected("applied", version=held.version)
        return self._edit(intent, held)

    def _answer(self, intent: Intent, held: Held) -> Expected:
        """Something asked of a person is answered: by the first, and whoever comes later is told so."""
        if not self._may_see(intent.person, intent.entity):
            return Expected("quarantined", "not_in_scope")
        assert held.fields is not None
        if not intent.changes:
            return Expected("applied", version=held.version)
        if held.fields["state"] not in ("OPEN", "ASKED"):
            return Expected("merged", version=held.version)
        held.versions.append(({**held.fields, **intent.changes}, intent.person))
        return Expected("applied", version=held.version)

    def _create(self, intent: Intent) -> Expected:
        if intent.kind == "store":
            fields = dict(intent.changes)
            self.put(
                intent.entity,
                "store",
                fields,
                {intent.person},
                person=intent.person,
                by=intent.person,
            )
            self._propose(intent, {})
            return Expected("applied", version=1)
        if intent.store is not None and not self._may_see(intent.person, intent.store):
            return Expected("quarantined", "not_in_scope")
        fields = dict(intent.changes)
        if intent.store is not None:
            fields["store_id"] = intent.store
        self.put(
            intent.entity,
            intent.kind,
            fields,
            {intent.person} if intent.is_told else set(),
            person=intent.person,
            by=intent.person,
        )
        return Expected("applied", version=1)

    def _propose(self, intent: Intent, changes: Fields) -> None:
        self.wishes[intent.op_id] = Wish(
            intent.op_id, intent.person, intent.kind, intent.entity, changes
        )

    def _edit(self, intent: Intent, held: Held) -> Expected:
        """A store edited, a visit or an attendance corrected: field by field against the base."""
        assert intent.base_version is not None
        is_store = intent.kind == "store"
        base = intent.base_version
        # What the sender wrote right after the base they had seen as well.
        while base < held.version and held.versions[base][1] == intent.person:
            base += 1
        before, now = held.versions[base - 1][0] or {}, held.fields or {}
        sent = {k: v for k, v in intent.changes.items() if not is_store or k in APPLIED}
        written, clashes, people = {}, {}, {intent.person}
        for name, value in sent.items():
            if value == now.get(name):
                continue
            if now.get(name) == before.get(name):
                written[name] = value
            elif value != before.get(name) and self._who_wrote(held, base, name) == intent.person:
                written[name] = value  # their own earlier edit, with others in between
            elif value != before.get(name):
                clashes[name] = {"base": before.get(name), "held": now.get(name), "sent": value}
                people.add(self._who_wrote(held, base, name) or intent.person)
        others = {n for n in now.keys() | before.keys() if now.get(n) != before.get(n)}
        is_merged = bool(
            (others - sent.keys())
            | {n for n in sent if now.get(n) != before.get(n) == sent[n] != now.get(n)}
        )
        waiting = {
            n: v for n, v in intent.changes.items() if is_store and n in DECIDED and v != now.get(n)
        }
        after = {**now, **written}
        if after != now or not is_store:
            held.versions.append((after, intent.person))
        if waiting:
            self._propose(intent, waiting)
        if clashes:
            self.clashes[intent.op_id] = Clash(
                intent.op_id, intent.entity, clashes, frozenset(people)
            )
            return Expected("conflict", version=held.version)
        return Expected("merged" if is_merged else "applied", version=held.version)

    @staticmethod
    def _who_wrote(held: Held, base: int, name: str) -> str | None:
        """Who last wrote this field after the base; None for the office."""
        wrote: str | None = None
        for (before, _), (after, by) in zip(
            held.versions[base - 1 :], held.versions[base:], strict=False
        ):
            if (before or {}).get(name) != (after or {}).get(name):
                wrote = by
        return wrote
