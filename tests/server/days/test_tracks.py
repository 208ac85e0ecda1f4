"""A day's track end to end: from what phones push, for whoever may see it."""

from collections.abc import Callable
from datetime import date
from uuid import uuid4

import pytest
import sqlalchemy

from server.days import tracks
from server.days.lines import day_lines
from server.days.reading import read_day, read_days
from server.days.tracks import DayTrack, read_day_track
from server.identity.errors import NoSuchPerson
from sync.unit_of_work import Database
from tests.factories import TODAY, Cast, Person, add_policy, make_cast
from tests.server.days.conftest import MIDNIGHT
from tests.sync.talking import HOUR, MINUTE, NOON, Json, Phone, counted_statements
from tests.track_factories import point, stand, track, walk_north

PhoneOf = Callable[[Person], Phone]
Tracker = Callable[..., DayTrack]


def at(clock: str) -> int:
    hour, minute = map(int, clock.split(":"))
    return MIDNIGHT - (24 - hour) * HOUR + minute * MINUTE


@pytest.fixture
def tracked(db: Database, cast: Cast) -> Tracker:
    def ask(person: Person, **asked: object) -> DayTrack:
        day = asked.pop("day", TODAY)
        with db.reading(cast.company.id) as uow:
            return read_day_track(uow, person.id, day, MIDNIGHT, **asked)  # type: ignore[arg-type]

    return ask


def morning(phone: Phone) -> list[Json]:
    """A walk of 280 m, 10 minutes in front of the second store, positions off for 20 minutes, a walk."""
    return [
        track(phone, walk_north(21), began=at("09:00")),
        track(phone, stand(11, at_m=225), began=at("09:04")),
        track(
            phone,
            walk_north(11, from_m=500),
            began=at("09:34"),
            gaps=[(at("09:14"), at("09:34"), "GPS_OFF")],
        ),
    ]


def test_a_day_is_read_from_its_segments(cast: Cast, phone: PhoneOf, tracked: Tracker) -> None:
    ana = phone(cast.ana)
    ana.push(*morning(ana))
    read = tracked(cast.ana)
    assert (read.segments, read.points, read.is_whole) == (3, 43, True)
    assert [len(run) for run in read.runs] == [32, 11]
    assert 420_00 <= read.distance_cm <= 540_00
    assert [(g.from_at, g.until_at, g.cause) for g in read.gaps] == [
        (at("09:14"), at("09:34"), "GPS_OFF")
    ]
    (stop,) = read.stops
    assert stop.until_at == at("09:14")
    assert stop.store_name == "Beacon"
    assert (stop.store_distance_cm or 0) < 10_00
    first = read.runs[0][0]
    assert (first.at, first.lat_e7, first.is_mock) == (at("09:00"), 313_500_000, False)


def test_the_reading_is_the_same_whatever_came_first(
    cast: Cast, phone: PhoneOf, tracked: Tracker, owner_engine: sqlalchemy.Engine, db: Database
) -> None:
    ana = phone(cast.ana)
    ana.push(*morning(ana))
    other = make_cast(owner_engine, db)
    theirs = Phone(ana.engine, other.ana.device, now=ana.now)
    for item in reversed(morning(theirs)):
        theirs.push(item)
    with db.reading(other.company.id) as uow:
        backwards = read_day_track(uow, other.ana.id, TODAY, MIDNIGHT)
    read = tracked(cast.ana)
    assert (backwards.runs, backwards.gaps, backwards.stops, backwards.distance_cm) == (
        read.runs,
        read.gaps,
        read.stops,
        read.distance_cm,
    )


def test_two_phones_of_one_person_count_once(cast: Cast, phone: PhoneOf, tracked: Tracker) -> None:
    ana = phone(cast.ana)
    ana.push(*morning(ana))
    before = tracked(cast.ana)
    ana.push(*morning(ana))
    after = tracked(cast.ana)
    assert (after.distance_cm, after.points, after.gaps) == (
        before.distance_cm,
        before.points,
        before.gaps,
    )
    assert after.overlapping == 43


def test_a_chinese_datum_is_read_in_wgs84(cast: Cast, phone: PhoneOf, tracked: Tracker) -> None:
    ana = phone(cast.ana)
    ana.push(track(ana, walk_north(5), began=at("09:00"), datum="GCJ02"))
    read = tracked(cast.ana)
    assert read.points == 5
    assert abs(read.runs[0][0].lat_e7 - 313_500_000) > 10_000


def test_removed_points_are_told_by_their_number(
    cast: Cast, phone: PhoneOf, tracked: Tracker
) -> None:
    ana = phone(cast.ana)
    ana.push(track(ana, [point(600 * n, 100 * n) for n in range(6)], began=at("19:30")))
    read = tracked(cast.ana)
    assert (read.points, read.removed) == (3, 3)


# ---- who sees it ----------------------------------------------------------------------------------


def test_whoever_sees_the_position_sees_the_track(
    cast: Cast, phone: PhoneOf, tracked: Tracker
) -> None:
    ana = phone(cast.ana)
    ana.push(*morning(ana))
    whole = tracked(cast.ana)
    for asker in (cast.sam, cast.mia, cast.ada, cast.ana):
        assert tracked(cast.ana, asker_id=asker.id) == whole


def test_to_another_rep_there_is_no_such_person(
    cast: Cast, phone: PhoneOf, tracked: Tracker
) -> None:
    ana = phone(cast.ana)
    ana.push(*morning(ana))
    with pytest.raises(NoSuchPerson):
        tracked(cast.ana, asker_id=cast.ben.id)
    with pytest.raises(NoSuchPerson):
        tracked(cast.ana, asker_id=uuid4())


