"""A company keeps an admin: nobody else could name one on a page.

Whoever ends what somebody holds, lets a person go or gives a position another role asks for it first. The transaction is
looked at when it is about to end, so that what takes a seat from one and gives it to another in between is none of it; and all ways pass
here: pages, commands, imports.
"""

from collections.abc import Callable, Sequence
from datetime import date, timedelta

from server.identity.errors import LastAdmin
from server.identity.permissions import SEES_ALL
from server.language import Said
from sync.unit_of_work import UnitOfWork

# From when until when somebody is admin; `left_on` is the day after a person's last.
_HELD = """
select o.starts_on, least(o.ends_on, n.left_on - 1) as ends_on
from position p
join occupancy o on o.company_id = p.company_id and o.position_id = p.id
join person n on n.company_id = o.company_id and n.id = o.person_id
where p.company_id = :company and p.role = any(:roles)
  and coalesce(least(o.ends_on, n.left_on - 1), cast('infinity' as date)) >= :today
"""
_NAME = "an admin stays"

Days = tuple[date, date]


def keep_an_admin(uow: UnitOfWork, today: date) -> None:
    """Let the transaction raise LastAdmin at its end where a day from today on that has an admin now would have none then.

    Call it before the change, in the company's turn. One query, and one at the end, whatever is changed.
    """
    uow.check_at_end(_NAME, lambda: _check(uow, _days_held(uow, today), today))


def first_day_lost(before: Sequence[Days], after: Sequence[Days], today: date) -> date | None:
    """The first day from today on that is among the days before and not among those after; None where there is none."""
    for first, last in sorted(before):
        day = max(first, today)
        while day <= last:
            until = max((end for begin, end in after if begin <= day <= end), default=None)
            if until is None:
                return day
            if until == date.max:
                break
            day = until + timedelta(days=1)
    return None


def _check(uow: UnitOfWork, before: Sequence[Days], today: date) -> Callable[[], None]:
    def check() -> None:
        day = first_day_lost(before, _days_held(uow, today), today)
        if day is not None:
            raise LastAdmin(
                Said(
                    "from {day} on nobody would be admin of the company: name another first",
                    day=day,
                )
            )

    return check


def _days_held(uow: UnitOfWork, today: date) -> list[Days]:
    rows = uow.rows(_HELD, company=uow.company_id, roles=list(SEES_ALL), today=today)
    return [
        (row.starts_on, date.max if row.ends_on is None else row.ends_on)
        for row in rows
        if row.ends_on is None or row.ends_on >= row.starts_on
    ]
