"""Promotions as the company sets them: drafted, published by version, ended.

What is published never changes: another publishing makes a new version, before which the old one ends.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import insert, select, update

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
    NoSuchPromotion,
    PeriodInvalid,
    StateWrong,
)
from server.catalogue.promotion_terms import PromotionTerms, check_promotion_terms
from server.catalogue.whom import Whom, check_whom, read_whom, stores_of, write_whom
from server.identity.change_log import Actor, log_change
from server.language import Said
from sync.kinds.promotion.publish import publish_promotions
from sync.kinds.promotion.states import PROMOTING
from sync.kinds.promotion.table import promotion, promotion_version
from sync.kinds.store_terms.publish import bring_terms_up
from sync.organisation import division
from sync.price_book import prices_changed
from sync.unit_of_work import UnitOfWork

KIND = "promotion"

_NEXT = "select coalesce(max(number), 0) + 1 as next from promotion where company_id = :company"
_VERSIONS = """
select version, valid_from, terms from promotion_version
where company_id = :company and promotion_id = :id order by version desc
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewPromotion:
    """A promotion to be drafted. `whom` of None is every store. Its currency and division stay."""

    code: str
    name: str
    currency: str
    terms: PromotionTerms
    whom: Whom | None = None
    division_id: UUID | None = None
    id: UUID | None = None


def draft_promotion(uow: UnitOfWork, actor: Actor, new: NewPromotion) -> UUID:
    """A new promotion as a draft, which no phone sees. Raises FieldInvalid, CodeTaken."""
    check_text("code", new.code, 1, TERMS_CODE_MAX)
    check_text("name", new.name, 1, TERMS_NAME_MAX)
    check_currency(new.currency)
    if new.whom is not None:
        check_whom(uow, new.whom)
    _check_division(uow, new.division_id)
    prices_changed(uow)
    _must_be_free(uow, new.code)
    terms = check_promotion_terms(uow, new.terms, new.division_id)
    promotion_id = new.id or uuid4()
    values = {
        "code": new.code,
        "name": new.name,
        "currency": new.currency,
        "division_id": new.division_id,
        "level": None if new.whom is None else new.whom.level,
        "state": PROMOTING.after(None, "draft"),
        "draft": terms,
        "number": uow.rows(_NEXT, company=uow.company_id)[0].next,
    }
    uow.connection.execute(
        insert(promotion).values(company_id=uow.company_id, id=promotion_id, **values)
    )
    write_whom(uow, KIND, promotion_id, new.whom)
    told = {**values, "for_whom": _told(new.whom)}
    log_change(uow, actor, "promotion.draft", KIND, promotion_id, after=told)
    return promotion_id


def edit_promotion(
    uow: UnitOfWork,
    actor: Actor,
    promotion_id: UUID,
    *,
    code: str | None = None,
    name: str | None = None,
    terms: PromotionTerms | None = None,
    whom: Whom | None = None,
    is_for_all: bool = False,
) -> bool:
    """Change a promotion that is not ended; whether anything differs.

    Terms are a draft until they are published; a name, a code and for whom it is hold at once. With `is_for_all` it is
    for every store from now on. Raises NoSuchPromotion, StateWrong, FieldInvalid, CodeTaken.
    """
    prices_changed(uow)
    held = _locked(uow, promotion_id)
    if not PROMOTING.acts_from(held.state):
        raise StateWrong(Said("the promotion {code} is ended", code=held.code))
    was_for = read_whom(uow, KIND, promotion_id, held.level)
    before: dict[str, Any] = {"code": held.code, "name": held.name, "draft": held.draft}
    after = {**before, "code": code or held.code, "name": name or held.name}
    check_text("code", after["code"], 1, TERMS_CODE_MAX)
    check_text("name", after["name"], 1, TERMS_NAME_MAX)
    if after["code"] != held.code:
        _must_be_free(uow, after["code"])
    if terms is not None:
        after["draft"] = check_promotion_terms(uow, terms, held.division_id)
    wanted = None if is_for_all else (whom or was_for)
    is_moved = wanted != was_for
    if is_moved:
        if wanted is not None:
            check_whom(uow, wanted)
        write_whom(uow, KIND, promotion_id, wanted)
        before |= {"for_whom": _told(was_for)}
        after |= {"for_whom": _told(wanted)}
    if before == after:
        return False
    _set(
        uow,
        promotion_id,
        code=after["code"],
        name=after["name"],
        draft=after["draft"],
        level=None if wanted is None else wanted.level,
    )
    publish_promotions(uow, [promotion_id])
    was, is_ = differing(before, after)
    log_change(uow, actor, "promotion.edit", KIND, promotion_id, before=was, after=is_)
    if is_moved:
        bring_terms_up(uow, stores_of(uow, was_for, wanted))
    return True


