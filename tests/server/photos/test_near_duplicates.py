from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from server.photos import near_duplicates
from server.photos.looks import Look, distance_bits
from server.photos.near_duplicates import (
    MOST_BITS,
    near_looks,
    parts_of,
    remember_looks,
)
from sync.unit_of_work import Database, UnitOfWork
from tests.evidence_factories import add_files
from tests.factories import Cast

HASHES = st.integers(-(2**63), 2**63 - 1)
DETAIL = bytes(32)


def remember(uow: UnitOfWork, hashes: list[int]) -> None:
    looks = {f"{n:064x}": Look(phash, DETAIL) for n, phash in enumerate(hashes)}
    add_files(uow, looks)
    remember_looks(uow, looks)


def turned(phash: int, places: set[int]) -> int:
    bits = phash % 2**64
    for place in places:
        bits ^= 1 << place
    return bits - 2**64 if bits >= 2**63 else bits


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    middle=HASHES,
    turns=st.lists(st.sets(st.integers(0, 63), max_size=14), min_size=1, max_size=40),
    strange=st.lists(HASHES, max_size=20),
    most_bits=st.integers(0, MOST_BITS),
)
def test_what_is_found_is_what_comparing_with_every_hash_finds(
    db: Database,
    cast: Cast,
    middle: int,
    turns: list[set[int]],
    strange: list[int],
    most_bits: int,
) -> None:
    held = [turned(middle, places) for places in turns] + strange
    with db.rehearsal(cast.company.id) as uow:
        remember(uow, held)
        near = near_looks(uow, [middle, *strange], most_bits)
    for asked in {middle, *strange}:
        expected = sorted(
            (distance_bits(asked, other), other)
            for other in set(held)
            if distance_bits(asked, other) <= most_bits
        )
        assert [(distance, other) for other, distance in near[asked].looks] == expected
        assert not near[asked].is_cut


@given(one=HASHES, places=st.sets(st.integers(0, 63), max_size=MOST_BITS))
def test_hashes_at_most_eight_bits_apart_are_at_most_two_apart_in_a_part(
    one: int, places: set[int]
) -> None:
    other = turned(one, places)
    apart = [(a ^ b).bit_count() for a, b in zip(parts_of(one), parts_of(other), strict=True)]
    assert sum(apart) == len(places)
    assert min(apart) <= 2


def test_a_search_reads_indexes_and_never_the_whole_table(db: Database, cast: Cast) -> None:
    with db.rehearsal(cast.company.id) as uow:
        uow.run(
            "insert into photo_look select :company, n, (n * 7919) % 4194304, (n * 104729) % 2097152,"
            " (n * 1299709) % 2097152 from generate_series(1::bigint, 30000) as n",
            company=cast.company.id,
        )
        plan = _plan(uow, 12345)
    assert "Seq Scan on photo_look" not in plan
    for part in "abc":
        assert f"photo_look_part_{part}_ix" in plan


def _plan(uow: UnitOfWork, phash: int) -> str:
    said: list[str] = []

    class Explaining:
        def execute(self, statement: str, values: dict[str, Any]) -> Any:
            rows = uow.driver.execute("explain " + statement, values).fetchall()
            said.extend(row[0] for row in rows)
            return uow.driver.execute(statement, values)

    near_looks(UnitOfWork(uow.company_id, uow.connection, Explaining()), [phash])  # type: ignore[arg-type]
    return "\n".join(said)


def test_a_bound_that_cuts_something_off_is_told(
    db: Database, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(near_duplicates, "NEAR_LOOKS", 3)
    with db.rehearsal(cast.company.id) as uow:
        remember(uow, [0, 1, 2, 4, 8])
        near = near_looks(uow, [0])[0]
        assert len(near.looks) == 3
        assert near.looks[0] == (0, 0)
        assert near.is_cut
        monkeypatch.setattr(near_duplicates, "NEAR_LOOKS", 50)
        monkeypatch.setattr(near_duplicates, "LOOKED_AT", 5)
        assert near_looks(uow, [0])[0].is_cut


def test_a_hash_stands_in_the_index_once_however_many_files_have_it(
    db: Database, cast: Cast
) -> None:
    with db.rehearsal(cast.company.id) as uow:
        remember(uow, [7] * 300)
        (looks,) = uow.rows(
            "select count(*) from photo_look where company_id = :c", c=uow.company_id
        )
        assert looks[0] == 1
        assert near_looks(uow, [7])[7].looks == ((7, 0),)


def test_one_company_never_finds_what_another_one_has(
    db: Database, cast: Cast, other: Cast
) -> None:
    with db.company(other.company.id) as uow:
        remember(uow, [99])
    with db.rehearsal(cast.company.id) as uow:
        assert near_looks(uow, [99])[99].looks == ()


def test_a_file_that_is_read_again_has_one_hash_and_one_that_is_gone_has_none(
    db: Database, cast: Cast
) -> None:
    count = "select phash from photo_hash where company_id = :c"
    with db.rehearsal(cast.company.id) as uow:
        add_files(uow, ["aa"])
        remember_looks(uow, {"aa": Look(1, DETAIL)})
        remember_looks(uow, {"aa": Look(2, DETAIL)})
        assert [row[0] for row in uow.rows(count, c=uow.company_id)] == [2]
        remember_looks(uow, {"aa": None})
        assert uow.rows(count, c=uow.company_id) == []
        remember_looks(uow, {"aa": Look(2, DETAIL)})
        uow.run("delete from file where company_id = :c", c=uow.company_id)
        assert uow.rows(count, c=uow.company_id) == []
