"""The points of a day: as many as the team has, on duty only, cut where the phone sends them."""

from random import Random

import pytest

from server.play.places import Place, Reading
from server.play.teams import TEAMS
from server.play.walking import STRETCH_MS, RecordTrack, Taken, cut_stretches, plan_tracks
from server.play.workday import HOUR_MS, Act, Attend, SyncOnTheWay, make_workday
from tests.server.play.test_workday import STARTS, sheet

SPOT = Place(39.9, 116.4)


def tracks(seed: str, team: str = "general") -> tuple[list[Act], list[RecordTrack]]:
    acts = make_workday(Random(seed), sheet(), TEAMS[team])
    return acts, plan_tracks(Random(seed), TEAMS[team], acts)


@pytest.mark.parametrize("team", sorted(TEAMS))
def test_a_day_has_about_as_many_points_as_the_team_takes(team: str) -> None:
    _, stretches = tracks("a", team)
    taken = sum(len(each.points) for each in stretches)
    assert 0.93 * TEAMS[team].points_a_day < taken <= TEAMS[team].points_a_day


@pytest.mark.parametrize("seed", ["a", "b", "c"])
def test_points_lie_on_duty_and_in_no_break(seed: str) -> None:
    acts, stretches = tracks(seed)
    on, rest, again, off = (act.at_ms for act in acts if isinstance(act, Attend))
    for stretch in stretches:
        times = [point.at_ms for point in stretch.points]
        assert times == sorted(times)
        assert on <= times[0] <= times[-1] <= rest or again <= times[0] <= times[-1] <= off
        assert times[-1] - times[0] <= STRETCH_MS
    assert [each.is_last for each in stretches].count(True) == 2


def test_a_stretch_is_closed_before_the_phone_syncs() -> None:
    acts, stretches = tracks("a")
    syncs = [act.at_ms for act in acts if isinstance(act, SyncOnTheWay)]
    assert syncs
    for stretch in stretches:
        assert not any(stretch.points[0].at_ms < at <= stretch.points[-1].at_ms for at in syncs)


def test_a_real_track_is_cut_into_stretches_in_its_order() -> None:
    taken = [Taken(STARTS + n * HOUR_MS // 2, Reading(SPOT, 5.0)) for n in range(10)]
    stretches = cut_stretches(taken)
    assert [point for each in stretches for point in each.points] == taken
    assert [each.is_last for each in stretches] == [False, True]
