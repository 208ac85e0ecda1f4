"""The feed of changes between two snapshots of the database.

A change row carries the id of the transaction that wrote it (`xid`). Between a phone's cursor S1 and
a snapshot S2 lie the rows that S1 does not see and S2 does, so a transaction that commits late is
found whenever it commits; a number or a time would lose it.

After a crash PostgreSQL may hand out again transaction ids that S1 takes for seen. Each run of the
server therefore notes its first id (unit_of_work.note_run), and a snapshot of an earlier run sees
nothing from there on: `Clamp`.

What was touched is logged, what a phone may see is decided when a page is read: whether a record is
put, evicted or deleted follows from the state then, so the order in which transactions were
numbered does not matter.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import psycopg

from sync.direct import Value, ask, text_of
from sync.errors import Refused
from sync.rows import array
from sync.scope import is_visible
from sync.unit_of_work import RUN

Values = dict[str, Value]

# The largest xid8: a snapshot of the present run is not clamped.
NEVER = 2**64 - 1

# Every connection notes its run when it is made. Where the run is not noted, the statistics were reset
# by hand meanwhile and it is still the last one that is.
_NOW = f"""
select pg_current_snapshot()::text,
       coalesce((select id from server_start where run = {RUN}),
                (select max(id) from server_start), 0),
       (select purged_below::text from feed_horizon where company_id = %(company)s)
"""
_FIRST_XID = "select min(xid) from server_start where id > %(run)s"

# Seen by a snapshot, unless a later run of the server wrote it.
_SEEN = "(pg_visible_in_snapshot({xid}, {snapshot}::pg_snapshot) and {xid} < {clamp}::text::xid8)"


def _between(xid: str) -> str:
    seen_before = _SEEN.format(xid=xid, snapshot="%(base)s", clamp="%(base_clamp)s")
    seen_now = _SEEN.format(xid=xid, snapshot="%(upto)s", clamp="%(upto_clamp)s")
    return f"not {seen_before} and {seen_now}"


# One descent of the index a key: read as one scan over all keys, PostgreSQL would walk through the
# history that lies between them.
_FEED = f"""
select c.xid, c.seq, c.id
from unnest(%(keys)s::uuid[]) as k(key)
cross join lateral (
    select c.xid, c.seq, c.id from change c
    where c.company_id = %(company)s and c.key = k.key
      and {_between("c.xid")}
      and (c.xid, c.seq) > (%(last_xid)s::text::xid8, %(last_seq)s::bigint)
    order by c.xid, c.seq limit %(limit)s
) c
order by c.xid, c.seq limit %(limit)s
"""
# Keys that a person gained or lost since S1, up to this very moment: what happened at a key that is
# lost by now still has to be told.
_TOUCHED = f"""
select distinct h.key from holder_change h
where h.company_id = %(company)s and h.person_id = %(person)s
  and h.xid >= %(from)s::text::xid8
  and not {_SEEN.format(xid="h.xid", snapshot="%(base)s", clamp="%(base_clamp)s")}
"""
_HELD = """
select distinct key from holder_key where company_id = %(company)s and person_id = %(person)s
"""
# Every record at these keys, once: at the smallest of the keys that it is at.
_AT_KEYS = """
select k.key, k.id
from record_key k
where k.company_id = %(company)s and k.key = any(%(keys)s::uuid[])
  and (k.key, k.id) > (%(last_key)s::uuid, %(last_id)s::uuid)
  and not exists (select from record_key o
                  where o.company_id = k.company_id and o.id = k.id and o.key < k.key
                    and o.key = any(%(keys)s::uuid[]))
