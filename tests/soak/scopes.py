"""What belongs on a phone by the office's tables and by what people did alone. Neither the engine's tables of
scope (`holder_key`, `record_key`, `companion`) nor its feed are read.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, time, timedelta

from mobile_contract.records.store_terms import terms_id
from sync.kinds.store_history.publish import history_id
from tests.soak.owners import DAYS_ON_PHONE, ZONE, Rows, company_key

# From its dispatch until the books have an order, whoever delivers it has its store.
_ON_THE_WAY = ["DISPATCHED", "DELIVERED", "PARTIAL", "REFUSED"]


@dataclass(frozen=True, slots=True)
class Scope:
    """What a person has of the office's: stores and routes, by id; and whose things are theirs: their own, those of
    their seats and of seats below, of their divisions and of the company.
    """

    stores: frozenset[str]
    routes: frozenset[str]
    owners: frozenset[str]


def plain_scopes(rows: Rows, people: Iterable[str], now: datetime) -> dict[str, Scope]:
    """The scope of each of these people on the day of a moment."""
    regions = {
        str(row.id): row.parent_id and str(row.parent_id)
        for row in rows("select id, parent_id from region where company_id = :c")
    }
    positions = {
        str(row.id): (row.role, str(row.region_id))
        for row in rows("select id, role, region_id from position where company_id = :c")
    }
    divisions = {
        str(row.id): {str(id_) for id_ in row.divisions}
        for row in rows(
            "select p.id, array(select d.id from division d where d.company_id = p.company_id"
            " and (p.division_id is null or d.id = p.division_id)) as divisions"
            " from position p where p.company_id = :c"
        )
    }
    company = str(company_key(rows))
    routes = {
        str(row.id): (str(row.position_id), {str(id_) for id_ in row.stops})
        for row in rows(
            "select r.id, r.position_id, array(select s.store_id from route_stop s"
            " where s.company_id = r.company_id and s.route_id = r.id) as stops"
            " from route r where r.company_id = :c and r.is_active"
        )
    }
    stores = rows(
        "select id, region_id, position_id, status, proposed_by from store where company_id = :c"
    )
    delivering: dict[str, set[str]] = defaultdict(set)
    for row in rows(
        "select driver_position_id, store_id from order_header"
        " where company_id = :c and state = any(:states)",
        states=_ON_THE_WAY,
    ):
        delivering[str(row.driver_position_id)].add(str(row.store_id))
    occupancies = rows(
        "select person_id, position_id from occupancy where company_id = :c"
        " and starts_on <= :today and (ends_on is null or ends_on >= :today)",
        today=now.astimezone(ZONE).date(),
    )
    scopes: dict[str, Scope] = {}
    for person in set(people):
        held = {str(o.position_id) for o in occupancies if str(o.person_id) == person}
        owners = {company, person}.union(*(divisions[position] for position in held))
        areas: set[str] = set()
        for position in held:
            role, region = positions[position]
            if role in ("supervisor", "regional_manager"):
                areas |= _under(region, regions)
        held |= {p for p, (_, region) in positions.items() if region in areas}
        mine = {id_: stops for id_, (position, stops) in routes.items() if position in held}
        seen = {id_ for stops in mine.values() for id_ in stops}
        seen |= {id_ for position in held for id_ in delivering[position]}
        for store in stores:
            is_open = store.status in ("ACTIVE", "CLOSED")
            if (is_open and (str(store.region_id) in areas or str(store.position_id) in held)) or (
                not is_open and str(store.proposed_by) == person
            ):
                seen.add(str(store.id))
        scopes[person] = Scope(frozenset(seen), frozenset(mine), frozenset(owners | held))
    return scopes


class BesideStores:
    """What goes with stores. For each kind of it: which is with which store, and which is whose own.

    Nothing else of these kinds may be on a phone:
    - `store_terms` and `store_history` are with their store alone, whose id theirs follows from. They stop to
      be where there is nothing to tell any more (a store that is closed has no terms).
    - `activity_store` is with its store, and with who asked for it, wherever the store went since. One that
      was refused because the store was in already is with who asked alone.
    - An `activity_store` that was refused or withdrawn, or whose activity was settled, leaves every phone when a
      day begins after 14 days; what is about to leave may be there or not.
    """

    def __init__(self, rows: Rows, now: datetime) -> None:
        self._by_store: dict[str, dict[str, set[str]]] = {}
        self._own: dict[str, dict[str, set[str]]] = {"activity_store": defaultdict(set)}
        self._may_be: set[str] = set()
        self.missing: list[str] = []
        self._read_told(rows)
        self._read_activity_stores(rows, now)

    @property
    def kinds(self) -> list[str]:
        return sorted(self._by_store)

    def faults(
        self, kind: str, scope: Scope, person_id: str, held: Iterable[str]
    ) -> list[tuple[str, str]]:
        """(what is wrong, with which record), of what a phone of a person holds of a kind."""
        there = set(held)
        with_stores = {id_ for store in scope.stores for id_ in self._by_store[kind].get(store, ())}
        own = self._own.get(kind, {}).get(person_id, set())
        wanted = with_stores | own
        return [
            *(("is missing", id_) for id_ in sorted(wanted - there - self._may_be)),
            *(("does not belong there", id_) for id_ in sorted(there - wanted)),
        ]

    def _read_told(self, rows: Rows) -> None:
        """Terms and histories: of which store each is follows from its id; whether there are any from facts."""
        stores = rows(
            "select s.id, s.status, s.account_id is not null as has_account,"
            " exists (select from visit v where v.company_id = s.company_id and v.store_id = s.id)"
            " or exists (select from order_header o where o.company_id = s.company_id"
            "            and o.store_id = s.id and o.order_type = 'SALE') as has_history"
            " from store s where s.company_id = :c"
        )
        told = {
            str(row.id)
            for row in rows(
                "select id from record where company_id = :c and kind in (24, 26) and doc is not null"
            )
        }
        for kind, id_of in (("store_terms", terms_id), ("store_history", history_id)):
            ids = {str(row.id): str(id_of(row.id)) for row in stores}
            self._by_store[kind] = {store: {id_} for store, id_ in ids.items() if id_ in told}
        for row in stores:
            is_open = row.status in ("ACTIVE", "PROPOSED")
            has_terms = str(terms_id(row.id)) in told
            if has_terms and not is_open:
                self.missing.append(f"store {row.id} is {row.status} and has terms")
            if row.has_account and is_open and not has_terms:
                self.missing.append(f"store {row.id} has an account and no terms")
            if row.has_history and str(history_id(row.id)) not in told:
                self.missing.append(f"store {row.id} was called at or sold to and has no history")

    def _read_activity_stores(self, rows: Rows, now: datetime) -> None:
        by_store: dict[str, set[str]] = defaultdict(set)
        own = self._own["activity_store"]
        since = now.astimezone(ZONE).date() - timedelta(days=DAYS_ON_PHONE)
        moment = datetime.combine(since, time(), ZONE)
        for row in rows(
            "select p.id, p.store_id, p.person_id, p.state, p.refusal, p.decided_at, a.settled_on"
            " from activity_store p join activity a"
            " on a.company_id = p.company_id and a.id = p.activity_id where p.company_id = :c"
        ):
            is_out = row.state in ("REFUSED", "WITHDRAWN")
            if (row.settled_on is not None and row.settled_on < since) or (
                is_out and row.decided_at < moment
            ):
                self._may_be.add(str(row.id))
            if row.refusal != "ALREADY_IN":
                by_store[str(row.store_id)].add(str(row.id))
            if row.person_id is not None:
                own[str(row.person_id)].add(str(row.id))
        self._by_store["activity_store"] = by_store


def _under(region: str, parents: Mapping[str, str | None]) -> set[str]:
    regions = {region}
    while more := {id_ for id_, parent in parents.items() if parent in regions} - regions:
        regions |= more
    return regions
