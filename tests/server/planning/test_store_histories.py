"""What happened at a store last is told to whoever has the store, and to nobody else."""

import gzip
import json
from collections.abc import Callable
from datetime import date, timedelta
from uuid import UUID, uuid4

import pytest
import sqlalchemy

from server.jobs.work import Workshop, do_row
from server.planning import store_histories
from server.planning.store_histories import tell_store_histories
from sync.engine import Engine
from sync.kinds import ALL_KINDS
from sync.kinds.store.publish import publish_stores
from sync.kinds.store_history.publish import history_id, publish_store_histories
from sync.kinds.store_terms.publish import publish_store_terms
from sync.unit_of_work import Database, UnitOfWork
from sync.work import leave_work
from tests.catalogue_factories import add_goods
from tests.factories import Cast, Person, make_cast
from tests.order_factories import cancel, give_back, oats, submit
from tests.sync.office import set_stops
from tests.sync.talking import DAY, HOUR, MINUTE, NOON, Json, Phone, counted_statements, rows_of

PhoneOf = Callable[[Person], Phone]


@pytest.fixture(scope="session")
def db(engine: sqlalchemy.Engine) -> Database:
    return Database(engine)


@pytest.fixture(scope="session")
def shop(db: Database) -> Workshop:
    return Workshop(db, Engine(db, ALL_KINDS, b"s" * 32))


@pytest.fixture
def cast(owner_engine: sqlalchemy.Engine, db: Database) -> Cast:
    return make_cast(owner_engine, db)


@pytest.fixture
def phone(shop: Workshop) -> PhoneOf:
    return lambda person: Phone(shop.engine, person.device, booted_at=NOON - 10 * DAY)


def waiting(db: Database, cast: Cast) -> list[int]:
    rows = rows_of(db, cast, "select id from outbox where topic = 'store_history' order by id")
    return [row.id for row in rows]


def work(shop: Workshop, cast: Cast) -> None:
    for row in waiting(shop.database, cast):
        assert do_row(shop, cast.company.id, row) in ("done", "gone")


def visits_on(phone: Phone, store: UUID) -> Json:
    phone.pull()
    visits: Json = phone.fields(history_id(store))["visits"]
    return visits


def whole(phone: Phone, store: UUID, *, ago: int = HOUR, **payload: object) -> Json:
    return phone.visit(
        store,
        ago=ago,
        check_out=phone.event(ago - 10 * MINUTE),
        closed_by="PERSON",
        **payload,
    )


def test_the_last_three_visits_come_with_the_store_the_latest_first(
    cast: Cast, phone: PhoneOf, shop: Workshop
) -> None:
    ana, store = phone(cast.ana), cast.ana_stores[0]
    ana.push(*(whole(ana, store, ago=days * DAY) for days in (3, 1, 4, 2)))
    ana.push_one(ana.visit(store, ago=HOUR, is_by_phone=True))
    work(shop, cast)
    assert visits_on(ana, store) == {
        "business_day": ["2026-03-04", "2026-03-03", "2026-03-02"],
        "person": ["Ana", "Ana", "Ana"],
        "state": ["OPEN", "DONE", "DONE"],
        "verdict": ["NONE", "UNCERTAIN", "UNCERTAIN"],
        "is_by_phone": [True, False, False],
    }


def test_a_visit_or_an_order_dated_ahead_by_a_wrong_clock_stands_where_it_was_received(
    cast: Cast, phone: PhoneOf, shop: Workshop, db: Database
) -> None:
    ana, store = phone(cast.ana), cast.ana_stores[0]
    with db.company(cast.company.id) as uow:
        goods = add_goods(uow, cast)
        publish_store_terms(uow, cast.ana_stores)
    ahead = submit(ana, store, oats(goods), ago=-400 * DAY)
    ana.push(whole(ana, store, ago=2 * HOUR), whole(ana, store, ago=-400 * DAY), ahead)
    work(shop, cast)
    assert visits_on(ana, store)["business_day"] == ["2027-04-08", "2026-03-04"]
    assert ana.fields(history_id(store))["orders"]["business_day"] == ["2027-04-08"]
    for _ in range(3):
        ana.now += DAY
        assert ana.statuses(whole(ana, store), submit(ana, store, oats(goods))) == ["applied"] * 2
        work(shop, cast)
    days = ["2026-03-07", "2026-03-06", "2026-03-05"]
    assert visits_on(ana, store)["business_day"] == days
    assert ana.fields(history_id(store))["orders"]["business_day"] == days


