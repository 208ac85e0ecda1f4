import json
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from itertools import combinations
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import shapely
from shapely.geometry import shape
from sqlalchemy import Engine, create_engine, text

from server.audits.claims import claim_next, give_back
from server.audits.draws import redraw_week
from server.catalogue.terms_list import prices_of
from server.days.reading import read_days
from server.days.teams import phones_of
from server.demo import company as demo
from server.demo.city import build_city
from server.demo.company import DemoAccounts, DemoExists, count_rows, make_demo_company
from server.demo.known import TIME_ZONE, demo_exists
from server.demo.people import REP_NAMES
from server.identity.change_log import Actor
from server.identity.passwords import HASHER
from server.media.storage import LocalStorage
from server.photos.asked import Limits
from server.photos.read_files import ReadingRoom
from server.web.day_rows import row_of
from sync.unit_of_work import Database, UnitOfWork
from tests.conftest import copied_database

TODAY = date(2026, 3, 4)
MORNING = datetime.combine(TODAY, time(11, 30), ZoneInfo(TIME_ZONE))
# Two weeks of work take long to make; where it does not matter how many there are, these do.
FEW_DAYS = 2

# Whatever has an id, with all that phones would see of it.
_IDS = """
select string_agg(id::text || version || coalesce(doc, ''), ',' order by id) as docs from record
"""


@pytest.fixture(scope="module")
def made(
    servers: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Database, DemoAccounts, Engine]]:
    folder = tmp_path_factory.mktemp("demo")
    limits = Limits(pixels_max=10_000_000, memory_mb=1024, cpu_s=10, wall_s=60)
    room = ReadingRoom(LocalStorage(folder / "files"), folder / "reading", limits)
    with _made(servers, "roadbook_demo_one", room=room) as one:
        yield one


@contextmanager
def _engines(servers: dict[str, str], name: str) -> Iterator[tuple[Engine, Engine]]:
    with copied_database(servers, f"{name}_{id(servers)}") as urls:
        app, owner = create_engine(urls["app"]), create_engine(urls["owner"])
        try:
            yield app, owner
        finally:
            app.dispose()
            owner.dispose()


@contextmanager
def _made(
    servers: dict[str, str],
    name: str,
    *,
    now: datetime | None = None,
    room: ReadingRoom | None = None,
) -> Iterator[tuple[Database, DemoAccounts, Engine]]:
    with _engines(servers, name) as (app, owner):
        database = Database(app)
        yield database, make_demo_company(database, owner, today=TODAY, now=now, room=room), owner


@pytest.fixture
def uow(made: Any) -> Iterator[UnitOfWork]:
    database, accounts, _ = made
    with database.reading(accounts.company_id) as reading:
        yield reading


@dataclass(frozen=True, slots=True)
class Remade:
    """What the making said that was begun again, and whether there was a demo before and after."""

    database: Database
    accounts: DemoAccounts
    existed: tuple[bool, bool]


@pytest.fixture(scope="module")
def remade(servers: dict[str, str]) -> Iterator[Remade]:
    """A demo of a few days as of a morning, of which a first making was broken off."""

    class KilledError(Exception):
        pass

    def die(*_: Any, **__: Any) -> None:
        raise KilledError

    with _engines(servers, "roadbook_demo_half") as (app, owner):
        database = Database(app)
        with pytest.MonkeyPatch.context() as few:
            few.setattr(demo, "HISTORY_DAYS", FEW_DAYS)
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(demo, "make_history", die)
                with pytest.raises(KilledError):
                    make_demo_company(database, owner, today=TODAY)
            before = demo_exists(owner)
            accounts = make_demo_company(database, owner, today=TODAY, now=MORNING)
        yield Remade(database, accounts, (before, demo_exists(owner)))


