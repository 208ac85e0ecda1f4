"""The statements of a page do not grow with what it shows. Every page that there is is asked for, a new one by itself."""

from datetime import timedelta

import pytest
from sqlalchemy import Engine

from server.forms.editing import add_question
from server.forms.edits import begin_new, change_edit
from server.identity.companies import company_day
from tests.activities_factories import add_activity, add_activity_store, add_notice, add_task
from tests.bench.pages import addresses_of, is_part
from tests.factories import (
    add_occupancy,
    add_person,
    add_position,
    add_route,
    add_store,
)
from tests.measures_factories import add_frozen_plan, add_order, add_product, add_visit
from tests.server.web.conftest import Office
from tests.sync.talking import counted_statements


def grow(office: Office, owner_engine: Engine, first: int, number: int) -> None:
    """So many more of everything: people with positions, stores and routes, a day's work of each, and what the
    office asked of them.
    """
    cast, company = office.cast, office.cast.company
    with office.database.company(company.id) as uow:
        today = company_day(uow)
    with owner_engine.begin() as connection:
        for each in range(first, first + number):
            person = add_person(connection, company, f"rep{each}")
            position = add_position(
                connection, company, f"seat{each}", role="rep", region_id=cast.regions.north
            )
            add_occupancy(connection, company, position_id=position, person_id=person)
            store = add_store(connection, company, f"shop{each}", region_id=cast.regions.north)
            add_route(connection, company, f"route{each}", position_id=position, store_ids=[store])
            product = add_product(
                connection,
                company,
                f"thing{each}",
                number=each + 100,
                category="Water",
                units={"EA": 1},
            )
            plan_day = today - timedelta(days=each)
            plan = add_frozen_plan(connection, company, cast.ana.position_id, plan_day, [store])
            for day in (today, today - timedelta(days=1)):
                visit = add_visit(
                    connection,
                    company,
                    cast.ana,
                    store,
                    day=day,
                    flags=["too_short"],
                    day_plan_id=plan,
                )
                add_order(
                    connection,
                    company,
                    cast.ana,
                    store,
                    [(product, 1, 500)],
                    day=day,
                    visit_id=visit,
                )
    with office.database.company(company.id) as uow:
        began = begin_new(uow, cast.ada.id, code=f"FORM{first}", title="Form", titles={})
        for _ in range(number):
            change_edit(
                uow, cast.ada.id, began, lambda form: add_question(form, "ROWS", "Shelf", {})[0]
            )
        activity_id = add_activity(uow)
        for each in range(first, first + number):
            add_activity_store(uow, activity_id, company.named(f"store shop{each}"))
            add_task(uow, cast.ana.position_id)
            add_notice(uow)


def test_the_statements_of_every_page_grow_with_nothing(
    office: Office, owner_engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    grow(office, owner_engine, 1, 2)
    counts: dict[str, list[int]] = {}
    ada = office.browser(office.cast.ada)
    # The first request of a session notes that it is in use.
    ada.get("/")
    for more in (0, 12):
        if more:
            grow(office, owner_engine, 10, more)
        with office.database.reading(office.cast.company.id) as uow:
            pages, _ = addresses_of(uow, office.app, "admin", office.cast.ada.id)
        for endpoint, page in pages:
            headers = {"HX-Request": "true"} if is_part(page) else {}
            with counted_statements(monkeypatch) as statements:
                ada.get(page, headers=headers)
            counts.setdefault(f"{endpoint} {page.partition('?')[2]}", []).append(len(statements))
    grown = {page: found for page, found in counts.items() if len(set(found)) > 1}
    assert grown == {}
    assert len(counts) > 80
