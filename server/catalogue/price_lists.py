"""Price lists as the company sets them: made, described, given new prices, ended.

A version never changes. Prices are given whole, checked whole, and kept as one body that phones fetch.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import insert, select, update

from mobile_contract.price_bodies import MEDIA_TYPE, encode_prices
from mobile_contract.pricing import Entries
from mobile_contract.records.price_list import TERMS_CODE_MAX, TERMS_NAME_MAX
from server.catalogue.checks import (
    check_currency,
    check_moment,
    check_period,
    check_text,
    differing,
    whole_ms,
)
from server.catalogue.errors import (
    CodeTaken,
    FieldInvalid,
    NoSuchPriceList,
    PeriodInvalid,
    StateWrong,
)
from server.catalogue.price_rows import PriceRow, check_price_rows
from server.catalogue.whom import Whom, check_whom, read_whom, stores_of, write_whom
from server.identity.change_log import Actor, log_change
from server.language import Said
from sync.bodies import keep_bodies
from sync.kinds.price_list.publish import publish_price_lists
from sync.kinds.price_list.table import price_list, price_list_version
from sync.kinds.store_terms.publish import bring_terms_up
from sync.organisation import division
from sync.price_book import prices_changed
from sync.unit_of_work import UnitOfWork

KIND = "price_list"

_NEXT = "select coalesce(max(number), 0) + 1 as next from price_list where company_id = :company"
_NEXT_VERSION = """
select coalesce(max(version), 0) + 1 as next from price_list_version
where company_id = :company and price_list_id = :id
"""
# Whether the terms of stores name it: as sync/kinds/store_terms/publish.py asks.
_IS_OFFERED = """
select exists (select from price_list_version v
               where v.company_id = :company and v.price_list_id = :id
                 and (v.valid_until is null or v.valid_until > now() - interval '7 days')) as is_it
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewPriceList:
    """A list to be made. Its currency, its division and its level stay what they are."""

    code: str
    name: str
    currency: str
    whom: Whom
    division_id: UUID | None = None
    id: UUID | None = None


@dataclass(frozen=True, slots=True)
class PublishedPrices:
    """A version that was published."""

    version: int
    sha256: str
    size: int
    entries: int


def make_price_list(uow: UnitOfWork, actor: Actor, new: NewPriceList) -> UUID:
    """A new list without prices. Raises FieldInvalid, CodeTaken."""
    check_text("code", new.code, 1, TERMS_CODE_MAX)
    check_text("name", new.name, 1, TERMS_NAME_MAX)
    check_currency(new.currency)
    check_whom(uow, new.whom)
    _check_division(uow, new.division_id)
    prices_changed(uow)
    _must_be_free(uow, new.code)
    list_id = new.id or uuid4()
    number = uow.rows(_NEXT, company=uow.company_id)[0].next
    values = {
        "code": new.code,
        "name": new.name,
        "currency": new.currency,
        "division_id": new.division_id,
        "level": new.whom.level,
    }
    uow.connection.execute(
        insert(price_list).values(company_id=uow.company_id, id=list_id, number=number, **values)
    )
    write_whom(uow, KIND, list_id, new.whom)
    publish_price_lists(uow, [list_id])
    told = {**values, "number": number, "for_whom": new.whom.told()}
    log_change(uow, actor, "price_list.make", KIND, list_id, after=told)
    return list_id


def edit_price_list(
    uow: UnitOfWork,
    actor: Actor,
    list_id: UUID,
    *,
    code: str | None = None,
    name: str | None = None,
    whom: Whom | None = None,
) -> bool:
    """Give a list another code or name, or let it be for others of its level; whether anything differs.

    Raises NoSuchPriceList, FieldInvalid, CodeTaken.
    """
    prices_changed(uow)
    held = _locked(uow, list_id)
    was_for = read_whom(uow, KIND, list_id, held.level)
    before: dict[str, Any] = {"code": held.code, "name": held.name}
    after = {"code": code or held.code, "name": name or held.name}
    check_text("code", after["code"], 1, TERMS_CODE_MAX)
    check_text("name", after["name"], 1, TERMS_NAME_MAX)
    if after["code"] != held.code:
        _must_be_free(uow, after["code"])
    is_moved = whom is not None and whom != was_for
    if whom is not None and is_moved:
        if whom.level != held.level:
            raise FieldInvalid(
                Said(
                    "for whom: the list is of the level {level} and stays so",
                    level=Said(held.level),
                )
            )
        check_whom(uow, whom)
        write_whom(uow, KIND, list_id, whom)
        before |= {"for_whom": None if was_for is None else was_for.told()}
        after |= {"for_whom": whom.told()}
    if before == after:
        return False
    _set(uow, list_id, code=after["code"], name=after["name"])
    publish_price_lists(uow, [list_id])
    was, is_ = differing(before, after)
    log_change(uow, actor, "price_list.edit", KIND, list_id, before=was, after=is_)
    # Lists of one level and one nearness are looked through by their codes.
    if was_for is not None and (is_moved or "code" in is_):
        bring_terms_up(uow, stores_of(uow, was_for, whom or was_for))
    return True


