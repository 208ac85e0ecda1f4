"""That a notice was read costs nobody else anything."""

from collections.abc import Callable
from datetime import timedelta
from uuid import UUID, uuid4

from sync.unit_of_work import Database
from tests.activities_factories import add_notice
from tests.factories import TODAY, Cast, Person
from tests.sync.talking import HOUR, MINUTE, Json, Phone, only, rows_of

PhoneOf = Callable[[Person], Phone]


def read(phone: Phone, notice: object, ago: int = MINUTE) -> Json:
    return phone.item("notice", "read", notice, {"read": phone.event(ago)})


def give(db: Database, cast: Cast) -> UUID:
    with db.company(cast.company.id) as uow:
        return add_notice(uow)


def test_reading_makes_a_row_and_no_version(cast: Cast, phone: PhoneOf, db: Database) -> None:
    id_ = give(db, cast)
    ana, ben = phone(cast.ana), phone(cast.ben)
    ana.pull()
    ben.pull()
    result = ana.push_one(read(ana, id_))
    assert (result["status"], result["version"]) == ("applied", 1)
    assert ben.pull() == []
    assert ana.pull() == []
    row = only(rows_of(db, cast, "select person_id from notice_read"))
    assert row.person_id == cast.ana.id


def test_who_reads_twice_is_one_row_with_the_earliest_time(
    cast: Cast, phone: PhoneOf, db: Database
) -> None:
    id_ = give(db, cast)
    ana = phone(cast.ana)
    later, earlier = read(ana, id_), read(ana, id_, ago=HOUR)
    assert ana.statuses(later) == ["applied"]
    assert [ana.push_one(each)["status"] for each in (earlier, read(ana, id_))] == ["applied"] * 2
    row = only(rows_of(db, cast, "select extract(epoch from read_at)::bigint from notice_read"))
    assert row[0] * 1000 == ana.now - HOUR


def test_of_two_readings_in_one_push_the_earlier_stays(
    cast: Cast, phone: PhoneOf, db: Database
) -> None:
    first, second = give(db, cast), give(db, cast)
    ana = phone(cast.ana)
    assert set(
        ana.statuses(
            read(ana, first, ago=HOUR),
            read(ana, first),
            read(ana, second),
            read(ana, second, ago=2 * HOUR),
        )
    ) == {"applied"}
    rows = rows_of(
        db, cast, "select notice_id, extract(epoch from read_at)::bigint as s from notice_read"
    )
    assert {row.notice_id: row.s * 1000 for row in rows} == {
        first: ana.now - HOUR,
        second: ana.now - 2 * HOUR,
    }


def test_a_reader_does_not_wait_for_who_holds_the_record(
    cast: Cast, phone: PhoneOf, db: Database
) -> None:
    id_ = give(db, cast)
    ana = phone(cast.ana)
    with db.company(cast.company.id) as uow:
        uow.run("set local lock_timeout = '5s'")
        uow.rows("select from record where id = :id for update", id=id_)
        assert ana.push_one(read(ana, id_))["status"] == "applied"


def test_what_was_never_on_the_phone_was_not_read(cast: Cast, phone: PhoneOf, db: Database) -> None:
    with db.company(cast.company.id) as uow:
        hers = add_notice(uow, "POSITIONS", [cast.ana.position_id])
        later = add_notice(uow, starts_on=TODAY + timedelta(days=1))
    ben = phone(cast.ben)
    assert ben.push_one(read(ben, hers))["code"] == "not_in_scope"
    assert ben.push_one(read(ben, later))["code"] == "not_in_scope"
    assert ben.push_one(read(ben, uuid4()))["status"] == "deferred"


def test_a_notice_comes_down_to_its_audience(cast: Cast, phone: PhoneOf, db: Database) -> None:
    with db.company(cast.company.id) as uow:
        everybody = add_notice(uow)
        harbour = add_notice(uow, "REGION", [cast.regions.harbour])
        north = add_notice(uow, "REGION", [cast.regions.north])
        bens = add_notice(uow, "POSITIONS", [cast.ben.position_id])
    expected = {
        cast.ana: {everybody, harbour, north},
        cast.ben: {everybody, harbour, bens},
        cast.sam: {everybody, harbour, north, bens},
        cast.aki: {everybody},
    }
    for person, notices in expected.items():
        one = phone(person)
        one.pull()
        assert one.ids("notice") == notices
