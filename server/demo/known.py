"""What the demo company is called, and whether it is there: all that a start has to know of it once it is made."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import Connection, Engine, select

from sync import organisation

CODE = "DEMO"
NAME = "Yunhe Beverages & Snacks"
TIME_ZONE = "Asia/Shanghai"
KEY = UUID("d3b07384-d113-5ec2-9f3c-6a1f4b0e7a55")
PASSWORD = "roadbook-demo"  # noqa: S105  the demo's password is printed at every start


@dataclass(frozen=True, slots=True)
class Found:
    """A company with the demo's code. One that is not whole was left behind half made."""

    company_id: int
    is_whole: bool


def demo_exists(owner: Engine) -> bool:
    """Whether there is a demo company, whole."""
    with owner.connect() as connection:
        found = find_demo(connection)
    return found is not None and found.is_whole


def find_demo(connection: Connection) -> Found | None:
    """The demo, or somebody's own company that has its code: that one is whole, whatever is in it."""
    table = organisation.company.c
    row = connection.execute(
        select(table.id, table.key, table.is_demo).where(table.code == CODE)
    ).one_or_none()
    return None if row is None else Found(row.id, row.is_demo or row.key != KEY)
