"""Price lists: for whom each is, its versions and their prices; what a store pays on a day, and why."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from io import BytesIO
from uuid import UUID

from flask import Blueprint, Response, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import NotFound

from server.catalogue.errors import CatalogueError, StateWrong
from server.catalogue.price_explained import PriceExplained, explain_price
from server.catalogue.price_rows import COLUMNS as FILE_COLUMNS
from server.catalogue.product_list import ProductListed, find_product
from server.catalogue.terms_list import (
    PriceListListed,
    VersionListed,
    list_price_lists,
    prices_of,
    versions_of,
)
from server.catalogue.whom_named import WhomNamed, whoms_named
from server.exchange.csv_file import csv_writer
from server.identity.sessions import Visitor
from server.language import sentence, tell, told_money, told_number
from server.planning.named_stores import StoreNamed, find_store_named
from server.web.desk import Desk, draw
from server.web.listing import Badge, Column, Link, Listing, answer_listing, pages_of, told_pages
from server.web.master_words import told_changes, told_hour, told_period
from server.web.menu import ADMIN
from server.web.price_edit import price_edit_routes
from server.web.price_parts import read_held
from server.web.typed import typed_day, typed_text
from server.web.whom_form import LEVELS, told_whom
from sync.money import told_amount
from sync.unit_of_work import UnitOfWork

STATES = {"": sentence("not ended"), "all": sentence("ended ones, too")}
VERSIONS_SHOWN = 50


@dataclass(frozen=True, slots=True)
class ListRow:
    """A line of the list of price lists."""

    held: PriceListListed
    whom: WhomNamed | None


@dataclass(frozen=True, slots=True)
class PriceLine:
    """A price: from a quantity on, of a unit of a product."""

    code: str
    name: str
    unit: str
    from_quantity: int
    price_minor: int

    @property
    def mark(self) -> str:
        """Where a page that begins after it goes on."""
        return f"{self.code}~{self.unit}~{self.from_quantity}"


def _columns(zone: str) -> tuple[Column[ListRow], ...]:
    return (
        Column(
            sentence("Code"),
            lambda row: Link(row.held.code, url_for("prices.list_page", list_id=row.held.id)),
            lambda row: row.held.code,
        ),
        Column(sentence("Price list"), lambda row: row.held.name, lambda row: row.held.name),
        Column(
            sentence("For whom"),
            lambda row: told_whom(row.held.level, row.whom),
            lambda row: told_whom(row.held.level, row.whom),
        ),
        Column(
            sentence("Division"),
            lambda row: row.held.division_code,
            lambda row: row.held.division_code,
        ),
        Column(sentence("Currency"), lambda row: row.held.currency, lambda row: row.held.currency),
        Column(
            sentence("In force"),
            lambda row: _in_force(row.held, zone),
            lambda row: None if row.held.version is None else row.held.version,
        ),
        Column(
            sentence("Prices"),
            lambda row: None if row.held.entries is None else told_number(row.held.entries),
            lambda row: row.held.entries,
            is_number=True,
        ),
    )


def _in_force(held: PriceListListed, zone: str) -> str | Badge:
    if held.ended_at is not None and held.ended_at <= datetime.now(UTC):
        return Badge(tell("ended"))
    if held.version is None:
        return Badge(tell("no prices now"), "warn")
    return tell(
        "version {number}, {period}",
        number=held.version,
        period=told_period(held.valid_from, held.valid_until, zone),
    )


def _rows(uow: UnitOfWork, shown: Sequence[PriceListListed]) -> list[ListRow]:
    named = whoms_named(uow, "price_list", [one.id for one in shown])
    return [ListRow(one, named.get(one.id)) for one in shown]


def price_routes(desk: Desk) -> Blueprint:
    """/prices and what is below it."""
    routes = Blueprint("prices", __name__, url_prefix="/prices")

    @routes.get("/")
    @desk.page(*ADMIN)
    def price_lists(visitor: Visitor) -> ResponseReturnValue:
        """The price lists, by code, each with what is in force."""
        state = request.args.get("state", "")
        if state not in STATES:
            raise NotFound

        read = pages_of(
            lambda uow, after, at_most: list_price_lists(
                uow,
                words=request.args.get("words", ""),
                with_ended=state == "all",
                after=after,
                at_most=at_most,
            ),
            lambda one: one.code,
            typed_text,
        )

        return answer_listing(
            desk,
            visitor,
            Listing(
                name="price-lists",
                columns=_columns(visitor.policy.time_zone),
                read=told_pages(read, _rows),
                nothing=sentence("There is no price list like this."),
            ),
            "prices/list.html",
            states=[(key, tell(words)) for key, words in STATES.items()],
            state=state,
        )

    @routes.get("/<uuid:list_id>")
    @desk.page(*ADMIN)
    def list_page(visitor: Visitor, list_id: UUID) -> ResponseReturnValue:
        """One list: for whom, its versions, and the prices of one of them."""
        with desk.database.reading(visitor.company_id) as uow:
            held = read_held(uow, list_id)
            whom = whoms_named(uow, "price_list", [list_id]).get(list_id)
            versions = versions_of(uow, list_id, at_most=VERSIONS_SHOWN)
            changes = told_changes(uow, "price_list", list_id, visitor.policy.time_zone)
        chosen = _chosen(held, versions)
        return answer_listing(
            desk,
            visitor,
            _price_listing(held, chosen),
            "prices/prices.html",
            held=held,
            whom=told_whom(held.level, whom),
            versions=[
                (one, told_period(one.valid_from, one.valid_until, visitor.policy.time_zone))
                for one in versions
            ],
            chosen=chosen,
            state=_in_force(held, visitor.policy.time_zone),
            is_open=held.ended_at is None,
            ended=None
            if held.ended_at is None
            else told_hour(held.ended_at, visitor.policy.time_zone),
            changes=changes,
            zone=visitor.policy.time_zone,
        )

    @routes.get("/<uuid:list_id>/versions/<int:version>.csv")
    @desk.page(*ADMIN)
    def version_file(visitor: Visitor, list_id: UUID, version: int) -> ResponseReturnValue:
        """The prices of a version as the file that publishing takes."""
        with desk.database.reading(visitor.company_id) as uow:
            held = read_held(uow, list_id)
            lines = _lines(uow, list_id, version)
        made = _file(held, lines)
        return Response(
            made,
            content_type="text/csv; charset=utf-8",
            headers={"Content-Disposition": f'attachment; filename="prices-{version}.csv"'},
        )

    @routes.get("/asked")
    @desk.page(*ADMIN)
    def asked(visitor: Visitor) -> ResponseReturnValue:
        """What a store pays for a product on a day, and why."""
        return _asked(desk, visitor)

    price_edit_routes(desk, routes)
    return routes


def _chosen(held: PriceListListed, versions: list[VersionListed]) -> int | None:
    """The version that is asked for; else the one in force, else the latest."""
    typed = request.args.get("version")
    if typed:
        if not typed.isdecimal() or len(typed) > 6:
            raise NotFound
        return int(typed)
    if held.version is not None:
        return held.version
    return versions[0].version if versions else None


def _lines(uow: UnitOfWork, list_id: UUID, version: int) -> list[PriceLine]:
    try:
        shown = prices_of(uow, list_id, version)
    except StateWrong:
        raise NotFound from None
    return [
        PriceLine(one.product_code, one.product_name, one.unit, *slab)
        for one in shown
        for slab in one.slabs
    ]


def _price_listing(held: PriceListListed, version: int | None) -> Listing[PriceLine]:
    words = " ".join(request.args.get("words", "").split()).lower()
    found: list[PriceLine] = []
    is_read = False

    def read(
        uow: UnitOfWork, after: str | None, at_most: int
    ) -> tuple[list[PriceLine], str | None]:
        nonlocal found, is_read
        if not is_read and version is not None:
            found = [
                line
                for line in _lines(uow, held.id, version)
                if words in line.code.lower() or words in line.name.lower()
            ]
            is_read = True
        start = 0
        if after is not None:
            # ValueError, where the mark is none.
            start = [line.mark for line in found].index(after) + 1
        shown = found[start : start + at_most]
        return shown, shown[-1].mark if start + at_most < len(found) else None

    return Listing(
        name=f"prices-{held.number}",
        columns=_price_columns(held),
        read=read,
        nothing=sentence("No price like this."),
    )


def _price_columns(held: PriceListListed) -> tuple[Column[PriceLine], ...]:
    def change(line: PriceLine) -> Link | str:
        if held.ended_at is not None:
            return line.code
        return Link(
            line.code,
            url_for("prices.change_price_form", list_id=held.id, product=line.code, unit=line.unit),
        )

    return (
        Column(sentence("Product"), change, lambda line: line.code),
        Column(sentence("Name"), lambda line: line.name, lambda line: line.name),
        Column(sentence("Unit"), lambda line: line.unit, lambda line: line.unit),
        Column(
            sentence("From quantity"),
            lambda line: told_number(line.from_quantity),
            lambda line: line.from_quantity,
            is_number=True,
        ),
        Column(
            sentence("Price"),
            lambda line: told_money(line.price_minor, held.currency),
            lambda line: told_amount(line.price_minor, held.currency),
            is_number=True,
        ),
    )


def _file(held: PriceListListed, lines: list[PriceLine]) -> bytes:
    file = BytesIO()
    with csv_writer(file) as writer:
        writer.write(list(FILE_COLUMNS))
        for line in lines:
            writer.write(
                [
                    line.code,
                    line.unit,
                    line.from_quantity,
                    told_amount(line.price_minor, held.currency),
                ]
            )
    return file.getvalue()


def _asked(desk: Desk, visitor: Visitor) -> ResponseReturnValue:
    arguments = request.args
    store_code, product_code = (
        typed_text(arguments.get(name)).strip() for name in ("store", "product")
    )
    day = typed_day(arguments.get("day"), visitor.today)
    typed = typed_text(arguments.get("quantity"), 7) or "1"
    quantity = int(typed) if typed.isascii() and typed.isdecimal() and int(typed) > 0 else 1
    store: StoreNamed | None = None
    product: ProductListed | None = None
    found: PriceExplained | None = None
    faults: dict[str, str] = {}
    store_id = None
    with desk.database.reading(visitor.company_id) as uow:
        if store_code:
            named = find_store_named(uow, store_code)
            if named is None:
                faults["store"] = tell("There is no store with this code.")
            else:
                store_id, store = named
        if product_code:
            product = find_product(uow, product_code)
            if product is None:
                faults["product"] = tell("There is no product with this code.")
        unit = typed_text(arguments.get("unit"), 12)
        if product is not None and unit not in {name for name, _ in product.units}:
            unit = product.units[0][0]
        if store_id is not None and product is not None:
            found = _explained(uow, visitor, store_id, product, unit, quantity, day)
    return draw(
        "prices/asked.html",
        store_code=store_code,
        product_code=product_code,
        unit=unit,
        units=[(name, name) for name, _ in product.units] if product else [],
        quantity=quantity,
        day=day,
        store=store,
        store_id=store_id,
        product=product,
        found=found,
        faults=faults,
        levels={level: tell(words) for level, words in LEVELS.items()},
    )


def _explained(
    uow: UnitOfWork,
    visitor: Visitor,
    store_id: UUID,
    product: ProductListed,
    unit: str,
    quantity: int,
    day: date,
) -> PriceExplained | None:
    """Of today as of now, of another day as of its noon."""
    at = datetime.now(UTC)
    if day != visitor.today:
        noon = datetime(day.year, day.month, day.day, 12, tzinfo=visitor.policy.zone)
        if not timedelta(days=-36_500) < noon - at < timedelta(days=36_500):
            raise NotFound
        at = noon
    try:
        return explain_price(uow, store_id, product, unit=unit, quantity=quantity, at=at)
    except CatalogueError:
        return None
