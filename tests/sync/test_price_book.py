"""What an order is priced with: the terms of its store and the versions in force, as of its moment."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest

import sync.price_book
from mobile_contract.pricing import Line, PricedOrder, price_lines
from server.catalogue.accounts import NewAccount, make_accounts
from server.catalogue.price_lists import end_price_list
from server.catalogue.whom import Whom
from server.planning.stores import edit_stores
from sync.engine import Engine
from sync.kinds import ALL_KINDS, attendance
from sync.price_book import _as_of, _Kept, _Stood, load_price_book
from sync.record_kind import Load
from sync.unit_of_work import Database, UnitOfWork
from tests.catalogue_factories import BASE, OFFICE, Goods, add_goods, add_list, publish
from tests.factories import Cast
from tests.sync.conftest import SECRET
from tests.sync.talking import Phone, counted_statements

NOW = datetime.now(UTC)


def soon() -> datetime:
    """A moment at which everything stands that was changed up to now."""
    return datetime.now(UTC) + timedelta(seconds=1)


def ms(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)


@pytest.fixture
def goods(cast: Cast, db: Database) -> Goods:
    with db.company(cast.company.id) as uow:
        return add_goods(uow, cast)


@pytest.fixture
def fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that keeps nothing yet."""
    monkeypatch.setattr(sync.price_book, "_catalogues", _Kept(8, lambda _: 1))
    monkeypatch.setattr(sync.price_book, "_prices", _Kept(1_000, len))


def priced(uow: UnitOfWork, store: UUID, at: datetime, *lines: Line) -> PricedOrder:
    found = load_price_book(uow, [(str(store), ms(at))])[str(store), ms(at)]
    assert found.terms is not None
    return price_lines(lines, found.terms, ms(at))


def test_an_order_is_priced_by_the_lists_for_its_store(
    cast: Cast, db: Database, goods: Goods
) -> None:
    store, other = cast.ana_stores[:2]
    with db.company(cast.company.id) as uow:
        own = add_list(uow, "OWN", Whom("CUSTOMER", store_ids=frozenset({store})))
        publish(uow, own, ("OAT", "CTN", 1, 9_900))
    lines = Line(1, "CTN", 12), Line(3, "PC", 2)
    with db.company(cast.company.id) as uow:
        here, there = (priced(uow, one, soon(), *lines) for one in (store, other))
    assert [line.price_minor for line in here.lines] == [9_900, 1_280]
    assert [line.list_id for line in here.lines] == [str(own), str(goods.base)]
    assert [line.price_minor for line in there.lines] == [11_000, 1_280]


@pytest.mark.usefixtures("goods")
def test_an_order_is_priced_by_the_version_that_was_in_force(cast: Cast, db: Database) -> None:
    store = cast.ana_stores[0]
    week_ago, until = NOW - timedelta(days=7), NOW + timedelta(hours=1)
    with db.company(cast.company.id) as uow:
        base = uow.rows("select id from price_list")[0].id
        publish(uow, base, ("OAT", "PC", 1, 700), valid_from=week_ago, valid_until=until)
    with db.company(cast.company.id) as uow:
        prices = [
            priced(uow, store, at, Line(1, "PC", 1)).lines[0].price_minor
            for at in (week_ago - timedelta(hours=1), week_ago, NOW, until)
        ]
    assert prices == [500, 700, 700, 500]


def test_a_list_that_was_ended_prices_what_was_ordered_before(
    cast: Cast, db: Database, goods: Goods
) -> None:
    with db.company(cast.company.id) as uow:
        end_price_list(uow, OFFICE, goods.base)
    with db.company(cast.company.id) as uow:
        before, after = (
            priced(uow, cast.ana_stores[0], at, Line(1, "PC", 1)).lines[0].price_minor
            for at in (NOW - timedelta(days=1), datetime.now(UTC) + timedelta(minutes=1))
        )
    assert (before, after) == (500, None)


@pytest.mark.usefixtures("goods")
def test_terms_are_those_that_the_store_had_at_the_moment(cast: Cast, db: Database) -> None:
    store = cast.ana_stores[0]
    with db.company(cast.company.id) as uow:
        kiosks = add_list(uow, "KIOSK", Whom("CHANNEL", channels=frozenset({"kiosk"})))
        publish(uow, kiosks, ("OAT", "PC", 1, 450))
    before = datetime.now(UTC)
    with db.company(cast.company.id) as uow:
        edit_stores(uow, OFFICE, {store: {"channel": "kiosk"}})
    with db.company(cast.company.id) as uow:
        was, is_ = (
            priced(uow, store, at, Line(1, "PC", 1)).lines[0].price_minor for at in (before, soon())
        )
    assert (was, is_) == (500, 450)


