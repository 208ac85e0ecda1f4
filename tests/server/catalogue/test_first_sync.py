"""What a first sync of a large scope costs on the wire: 300 stores, 500 products, 20 price lists."""

import json
from collections import defaultdict
from collections.abc import Iterator
from random import Random
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Engine, create_engine

from mobile_contract.compiled import decode_pull
from server.catalogue.accounts import NewAccount, make_accounts
from server.catalogue.price_lists import NewPriceList, make_price_list, publish_prices
from server.catalogue.price_rows import PriceRow
from server.catalogue.products import NewProduct, make_products
from server.catalogue.whom import Whom
from server.http.packing import pack
from server.planning.stores import NewStore, make_stores
from sync.engine import Engine as SyncEngine
from sync.kinds import ALL_KINDS
from sync.kinds.store_terms import publish as publishing
from sync.unit_of_work import Database
from tests.catalogue_factories import LONG_AGO, OFFICE, add_promotion
from tests.conftest import copied_database
from tests.factories import Cast, make_cast
from tests.standing import SECRET

STORES, PRODUCTS, LISTS = 300, 500, 20
CHANNELS = ("grocery", "convenience", "kiosk", "supermarket", "restaurant")


@pytest.fixture(scope="module")
def engines(servers: dict[str, str], worker_id: str) -> Iterator[tuple[Engine, Engine]]:
    """Of a database in which nobody else has anything: how long this takes is not to depend on what others left."""
    with copied_database(servers, f"roadbook_large_{worker_id}") as urls:
        app, owner = create_engine(urls["app"]), create_engine(urls["owner"])
        yield app, owner
        app.dispose()
        owner.dispose()


@pytest.fixture(scope="module")
def db(engines: tuple[Engine, Engine]) -> Database:
    return Database(engines[0])


@pytest.fixture(scope="module")
def sync_engine(db: Database) -> SyncEngine:
    return SyncEngine(db, ALL_KINDS, SECRET)


@pytest.fixture(scope="module")
def large(engines: tuple[Engine, Engine], db: Database) -> Cast:
    owner_engine = engines[1]
    cast = make_cast(owner_engine, db)
    chance = Random(11)
    with db.company(cast.company.id) as uow:
        goods = [
            NewProduct(
                code=f"P-{number:04}",
                name=f"{chance.choice('ABCDEFGH')}-brand {chance.choice(('tea', 'chips'))} no {number}",
                units=(("PC", 1), ("CTN", chance.choice((12, 15, 24)))),
                category=f"Category {number % 20}",
                brand=f"Brand {number % 8}",
                barcode=str(chance.randrange(10**12, 10**13)),
                shelf_life_days=chance.choice((180, 270, 360)),
            )
            for number in range(PRODUCTS)
        ]
        make_products(uow, OFFICE, goods)
        accounts = make_accounts(
            uow,
            OFFICE,
            [
                NewAccount(
                    code=f"C-{number:04}",
                    name=f"Trading house {number}",
                    currency="USD",
                    credit_limit_minor=100_000 * chance.randint(1, 50),
                    open_receivables_minor=chance.randrange(100_000),
                )
                for number in range(60)
            ],
        )
        for number in range(LISTS):
            whom = (
                Whom("REGION", region_ids=frozenset({cast.regions.wharf})),
                Whom("CLASS", classes=frozenset({"ABC"[number % 3]})),
                Whom("CHANNEL", channels=frozenset({CHANNELS[number % 5]})),
                Whom("CUSTOMER", account_ids=frozenset({accounts[number]})),
            )[0 if number == 0 else 1 + number % 3]
            made = make_price_list(
                uow,
                OFFICE,
                NewPriceList(code=f"L{number}", name=f"List {number}", currency="USD", whom=whom),
            )
            rows = [
                PriceRow(place + 1, good.code, "CTN", 1, 5 * chance.randint(400, 6_000))
                for place, good in enumerate(goods)
            ]
            publish_prices(uow, OFFICE, made, rows, valid_from=LONG_AGO, may_be_past=True)
        for number in range(6):
            add_promotion(uow, f"PROMO{number}")
        stores = [
            NewStore(
                code=f"S{number:04}",
                name=f"{chance.choice(('Lotus', 'Bell', 'Canal'))} shop {number}",
                channel=chance.choice(CHANNELS),
                store_class=chance.choice("ABC"),
                address=f"{chance.randint(1, 200)} Harbour Road",
                contact_name=f"Mr {chance.choice(('Wu', 'Li', 'An'))}",
                contact_phone=f"139{chance.randrange(10**8):08}",
                lat_e7=313_000_000 + chance.randrange(10**6),
                lon_e7=1_215_000_000 + chance.randrange(10**6),
                region_id=cast.regions.north,
                position_id=cast.ana.position_id,
                account_id=accounts[number % 60] if number % 3 else None,
            )
            for number in range(STORES - len(cast.ana_stores))
        ]
        made_ids = make_stores(uow, OFFICE, stores)
        publishing.publish_store_terms(uow, [*made_ids, *cast.ana_stores])
    return cast


def first_sync(sync_engine: SyncEngine, cast: Cast) -> tuple[list[dict[str, Any]], int]:
    """The changes of a first sync and the bytes of its pages, packed with gzip."""
    changes: list[dict[str, Any]] = []
    wire_bytes, cursor = 0, None
    while True:
        asked = decode_pull(json.dumps({"contract": 2, "cursor": cursor}).encode())
        page = sync_engine.pull(cast.ana.device.claim, asked, 1_772_590_000_000)
        wire_bytes += len(pack(page, "gzip")[0])
        answer = json.loads(page)
        changes += answer["changes"]
        cursor = answer["cursor"]
        if answer["complete"]:
            return changes, wire_bytes


def test_a_first_sync_of_a_large_scope_is_small(
    large: Cast, db: Database, sync_engine: SyncEngine
) -> None:
    changes, pages_bytes = first_sync(sync_engine, large)
    by_kind: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for change in changes:
        by_kind[change["kind"]].append(change)
    assert {
        kind: len(by_kind[kind]) for kind in ("store", "store_terms", "product", "price_list")
    } == {
        "store": STORES,
        "store_terms": STORES,
        "product": PRODUCTS,
        "price_list": LISTS,
    }
    used = {number for each in by_kind["store_terms"] for number in each["fields"]["price_lists"]}
    digests = {
        version["body"]["sha256"]
        for each in by_kind["price_list"]
        if each["fields"]["number"] in used
        for version in each["fields"]["versions"]
    }
    assert len(digests) == LISTS
    with db.reading(large.company.id) as uow:
        rows = uow.rows("select encode(sha256, 'hex') as name, length(gzip) as size from body")
    bodies_bytes = sum(row.size for row in rows if row.name in digests)
    alone = {
        kind: len(pack(json.dumps(each).encode(), "gzip")[0]) for kind, each in by_kind.items()
    }
    assert alone["store_terms"] <= 11_000
    assert bodies_bytes <= LISTS * 2_100
    assert pages_bytes + bodies_bytes <= 100_000


def test_terms_of_all_stores_are_worked_out_at_once(large: Cast, db: Database) -> None:
    with db.company(large.company.id) as uow:
        ids = [UUID(str(row.id)) for row in uow.rows("select id from store")]
        versions = publishing.publish_store_terms(uow, ids)
    assert len(versions) == STORES + len(large.ben_stores)
