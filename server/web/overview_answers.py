"""What the overview asks and may wait for: its figures, its table, its charts."""

from collections.abc import Mapping
from datetime import datetime

from server.answers.asked import Answerer
from server.identity.sessions import Visitor
from server.targets.standings import Standing, read_standings
from server.web.overview_asked import read_asked
from server.web.overview_charts import Series, read_series
from server.web.overview_groups import Groups, read_groups
from sync.unit_of_work import UnitOfWork


def _standings(
    uow: UnitOfWork, visitor: Visitor, arguments: Mapping[str, str], now: datetime
) -> list[Standing]:
    asked = read_asked(visitor, arguments)
    return read_standings(uow, asked.question(), asked.measures, today=visitor.today, now=now)


def _groups(
    uow: UnitOfWork, visitor: Visitor, arguments: Mapping[str, str], now: datetime
) -> Groups:
    return read_groups(uow, read_asked(visitor, arguments), now=now)


def _series(
    uow: UnitOfWork, visitor: Visitor, arguments: Mapping[str, str], now: datetime
) -> Series:
    return read_series(uow, read_asked(visitor, arguments), arguments["measure"], now=now)


STANDINGS = Answerer("overview-figures", list[Standing], _standings)
GROUPS = Answerer("overview-groups", Groups, _groups)
SERIES = Answerer("overview-series", Series, _series)