def test_a_history_is_with_all_who_have_the_store_and_goes_with_it(
    cast: Cast, phone: PhoneOf, shop: Workshop, db: Database
) -> None:
    ana, ben, sam, store = phone(cast.ana), phone(cast.ben), phone(cast.sam), cast.ana_stores[0]
    ana.push_one(whole(ana, store))
    work(shop, cast)
    assert visits_on(sam, store) == visits_on(ana, store)
    ben.pull()
    assert str(history_id(store)) not in ben.held
    with db.company(cast.company.id) as uow:
        set_stops(uow, cast, cast.ana_route, cast.ana_stores[1:])
        set_stops(uow, cast, cast.ben_route, [*cast.ben_stores, store])
    ana.pull()
    assert str(history_id(store)) not in ana.held
    assert visits_on(ben, store)["person"] == ["Ana"]


def test_a_history_tells_no_notes_no_times_of_day_and_no_places(
    cast: Cast, phone: PhoneOf, shop: Workshop
) -> None:
    ana, store = phone(cast.ana), cast.ana_stores[0]
    ana.push_one(whole(ana, store, note="the owner is ill"))
    work(shop, cast)
    assert set(visits_on(ana, store)) == {
        "business_day",
        "person",
        "state",
        "verdict",
        "is_by_phone",
    }


def test_finishing_skipping_and_correcting_change_the_history(
    cast: Cast, phone: PhoneOf, shop: Workshop
) -> None:
    ana, (first, second, _) = phone(cast.ana), cast.ana_stores
    visit = ana.visit(first)
    ana.push_one(visit)
    work(shop, cast)
    assert visits_on(ana, first)["state"] == ["OPEN"]
    ana.push_one(ana.finish(visit["entity_id"]))
    work(shop, cast)
    assert visits_on(ana, first)["state"] == ["DONE"]
    ana.push_one(ana.correct(visit["entity_id"], 2, store_id=str(second)))
    work(shop, cast)
    assert visits_on(ana, first)["state"] == []
    assert visits_on(ana, second)["state"] == ["DONE"]


def test_the_last_orders_come_with_their_numbers_and_totals_and_follow_what_becomes_of_them(
    cast: Cast, phone: PhoneOf, shop: Workshop, db: Database
) -> None:
    ana, store = phone(cast.ana), cast.ana_stores[0]
    with db.company(cast.company.id) as uow:
        goods = add_goods(uow, cast)
        publish_store_terms(uow, cast.ana_stores)
    order = submit(ana, store, oats(goods))
    back = give_back(ana, store, oats(goods))
    assert ana.statuses(order) == ["applied"]
    ana.push_one(back)
    work(shop, cast)
    ana.pull()
    held = ana.fields(order["entity_id"])
    told = {
        "number": [held["number"]],
        "business_day": ["2026-03-04"],
        "person": ["Ana"],
        "state": ["ACCEPTED"],
        "total_minor": [held["total_minor"]],
        "currency": ["USD"],
    }
    assert ana.fields(history_id(store))["orders"] == told
    ana.push_one(cancel(ana, order["entity_id"]))
    work(shop, cast)
    ana.pull()
    assert ana.fields(history_id(store))["orders"] == {**told, "state": ["CANCELLED"]}


def test_made_again_from_the_same_facts_a_history_stays_as_it_is(
    cast: Cast, phone: PhoneOf, shop: Workshop, db: Database
) -> None:
    ana, store = phone(cast.ana), cast.ana_stores[0]
    ana.push_one(whole(ana, store))
    work(shop, cast)
    ana.pull()
    tell_store_histories(db, cast.company.id, [store])
    assert ana.pull() == []


