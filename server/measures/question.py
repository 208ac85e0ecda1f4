"""A question to the facts: of whom and where, over which period, and by what it is told apart.

Whoever asks sees the facts of the positions that they may see (server/identity/permissions.py), and
their own. A region stands for itself and all that is below it; whose region counts is that of the
position a fact was made for, as the company's tree is now. Likewise a division is the position's; a
position of no division works for all, and its facts belong to the divisions of the store.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from uuid import UUID

from server.identity.companies import company_day
from server.identity.permissions import visible_positions
from server.language import Said
from server.measures.errors import QuestionInvalid
from sync.unit_of_work import UnitOfWork

PERIOD_DAYS_MAX = 3_700
GROUPED_BY_MAX = 3

TIMES = ("day", "week", "month", "quarter", "year")
PLACES = ("channel", "store_class")
PRODUCTS = ("product_group", "product")
DIMENSIONS = ("person", "position", "region", "division", *PLACES, *TIMES, *PRODUCTS)

# The whole tree: a region with each region above it and itself. `union`, so that it also ends on a
# tree that somebody bent into a ring.
ABOVE = """
above as (
    select r.id, cast(r.id as text) as ancestor_key, r.parent_id from region r where r.company_id = :company
    union
    select a.id, cast(r.id as text), r.parent_id from above a
    join region r on r.company_id = :company and r.id = a.parent_id
)
"""

_SEATS = """
with recursive below as (
    select id from region where company_id = :company and id = cast(:region as uuid)
    union
    select r.id from region r join below b on r.parent_id = b.id where r.company_id = :company
)
select p.id from position p where p.company_id = :company
  and (cast(:region as uuid) is null or p.region_id in (select id from below))
  and (cast(:positions as uuid[]) is null or p.id = any(:positions))
  and (cast(:seen as uuid[]) is null or p.id = any(:seen))
order by p.id
"""
_POSITIONS = "select count(*) from position where company_id = :company"


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is asked. What is None is not asked for; the first and the last day are included."""

    first_day: date
    last_day: date
    group_by: tuple[str, ...] = ()
    person_id: UUID | None = None
    position_ids: Sequence[UUID] | None = None
    region_id: UUID | None = None
    division_id: UUID | None = None
    channel: str | None = None
    store_class: str | None = None
    # The category of products, and one of them: only of measures that are told by product.
    product_group: str | None = None
    product_id: UUID | None = None
    asker_id: UUID | None = None

    @property
    def is_by_product(self) -> bool:
        """Whether products play a part in it."""
        asked = (self.product_group, self.product_id)
        return any(each is not None for each in asked) or bool(set(PRODUCTS) & set(self.group_by))

    @property
    def is_of_one_month(self) -> bool:
        """Whether the period is a month or a part of one."""
        first, last = self.first_day, self.last_day
        return (first.year, first.month) == (last.year, last.month)

    def without_products(self) -> "Question":
        """The same, whatever the products."""
        by = tuple(name for name in self.group_by if name not in PRODUCTS)
        return replace(self, group_by=by, product_group=None, product_id=None)

    def without_times(self) -> "Question":
        """The same, not told apart by time."""
        by = tuple(name for name in self.group_by if name not in TIMES)
        return replace(self, group_by=by)


@dataclass(frozen=True, slots=True)
class Seats:
    """The positions whose facts are meant. No list: all facts, also those of no position.

    `own_id`: whose own facts are meant as well, whatever position they were made for.
    """

    ids: list[UUID] | None
    own_id: UUID | None = None


def check_question(question: Question) -> None:
    """Raise QuestionInvalid where a question is out of bounds."""
    if question.last_day < question.first_day:
        raise QuestionInvalid(Said("the period ends before it begins"))
    if (question.last_day - question.first_day).days >= PERIOD_DAYS_MAX:
        raise QuestionInvalid(Said("a period has at most {most} days", most=PERIOD_DAYS_MAX))
    if len(question.group_by) > GROUPED_BY_MAX:
        raise QuestionInvalid(Said("by at most {most} things at once", most=GROUPED_BY_MAX))
    if len(set(question.group_by)) < len(question.group_by):
        raise QuestionInvalid(Said("by one thing twice"))
    unknown = [name for name in question.group_by if name not in DIMENSIONS]
    if unknown:
        raise QuestionInvalid(
            Said(
                "by {unknown}: one of {choices}", unknown=unknown[0], choices=", ".join(DIMENSIONS)
            )
        )


def find_seats(uow: UnitOfWork, question: Question) -> Seats:
    """The positions that a question is about, within what its asker may see.

    One query, and up to three more with an asker.
    """
    seen: list[UUID] | None = None
    if question.asker_id is not None:
        visible = visible_positions(uow, question.asker_id, company_day(uow))
        (held,) = uow.rows(_POSITIONS, company=uow.company_id)
        seen = None if len(visible) == held[0] else sorted(visible)
    if seen is None and question.region_id is None and question.position_ids is None:
        return Seats(None)
    rows = uow.rows(
        _SEATS,
        company=uow.company_id,
        region=question.region_id,
        positions=None if question.position_ids is None else list(question.position_ids),
        seen=seen,
    )
    is_of_anywhere = question.region_id is None and question.position_ids is None
    return Seats(
        [row.id for row in rows],
        question.asker_id if seen is not None and is_of_anywhere else None,
    )