def publish_promotion(
    uow: UnitOfWork,
    actor: Actor,
    promotion_id: UUID,
    *,
    valid_from: datetime,
    valid_until: datetime | None = None,
    may_be_past: bool = False,
) -> int:
    """The draft, or where there is none what was published last, as a new version; its number.

    From its begin on every earlier version is over. One that begins in the past prices orders that were
    captured then and come from now on; that must be meant. Raises NoSuchPromotion, StateWrong,
    PeriodInvalid.
    """
    valid_from = whole_ms(valid_from)
    valid_until = None if valid_until is None else whole_ms(valid_until)
    check_period(valid_from, valid_until)
    if valid_from < datetime.now(UTC) and not may_be_past:
        raise PeriodInvalid(
            Said("the promotion would hold from a moment that is past, and nobody said so")
        )
    prices_changed(uow)
    held = _locked(uow, promotion_id)
    state = PROMOTING.after(held.state, "publish")
    if state is None:
        raise StateWrong(
            Said("the promotion {code} is {state}", code=held.code, state=Said(held.state.lower()))
        )
    versions = uow.rows(_VERSIONS, company=uow.company_id, id=promotion_id)
    terms = held.draft if held.draft is not None else versions[0].terms
    version = versions[0].version + 1 if versions else 1
    uow.connection.execute(
        insert(promotion_version).values(
            company_id=uow.company_id,
            promotion_id=promotion_id,
            version=version,
            valid_from=valid_from,
            valid_until=valid_until,
            terms=terms,
            published_by=actor.name,
        )
    )
    _set(uow, promotion_id, state=state, draft=None)
    publish_promotions(uow, [promotion_id])
    log_change(
        uow,
        actor,
        "promotion.publish",
        KIND,
        promotion_id,
        before={"state": held.state},
        after={
            "state": state,
            "version": version,
            "valid_from": valid_from,
            "valid_until": valid_until,
            "terms": terms,
        },
    )
    # Whether the terms of stores name it follows from its periods.
    bring_terms_up(uow, stores_of(uow, read_whom(uow, KIND, promotion_id, held.level)))
    return version


def end_promotion(
    uow: UnitOfWork, actor: Actor, promotion_id: UUID, *, at: datetime | None = None
) -> None:
    """A promotion holds no more from a moment on, now unless given. Its past stays.

    Raises NoSuchPromotion, StateWrong, PeriodInvalid.
    """
    moment = whole_ms(at or datetime.now(UTC))
    check_moment(moment)
    if at is not None and at < datetime.now(UTC):
        raise PeriodInvalid(Said("what was in force stays so: a promotion ends now or later"))
    prices_changed(uow)
    held = _locked(uow, promotion_id)
    state = PROMOTING.after(held.state, "end")
    if state is None:
        raise StateWrong(Said("the promotion {code} is ended already", code=held.code))
    _set(uow, promotion_id, state=state, ended_at=moment)
    publish_promotions(uow, [promotion_id])
    log_change(
        uow,
        actor,
        "promotion.end",
        KIND,
        promotion_id,
        before={"state": held.state},
        after={"state": state, "ended_at": moment},
    )


def _locked(uow: UnitOfWork, promotion_id: UUID) -> Any:
    found = uow.connection.execute(
        select(promotion)
        .where(promotion.c.company_id == uow.company_id, promotion.c.id == promotion_id)
        .with_for_update()
    ).one_or_none()
    if found is None:
        raise NoSuchPromotion(Said("there is no such promotion in this company"))
    return found


def _set(uow: UnitOfWork, promotion_id: UUID, **values: Any) -> None:
    uow.connection.execute(
        update(promotion)
        .where(promotion.c.company_id == uow.company_id, promotion.c.id == promotion_id)
        .values(**values)
    )


def _must_be_free(uow: UnitOfWork, code: str) -> None:
    taken = select(promotion.c.id).where(
        promotion.c.company_id == uow.company_id, promotion.c.code == code
    )
    if uow.connection.execute(taken).first() is not None:
        raise CodeTaken(Said("another promotion has the code {code}", code=code))


def _check_division(uow: UnitOfWork, division_id: UUID | None) -> None:
    found = select(division.c.id).where(
        division.c.company_id == uow.company_id, division.c.id == division_id
    )
    if division_id is not None and uow.connection.execute(found).first() is None:
        raise FieldInvalid(Said("division_id: there is no such division in this company"))


def _told(whom: Whom | None) -> dict[str, Any] | None:
    return None if whom is None else whom.told()