@pytest.mark.usefixtures("goods", "fresh")
def test_a_batch_costs_one_statement_once_the_process_has_the_prices(
    cast: Cast, db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = [(str(store), ms(NOW) + n) for n, store in enumerate(cast.ana_stores)]
    with db.company(cast.company.id) as uow, counted_statements(monkeypatch) as first:
        load_price_book(uow, wanted[:1])
    with db.company(cast.company.id) as uow, counted_statements(monkeypatch) as later:
        load_price_book(uow, wanted)
    with db.company(cast.company.id) as uow:
        base = uow.rows("select id from price_list")[0].id
        publish(uow, base, *BASE[:1])
    with db.company(cast.company.id) as uow, counted_statements(monkeypatch) as changed:
        load_price_book(uow, wanted)
    assert [len(each) for each in (first, later, changed)] == [3, 1, 3]


@pytest.mark.usefixtures("goods")
def test_what_a_rolled_back_change_made_is_not_kept(cast: Cast, db: Database) -> None:
    store = cast.ana_stores[0]
    with db.rehearsal(cast.company.id) as uow:
        base = uow.rows("select id from price_list")[0].id
        publish(uow, base, ("OAT", "PC", 1, 1))
        assert priced(uow, store, NOW, Line(1, "PC", 1)).total_minor == 1
    with db.company(cast.company.id) as uow:
        assert priced(uow, store, NOW, Line(1, "PC", 1)).total_minor == 500


@pytest.mark.usefixtures("goods")
def test_a_store_without_terms_has_no_prices_and_a_made_up_one_is_left_out(
    cast: Cast, db: Database, owner_engine: object
) -> None:
    with db.company(cast.company.id) as uow:
        store = cast.ana_stores[1]
        account = make_accounts(uow, OFFICE, [NewAccount(code="C1", name="Chain", currency="EUR")])[
            0
        ]
        edit_stores(uow, OFFICE, {store: {"account_id": account}})
        far, nobody = (str(store), ms(soon())), (str(uuid4()), ms(NOW))
        found = load_price_book(uow, [far, nobody])
    assert set(found) == {far}
    assert found[far].account_id == str(account)
    terms = found[far].terms
    assert terms is not None
    # No list has its currency.
    assert (terms.currency, terms.lists) == ("EUR", ())


@pytest.mark.usefixtures("goods")
def test_products_are_known_by_their_ids(cast: Cast, db: Database) -> None:
    with db.company(cast.company.id) as uow:
        (found,) = load_price_book(uow, [(str(cast.ana_stores[0]), ms(NOW))]).values()
        oat = uow.rows("select id from product where code = 'OAT'")[0].id
    sold = found.products[str(oat)]
    assert (sold.number, sold.units, sold.is_sold) == (1, {"PC": 1, "CTN": 24}, True)


def test_what_is_used_last_is_kept_up_to_a_weight() -> None:
    kept: _Kept[str, str] = _Kept(10, len)
    kept.keep({"a": "aaaa", "b": "bbbb"})
    assert kept.of(["a"]) == {"a": "aaaa"}
    kept.keep({"c": "cccc"})
    assert kept.of(["a", "b", "c"]) == {"a": "aaaa", "c": "cccc"}
    kept.keep({"d": "d" * 40})
    assert kept.of(["a", "c", "d"]) == {"d": "d" * 40}


def test_a_kind_may_read_by_a_function_once_a_batch(cast: Cast, db: Database) -> None:
    loaded: list[int] = []

    def load(_uow: object, _sender: object, items: list[object], _known: object) -> dict[str, int]:
        loaded.append(len(items))
        return {"items": len(items)}

    kind = replace(attendance.KIND, reads=(Load("own", load),))  # type: ignore[arg-type]
    kinds = tuple(kind if each.number == kind.number else each for each in ALL_KINDS)
    phone = Phone(Engine(db, kinds, SECRET), cast.ana.device)
    assert (
        phone.statuses(phone.attendance(), phone.attendance(), phone.new_store()) == ["applied"] * 3
    )
    assert phone.statuses(phone.new_store()) == ["applied"]
    assert loaded == [2]


def test_of_terms_that_were_changed_twice_in_a_millisecond_the_later_hold() -> None:
    gone, small, great = (
        _Stood(5, 1, None),
        _Stood(5, 2, '{"min_order_minor":9}'),
        _Stood(5, 3, '{"min_order_minor":1}'),
    )
    assert _as_of([small, gone], 5) == {"min_order_minor": 9}
    assert _as_of([great, small], 7) == {"min_order_minor": 1}
