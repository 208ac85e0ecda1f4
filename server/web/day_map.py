"""The places of a day as the map's script takes them: numbers in columns, shifted to the datum of the base map.

Coordinates are 10⁻⁶ degrees, times seconds of the company's day (its midnight is 0). `runs` are unbroken; between
them there is a gap, which is drawn as nothing.
"""

from collections.abc import Sequence
from datetime import date
from typing import Any
from uuid import UUID

from server.days.person_day import PersonDay, VisitTold
from server.days.tracks import DayTrack, read_day_tracks
from server.days.words import told_cause
from sync.clock import day_bounds
from sync.geo import Datum, Point, from_wgs84
from sync.unit_of_work import UnitOfWork


def map_of(
    uow: UnitOfWork,
    people: Sequence[PersonDay],
    day: date,
    now: int,
    asker_id: UUID,
    datum: Datum,
) -> dict[str, Any]:
    """What the script draws: people in the order of the list, each with runs, gaps, stays, stops and visits."""
    tracks = {
        track.person_id: track
        for track in read_day_tracks(
            uow, [person.person_id for person in people], day, now, asker_id=asker_id
        )
    }
    zone = people[0].time_zone if people else "UTC"
    begin, _ = day_bounds(day, zone)
    return {
        "people": [_person(person, tracks.get(person.person_id), begin, datum) for person in people]
    }


def _person(person: PersonDay, track: DayTrack | None, begin: int, datum: Datum) -> dict[str, Any]:
    told: dict[str, Any] = {
        "id": person.person_id,
        "name": person.name,
        "visits": [
            _visit(visit, begin, datum) for visit in person.visits if visit.place is not None
        ],
        "stops": [
            {"store": stop.store_name, "state": stop.state, "at": _place(stop.pin, datum)}
            for stop in person.stops
            if stop.pin is not None
        ],
        "runs": [],
        "gaps": [],
        "stays": [],
        "distance_m": 0,
    }
    if track is not None:
        told["distance_m"] = track.distance_cm // 100
        told["runs"] = [_run(run, begin, datum) for run in track.runs]
        told["gaps"] = [
            [_second(gap.from_at, begin), _second(gap.until_at, begin), told_cause(gap.cause)]
            for gap in track.gaps
        ]
        told["stays"] = [
            {
                "at": _place(Point(stay.lat_e7, stay.lon_e7), datum),
                "from": _second(stay.from_at, begin),
                "until": _second(stay.until_at, begin),
                "store": stay.store_name,
            }
            for stay in track.stops
        ]
    return told


def _run(run: Sequence[Any], begin: int, datum: Datum) -> list[list[int]]:
    if datum is Datum.WGS84:
        lat = [point.lat_e7 // 10 for point in run]
        lon = [point.lon_e7 // 10 for point in run]
    else:
        shifted = [from_wgs84(Point(point.lat_e7, point.lon_e7), datum) for point in run]
        lat = [point.lat_e7 // 10 for point in shifted]
        lon = [point.lon_e7 // 10 for point in shifted]
    return [lat, lon, [(point.at - begin) // 1000 for point in run]]


def _visit(visit: VisitTold, begin: int, datum: Datum) -> dict[str, Any]:
    pin = None if visit.checked_in is None else visit.checked_in.pin
    return {
        "id": visit.visit_id,
        "store": visit.store_name,
        "order": visit.order,
        "verdict": visit.verdict,
        "is_planned": visit.is_planned,
        "flags": len(visit.flags),
        "at": _place(visit.place, datum),
        "pin": None if pin is None else _place(pin, datum),
        "from": _second(visit.began_at, begin),
        "until": None if visit.closed_at is None else _second(visit.closed_at, begin),
    }


def _place(point: Point | None, datum: Datum) -> list[int] | None:
    if point is None:
        return None
    shifted = from_wgs84(point, datum)
    return [shifted.lat_e7 // 10, shifted.lon_e7 // 10]


def _second(at: int, begin: int) -> int:
    return (at - begin) // 1000
