from dataclasses import replace
from itertools import pairwise
from random import Random

import pytest

from server.play.places import Place, read_position
from server.play.teams import TEAMS
from server.play.workday import (
    HOUR_MS,
    Act,
    Attend,
    DaySheet,
    NewStore,
    Outlet,
    Skip,
    SyncOnTheWay,
    Visit,
    make_workday,
)

STARTS = 1_760_000_000_000
CENTRE = Place(39.9, 116.4)


def sheet(*, stores: int = 60, apart_m: float = 150.0, syncs: bool = True) -> DaySheet:
    outlets = [
        Outlet(f"store-{number}", CENTRE.moved(apart_m * number, 0), 200)
        for number in range(stores)
    ]
    return DaySheet(
        starts_ms=STARTS,
        ends_ms=STARTS + 9 * HOUR_MS,
        planned=outlets[:50],
        others=outlets,
        has_day_plan=True,
        has_route=True,
        syncs_on_the_way=syncs,
    )


def day(seed: str, **more: object) -> list[Act]:
    return make_workday(Random(seed), sheet(**more), TEAMS["general"])  # type: ignore[arg-type]


def visits(acts: list[Act]) -> list[Visit]:
    return [act for act in acts if isinstance(act, Visit)]


def test_the_same_seed_makes_the_same_day_and_another_another() -> None:
    assert day("a") == day("a")
    assert day("a") != day("b")


@pytest.mark.parametrize("seed", range(20))
def test_a_day_goes_forward_and_nobody_is_in_two_stores_at_once(seed: int) -> None:
    acts = day(str(seed))
    assert [act.at_ms for act in acts] == sorted(act.at_ms for act in acts)
    calls = visits(acts)
    assert all(one.until_ms <= two.at_ms for one, two in pairwise(calls))
    assert all(call.at_ms < call.until_ms for call in calls)
    assert all(call.at_ms <= step.at_ms <= call.until_ms for call in calls for step in call.steps)


def test_a_day_of_general_trade_has_forty_calls_of_which_a_tenth_nobody_planned() -> None:
    acts = day("a")
    calls = visits(acts)
    skipped = [act for act in acts if isinstance(act, Skip)]
    assert len(calls) + len(skipped) == 40
    assert sum(not call.is_planned for call in calls) == 4


def test_planned_stops_are_walked_in_their_order() -> None:
    order = [
        int(call.store_id.removeprefix("store-")) for call in visits(day("a")) if call.is_planned
    ]
    assert order == sorted(order)


def test_attendance_begins_rests_and_ends() -> None:
    presses = [act.what for act in day("a") if isinstance(act, Attend)]
    assert presses == ["clock_on", "start_break", "end_break", "clock_off"]


def test_what_does_not_fit_before_the_evening_is_skipped_for_want_of_time() -> None:
    acts = day("a", apart_m=9_000.0)
    late = [act for act in acts if isinstance(act, Skip) and act.reason == "NO_TIME"]
    assert late
    assert all(call.until_ms <= STARTS + 9 * HOUR_MS for call in visits(acts))
    assert [act.at_ms for act in acts] == sorted(act.at_ms for act in acts)


def test_only_phones_with_network_sync_on_the_way() -> None:
    assert any(isinstance(act, SyncOnTheWay) for act in day("a"))
    assert not any(isinstance(act, SyncOnTheWay) for act in day("a", syncs=False))


def test_over_many_days_everything_that_reps_do_comes_up() -> None:
    acts = [act for seed in range(30) for act in day(str(seed))]
    assert {type(act).__name__ for act in acts} == {
        "Attend",
        "Visit",
        "Skip",
        "EditStore",
        "NewStore",
        "ProposeRoute",
        "SyncOnTheWay",
    }
    away_m = []
    for call in visits(acts):
        store = sheet().others[int(call.store_id.removeprefix("store-"))].place
        if call.arrival is not None and store is not None:
            away_m.append(call.arrival.place.metres_to(store))
    assert 0.01 < sum(each > 300 for each in away_m) / len(away_m) < 0.15
    assert any(isinstance(act, NewStore) for act in acts)


def test_a_day_without_stores_has_no_acts() -> None:
    assert day("a", stores=0) == []


def test_a_reading_lies_within_its_accuracy_about_as_often_as_it_says() -> None:
    random = Random(1)
    readings = [each for _ in range(4000) if (each := read_position(random, CENTRE)) is not None]
    within = sum(each.place.metres_to(CENTRE) <= each.accuracy_m for each in readings)
    assert 0.63 < within / len(readings) < 0.73


def test_a_day_that_begins_at_a_store_without_a_pin_is_as_long_as_any() -> None:
    outlets = [
        replace(each, place=None) if n == 0 else each for n, each in enumerate(sheet().planned)
    ]
    acts = make_workday(Random("a"), replace(sheet(), planned=outlets), TEAMS["general"])
    assert acts[-1].at_ms < STARTS + 11 * HOUR_MS
    assert len(visits(acts)) > 30
