"""A company is founded by the owner of the tables: the service's role may not make one."""

import re
from dataclasses import dataclass
from datetime import datetime
from uuid import uuid4

from sqlalchemy import Connection, Engine, func, insert, select

from server.identity.change_log import Actor, log_change
from server.identity.errors import CompanyCodeInvalid, CompanyExists, NameInvalid
from server.identity.people import MAX_NAME_LENGTH
from server.identity.policy import changed_policy
from server.language import Said
from sync.kinds.policy.publish import publish_policy
from sync.organisation import change_log, company, policy
from sync.policy import Policy, policy_settings
from sync.unit_of_work import Database

# People type it before an enrolment code, in either case; what separates stands inside only.
_CODE = re.compile(r"[A-Z0-9]([A-Z0-9-]{0,18}[A-Z0-9])?")


@dataclass(frozen=True, slots=True)
class CompanyListed:
    """A company as an operator sees it."""

    code: str
    name: str
    time_zone: str
    created_at: datetime
    people: int
    phones: int


def found_company(
    owner: Engine, database: Database, actor: Actor, *, code: str, name: str, time_zone: str
) -> int:
    """A new company with the policy's defaults; its id. Raises CompanyExists, SettingInvalid,
    CompanyCodeInvalid, NameInvalid.

    The owner writes the rows, the service's role publishes and logs, because row-level security
    keeps companies apart only for that one. Broken off between the two, it is taken up where it
    was left by founding again.
    """
    clean_code, clean_name = code.strip().upper(), " ".join(name.split())
    if not _CODE.fullmatch(clean_code):
        raise CompanyCodeInvalid(
            Said(
                "a company's code has 1 to 20 letters A to Z and digits, with hyphens between them"
            )
        )
    if not 1 <= len(clean_name) <= MAX_NAME_LENGTH or not clean_name.isprintable():
        raise NameInvalid(Said("a name has 1 to {most} printable characters", most=MAX_NAME_LENGTH))
    chosen = changed_policy(Policy(), {"time_zone": time_zone})
    with owner.begin() as connection:
        company_id = _left_half_made(connection, clean_code)
        if company_id is None:
            company_id = _written(connection, clean_code, clean_name, chosen)
    with database.company(company_id) as uow:
        publish_policy(uow)
        log_change(
            uow,
            actor,
            "company.found",
            "company",
            clean_code,
            after={"code": clean_code, "name": clean_name, "time_zone": time_zone},
        )
    return company_id


def list_companies(database: Database, *, at_most: int | None = None) -> list[CompanyListed]:
    """The companies in the order in which they were founded."""
    with database.installation() as uow:
        ids = [int(one) for one in uow.connection.execute(select(func.company_ids())).scalars()]
    found = []
    for company_id in sorted(ids)[:at_most]:
        with database.reading(company_id) as uow:
            row = uow.rows(
                "select code, name, time_zone, created_at,"
                " (select count(*) from person where left_on is null) as people,"
                " (select count(*) from device where state = 'ACTIVE') as phones from company"
            )[0]
        found.append(CompanyListed(*row))
    return found


def _written(connection: Connection, code: str, name: str, chosen: Policy) -> int:
    company_id: int = connection.execute(
        insert(company)
        .values(key=uuid4(), code=code, name=name, time_zone=chosen.time_zone)
        .returning(company.c.id)
    ).scalar_one()
    connection.execute(
        insert(policy).values(company_id=company_id, version=1, settings=policy_settings(chosen))
    )
    return company_id


def _left_half_made(connection: Connection, code: str) -> int | None:
    """The company of that code in which nobody has done anything yet. Raises CompanyExists."""
    found: int | None = connection.execute(
        select(company.c.id).where(company.c.code == code)
    ).scalar_one_or_none()
    if found is None:
        return None
    is_begun = connection.execute(
        select(change_log.c.id).where(change_log.c.company_id == found).limit(1)
    ).first()
    if is_begun is not None:
        raise CompanyExists(Said("there is a company {code} already", code=code))
    return found
