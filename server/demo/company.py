"""The demo company, whole: people, regions, stores, routes, plans and two weeks of real work.

Everything that has an id gets it from the company's key, so two makings for the same day are the
same. Only passwords' salts and the tokens of the phones that made the history are random; those
phones are wiped at the end, so that no token of the demo opens anything.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from uuid import UUID, uuid5
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Engine, delete, func, insert, select, text, update

from server.demo.activities import ACTIVITIES, make_activities, make_notices, make_tasks
from server.demo.audits import Auditor, make_audits
from server.demo.catalogue import CURRENCY, DemoCatalogue, make_catalogue
from server.demo.city import Area, build_city
from server.demo.forms import make_forms
from server.demo.history import History, Rep, make_history, make_today
from server.demo.known import CODE, KEY, NAME, PASSWORD, TIME_ZONE, find_demo
from server.demo.large import Ground, grow_company
from server.demo.people import OVERSEERS, Seat, email_of, rep_seats
from server.demo.phones import OlderPhones, end_tokens, enrol_phones, make_older_phones
from server.demo.shops import Shop, build_shops, first_anchor
from server.demo.targets import make_targets
from server.identity.change_log import Actor
from server.identity.passwords import HASHER
from server.measures.counting import keep_days_counted
from server.photos.read_files import ReadingRoom
from server.planning.day_plans import PUBLISHED_AT_ONCE, freeze_day_plans, make_day_plans
from server.planning.stores import make_stores
from sync import organisation
from sync.direct import execute
from sync.document import encode_document
from sync.kinds.policy.publish import publish_policy
from sync.kinds.route.publish import publish_routes
from sync.kinds.route.table import route
from sync.kinds.store_terms.publish import AT_ONCE, publish_store_terms
from sync.policy import Policy, policy_settings
from sync.rows import RowSet, Statements
from sync.schema import metadata
from sync.scope import rescope
from sync.unit_of_work import Database, UnitOfWork

ACTOR = Actor.command("demo")

# Names the advisory lock of whoever makes the demo.
_MAKING = 0x64656D6F

HISTORY_DAYS = 14
PLANNED_DAYS = 28

DIVISIONS = (("DRINKS", "Drinks"), ("SNACKS", "Snacks"))

POLICY = Policy(
    time_zone=TIME_ZONE,
    fence_by_class={"A": 150},
    currency=CURRENCY,
    min_order_minor=10_000,
    min_order_by_channel={"kiosk": 3_000},
    mandatory_steps={
        "*": {"A": ["CHECK_STORE", "TAKE_STOCK", "AGREE_ORDER"], "*": ["CHECK_STORE"]},
        "kiosk": {"*": ["GREET"]},
    },
)

_ROUTE_STOPS = RowSet(
    "route_stop",
    (("route_id", "uuid"), ("sequence", "int4"), ("store_id", "uuid"), ("rule", "jsonb")),
)


class DemoExists(Exception):
    """There is a demo company already; it is left as it is."""


@dataclass(frozen=True, slots=True)
class DemoAccount:
    """Somebody of the demo, by the address with which commands name them."""

    role: str
    name: str
    email: str
    person_id: UUID


@dataclass(frozen=True, slots=True)
class DemoAccounts:
    """What was made: the company, its accounts and their password, and how much there is."""

    company_id: int
    code: str
    password: str
    accounts: tuple[DemoAccount, ...]
    counts: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class _Staff:
    """Who and what the rows of the organisation are."""

    regions: Mapping[str, UUID]
    positions: Mapping[str, UUID]
    people: Mapping[str, UUID]
    seats: tuple[Seat, ...]
    townships: tuple[Area, ...]
    root_region_id: UUID

    @property
    def reps(self) -> list[Seat]:
        return [seat for seat in self.seats if seat.role == "rep"]


def make_demo_company(
    database: Database,
    owner: Engine,
    *,
    today: date,
    now: datetime | None = None,
    seed: int = 1,
    is_large: bool = False,
    room: ReadingRoom | None = None,
) -> DemoAccounts:
    """Make the demo company as of a day in its time zone, at the moment `now` of it: of the day itself there is what has
    happened by then, and without one nothing, as it begins. `is_large`: as large.py lets it grow. With photos where
    there is a `room` in which they are stored and read. Raises DemoExists.

    `owner` is the owner of the schema: the application's role cannot make a company. One that was
    only half made, because something failed or was killed, counts as none and is made anew.
    """
    with owner.connect() as held:
        # Held until it is made: of two who start at once, one makes it.
        if not held.scalar(text(f"select pg_try_advisory_lock({_MAKING})")):
            raise DemoExists("somebody else is making the demo company at this moment")
        # The session keeps the lock. Its transaction would idle for longer than the database lets one.
        held.commit()
        try:
            company_id = _found_company(owner)
            moment = now or datetime.combine(today, time(), ZoneInfo(TIME_ZONE))
            made = _fill(
                database, owner, company_id, today, moment, seed, is_large=is_large, room=room
            )
            with owner.begin() as connection:
                _mark_whole(connection, company_id)
        finally:
            held.execute(text(f"select pg_advisory_unlock({_MAKING})"))
    return made


def _found_company(owner: Engine) -> int:
    with owner.begin() as connection:
        found = find_demo(connection)
        if found is not None and found.is_whole:
            raise DemoExists(f"there is a company {CODE} already; nothing was changed")
        if found is not None:
            _take_away(connection, found.company_id)
    if found is not None:
        _count_anew(owner)
    with owner.begin() as connection:
        company_id: int | None = connection.scalar(
            insert(organisation.company)
            .values(key=KEY, code=CODE, name=NAME, time_zone=TIME_ZONE)
            .returning(organisation.company.c.id)
        )
    assert company_id is not None
    return company_id


def _mark_whole(connection: Connection, company_id: int) -> None:
    table = organisation.company
    connection.execute(update(table).where(table.c.id == company_id).values(is_demo=True))


def _fill(
    database: Database,
    owner: Engine,
    company_id: int,
    today: date,
    now: datetime,
    seed: int,
    *,
    is_large: bool,
    room: ReadingRoom | None,
) -> DemoAccounts:
    """In several transactions, the tables counted anew after each: statistics that were taken in the
    middle of a large one would say that nothing is in them, and everything would be read row by row.
    """
    anchor = first_anchor(today)
    first_day = today - timedelta(days=HISTORY_DAYS)
    with database.company(company_id) as uow:
        staff = _make_organisation(uow, today, anchor, seed)
        # Before the stores, whose terms follow from it.
        catalogue = make_catalogue(
            uow,
            ACTOR,
            KEY,
            {code: uuid5(KEY, f"division {code}") for code, _ in DIVISIONS},
            staff.root_region_id,
            datetime.combine(first_day - timedelta(days=1), time(), ZoneInfo(TIME_ZONE)),
        )
        shops = _make_shops(uow, staff, catalogue, anchor, seed)
    _count_anew(owner)
    with database.company(company_id) as uow:
        _make_routes(uow, {seat.code: staff.positions[seat.code] for seat in staff.reps}, shops)
        forms = make_forms(uow, ACTOR, KEY)
        rescope(uow, staff.people.values(), today)
    _count_anew(owner)
    with database.company(company_id) as uow:
        made = make_day_plans(
            uow,
            [staff.positions[seat.code] for seat in staff.reps],
            first_day,
            today + timedelta(days=PLANNED_DAYS - 1),
            today=today,
        )
        while freeze_day_plans(uow, today) == PUBLISHED_AT_ONCE:
            pass
        asked = _make_office_work(uow, staff, shops, today)
    _count_anew(owner)
    zone = ZoneInfo(TIME_ZONE)
    names = {id_: name for name, id_ in staff.people.items()}
    actors = {name: Actor(name, id_) for name, id_ in staff.people.items()}
    with_phones = [*(seat.holder for seat in staff.reps), "Tang Xin"]
    phones = enrol_phones(
        database,
        company_id,
        KEY,
        {staff.people[name]: name for name in with_phones},
        at=datetime.combine(first_day - timedelta(days=30), time(9), zone),
    )
    history = History(
        database=database,
        company_id=company_id,
        key=KEY,
        reps=[
            Rep(
                name=seat.holder,
                person_id=staff.people[seat.holder],
                position_id=staff.positions[seat.code],
                shops=tuple(shops[seat.code]),
            )
            for seat in staff.reps
        ],
        phones=phones,
        supervisor_id=staff.people["Tang Xin"],
        forms=forms,
        first_day=first_day,
        today=today,
        seed=seed,
    )
    brought = make_history(history)
    audited = make_audits(
        database,
        company_id,
        KEY,
        phones,
        auditors=_auditors(staff),
        appellant=actors["Gao Wen"],
        today=today,
        zone=zone,
        room=room,
    )
    done = dict(sorted((brought + make_today(history, now)).items()))
    make_older_phones(
        database,
        company_id,
        KEY,
        actors["Lin Yue"],
        OlderPhones(
            draining=staff.people["Hu Na"],
            wiped=staff.people["Sun Yan"],
            lost=staff.people["Zhou Lan"],
            awaited=staff.people["Qian Yi"],
        ),
        names,
        now,
    )
    with database.company(company_id) as uow:
        end_tokens(uow)
    with database.company(company_id) as uow:
        targets = make_targets(
            uow, KEY, staff.regions["CN"], ACTOR, first_day=first_day, today=today
        )
    grown: Mapping[str, int] = {}
    if is_large:
        grown = grow_company(
            database,
            owner,
            company_id,
            Ground(
                key=KEY,
                actor=ACTOR,
                townships=staff.townships,
                regions=staff.regions,
                divisions=[uuid5(KEY, f"division {code}") for code, _ in DIVISIONS],
                first_reps=len(staff.reps),
                first_stores=sum(map(len, shops.values())),
                history_from=first_day,
                anchor=anchor,
                time_zone=TIME_ZONE,
                currency=CURRENCY,
            ),
            _make_routes,
            today=today,
            seed=seed,
        )
        _count_anew(owner)
        keep_days_counted(database, company_id)
    return DemoAccounts(
        company_id=company_id,
        code=CODE,
        password=PASSWORD,
        accounts=tuple(
            DemoAccount(seat.role, seat.holder, email_of(seat.holder), staff.people[seat.holder])
            for seat in staff.seats
            if not seat.is_acting
        ),
        counts={
            "regions": len(staff.regions),
            "people": len(staff.people),
            "stores": sum(map(len, shops.values())),
            "routes": 2 * len(staff.reps),
            **catalogue.counts,
            "forms": len(forms),
            "day plans": made.made,
            **asked,
            **audited,
            "targets": targets,
            **done,
            **{f"{name} of the large past": number for name, number in grown.items()},
        },
    )


def _auditors(staff: _Staff) -> tuple[Auditor, Auditor]:
    one, other = (
        Auditor(
            Actor(seat.holder, staff.people[seat.holder]),
            staff.people[seat.holder],
            seat.region_code,
        )
        for seat in staff.seats
        if seat.role == "auditor"
    )
    return one, other


def _make_office_work(
    uow: UnitOfWork, staff: _Staff, shops: Mapping[str, list[Shop]], today: date
) -> dict[str, int]:
    """Activities with their stores, tasks and notices."""
    zone = ZoneInfo(TIME_ZONE)
    giver = Actor("Tang Xin", staff.people["Tang Xin"])
    stores = {code: [shop.id for shop in held] for code, held in shops.items()}
    in_activities = make_activities(uow, ACTOR, KEY, stores, today, zone)
    township = staff.regions[staff.townships[0].code]
    return {
        "activities": len(ACTIVITIES),
        "stores in activities": in_activities,
        "tasks": make_tasks(uow, giver, KEY, staff.positions, stores, today, zone),
        "notices": make_notices(uow, giver, KEY, township, today, zone),
    }


def _make_organisation(uow: UnitOfWork, today: date, anchor: date, seed: int) -> _Staff:
    company = {"company_id": uow.company_id}
    write = uow.connection.execute
    areas = build_city(seed)
    regions = {area.code: uuid5(KEY, f"region {area.code}") for area in areas}
    above = {area.parent_code for area in areas}
    townships = tuple(area for area in areas if area.code not in above)
    seats = (*OVERSEERS, *rep_seats([area.code for area in townships]))
    positions = {seat.code: uuid5(KEY, f"position {seat.code}") for seat in seats}
    people = {seat.holder: uuid5(KEY, f"person {seat.holder}") for seat in seats}
    divisions = [uuid5(KEY, f"division {code}") for code, _ in DIVISIONS]
    # One rep after another for the one and the other.
    division_of = {
        seat.code: divisions[number % 2]
        for number, seat in enumerate((seat for seat in seats if seat.role == "rep"), start=1)
    }
    password_hash = HASHER.hash(PASSWORD)

    write(
        insert(organisation.policy),
        [{**company, "version": 1, "settings": policy_settings(POLICY)}],
    )
    publish_policy(uow)
    write(
        insert(organisation.holiday),
        [
            {**company, "day": today - timedelta(days=6), "name": "Founders' Day"},
            {**company, "day": today + timedelta(days=9), "name": "Lantern Fair"},
        ],
    )
    write(
        insert(organisation.division),
        [
            {**company, "id": id_, "code": code, "name": name}
            for id_, (code, name) in zip(divisions, DIVISIONS, strict=True)
        ],
    )
    write(
        insert(organisation.region),
        [
            {
                **company,
                "id": regions[area.code],
                "parent_id": regions.get(area.parent_code or ""),
                "code": area.code,
                "name": area.name,
                "boundary": area.geojson(),
            }
            for area in areas
        ],
    )
    write(
        insert(organisation.person),
        [
            {
                **company,
                "id": id_,
                "name": name,
                "email": email_of(name),
                "password_hash": password_hash,
            }
            for name, id_ in people.items()
        ],
    )
    write(
        insert(organisation.position),
        [
            {
                **company,
                "id": positions[seat.code],
                "code": seat.code,
                "name": seat.title,
                "role": seat.role,
                "region_id": regions[seat.region_code],
                "division_id": division_of.get(seat.code),
            }
            for seat in seats
        ],
    )
    write(
        insert(organisation.occupancy),
        [
            {
                **company,
                "id": uuid5(KEY, f"occupancy {seat.code}"),
                "position_id": positions[seat.code],
                "person_id": people[seat.holder],
                "starts_on": anchor,
                "is_acting": seat.is_acting,
            }
            for seat in seats
        ],
    )
    root = next(area.code for area in areas if area.parent_code is None)
    return _Staff(regions, positions, people, seats, townships, regions[root])


def _make_shops(
    uow: UnitOfWork, staff: _Staff, catalogue: DemoCatalogue, anchor: date, seed: int
) -> dict[str, list[Shop]]:
    """The stores of every rep, by the code of the position."""
    shops: dict[str, list[Shop]] = {}
    number = 1
    for seat, township in zip(staff.reps, staff.townships, strict=True):
        region_id = staff.regions[township.code]
        built = build_shops(KEY, township, region_id, number, seed, anchor)
        number += len(built)
        shops[seat.code] = [_with_account(shop, catalogue.accounts) for shop in built]
    every = [shop.store for held in shops.values() for shop in held]
    # So many at once that their terms are left to the queue: the first that there are follow from the
    # divisions below, and what was ordered before is priced by the first.
    make_stores(uow, ACTOR, every)
    divisions = [uuid5(KEY, f"division {code}") for code, _ in DIVISIONS]
    uow.connection.execute(
        insert(organisation.store_division),
        [
            {"company_id": uow.company_id, "store_id": store.id, "division_id": division_id}
            for number, store in enumerate(every)
            for place, division_id in enumerate(divisions)
            # Two stores in three buy from both divisions.
            if number % 3 != place
        ],
    )
    _bring_terms_up(uow, [store.id for store in every if store.id is not None])
    return shops


def _bring_terms_up(uow: UnitOfWork, store_ids: Sequence[UUID]) -> None:
    """Here no queue is running that would do it."""
    for start in range(0, len(store_ids), AT_ONCE):
        publish_store_terms(uow, store_ids[start : start + AT_ONCE])


def _with_account(shop: Shop, accounts: Mapping[str, UUID]) -> Shop:
    """The supermarkets belong to two chains, one restaurant in two to a caterer."""
    number = int((shop.store.code or "")[1:])
    code = {
        "supermarket": ("K-FRESH", "K-RIVER")[number % 2],
        "restaurant": "K-NOODLE" if number % 2 else None,
        "grocery": "K-CASH" if number % 10 == 0 else None,
    }.get(shop.store.channel)
    if code is None:
        return shop
    return replace(shop, store=replace(shop.store, account_id=accounts[code]))


def _make_routes(
    uow: UnitOfWork, positions: Mapping[str, UUID], shops: Mapping[str, list[Shop]]
) -> None:
    """Two routes for every position, by its code: one for Monday, Wednesday, Friday, one for the days between."""
    routes, route_ids, stops = [], [], []
    for code, position_id in positions.items():
        for is_odd, days in ((True, "Mon Wed Fri"), (False, "Tue Thu Sat")):
            route_id = uuid5(KEY, f"route {code} {days}")
            route_ids.append(route_id)
            routes.append(
                {
                    "company_id": uow.company_id,
                    "id": route_id,
                    "position_id": position_id,
                    "name": f"{code} {days}",
                }
            )
            stops += [
                (route_id, sequence, shop.id, encode_document(shop.rule))
                for sequence, shop in enumerate(
                    shop for shop in shops[code] if shop.is_odd is is_odd
                )
            ]
    uow.connection.execute(insert(route), routes)
    statements = Statements()
    statements.add_rows(_ROUTE_STOPS, uow.company_id, stops)
    execute(uow.driver, statements)
    publish_routes(uow, route_ids)


def _take_away(connection: Connection, company_id: int) -> None:
    """Take a company that was only half made away again."""
    for table in reversed(metadata.sorted_tables):
        if "company_id" in table.c:
            connection.execute(delete(table).where(table.c.company_id == company_id))
    connection.execute(delete(organisation.company).where(organisation.company.c.id == company_id))


def _count_anew(owner: Engine) -> None:
    """Let the planner know how much is in the tables by now, also where much was just taken away."""
    names = ", ".join(table.name for table in metadata.sorted_tables if "company_id" in table.c)
    with owner.connect() as connection:
        connection.execution_options(isolation_level="AUTOCOMMIT").execute(
            text(f"vacuum (analyze) {names}")
        )


def count_rows(uow: UnitOfWork) -> dict[str, int]:
    """How many rows the company has in each table that is not empty."""
    counted = {
        table.name: uow.connection.scalar(select(func.count()).select_from(table)) or 0
        for table in metadata.sorted_tables
        if "company_id" in table.c
    }
    return {name: count for name, count in counted.items() if count}