def publish_prices(
    uow: UnitOfWork,
    actor: Actor,
    list_id: UUID,
    rows: list[PriceRow],
    *,
    valid_from: datetime,
    valid_until: datetime | None = None,
    may_be_past: bool = False,
) -> PublishedPrices:
    """A new version of a list, in force from a moment until just before another, or open.

    While it holds it goes before every version with a lower number. One that begins in the past
    prices orders that were captured then and come from now on; that must be meant. Raises
    NoSuchPriceList, StateWrong, PeriodInvalid, RowsInvalid.
    """
    valid_from = whole_ms(valid_from)
    valid_until = None if valid_until is None else whole_ms(valid_until)
    check_period(valid_from, valid_until)
    if valid_from < datetime.now(UTC) and not may_be_past:
        raise PeriodInvalid(
            Said("the prices would hold from a moment that is past, and nobody said so")
        )
    prices_changed(uow)
    held = open_price_list(uow, list_id)
    return publish_version(
        uow,
        actor,
        held,
        check_price_rows(uow, rows, held.division_id),
        valid_from=valid_from,
        valid_until=valid_until,
    )


def publish_version(
    uow: UnitOfWork,
    actor: Actor,
    held: Any,
    prices: Entries,
    *,
    valid_from: datetime,
    valid_until: datetime | None,
) -> PublishedPrices:
    """A version with these prices of a list that `open_price_list` gave; the caller has checked all of it."""
    list_id: UUID = held.id
    was_offered = _is_offered(uow, list_id)
    kept = keep_bodies(uow, [encode_prices(prices)], MEDIA_TYPE)[0]
    version = uow.rows(_NEXT_VERSION, company=uow.company_id, id=list_id)[0].next
    values = {
        "valid_from": valid_from,
        "valid_until": valid_until,
        "sha256": kept.sha256,
        "entries": len(prices),
    }
    uow.connection.execute(
        insert(price_list_version).values(
            company_id=uow.company_id,
            price_list_id=list_id,
            version=version,
            published_by=actor.name,
            **values,
        )
    )
    publish_price_lists(uow, [list_id])
    done = PublishedPrices(version, kept.sha256.hex(), kept.size, len(prices))
    told = {"version": version, "entries": len(prices), "body": done.sha256}
    log_change(
        uow,
        actor,
        "price_list.publish",
        KIND,
        list_id,
        after={**told, "valid_from": valid_from, "valid_until": valid_until},
    )
    if _is_offered(uow, list_id) != was_offered:
        bring_terms_up(uow, stores_of(uow, read_whom(uow, KIND, list_id, held.level)))
    return done


def end_price_list(
    uow: UnitOfWork, actor: Actor, list_id: UUID, *, at: datetime | None = None
) -> None:
    """No version of a list is in force from a moment on, now unless given. Its past stays.

    Raises NoSuchPriceList, StateWrong, PeriodInvalid.
    """
    moment = whole_ms(at or datetime.now(UTC))
    check_moment(moment)
    if at is not None and at < datetime.now(UTC):
        raise PeriodInvalid(Said("what was in force stays so: a list ends now or later"))
    prices_changed(uow)
    held = _locked(uow, list_id)
    if held.ended_at is not None and held.ended_at <= datetime.now(UTC):
        raise StateWrong(Said("the price list {code} is ended already", code=held.code))
    _set(uow, list_id, ended_at=moment)
    publish_price_lists(uow, [list_id])
    log_change(
        uow,
        actor,
        "price_list.end",
        KIND,
        list_id,
        before={"ended_at": held.ended_at},
        after={"ended_at": moment},
    )


def open_price_list(uow: UnitOfWork, list_id: UUID) -> Any:
    """A list that is not ended, locked until the transaction ends. Raises NoSuchPriceList, StateWrong."""
    held = _locked(uow, list_id)
    if held.ended_at is not None:
        raise StateWrong(Said("the price list {code} is ended", code=held.code))
    return held


def _locked(uow: UnitOfWork, list_id: UUID) -> Any:
    found = uow.connection.execute(
        select(price_list)
        .where(price_list.c.company_id == uow.company_id, price_list.c.id == list_id)
        .with_for_update()
    ).one_or_none()
    if found is None:
        raise NoSuchPriceList(Said("there is no such price list in this company"))
    return found


def _set(uow: UnitOfWork, list_id: UUID, **values: Any) -> None:
    uow.connection.execute(
        update(price_list)
        .where(price_list.c.company_id == uow.company_id, price_list.c.id == list_id)
        .values(**values)
    )


def _is_offered(uow: UnitOfWork, list_id: UUID) -> bool:
    return bool(uow.rows(_IS_OFFERED, company=uow.company_id, id=list_id)[0].is_it)


def _must_be_free(uow: UnitOfWork, code: str) -> None:
    taken = select(price_list.c.id).where(
        price_list.c.company_id == uow.company_id, price_list.c.code == code
    )
    if uow.connection.execute(taken).first() is not None:
        raise CodeTaken(Said("another price list has the code {code}", code=code))


def _check_division(uow: UnitOfWork, division_id: UUID | None) -> None:
    found = select(division.c.id).where(
        division.c.company_id == uow.company_id, division.c.id == division_id
    )
    if division_id is not None and uow.connection.execute(found).first() is None:
        raise FieldInvalid(Said("division_id: there is no such division in this company"))
