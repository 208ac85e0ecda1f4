"""Which version of something priced is in force when, and which ones phones still need."""

from sync.in_force import KEPT_MS, Period, ended, one_after_another, still_needed

NOW = 10 * KEPT_MS


def version(number: int, valid_from: int, valid_until: int | None = None) -> Period[None]:
    return Period(number, valid_from, valid_until, None)


def told(versions: list[Period[None]]) -> list[tuple[int, int, int | None]]:
    return [(one.version, one.valid_from, one.valid_until) for one in versions]


def test_what_is_ended_ends_each_version_that_would_go_on() -> None:
    versions = [version(1, 0, 10), version(2, 5), version(3, 30)]
    assert told(ended(versions, 20)) == [(1, 0, 10), (2, 5, 20)]
    assert ended(versions, None) == versions


def test_of_versions_that_follow_one_another_no_moment_is_in_two() -> None:
    versions = [version(1, 0), version(2, 20), version(3, 10, 15)]
    assert told(one_after_another(versions)) == [(1, 0, 10), (3, 10, 15)]
    assert told(one_after_another([version(1, 0), version(2, 20)])) == [(1, 0, 20), (2, 20, None)]


def test_a_version_that_is_over_stays_on_phones_for_a_week() -> None:
    over = version(1, 0, NOW - KEPT_MS)
    assert still_needed([over], NOW) == []
    just = version(1, 0, NOW - KEPT_MS + 1)
    assert still_needed([just], NOW) == [just]


def test_a_version_that_a_later_one_hides_for_good_is_not_needed() -> None:
    old, new = version(1, 0), version(2, NOW - KEPT_MS)
    assert still_needed([old, new], NOW) == [new]
    fresh = version(2, NOW - KEPT_MS + 1)
    assert still_needed([old, fresh], NOW) == [old, fresh]


def test_a_version_that_holds_again_after_another_is_needed() -> None:
    always, week = version(1, 0), version(2, 5, NOW + 1)
    assert still_needed([always, week], NOW) == [always, week]
    early, later = version(1, NOW + 5, NOW + 10), version(2, NOW)
    assert still_needed([early, later], NOW) == [later]