def test_two_makings_in_two_databases_give_the_same_ids_and_counts(
    servers: dict[str, str], remade: Remade, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(demo, "HISTORY_DAYS", FEW_DAYS)
    with _made(servers, "roadbook_demo_two", now=MORNING) as (database, accounts, _):
        told = []
        for where, who in ((database, accounts), (remade.database, remade.accounts)):
            with where.reading(who.company_id) as uow:
                told.append((who.counts, who.accounts, count_rows(uow), uow.rows(_IDS)[0].docs))
        assert told[0] == told[1]


def test_nothing_of_the_history_is_still_ahead_when_the_demos_day_begins(uow: UnitOfWork) -> None:
    begins = datetime.combine(TODAY, time(), ZoneInfo(TIME_ZONE))
    for column in ("received_at from ledger", "last_seen_at from device"):
        (latest,) = uow.rows(f"select max(moment) from (select {column}) as t(moment)")[0]
        assert latest < begins


def test_the_people_of_the_demo_are_those_that_were_asked_for(uow: UnitOfWork) -> None:
    rows = uow.rows(
        "select p.role, count(distinct o.person_id) as people from position p"
        " join occupancy o on o.company_id = p.company_id and o.position_id = p.id group by 1"
    )
    assert {row.role: row.people for row in rows} == {
        "rep": 12,
        "supervisor": 3,
        "regional_manager": 1,
        "auditor": 2,
        "admin": 1,
    }


def test_everybody_can_sign_in(made: Any, uow: UnitOfWork) -> None:
    accounts = made[1]
    hashes = {row.email: row.password_hash for row in uow.rows("select * from person")}
    assert len(accounts.accounts) == len(hashes) == 19
    assert all(hashes[account.email] for account in accounts.accounts)
    assert HASHER.verify(hashes[accounts.accounts[0].email], accounts.password)


def test_regions_tile_without_overlap(uow: UnitOfWork) -> None:
    regions = uow.rows("select id, parent_id, code, boundary from region")
    shapes = {row.id: shape(row.boundary) for row in regions if row.boundary}
    assert all(one.is_valid for one in shapes.values())
    children: dict[Any, list[Any]] = {}
    for row in regions:
        if row.id in shapes and row.parent_id in shapes:
            children.setdefault(row.parent_id, []).append(shapes[row.id])
    assert sorted(map(len, children.values())) == [1, 3, 3, 3, 3, 4]
    for parent_id, parts in children.items():
        for one, other in combinations(parts, 2):
            assert one.intersection(other).area < 1e-12
        if len(parts) > 1:
            assert shapely.union_all(parts).symmetric_difference(shapes[parent_id]).area < 1e-9


def test_every_store_lies_in_its_township_and_some_have_no_pin(uow: UnitOfWork) -> None:
    rows = uow.rows(
        "select s.lat_e7, s.lon_e7, r.boundary from store s"
        " join region r on r.company_id = s.company_id and r.id = s.region_id"
    )
    assert len(rows) == 600
    unpinned = [row for row in rows if row.lat_e7 is None]
    assert 0.03 <= len(unpinned) / len(rows) <= 0.05
    for row in rows:
        if row.lat_e7 is not None:
            assert shapely.contains_xy(shape(row.boundary), row.lon_e7 / 1e7, row.lat_e7 / 1e7)


def test_every_store_buys_by_lists_and_some_on_credit(made: Any, uow: UnitOfWork) -> None:
    counts = made[1].counts
    wanted = {"price lists": 5, "promotions": 6, "accounts": 4}
    assert {name: counts[name] for name in wanted} == wanted
    assert 110 <= counts["products"] <= 130
    rows = uow.rows("select doc from record where kind = 26 and doc is not null")
    terms = [json.loads(row.doc) for row in rows]
    assert len(terms) == 600
    # The base list, the first that was made, is the last that is looked at.
    assert {each["price_lists"][-1] for each in terms} == {1}
    assert {len(each["price_lists"]) for each in terms} >= {1, 2, 3}
    assert {number for each in terms for number in each["promotions"]} == {1, 2, 3, 4, 5, 6}
    assert 50 < sum(each["credit_limit_minor"] is not None for each in terms) < 250


def test_every_bundle_of_the_demo_is_a_gain(uow: UnitOfWork) -> None:
    base = uow.rows(
        "select id, version from price_list l join price_list_version v"
        " on v.price_list_id = l.id where code = 'BASE'"
    )[0]
    prices = {
        (one.product_code, one.unit): one.slabs[0].price_minor
        for one in prices_of(uow, base.id, base.version)
    }
    party = prices["SODA-11", "CTN"] * 2 + prices["CHIP-11", "CTN"]
    assert party > 22_800


def test_a_days_plan_is_a_days_work(uow: UnitOfWork) -> None:
    rows = uow.rows("select day_plan_id, count(*) as stops from day_plan_stop group by 1")
    sizes = [row.stops for row in rows]
    assert len(sizes) == 12 * 34  # six weeks without their Sundays and the two holidays' own
    assert min(sizes) >= 10
    assert max(sizes) <= 40
    assert 15 <= sum(sizes) / len(sizes) <= 30


def test_plans_of_the_past_are_frozen_and_those_ahead_are_not(uow: UnitOfWork) -> None:
    rows = uow.rows("select day, frozen_at from day_plan")
    assert {row.day for row in rows if row.frozen_at} == {
        row.day for row in rows if row.day <= TODAY
    }
    assert min(row.day for row in rows) == TODAY - timedelta(days=14)
    assert max(row.day for row in rows) == TODAY + timedelta(days=27)


def test_the_history_was_judged_like_any_phones_work(made: Any, uow: UnitOfWork) -> None:
    counts = made[1].counts
    assert counts["visit items applied"] > 2_000
    assert counts["attendance items applied"] > 400
    assert not any(" quarantined" in name or " deferred" in name for name in counts)
    verdicts = {row.verdict for row in uow.rows("select distinct verdict from visit")}
    assert verdicts >= {"ONSITE", "OFFSITE", "TOLERATED", "UNCERTAIN", "UNPINNED"}
    assert {row.trust for row in uow.rows("select distinct trust from visit")} >= {"CLOCK", "GPS"}
    days = uow.rows("select min(business_day) as first, max(business_day) as last from visit")[0]
    assert TODAY - timedelta(days=14) <= days.first < days.last < TODAY


def test_something_waits_for_a_decision(uow: UnitOfWork) -> None:
    assert len(uow.rows("select id from proposal where state = 'WAITING'")) == 5
    assert len(uow.rows("select id from conflict where state = 'OPEN'")) == 1


def test_something_is_kept_for_each_of_the_usual_reasons(uow: UnitOfWork) -> None:
    rows = uow.rows("select code, count(*) as items from kept_item group by 1")
    assert {row.code: row.items for row in rows} == {
        "invalid_field": 2,
        "not_in_scope": 3,
        None: 1,
    }


def test_photos_were_read_and_something_was_found_about_some(made: Any, uow: UnitOfWork) -> None:
    files = {row.state for row in uow.rows("select distinct state from file")}
    assert files == {"READ"}
    found = {row.flag for row in uow.rows("select distinct unnest(flags) as flag from photo")}
    assert found >= {"dark", "blurred", "reused", "camera_time_off", "from_gallery"}
    states = {row.state for row in uow.rows("select distinct state from photo")}
    assert states >= {"OK", "FLAGGED", "PASS", "FAIL"}
    waiting = uow.rows(
        "select count(distinct c.id) as cases from audit_case c"
        " join audit_photo p on p.audit_visit_id = c.id where c.state = 'OPEN'"
    )[0].cases
    assert waiting >= 8
    last_day = uow.rows(
        "select count(distinct visit_id) as visits from photo where business_day = :day",
        day=TODAY - timedelta(days=1),
    )[0].visits
    assert last_day >= 8


def test_no_token_of_the_demo_opens_anything(uow: UnitOfWork) -> None:
    rows = uow.rows("select distinct token_hash, next_token_hash from device")
    assert [tuple(row) for row in rows] == [(None, None)]


def test_phones_of_the_demo_stand_as_those_of_a_company_do(uow: UnitOfWork) -> None:
    states = uow.rows("select state, count(*) as phones from device group by 1")
    assert {row.state: row.phones for row in states} == {
        "ACTIVE": 13,
        "DRAINING": 1,
        "WIPED": 1,
        "REVOKED": 1,
    }
    (held,) = uow.rows("select outbox_count, outbox_oldest_at from device where state = 'DRAINING'")
    assert held.outbox_count > 0
    assert held.outbox_oldest_at is not None
    assert len(uow.rows("select 1 from enrolment_code where used_at is null")) == 1


def test_in_the_morning_of_the_demo_reps_are_out_and_two_phones_are_out_of_reach(
    remade: Remade,
) -> None:
    with remade.database.reading(remade.accounts.company_id) as uow:
        days = read_days(uow, TODAY, int(MORNING.timestamp() * 1000), at_most=100)
        phones = phones_of(uow, [day.person_id for day in days])
        (ahead,) = uow.rows(
            "select count(*) as items from ledger where received_at > :now", now=MORNING
        )
    assert ahead.items == 0
    rows = {day.name: row_of(day, phones.get(day.person_id), MORNING) for day in days}
    reps = [rows[name] for name in REP_NAMES]
    assert all(row.visited for row in reps)
    states = Counter(row.state.partition(" since")[0] for row in reps)
    assert states["on duty, offline"] == 2
    assert states["on duty"] + states["on a break"] == 10
    assert [row.name for row in reps if row.phone] == ["Li Jun"]
    assert "unsent since 0" in (rows["Li Jun"].phone or "")


def test_a_second_making_is_refused_and_changes_nothing(made: Any) -> None:
    database, accounts, owner = made
    with database.reading(accounts.company_id) as uow:
        before = count_rows(uow)
    with pytest.raises(DemoExists):
        make_demo_company(database, owner, today=TODAY)
    with database.reading(accounts.company_id) as uow:
        assert count_rows(uow) == before


def test_a_demo_that_was_only_half_made_is_made_anew(remade: Remade) -> None:
    assert remade.existed == (False, True)


def test_a_company_of_somebodys_own_with_that_code_is_left_alone(
    servers: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with _engines(servers, "roadbook_demo_own") as (app, owner):
        with owner.begin() as connection:
            connection.execute(
                text(
                    "insert into company (key, code, name, time_zone)"
                    " values (gen_random_uuid(), 'DEMO', 'Demolition Ltd', 'UTC')"
                )
            )
        with pytest.raises(DemoExists):
            make_demo_company(Database(app), owner, today=TODAY)
        with owner.connect() as connection:
            assert connection.scalar(text("select name from company")) == "Demolition Ltd"


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_every_seeds_city_is_whole(seed: int) -> None:
    areas = build_city(seed)
    assert len(areas) == 19
    assert all(area.boundary is None or area.boundary.is_valid for area in areas)


def test_what_reps_found_at_stores_was_filled_in_and_taken(made: Any, uow: UnitOfWork) -> None:
    counts = made[1].counts
    assert counts["form_answer items applied"] > 100
    assert not any(name.startswith("form_answer items") for name in counts if "applied" not in name)
    rows = uow.rows(
        "select t.code, count(*) from form_answer a"
        " join form_template t on t.company_id = a.company_id and t.id = a.template_id group by 1"
    )
    assert {"COMPETITOR_PRICES", "CONSUMER_SURVEY"} <= {row.code for row in rows}


def test_activities_stand_in_different_states_with_stores_in_them(uow: UnitOfWork) -> None:
    rows = uow.rows(
        "select a.code, a.state, count(*) filter (where p.state = 'RUNNING') as running,"
        " count(*) filter (where p.state = 'APPROVED') as approved"
        " from activity a join activity_store p on p.activity_id = a.id group by 1, 2 order by 1"
    )
    assert [(row.code, row.state) for row in rows] == [
        ("YH-ENDCAP", "OPEN"),
        ("YH-FRIDGE", "ENDED"),
        ("YH-LANTERN", "APPROVED"),
        ("YH-TAGS", "OPEN"),
    ]
    assert [(bool(row.running), bool(row.approved)) for row in rows] == [
        (True, False),
        (True, False),
        (False, True),
        (True, False),
    ]


def test_some_of_what_reps_brought_was_judged_and_one_verdict_is_appealed_against(
    uow: UnitOfWork,
) -> None:
    states = {
        row.state: row.number
        for row in uow.rows("select state, count(*) as number from audit_case group by 1")
    }
    assert set(states) >= {"CANDIDATE", "LEFT_OUT", "OPEN", "JUDGED", "FINAL", "APPEALED"}
    assert states["APPEALED"] == 1
    # An auditor never gets their own region.
    looked = uow.rows(
        "select n.name, array_agg(distinct g.code) as districts from audit_verdict v"
        " join audit_case c on c.id = v.audit_visit_id join position p on p.id = c.position_id"
        " join region r on r.id = p.region_id join region g on g.id = r.parent_id"
        " join person n on n.id = v.auditor_id group by 1"
    )
    districts = {row.name: set(row.districts) for row in looked}
    assert set(districts) == {"Deng Hao", "Shen Ning"}
    assert "HILLGATE" not in districts["Deng Hao"]
    assert "OLDTOWN" not in districts["Shen Ning"]
    (redrawn, *_) = redraw_week(uow, TODAY - timedelta(days=7), today=TODAY)
    assert redrawn.is_same


def test_one_appeal_waits_for_the_other_auditor_and_one_was_decided(
    made: Any, uow: UnitOfWork
) -> None:
    rows = uow.rows(
        "select c.state, f.auditor_id as first_by, s.auditor_id as second_by, s.result from audit_appeal q"
        " join audit_case c on c.id = q.audit_visit_id join audit_verdict f on f.id = q.verdict_id"
        " left join audit_verdict s on s.id = c.appeal_verdict_id order by c.state"
    )
    assert [(row.state, row.result) for row in rows] == [("APPEALED", None), ("FINAL", "PASS")]
    assert rows[1].second_by not in {None, rows[1].first_by}
    deng = next(one.person_id for one in made[1].accounts if one.name == "Deng Hao")
    with made[0].company(made[1].company_id) as writing:
        evening = datetime.combine(TODAY - timedelta(days=1), time(23), ZoneInfo(TIME_ZONE))
        claimed = claim_next(writing, Actor("Deng Hao", deng), deng, 20, now=evening)
        assert [one for one in claimed if one.is_appeal]
        give_back(writing, Actor("Deng Hao", deng), deng, [one.id for one in claimed])


def test_each_audit_has_photos(uow: UnitOfWork) -> None:
    (audits,) = uow.rows(
        "select count(*) as visits, count(*) filter (where photos > 0) as shown from audit_visit"
    )
    assert audits.visits == audits.shown >= 36


def test_some_tasks_are_open_one_is_overdue_and_two_notices_are_shown(uow: UnitOfWork) -> None:
    (tasks,) = uow.rows(
        "select count(*) as open, count(*) filter (where due_on < :today) as overdue from task"
        " where state = 'OPEN' and given_by = 'Tang Xin'",
        today=TODAY,
    )
    assert (tasks.open, tasks.overdue) == (12, 1)
    shown = uow.rows(
        "select 1 from notice n where exists (select from record_key k where k.id = n.id)"
    )
    assert len(shown) == 2


def test_every_rep_has_a_target_this_month_and_work_that_counts_for_it(uow: UnitOfWork) -> None:
    rows = uow.rows(
        "select measure, count(*) as targets, sum(amount) as amount, count(*) filter (where actual > 0)"
        " as begun from target where month = '2026-03-01' group by measure order by measure"
    )
    assert [(row.measure, row.targets, row.begun) for row in rows] == [
        ("TC", 12, 12),
        ("VISITED_STORES", 12, 12),
    ]
    assert all(row.amount > 0 for row in rows)
    held = uow.rows("select count(*) as records from record where kind = 23 and doc is not null")
    # The month before, this month and the next.
    assert held[0].records == 12 * 2 * 3


def test_two_flags_of_the_demo_are_decided(uow: UnitOfWork) -> None:
    rows = uow.rows("select flag, decision from flag_decision order by decision")
    assert [tuple(row) for row in rows] == [("offsite", "ACCEPTED"), ("offsite", "REJECTED")]


def test_reps_of_the_demo_were_somewhere_all_day_but_for_gaps_that_have_a_cause(
    uow: UnitOfWork,
) -> None:
    (days,) = uow.rows("select count(distinct (person_id, business_day)) from attendance")[0]
    tracked = uow.rows(
        "select person_id, business_day, sum(points) as points from track group by 1, 2"
    )
    assert len(tracked) >= days * 0.9
    assert min(row.points for row in tracked) > 50
    gaps = uow.rows("select distinct g->>'cause' as cause from track, jsonb_array_elements(gaps) g")
    assert [row.cause for row in gaps] == ["GPS_OFF"]


def test_stores_of_the_demo_ordered_and_few_orders_are_held(uow: UnitOfWork) -> None:
    rows = uow.rows("select state, holds, visit_id from order_header")
    held = [row for row in rows if row.state == "HELD"]
    assert len(rows) > 500
    assert 0.03 <= len(held) / len(rows) <= 0.25
    assert {hold for row in held for hold in row.holds} == {
        "below_minimum",
        "credit",
        "total_mismatch",
    }
    assert all(row.visit_id for row in rows)
