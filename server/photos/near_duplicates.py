"""Finding the pictures of a company that look like these: at most 8 bits apart, by an index.

A hash is cut into three parts of 22, 21 and 21 bits, each in an index of its own. Two hashes that are at
most 8 bits apart are at most 2 apart in one of the three (three times 3 would be 9), so every hash near
another one is found by looking up the values that are up to 2 bits from one of its parts: 1 + 22 + 231
of the first, 1 + 21 + 210 of each other, 718 together. None is missed; what is found is counted bit by bit.
Source: M. Norouzi, A. Punjani, D. J. Fleet, Fast Search in Hamming Space with Multi-Index Hashing (CVPR 2012).

The parts are not runs of bits: bit n of a hash goes to part n mod 3, because neighbouring waves of a
picture go together and a part of them alone would have few values that many pictures share.

What a search costs is bounded whatever a company holds: a hash stands in the index once, however many
files have it; of each part at most `LOOKED_AT` hashes are looked at; the nearest `NEAR_LOOKS` are kept. Where a
bound cut something off the answer says so. Costs at 10,000 to 1,000,000 hashes: docs/photo-evidence.md.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from typing import Final, NamedTuple

from server.photos.looks import Look
from sync.rows import array
from sync.unit_of_work import UnitOfWork

MOST_BITS: Final = 8
# Hashes of one part that are looked at in one search, and near ones that are kept.
LOOKED_AT: Final = 20_000
NEAR_LOOKS: Final = 50

_HASH_BITS: Final = 64
_PARTS: Final = 3
_RADIUS: Final = MOST_BITS // _PARTS

_REMEMBER_LOOK = """
insert into photo_look (company_id, phash, part_a, part_b, part_c)
select %s, r.* from unnest(%s::int8[], %s::int4[], %s::int4[], %s::int4[]) as r
on conflict do nothing
"""
_REMEMBER_HASH = """
insert into photo_hash (company_id, sha256, phash, detail)
select %s, r.* from unnest(%s::text[], %s::int8[], %s::bytea[]) as r
on conflict (company_id, sha256) do update set phash = excluded.phash, detail = excluded.detail
where (photo_hash.phash, photo_hash.detail) is distinct from (excluded.phash, excluded.detail)
"""
_FORGET_HASH = "delete from photo_hash where company_id = %s and sha256 = any(%s::text[])"

# Per hash asked for: the near ones, the nearest first, and whether a bound cut something off. The limits
# stand inside, before anything is sorted or counted.
_NEAR = """
select asked.phash, near.looks, near.distances, near.looked_at
from unnest(%(phash)s::int8[], %(part_a)s::int4[], %(part_b)s::int4[], %(part_c)s::int4[])
    as asked(phash, part_a, part_b, part_c),
lateral (
    with a as materialized (
        select phash from photo_look where company_id = %(company)s and part_a = any(array(
            select asked.part_a # mask from unnest(%(masks_a)s::int4[]) as mask))
        limit %(looked_at)s
    ), b as materialized (
        select phash from photo_look where company_id = %(company)s and part_b = any(array(
            select asked.part_b # mask from unnest(%(masks_b)s::int4[]) as mask))
        limit %(looked_at)s
    ), c as materialized (
        select phash from photo_look where company_id = %(company)s and part_c = any(array(
            select asked.part_c # mask from unnest(%(masks_c)s::int4[]) as mask))
        limit %(looked_at)s
    ), near as (
        select phash, bit_count((phash # asked.phash)::bit(64)) as distance
        from (select phash from a union select phash from b union select phash from c) as candidate
        where bit_count((phash # asked.phash)::bit(64)) <= %(most_bits)s
        order by distance, phash
        limit %(near_looks)s + 1
    )
    select array_agg(phash order by distance, phash) as looks,
        array_agg(distance::int4 order by distance, phash) as distances,
        greatest((select count(*) from a), (select count(*) from b), (select count(*) from c))
            as looked_at
    from near
) as near
"""


class Near(NamedTuple):
    """Hashes near one, the nearest first, with their distance; and whether there may be more."""

    looks: tuple[tuple[int, int], ...]
    is_cut: bool


def parts_of(phash: int) -> tuple[int, int, int]:
    """The three parts of a hash: its bits 0, 3, 6, …, its bits 1, 4, 7, … and its bits 2, 5, 8, …"""
    bits = phash % 2**_HASH_BITS
    first, second, third = (
        sum((bits >> place & 1) << n for n, place in enumerate(places)) for places in _PLACES
    )
    return first, second, third


def remember_looks(uow: UnitOfWork, looks: Mapping[str, Look | None]) -> None:
    """Say what the pictures of files (by SHA-256, hexadecimal) look like, in the transaction that stores their
    readings; None takes back what was said of a file before. Two or three statements, however many.
    """
    known = sorted((digest, look) for digest, look in looks.items() if look is not None)
    unknown = sorted(digest for digest, look in looks.items() if look is None)
    if unknown:
        uow.driver.execute(_FORGET_HASH, [uow.company_id, array("text", unknown)])
    if not known:
        return
    # In one order everywhere, so that two transactions never wait for each other in a circle.
    hashes = sorted({look.phash for _, look in known})
    cut = [parts_of(phash) for phash in hashes]
    uow.driver.execute(
        _REMEMBER_LOOK,
        [
            uow.company_id,
            array("int8", hashes),
            *(array("int4", [parts[n] for parts in cut]) for n in range(_PARTS)),
        ],
    )
    uow.driver.execute(
        _REMEMBER_HASH,
        [
            uow.company_id,
            array("text", [digest for digest, _ in known]),
            array("int8", [look.phash for _, look in known]),
            array("bytea", [look.detail for _, look in known]),
        ],
    )


def near_looks(
    uow: UnitOfWork, hashes: Sequence[int], most_bits: int = MOST_BITS
) -> dict[int, Near]:
    """The hashes of the company within `most_bits` (at most 8) of each of these, itself included where it
    is remembered. One statement, however many.
    """
    asked = sorted(set(hashes))
    if not asked:
        return {}
    cut = [parts_of(phash) for phash in asked]
    rows = uow.driver.execute(
        _NEAR,
        {
            "company": uow.company_id,
            "phash": array("int8", asked),
            **{
                f"part_{name}": array("int4", [parts[n] for parts in cut])
                for n, name in enumerate("abc")
            },
            **{f"masks_{name}": array("int4", _MASKS[n]) for n, name in enumerate("abc")},
            "most_bits": min(most_bits, MOST_BITS),
            "looked_at": LOOKED_AT,
            "near_looks": NEAR_LOOKS,
        },
    ).fetchall()
    return {
        phash: Near(
            tuple(zip(looks or (), distances or (), strict=True))[:NEAR_LOOKS],
            looked_at >= LOOKED_AT or len(looks or ()) > NEAR_LOOKS,
        )
        for phash, looks, distances, looked_at in rows
    }


def _masks(width: int) -> Iterator[int]:
    """Every number of so many bits of which at most `_RADIUS` are ones."""
    for ones in range(_RADIUS + 1):
        for places in combinations(range(width), ones):
            yield sum(1 << place for place in places)


_PLACES: Final = tuple(tuple(range(part, _HASH_BITS, _PARTS)) for part in range(_PARTS))
_MASKS: Final = tuple(list(_masks(len(places))) for places in _PLACES)
