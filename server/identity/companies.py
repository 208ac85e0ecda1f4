"""Which company is meant, and what day it is there."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

from sqlalchemy import func, select

from server.identity.errors import NoSuchCompany
from server.language import Said
from sync.organisation import company
from sync.policy import current_policy
from sync.unit_of_work import Database, UnitOfWork

AT_MOST_NAMED = 20


def find_company(database: Database, code: str | None) -> int:
    """The company with this code, in either case; without a code the only one there is.

    Raises NoSuchCompany, which names the companies to choose from.
    """
    with database.installation() as uow:
        if code is not None:
            # No code has a NUL, and no query takes one.
            for written in (code.strip(), code.strip().upper()) if "\x00" not in code else ():
                found = uow.connection.execute(select(func.company_id_of(written))).scalar_one()
                if found is not None:
                    return int(found)
            raise NoSuchCompany(Said("there is no company {code!r}", code=code))
        ids = [int(one) for one in uow.connection.execute(select(func.company_ids())).scalars()]
    if len(ids) == 1:
        return ids[0]
    if not ids:
        raise NoSuchCompany(Said("there is no company yet"))
    codes = []
    for company_id in ids[:AT_MOST_NAMED]:
        with database.reading(company_id) as uow:
            codes.append(uow.connection.execute(select(company.c.code)).scalar_one())
    more = " …" if len(ids) > AT_MOST_NAMED else ""
    raise NoSuchCompany(
        Said("name one with --company: {codes}{more}", codes=", ".join(codes), more=more)
    )


def company_day(uow: UnitOfWork, now: datetime | None = None) -> date:
    """The day in the company's time zone."""
    _, policy = current_policy(uow)
    return (now or datetime.now(UTC)).astimezone(policy.zone).date()


def company_zone(uow: UnitOfWork) -> ZoneInfo:
    """The company's time zone, in which its people are told the time."""
    return current_policy(uow)[1].zone
