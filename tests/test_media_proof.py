"""The proof of tests/media_proof.py, with few photos: each stored once, processed once, none lost."""

from pathlib import Path

import pytest

from tests.media_proof import house_of, prove


@pytest.mark.slow
def test_photos_over_connections_that_break_and_processes_that_are_killed_are_all_there_once(
    fresh_database: dict[str, str], redis_url: str, tmp_path: Path
) -> None:
    with house_of(fresh_database["app"], fresh_database["owner"], redis_url, tmp_path) as house:
        proof = prove(house, photos=12, phones=3, seed=3)
    assert proof.faults == []
    assert proof.files == 11
    assert proof.cuts >= 1
