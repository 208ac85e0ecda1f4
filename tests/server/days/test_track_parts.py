"""The measure DISTANCE says of a day what the day's reading says, whatever came when."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy

from server.days.track_parts import bring_track_days_up
from server.days.tracks import read_day_track
from server.identity.change_log import Actor
from server.identity.policy import change_policy
from server.jobs.tracks import purge_tracks
from server.jobs.work import Workshop, do_row
from server.measures.behind import read_behind
from server.measures.question import Question
from server.measures.reading import read_measures
from sync.engine import Engine
from sync.unit_of_work import Database
from tests.factories import TODAY, Cast, Person, add_policy
from tests.server.days.conftest import MIDNIGHT
from tests.server.days.test_tracks import at, morning, put_elsewhere
from tests.sync.talking import HOUR, Phone, rows_of
from tests.track_factories import track, walk_north

PhoneOf = Callable[[Person], Phone]
TOMORROW = TODAY + timedelta(days=1)
EVENING = datetime.fromtimestamp(MIDNIGHT / 1000, UTC)


@pytest.fixture
def measured(
    db: Database, roadbook: Engine, cast: Cast
) -> Callable[..., dict[tuple[str, ...], Any]]:
    """Names → (cm, person-days), once the work that is left was done."""

    def ask(**asked: Any) -> dict[tuple[str, ...], Any]:
        work(db, roadbook, cast)
        asked = {"first_day": TODAY, "last_day": TODAY, **asked}
        with db.reading(cast.company.id) as uow:
            groups = read_measures(uow, Question(**asked), ["DISTANCE"], now=EVENING)
        return {
            group.names: (figure.numerator, figure.denominator)
            for group in groups
            for figure in group.figures
        }

    return ask


def work(db: Database, roadbook: Engine, cast: Cast) -> None:
    rows = rows_of(db, cast, "select id from outbox where topic = 'track_day' order by id")
    for row in rows:
        assert do_row(Workshop(db, roadbook), cast.company.id, row.id) == "done"


def way(db: Database, cast: Cast, person: Person, **asked: Any) -> int:
    """How far the day's reading says."""
    day = asked.pop("day", TODAY)
    with db.reading(cast.company.id) as uow:
        return read_day_track(uow, person.id, day, MIDNIGHT, **asked).distance_cm


def test_the_way_from_one_segment_to_the_next_counts(
    cast: Cast, phone: PhoneOf, db: Database, measured: Any
) -> None:
    ana = phone(cast.ana)
    ana.push(
        track(ana, walk_north(10), began=at("09:00")),
        track(ana, walk_north(10, from_m=300), began=at("09:05")),
    )
    by_themselves = sum(
        row.distance_cm for row in rows_of(db, cast, "select distance_cm from track")
    )
    whole = way(db, cast, cast.ana)
    assert whole > by_themselves + 170_00
    assert measured() == {(): (whole, 1)}
    assert measured(group_by=("person",)) == {("Ana",): (whole, 1)}


def test_a_late_segment_changes_the_day_and_the_order_does_not_matter(
    cast: Cast, phone: PhoneOf, db: Database, measured: Any
) -> None:
    ana = phone(cast.ana)
    first, second, third = morning(ana)
    ana.push(third)
    ana.push(first)
    before = measured()
    assert before == {(): (way(db, cast, cast.ana), 1)}
    ana.push(second)
    assert measured() == {(): (way(db, cast, cast.ana), 1)} != before


def test_what_came_twice_counts_once_and_reading_again_changes_nothing(
    cast: Cast, phone: PhoneOf, db: Database, measured: Any
) -> None:
    ana = phone(cast.ana)
    ana.push(*morning(ana))
    before = measured()
    ana.push(*morning(ana))
    assert measured() == before == {(): (way(db, cast, cast.ana), 1)}
    parts = rows_of(db, cast, "select * from track_part order by track_id")
    bring_track_days_up(db, cast.company.id, [f"{cast.ana.id} {TODAY}"])
    assert rows_of(db, cast, "select * from track_part order by track_id") == parts