def test_much_work_about_one_store_is_done_once(
    cast: Cast, phone: PhoneOf, shop: Workshop, db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    ana, (first, second, third) = phone(cast.ana), cast.ana_stores
    ana.push(whole(ana, first), whole(ana, second, ago=2 * HOUR))
    for days in range(1, 6):
        ana.push_one(whole(ana, first, ago=days * DAY))
    ana.push_one(whole(ana, third))
    assert len(waiting(db, cast)) == 7
    made: list[list[UUID]] = []

    def counted(uow: UnitOfWork, ids: list[UUID]) -> object:
        made.append(sorted(ids))
        return publish_store_histories(uow, ids)

    monkeypatch.setattr(store_histories, "publish_store_histories", counted)
    work(shop, cast)
    assert made == [sorted([first, second]), [third]]
    assert waiting(db, cast) == []
    assert len(visits_on(ana, first)["state"]) == 3


def test_how_much_waiting_work_is_looked_through_is_bounded(
    cast: Cast, shop: Workshop, db: Database
) -> None:
    store = cast.ana_stores[0]
    with db.company(cast.company.id) as uow:
        for _ in range(store_histories.LOOKED_THROUGH + 5):
            leave_work(uow, store_histories.TOPIC, [store])
    ids = waiting(db, cast)
    assert do_row(shop, cast.company.id, ids[0]) == "done"
    assert waiting(db, cast) == ids[store_histories.LOOKED_THROUGH :]


def test_work_about_a_store_that_is_not_there_is_done(shop: Workshop, cast: Cast) -> None:
    tell_store_histories(shop.database, cast.company.id, [uuid4()])


def test_the_statements_do_not_grow_with_the_stores(
    cast: Cast, phone: PhoneOf, db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    ana = phone(cast.ana)
    ana.push(*(whole(ana, store) for store in cast.ana_stores))
    counts = []
    for stores in (cast.ana_stores[:1], cast.ana_stores[1:]):
        with counted_statements(monkeypatch) as sent:
            tell_store_histories(db, cast.company.id, stores)
        counts.append(len(sent))
    assert counts[0] == counts[1]


def test_the_histories_of_three_hundred_stores_are_small_on_the_wire(
    cast: Cast, phone: PhoneOf, db: Database
) -> None:
    """Packed as phones get them, beside nothing else: the worst place for packing."""
    with db.company(cast.company.id) as uow:
        uow.run(_MANY_STORES, company=cast.company.id, region=cast.regions.harbour)
        stores = [row.id for row in uow.rows("select id from store where code like 'MANY%'")]
        for week in range(3):
            day = date(2026, 3, 3) - timedelta(weeks=week)
            uow.run(_VISIT_EACH, company=cast.company.id, person=cast.ana.id, day=day)
            uow.run(_ORDER_EACH, company=cast.company.id, person=cast.ana.id, day=day)
    with db.company(cast.company.id) as uow:
        publish_stores(uow, stores)
        publish_store_histories(uow, stores)
    sam = phone(cast.sam)
    histories = [change for change in sam.pull() if change["kind"] == "store_history"]
    assert len(histories) == 300
    for part in ("visits", "orders"):
        assert all(len(each["fields"][part]["state"]) == 3 for each in histories)
    packed = gzip.compress(json.dumps(histories, separators=(",", ":")).encode(), 5)
    assert len(packed) <= 20_000


_MANY_STORES = """
insert into store (company_id, id, code, name, channel, store_class, address, status, region_id)
select :company, gen_random_uuid(), 'MANY' || n, 'Store ' || n, 'grocery', 'B', n || ' Road', 'ACTIVE', :region
from generate_series(1, 300) n
"""
_ORDER_EACH = """
insert into order_header (company_id, id, version, order_version, order_type, number, state, holds, person_id,
                          device_id, store_id, currency, business_day, ordered_at, total_minor, likeness,
                          trust, flags, received_at)
select :company, gen_random_uuid(), 1, 1, 'SALE', '17-' || lpad(floor(random() * 2000)::text, 4, '0'),
       (array['DELIVERED','DELIVERED','DELIVERED','DELIVERED','ACCEPTED','PARTIAL'])[1 + floor(random() * 6)],
       '{}', :person, gen_random_uuid(), s.id, 'CNY',
       cast(:day as date) - (('x' || left(md5(s.id::text), 6))::bit(24)::integer % 6), now(),
       100 * floor(20 + random() * 900), gen_random_uuid(), 'CLOCK', '{}', now()
from store s where s.company_id = :company and s.code like 'MANY%'
"""
_VISIT_EACH = """
insert into visit (company_id, id, version, person_id, device_id, store_id, is_by_phone, state,
                   business_day, began_at, trust, verdict, distance_cm, flags, received_at)
select :company, gen_random_uuid(), 1, :person, gen_random_uuid(), s.id, false,
       case when random() < 0.1 then 'SKIPPED' else 'DONE' end,
       cast(:day as date) - (('x' || left(md5(s.id::text), 6))::bit(24)::integer % 6), now(), 'CLOCK',
       (array['ONSITE','ONSITE','ONSITE','ONSITE','TOLERATED','OFFSITE'])[1 + floor(random() * 6)], 1, '{}', now()
from store s where s.company_id = :company and s.code like 'MANY%'
"""