order by k.key, k.id limit %(limit)s
"""
_STATE = f"""
select r.id, r.kind, r.version, r.doc, {is_visible("%(company)s", "%(person)s")}
from record r where r.company_id = %(company)s and r.id = any(%(ids)s::uuid[])
"""

_ZERO = "00000000-0000-0000-0000-000000000000"


@dataclass(frozen=True, slots=True)
class Present:
    """The database now: a snapshot, the run of the server, and what was purged."""

    snapshot: str
    run: int
    purged_below: int | None


@dataclass(frozen=True, slots=True)
class Window:
    """The changes after one snapshot up to another, each with the run it was taken in."""

    base: str
    base_run: int
    upto: str
    upto_run: int


@dataclass(frozen=True, slots=True)
class State:
    """A record as it is now, and whether the person may see it."""

    id: str
    kind: int
    version: int
    doc: str | None
    is_visible: bool


class Feed:
    """Reads the feed for one person, in one read-only transaction."""

    def __init__(
        self, driver: psycopg.Connection[Any], company_id: int, person_id: str, present: Present
    ) -> None:
        self.driver = driver
        self.company_id = company_id
        self.person_id = person_id
        self.present = present

    def held_keys(self) -> list[str]:
        """The scope keys that the person holds now."""
        values: Values = {"company": self.company_id, "person": self.person_id}
        return [text_of(row[0]) for row in ask(self.driver, _HELD, values)]

    def touched_keys(self, base: str, base_run: int) -> list[str]:
        """The keys that the person gained or lost since a snapshot, up to this very moment."""
        rows = ask(self.driver, _TOUCHED, self._since(base, base_run))
        return [text_of(row[0]) for row in rows]

    def changes(
        self, window: Window, keys: Sequence[str], last: tuple[str, str] | None, limit: int
    ) -> list[tuple[str, str, str]]:
        """The next rows (xid, seq, record id) of the window at these keys, in their order."""
        values = self._values(window)
        # Where the scan begins: as one comparison of both, so that nothing older is walked through.
        xid, seq = last or (values["from"], "0")
        values = values | {
            "keys": array("uuid", list(keys)),
            "last_xid": xid,
            "last_seq": seq,
            "limit": limit,
        }
        rows = ask(self.driver, _FEED, values)
        return [(text_of(xid), text_of(seq), text_of(id_)) for xid, seq, id_ in rows]

    def at_keys(
        self, keys: Sequence[str], last: tuple[str, str] | None, limit: int
    ) -> list[tuple[str, str]]:
        """The next (key, record id) of everything at these keys, each record once."""
        key, id_ = last or (_ZERO, _ZERO)
        values: Values = {
            "company": self.company_id,
            "keys": array("uuid", list(keys)),
            "last_key": key,
            "last_id": id_,
            "limit": limit,
        }
        rows = ask(self.driver, _AT_KEYS, values)
        return [(text_of(key), text_of(id_)) for key, id_ in rows]

    def states(self, ids: Sequence[str]) -> dict[str, State]:
        """The records as they are now, by id."""
        values: Values = {
            "company": self.company_id,
            "person": self.person_id,
            "ids": array("uuid", list(ids)),
        }
        return {
            text_of(id_): State(
                text_of(id_), int(text_of(kind)), int(text_of(version)), doc, visible == "t"
            )
            for id_, kind, version, doc, visible in ask(self.driver, _STATE, values)
        }

    def check_horizon(self, base: str, base_run: int) -> None:
        """Raises Refused (`cursor_too_old`) when changes after this snapshot were purged."""
        purged = self.present.purged_below
        if purged is not None and min(_oldest(base), self._clamp(base_run)) < purged:
            raise Refused("cursor_too_old", "Changes since this cursor have been purged.")

    def _values(self, window: Window) -> Values:
        return self._since(window.base, window.base_run) | {
            "upto": window.upto,
            "upto_clamp": str(self._clamp(window.upto_run)),
        }

    def _since(self, base: str, base_run: int) -> Values:
        clamp = self._clamp(base_run)
        return {
            "company": self.company_id,
            "person": self.person_id,
            "base": base,
            "base_clamp": str(clamp),
            "from": str(min(_oldest(base), clamp)),
        }

    def _clamp(self, run: int) -> int:
        """The first transaction id that a snapshot of this run cannot have seen."""
        if run == self.present.run:
            return NEVER
        first = ask(self.driver, _FIRST_XID, {"run": run})[0][0]
        return NEVER if first is None else int(first)


def _oldest(snapshot: str) -> int:
    """The first transaction id that a snapshot may not have seen."""
    return int(snapshot.split(":", maxsplit=1)[0])


def read_present(driver: psycopg.Connection[Any], company_id: int) -> Present:
    """Take the snapshot, in the transaction that goes on to read: it must not have written."""
    snapshot, run, purged = ask(driver, _NOW, {"company": company_id})[0]
    return Present(text_of(snapshot), int(text_of(run)), None if purged is None else int(purged))
