"""The menu leads to each area once, and a group stands in one place."""

from itertools import groupby

from server.web.menu import AREAS


def test_each_area_stands_once() -> None:
    endpoints = [area.endpoint for area in AREAS]
    assert sorted(endpoints) == sorted(set(endpoints))


def test_a_group_stands_in_one_place() -> None:
    groups = [group for group, _ in groupby(AREAS, key=lambda area: area.group or area.endpoint)]
    assert sorted(groups) == sorted(set(groups))
