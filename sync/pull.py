"""Pull: what changed in a person's scope since their cursor, a page at a time.

The first pull lists every record at the keys that the person holds. Later ones read the feed at
those keys, then everything at keys that were gained or lost. For each record it is decided from the
state now whether it is put, evicted or deleted. Promises 4, 5 and 8 of DESIGN.md live here.
"""

from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

import msgspec

from mobile_contract.compiled import Pull
from mobile_contract.records import RECORDS_BY_KIND, lower_record
from mobile_contract.version import CURRENT
from sync.change_feed import Feed, State, Window, read_present
from sync.cursor import Cursor, CursorBox
from sync.document import decode_document, encode_document
from sync.epoch import Epoch
from sync.errors import Refused
from sync.greeting import greet
from sync.scope import scope_size
from sync.senders import Claim, Sender
from sync.unit_of_work import Database


def pull(
    database: Database,
    names: Mapping[int, str],
    box: CursorBox,
    claim: Claim,
    request: Pull,
    received_at: int,
) -> bytes:
    """The JSON of the next page. `names` are the kinds' names by number.

    Raises Refused: cursor_invalid, cursor_too_old, epoch_changed, scope_too_large, or what
    `authenticate` raises.
    """
    with database.reading(claim.company_id) as uow:
        greeting = greet(uow, claim, "pull")
        sender, epoch = greeting.sender, greeting.epoch
        cursor = None if request.cursor is None else box.open(request.cursor, sender.person_id)
        if cursor is not None and cursor.epoch != epoch.name:
            raise Refused("epoch_changed", "The server's database was restored.", epoch=epoch.name)
        present = read_present(uow.driver, uow.company_id)
        feed = Feed(uow.driver, uow.company_id, sender.person_id, present)
        if cursor is None:
            limit = sender.policy.max_scope_records
            size = scope_size(uow, UUID(sender.person_id))
            if size > limit:
                message = f"{size} records are in the person's scope."
                raise Refused("scope_too_large", message, limit=limit)
        started = _start(cursor, feed, epoch, sender)
        is_paged = cursor is not None and cursor.upto is not None
        ids, moved = _page(feed, started, request.limit, is_paged=is_paged)
        states = feed.states(ids)
    changes = [
        line
        for id_ in ids
        if (line := change_line(states.get(id_), names, request.contract)) is not None
    ]
    return page_bytes(request.contract, epoch, received_at, changes, box.seal(moved), moved)


def _start(cursor: Cursor | None, feed: Feed, epoch: Epoch, sender: Sender) -> Cursor:
    """The cursor with a snapshot to go up to: a new one, or that of the pull under way."""
    present = feed.present
    upto = present.snapshot
    if cursor is None:
        return Cursor(
            epoch.name, sender.person_id, present.run, None, present.run, upto, phase="keys"
        )
    if cursor.base is not None:
        feed.check_horizon(cursor.base, cursor.base_run)
    if cursor.before is not None:
        feed.check_horizon(cursor.before, cursor.before_run)
    if cursor.upto is not None:
        return cursor
    return _moved(cursor, run=present.run, upto=upto, phase="feed", last=None)


def _page(feed: Feed, cursor: Cursor, limit: int, *, is_paged: bool) -> tuple[list[str], Cursor]:
    """The ids of the next page, each once, and the cursor after it.

    A page sees the keys and the records of its own moment. What leaves a key after `upto` is told by
    the next pull, also where the key itself had been lost before: hence `before`.
    """
    ids: dict[str, None] = {}
    held = feed.held_keys()
    keys, window = held, None
    assert cursor.upto is not None
    if cursor.base is not None:
        window = Window(cursor.base, cursor.base_run, cursor.upto, cursor.run)
        keys = feed.touched_keys(window.base, window.base_run)
        if cursor.phase == "feed":
            earlier = (
                [] if cursor.before is None else feed.touched_keys(cursor.before, cursor.before_run)
            )
            rows = feed.changes(window, sorted({*held, *keys, *earlier}), cursor.last, limit)
            ids.update((row[2], None) for row in rows)
            if len(rows) == limit:
                last = rows[-1][:2]
                return list(ids), _moved(cursor, last=last)
            cursor = _moved(cursor, phase="keys", last=None)
            limit -= len(rows)
    if keys:
        places = feed.at_keys(keys, cursor.last, limit)
        ids.update((id_, None) for _, id_ in places)
        if len(places) == limit:
            return list(ids), _moved(cursor, last=places[-1])
    done = _moved(
        cursor,
        base=cursor.upto,
        base_run=cursor.run,
        upto=None,
        phase="feed",
        last=None,
        before=cursor.base if is_paged else None,
        before_run=cursor.base_run,
    )
    return list(ids), done


def _moved(cursor: Cursor, **changes: Any) -> Cursor:
    return msgspec.structs.replace(cursor, **changes)


def change_line(state: State | None, names: Mapping[int, str], contract: int) -> bytes | None:
    """One change of a page as JSON, or None where the phone's contract does not have the record."""
    if state is None:
        return None
    kind = names[state.kind]
    op = "evict" if not state.is_visible else "delete" if state.doc is None else "put"
    doc = b"" if state.doc is None else state.doc.encode()
    if contract != CURRENT:
        if op == "put":
            lowered = lower_record(kind, decode_document(doc), contract)
            if lowered is None:
                return None
            doc = encode_document(lowered)
        elif RECORDS_BY_KIND[kind].down[contract] is None:
            return None
    head = f'{{"kind":"{kind}","id":"{state.id}","version":{state.version},"op":"{op}"'.encode()
    if op != "put":
        return head + b"}"
    return head + b',"fields":' + doc + b"}"


def page_bytes(
    contract: int,
    epoch: Epoch,
    received_at: int,
    changes: Iterable[bytes],
    sealed: str,
    cursor: Cursor,
) -> bytes:
    """The JSON of a page: documents go out as they are stored, they are not parsed again."""
    is_complete = cursor.upto is None
    head = msgspec.json.encode(
        {
            "contract": contract,
            "epoch": epoch.name,
            "watermark": epoch.watermark,
            "received_at": received_at,
            "cursor": sealed,
            "complete": is_complete,
        }
    )
    return head[:-1] + b',"changes":[' + b",".join(changes) + b"]}"
