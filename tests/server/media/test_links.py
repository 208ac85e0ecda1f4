"""Links lead to one file until a moment, and nobody makes them but us."""

from datetime import timedelta

import pytest

from server.media.keys import copy_key, original_key
from server.media.links import LASTS_MAX, PATH, Links
from server.media.storage import LocalStorage

KEY = original_key(7, "ab" * 32)


@pytest.fixture
def now() -> list[float]:
    return [1_800_000_000.0]


@pytest.fixture
def links(storage: LocalStorage, now: list[float]) -> Links:
    return Links(b"a secret", storage, clock=lambda: now[0])


def token(link: str) -> str:
    return link.removeprefix(f"{PATH}/")


def test_a_link_leads_to_its_key_until_its_moment(links: Links, now: list[float]) -> None:
    made = token(links.make(KEY, timedelta(minutes=5)))
    assert links.read(made) == (KEY, 300)
    now[0] += 299
    assert links.read(made) == (KEY, 1)
    now[0] += 1
    assert links.read(made) is None


def test_a_link_that_was_changed_or_signed_by_others_leads_nowhere(
    links: Links, storage: LocalStorage
) -> None:
    made = token(links.make(KEY))
    others = token(Links(b"another secret", storage).make(KEY))
    for wrong in (made[:-1], made + "A", made.swapcase(), others, "", "x" * 1000):
        assert links.read(wrong) is None


def test_only_links_to_files_that_end_are_made(links: Links) -> None:
    for key, lasts in (
        ("../secret_key", timedelta(minutes=1)),
        (KEY, timedelta(0)),
        (KEY, LASTS_MAX + timedelta(seconds=1)),
    ):
        with pytest.raises(ValueError, match="no link"):
            links.make(key, lasts)
    assert links.make(copy_key(7, "ab" * 32, 1, "thumb"))
