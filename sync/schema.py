"""The whole database schema: importing this module fills `metadata` with every table."""

from sync import organisation, tables
from sync.kinds.attendance import table as attendance
from sync.kinds.day_plan import table as day_plan
from sync.kinds.order import table as order
from sync.kinds.proposal import table as proposal
from sync.kinds.route import table as route
from sync.kinds.store import table as store
from sync.kinds.target import table as target
from sync.kinds.visit import table as visit

metadata = tables.metadata

ALL_TABLE_MODULES = (
    tables,
    organisation,
    store,
    route,
    day_plan,
    visit,
    attendance,
    proposal,
    target,
    order,
)
