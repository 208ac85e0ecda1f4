"""Facts for measures, written straight into the tables: visits, plans, duty, orders of a company."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, time, timedelta
from typing import Any
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, insert, update

from sync.kinds.attendance.table import attendance
from sync.kinds.day_plan.table import day_plan
from sync.kinds.form_answer.table import form_answer, form_measure
from sync.kinds.order.table import order_delivery, order_header, order_line
from sync.kinds.product.table import product, product_unit
from sync.kinds.track.table import track, track_part
from sync.kinds.visit.table import visit
from tests.factories import TODAY, Company, Person, add_day_plan

DEVICE = UUID("0b000000-0000-4000-8000-00000000d0d0")


def moment(company: Company, day: date, hour: int, minute: int = 0) -> datetime:
    """A moment of the company's day."""
    return datetime.combine(day, time(hour, minute), ZoneInfo(company.time_zone))


def add_visit(
    connection: Connection,
    company: Company,
    person: Person,
    store_id: UUID,
    *,
    day: date = TODAY,
    hour: int = 10,
    **columns: Any,
) -> UUID:
    """A visit of twenty minutes on site; every column can be given."""
    visit_id = uuid4()
    began = moment(company, day, hour)
    values = {
        "version": 1,
        "person_id": person.id,
        "position_id": person.position_id,
        "device_id": DEVICE,
        "store_id": store_id,
        "day_plan_id": None,
        "is_by_phone": False,
        "state": "DONE",
        "business_day": day,
        "began_at": began,
        "ended_at": began + timedelta(minutes=20),
        "trust": "CLOCK",
        "verdict": "ONSITE",
        "distance_cm": 500,
        "flags": [],
        "received_at": began,
        **columns,
    }
    connection.execute(insert(visit).values(company_id=company.id, id=visit_id, **values))
    return visit_id


def add_frozen_plan(
    connection: Connection, company: Company, position_id: UUID, day: date, stores: Sequence[UUID]
) -> UUID:
    """A plan whose day has begun."""
    plan_id = add_day_plan(connection, company, position_id=position_id, day=day, store_ids=stores)
    connection.execute(
        update(day_plan)
        .where(day_plan.c.company_id == company.id, day_plan.c.id == plan_id)
        .values(frozen_at=moment(company, day, 0))
    )
    return plan_id


def add_duty(
    connection: Connection,
    company: Company,
    person: Person,
    events: Sequence[tuple[str, int, int]],
    *,
    day: date = TODAY,
) -> None:
    """Events of a day as (event, hour, minute)."""
    for event, hour, minute in events:
        at = moment(company, day, hour, minute)
        connection.execute(
            insert(attendance).values(
                company_id=company.id,
                id=uuid4(),
                version=1,
                person_id=person.id,
                position_id=person.position_id,
                device_id=DEVICE,
                event=event,
                business_day=day,
                occurred_at=at,
                trust="CLOCK",
                flags=[],
                received_at=at,
            )
        )


def add_order(
    connection: Connection,
    company: Company,
    person: Person,
    store_id: UUID,
    lines: Sequence[tuple[UUID, int, int]],
    *,
    day: date = TODAY,
    units: Sequence[str] | None = None,
    **columns: Any,
) -> UUID:
    """An accepted order with lines of (product, quantity, total in minor units); columns of its header."""
    order_id = uuid4()
    at = moment(company, day, 10, 15)
    total = sum(line[2] for line in lines)
    values = {
        "version": 1,
        "order_version": 1,
        "order_type": "SALE",
        "state": "ACCEPTED",
        "holds": [],
        "person_id": person.id,
        "position_id": person.position_id,
        "device_id": DEVICE,
        "store_id": store_id,
        "currency": "CNY",
        "business_day": day,
        "ordered_at": at,
        "total_minor": total,
        "server_total_minor": total,
        "likeness": order_id,
        "trust": "CLOCK",
        "flags": [],
        "received_at": at,
        **columns,
    }
    connection.execute(insert(order_header).values(company_id=company.id, id=order_id, **values))
    for number, (product_id, quantity, line_total) in enumerate(lines, start=1):
        connection.execute(
            insert(order_line).values(
                company_id=company.id,
                order_id=order_id,
                order_version=values["order_version"],
                line=number,
                product_id=product_id,
                unit="EA" if units is None else units[number - 1],
                quantity=quantity,
                price_minor=line_total // max(quantity, 1),
                discount_minor=0,
                total_minor=line_total,
                server_total_minor=line_total,
            )
        )
    return order_id


