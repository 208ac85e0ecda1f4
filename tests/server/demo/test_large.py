"""The demo grown large has what it says, told apart by the measures as any other facts."""

from datetime import date

import pytest
from sqlalchemy import create_engine

from server.demo.company import make_demo_company
from server.measures.question import Question
from server.measures.reading import read_measures
from sync.unit_of_work import Database


def test_what_happened_before_is_in_the_figures(
    fresh_database: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("server.demo.company.HISTORY_DAYS", 2)
    monkeypatch.setattr("server.demo.large.REPS", 14)
    monkeypatch.setattr("server.demo.large.DAYS", 4)
    owner, app = create_engine(fresh_database["owner"]), create_engine(fresh_database["app"])
    database = Database(app)
    made = make_demo_company(database, owner, today=date(2026, 3, 6), is_large=True)
    # Twelve reps before their own history, two on all four days; twenty stops each, most of them visited.
    days = 12 * 2 + 2 * 4
    counts = {name: made.counts[f"{name} of the large past"] for name in ("visits", "orders")}
    assert 0.75 * 20 * days < counts["visits"] < 0.95 * 20 * days
    with database.reading(made.company_id) as uow:
        stores = uow.rows("select count(*) as number from store where status = 'ACTIVE'")[0].number
        question = Question(
            first_day=date(2026, 3, 2), last_day=date(2026, 3, 5), group_by=("person",)
        )
        measures = ("SC", "TC", "PC", "COVERAGE", "FILL_RATE", "OSA", "DISTANCE", "WORKING_TIME")
        groups = read_measures(uow, question, measures)
    owner.dispose()
    app.dispose()
    assert stores == 700
    assert len(groups) == 14
    assert counts["orders"] > 0
    assert all(figure.numerator > 0 for group in groups for figure in group.figures[:3])