def test_a_segment_that_goes_on_past_midnight_counts_on_both_days(
    cast: Cast, phone: PhoneOf, db: Database, owner_engine: sqlalchemy.Engine, measured: Any
) -> None:
    every_hour = {"working_from_min": 0, "working_until_min": 24 * 60}
    with owner_engine.begin() as connection:
        add_policy(connection, cast.company, version=2, **every_hour)
    ana = phone(cast.ana)
    ana.now = MIDNIGHT + HOUR
    ana.push(track(ana, walk_north(121), began=MIDNIGHT - HOUR // 6))
    found = measured(last_day=TOMORROW, group_by=("day",))
    assert found == {
        (str(TODAY),): (way(db, cast, cast.ana), 1),
        (str(TOMORROW),): (way(db, cast, cast.ana, day=TOMORROW), 1),
    }
    assert min(each[0] for each in found.values()) > 800_00


def test_each_position_has_its_part_and_whoever_sees_only_one_sees_that(
    cast: Cast, phone: PhoneOf, db: Database, measured: Any
) -> None:
    ana = phone(cast.ana)
    first, *others = morning(ana)
    ana.push(first, *others)
    put_elsewhere(db, cast, first["entity_id"])
    bring_track_days_up(db, cast.company.id, [f"{cast.ana.id} {TODAY}"])
    whole = way(db, cast, cast.ana)
    by_position = measured(group_by=("position",))
    assert len(by_position) == 2
    assert sum(cm for cm, _ in by_position.values()) == whole
    (seen,) = measured(asker_id=cast.sam.id).values()
    assert seen == (way(db, cast, cast.ana, asker_id=cast.sam.id), 1)
    assert 0 < seen[0] < whole
    assert measured(asker_id=cast.ana.id) == {(): (whole, 1)}


def test_the_segments_behind_a_figure_add_up_to_it(
    cast: Cast, phone: PhoneOf, db: Database, measured: Any
) -> None:
    ana = phone(cast.ana)
    items = morning(ana)
    ana.push(*items)
    ((cm, _),) = measured().values()
    with db.reading(cast.company.id) as uow:
        facts = read_behind(uow, Question(first_day=TODAY, last_day=TODAY), "tracks")
    assert {fact.id for fact in facts} == {UUID(item["entity_id"]) for item in items}
    assert sum(fact.numbers["distance_cm"] for fact in facts) == cm


def test_what_is_past_its_retention_counts_no_more(
    cast: Cast, phone: PhoneOf, db: Database, measured: Any
) -> None:
    ana = phone(cast.ana)
    ana.push(*morning(ana))
    assert measured()[()][1] == 1
    assert purge_tracks(db, cast.company.id).rows == 3
    assert way(db, cast, cast.ana) == 0
    assert measured() == {(): (0, 0)}


def test_what_is_left_of_a_month_that_was_dropped_goes(
    cast: Cast, phone: PhoneOf, db: Database, measured: Any
) -> None:
    ana = phone(cast.ana)
    ana.push(*morning(ana))
    assert measured()[()][1] == 1
    with db.company(cast.company.id) as uow:
        uow.run("delete from track where person_id = :id", id=cast.ana.id)
    purge_tracks(db, cast.company.id)
    assert rows_of(db, cast, "select from track_part") == []


@pytest.mark.parametrize(
    ("setting", "value", "is_read_again"),
    [("track_silence_s", 60, True), ("stop_min_s", 60, False)],
)
def test_a_change_of_the_settings_has_the_days_that_go_on_read_again(
    cast: Cast, db: Database, setting: str, value: int, is_read_again: bool
) -> None:
    with db.company(cast.company.id) as uow:
        for days_ago in (0, 9):
            uow.run(
                "insert into track_part values (:c, :p, current_date - :ago, gen_random_uuid(), null,"
                " now(), 2, 5)",
                c=cast.company.id,
                p=cast.ana.id,
                ago=days_ago,
            )
        (today,) = uow.rows("select current_date as day")[0]
        change_policy(uow, Actor.command("tests"), {setting: value})
    left = rows_of(db, cast, "select payload from outbox where topic = 'track_day'")
    assert [row.payload["ids"] for row in left] == (
        [[f"{cast.ana.id} {today}"]] if is_read_again else []
    )