def put_elsewhere(db: Database, cast: Cast, track_id: str) -> None:
    """As if the segment had come for a position in another region."""
    with db.company(cast.company.id) as uow:
        uow.run(
            "insert into position (company_id, id, code, name, role, region_id)"
            " values (:c, :id, 'ELSE', 'Else', 'rep', :region)",
            c=cast.company.id,
            id=(elsewhere := uuid4()),
            region=cast.regions.wharf,
        )
        # The application may not change a track: what it wrote is put back with another position.
        names = [
            row.name
            for row in uow.rows(
                "select attname as name from pg_attribute"
                " where attrelid = 'track'::regclass and attnum > 0 and not attisdropped"
            )
        ]
        taken = ", ".join(f'"{name}"' for name in names)
        given = ", ".join(":p" if name == "position_id" else f'"{name}"' for name in names)
        uow.run(
            f"with gone as (delete from track where id = :id returning *)"
            f" insert into track ({taken}) select {given} from gone",
            id=track_id,
            p=elsewhere,
        )


def test_segments_of_a_position_that_the_asker_does_not_see_are_left_out(
    cast: Cast, phone: PhoneOf, tracked: Tracker, db: Database
) -> None:
    ana = phone(cast.ana)
    first, *others = morning(ana)
    ana.push(first, *others)
    put_elsewhere(db, cast, first["entity_id"])
    assert tracked(cast.ana, asker_id=cast.sam.id).segments == 2
    assert tracked(cast.ana, asker_id=cast.mia.id).segments == 3


def test_whoever_sent_only_a_track_has_a_day(cast: Cast, phone: PhoneOf, db: Database) -> None:
    aki = phone(cast.aki)
    with db.reading(cast.company.id) as uow:
        assert cast.aki.id not in {d.person_id for d in read_days(uow, TODAY, MIDNIGHT)}
    aki.push(track(aki, walk_north(3), began=at("09:00")))
    with db.reading(cast.company.id) as uow:
        assert cast.aki.id in {d.person_id for d in read_days(uow, TODAY, MIDNIGHT)}


def test_another_company_has_none_of_it(
    cast: Cast, phone: PhoneOf, db: Database, owner_engine: sqlalchemy.Engine
) -> None:
    ana = phone(cast.ana)
    ana.push(*morning(ana))
    other = make_cast(owner_engine, db)
    with db.reading(other.company.id) as uow, pytest.raises(NoSuchPerson):
        read_day_track(uow, cast.ana.id, TODAY, MIDNIGHT)


# ---- what it costs ----------------------------------------------------------------------------------


def test_the_statements_do_not_grow_with_the_segments(
    cast: Cast, phone: PhoneOf, tracked: Tracker, monkeypatch: pytest.MonkeyPatch
) -> None:
    ana = phone(cast.ana)
    ana.push(*morning(ana))
    with counted_statements(monkeypatch) as few:
        tracked(cast.ana, asker_id=cast.sam.id)
    ana.push(*[track(ana, stand(11), began=at("11:00") + n * 11 * MINUTE) for n in range(30)])
    with counted_statements(monkeypatch) as many:
        tracked(cast.ana, asker_id=cast.sam.id)
    assert len(many) == len(few) <= 8


def test_more_segments_than_are_read_are_told(
    cast: Cast, phone: PhoneOf, tracked: Tracker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tracks, "MOST_SEGMENTS", 2)
    ana = phone(cast.ana)
    ana.push(*morning(ana))
    read = tracked(cast.ana)
    assert (read.segments, read.is_whole) == (2, False)


# ---- in words -------------------------------------------------------------------------------------------


def test_a_day_tells_where_somebody_was_in_plain_words(
    cast: Cast, phone: PhoneOf, tracked: Tracker, db: Database
) -> None:
    ana = phone(cast.ana)
    ana.push(
        *morning(ana),
        track(ana, [point(60 * n, 9 * n, accuracy_m=300) for n in range(3)], began=at("09:40")),
        track(ana, [point(0, is_mock=True)], began=at("19:59")),
        track(ana, walk_north(2), began=at("20:30")),
    )
    with db.reading(cast.company.id) as uow:
        lines = day_lines(read_day(uow, cast.ana.id, TODAY, MIDNIGHT), tracked(cast.ana))
    text = "\n".join(lines)
    assert "points in 6 segments" in text
    assert "not counted: 3 too coarse" in text
    assert "2 points outside of working hours were removed" in text
    assert "! 1 position was simulated" in text
    assert "from Beacon" in text
    assert "stopped for 1" in text
    assert "no positions for 20 min" in text
    assert "positions were switched off" in text
    assert "the phone does not say why" in text


def test_a_day_without_a_track_says_nothing_of_one(
    cast: Cast, tracked: Tracker, db: Database
) -> None:
    with db.reading(cast.company.id) as uow:
        one = read_day(uow, cast.ana.id, TODAY, MIDNIGHT)
    assert day_lines(one, tracked(cast.ana)) == day_lines(one)


def test_a_past_day_is_read_by_its_own_settings(
    cast: Cast, phone: PhoneOf, tracked: Tracker, owner_engine: sqlalchemy.Engine
) -> None:
    ana = phone(cast.ana)
    ana.push(*morning(ana))
    assert len(tracked(cast.ana).stops) == 1
    with owner_engine.begin() as connection:
        add_policy(connection, cast.company, version=2, stop_min_s=3_600)
    assert len(tracked(cast.ana).stops) == 1


@pytest.mark.parametrize("day", [date.min, date.max])
def test_the_first_and_the_last_day_that_there_are_have_no_track(
    db: Database, cast: Cast, day: date
) -> None:
    with db.reading(cast.company.id) as uow:
        assert read_day_track(uow, cast.ana.id, day, NOON).segments == 0