def add_delivery(
    connection: Connection, company: Company, order_id: UUID, lines: Sequence[tuple[int, int, int]]
) -> None:
    """What a driver confirmed: (line, delivered, short) of the first version."""
    for line, delivered, short in lines:
        connection.execute(
            insert(order_delivery).values(
                company_id=company.id,
                order_id=order_id,
                line=line,
                order_version=1,
                delivered=delivered,
                short=short,
                returned=0,
                delivered_minor=0,
            )
        )


def add_product(
    connection: Connection,
    company: Company,
    name: str,
    *,
    number: int,
    category: str,
    units: Mapping[str, int],
) -> UUID:
    """A product of our own, with its units in base units."""
    product_id = company.named(f"product {name}")
    connection.execute(
        insert(product).values(
            company_id=company.id,
            id=product_id,
            number=number,
            code=name.upper(),
            name=name,
            category=category,
            brand="Ours",
            is_own=True,
            status="ACTIVE",
        )
    )
    for place, (unit, base_units) in enumerate(units.items()):
        connection.execute(
            insert(product_unit).values(
                company_id=company.id,
                product_id=product_id,
                unit=unit,
                base_units=base_units,
                place=place,
            )
        )
    return product_id


def add_check(
    connection: Connection,
    company: Company,
    person: Person,
    store_id: UUID,
    visit_id: UUID,
    measures: Mapping[str, tuple[int | None, int | None]],
    *,
    by_product: Mapping[UUID, tuple[int, int]] | None = None,
    day: date = TODAY,
    hour: int = 10,
) -> UUID:
    """A filled-in form with (over, out of) of each measure, and of OSA by product."""
    answer_id = uuid4()
    at = moment(company, day, hour, 10)
    whose = {
        "company_id": company.id,
        "store_id": store_id,
        "person_id": person.id,
        "position_id": person.position_id,
        "business_day": day,
    }
    connection.execute(
        insert(form_answer).values(
            **whose,
            id=answer_id,
            version=1,
            template_id=uuid4(),
            template_version=1,
            visit_id=visit_id,
            answered_at=at,
            score_over=0,
            score_out_of=0,
            flags=[],
            received_at=at,
        )
    )
    for measure, (over, out_of) in measures.items():
        products = (by_product or {}) if measure == "OSA" else {}
        connection.execute(
            insert(form_measure).values(
                **whose,
                answer_id=answer_id,
                measure=measure,
                numerator=over,
                denominator=out_of,
                product_ids=list(products),
                numerators=[each[0] for each in products.values()],
                denominators=[each[1] for each in products.values()],
            )
        )
    return answer_id


def add_track(
    connection: Connection,
    company: Company,
    person: Person,
    *,
    from_hour: int,
    until_hour: int,
    distance_cm: int,
    day: date = TODAY,
) -> UUID:
    """A segment of a track, and what of the day's way is its."""
    track_id = uuid4()
    connection.execute(
        insert(track_part).values(
            company_id=company.id,
            person_id=person.id,
            business_day=day,
            track_id=track_id,
            position_id=person.position_id,
            from_at=moment(company, day, from_hour),
            points=2,
            distance_cm=distance_cm,
        )
    )
    connection.execute(
        insert(track).values(
            company_id=company.id,
            id=track_id,
            received_at=moment(company, day, until_hour, 1),
            person_id=person.id,
            position_id=person.position_id,
            device_id=DEVICE,
            business_day=day,
            began_at=moment(company, day, from_hour),
            ended_at=moment(company, day, until_hour),
            trust="CLOCK",
            datum="WGS84",
            packed=b"",
            points=2,
            removed=0,
            distance_cm=distance_cm,
            dropped_coarse=0,
            dropped_zero=0,
            dropped_fast=0,
            dropped_repeated=0,
            gaps=[],
            stops=[],
            flags=[],
            policy_version=1,
        )
    )
    return track_id
