"""Bodies: what many phones fetch once each and that never changes, like the prices of a version.

A body is named by the SHA-256 of its bytes and packed once, when it is kept; every phone gets the
packed bytes. Records name bodies, and whoever may see such a record may fetch them.
"""

import hashlib
import re
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

import zstandard

from mobile_contract.fields import SHA256_PATTERN
from sync.direct import ask, bytes_of, text_of
from sync.rows import array
from sync.scope import is_visible
from sync.unit_of_work import UnitOfWork

_ZSTD_LEVEL = 19
_GZIP_LEVEL = 9
_GZIP_ONLY = 16 + zlib.MAX_WBITS
_DIGEST = re.compile(SHA256_PATTERN)

_KEEP = """
insert into body (company_id, sha256, media_type, size, zstd, gzip)
select %s, r.* from unnest(%s::bytea[], %s::text[], %s::int4[], %s::bytea[], %s::bytea[])
     as r(sha256, media_type, size, zstd, gzip)
on conflict do nothing
"""
_FORGET = """
delete from body_reference b where b.company_id = %s and b.record_id = any(%s::uuid[])
  and not exists (select from unnest(%s::uuid[], %s::bytea[]) as r(record_id, sha256)
                  where r.record_id = b.record_id and r.sha256 = b.sha256)
"""
_REFER = """
insert into body_reference (company_id, record_id, sha256)
select %s, r.record_id, r.sha256 from unnest(%s::uuid[], %s::bytea[]) as r(record_id, sha256)
on conflict do nothing
"""
_FIND = f"""
select encode(b.sha256, 'hex'), b.media_type, b.size, b.zstd, b.gzip
from body b
where b.company_id = %(company)s and b.sha256 = %(sha256)s::bytea
  and exists (select from body_reference f
              join record r on r.company_id = f.company_id and r.id = f.record_id
              where f.company_id = b.company_id and f.sha256 = b.sha256 and r.doc is not null
                and {is_visible("%(company)s", "%(person)s")})
"""
_READ = "select sha256, zstd from body where company_id = %s and sha256 = any(%s::bytea[])"


@dataclass(frozen=True, slots=True)
class KeptBody:
    """What names a body."""

    sha256: bytes
    size: int


@dataclass(frozen=True, slots=True)
class PackedBody:
    """A body as it is sent."""

    sha256: str
    media_type: str
    size: int
    zstd: bytes
    gzip: bytes

    def unpacked(self) -> bytes:
        """Its bytes, for who can unpack nothing."""
        return unpack(self.zstd)


def keep_bodies(uow: UnitOfWork, bodies: Sequence[bytes], media_type: str) -> list[KeptBody]:
    """Keep these bodies, each packed once; their names in the same order. One statement."""
    kept = [KeptBody(hashlib.sha256(body).digest(), len(body)) for body in bodies]
    new = {one.sha256: body for one, body in zip(kept, bodies, strict=True)}
    packer = zstandard.ZstdCompressor(level=_ZSTD_LEVEL)
    uow.driver.execute(
        _KEEP,
        [
            uow.company_id,
            array("bytea", list(new)),
            array("text", [media_type] * len(new)),
            array("int4", [len(body) for body in new.values()]),
            array("bytea", [packer.compress(body) for body in new.values()]),
            array("bytea", [_gzip(body) for body in new.values()]),
        ],
    )
    return kept


def refer_to_bodies(uow: UnitOfWork, named: Mapping[UUID, Iterable[bytes]]) -> None:
    """Let these records name exactly these bodies, which are kept. Two statements."""
    pairs = sorted((record, sha256) for record, many in named.items() for sha256 in set(many))
    records = array("uuid", [record for record, _ in pairs])
    digests = array("bytea", [sha256 for _, sha256 in pairs])
    every = array("uuid", list(named))
    uow.driver.execute(_FORGET, [uow.company_id, every, records, digests])
    uow.driver.execute(_REFER, [uow.company_id, records, digests])


def find_body(uow: UnitOfWork, person_id: str, sha256: str) -> PackedBody | None:
    """The body with this digest (hexadecimal), where a record in the person's scope names it.

    One statement; none where it can be no digest.
    """
    if _DIGEST.fullmatch(sha256) is None:
        return None
    rows = ask(
        uow.driver,
        _FIND,
        {"company": uow.company_id, "person": person_id, "sha256": f"\\x{sha256}"},
    )
    if not rows:
        return None
    name, media_type, size, zstd, gzip = rows[0]
    return PackedBody(
        text_of(name),
        text_of(media_type),
        int(text_of(size)),
        bytes_of(text_of(zstd)) or b"",
        bytes_of(text_of(gzip)) or b"",
    )


def read_bodies(uow: UnitOfWork, digests: Iterable[bytes]) -> dict[bytes, bytes]:
    """The unpacked bytes of these bodies, by digest. One statement."""
    rows = uow.driver.execute(_READ, [uow.company_id, array("bytea", sorted(set(digests)))])
    return {bytes(sha256): unpack(bytes(zstd)) for sha256, zstd in rows.fetchall()}


def unpack(packed: bytes) -> bytes:
    """The bytes that were packed here with zstd."""
    return zstandard.ZstdDecompressor().decompress(packed)


def _gzip(body: bytes) -> bytes:
    packer = zlib.compressobj(_GZIP_LEVEL, zlib.DEFLATED, _GZIP_ONLY)
    return packer.compress(body) + packer.flush()
