"""What a point takes in the database where points are far apart; `-s` prints what PROTOCOL.md says of it."""

from collections.abc import Callable

import pytest
import sqlalchemy

from mobile_contract.packed_points import PackedPoint
from sync.geo import Datum, Point, from_wgs84
from sync.unit_of_work import Database
from tests.factories import Cast, Person, add_policy
from tests.sync.talking import HOUR, NOON, Phone, only, rows_of
from tests.track_factories import SPARSE, roam, track

PhoneOf = Callable[[Person], Phone]
COUNT = 100
BYTES_A_ROW = "select pg_column_size(t.*) as bytes, points, removed from track t"


@pytest.mark.parametrize("datum", list(Datum))
@pytest.mark.parametrize("name", SPARSE)
def test_a_point_costs_at_most_12_bytes_at_rest_however_far_apart(
    cast: Cast,
    phone: PhoneOf,
    db: Database,
    owner_engine: sqlalchemy.Engine,
    name: str,
    datum: Datum,
) -> None:
    every_hour = {"working_from_min": 0, "working_until_min": 24 * 60}
    with owner_engine.begin() as connection:
        add_policy(connection, cast.company, version=2, **every_hour)
    ana = phone(cast.ana)
    ana.now = NOON + 14 * HOUR
    points = [in_datum(each, datum) for each in roam(SPARSE[name], COUNT, 1)]
    item = track(ana, points, began=NOON - 8 * HOUR, datum=datum.value)
    assert ana.push_one(item)["status"] == "applied"
    row = only(rows_of(db, cast, BYTES_A_ROW))
    assert (row.points, row.removed) == (COUNT, 0)
    print(f"\n{name}, sent in {datum.value}: {row.bytes / COUNT:.1f} bytes a point at rest")
    assert row.bytes <= 12 * COUNT


def in_datum(p: PackedPoint, datum: Datum) -> PackedPoint:
    lat, lon = from_wgs84(Point(p.lat_e6 * 10, p.lon_e6 * 10), datum)
    return p._replace(lat_e6=round(lat / 10), lon_e6=round(lon / 10))
