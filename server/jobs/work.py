"""One row of the outbox is done: its effect happens, the row goes; or it says why it did not.

A row may be handed out twice (the relay forgets nothing, the queue may): effects are idempotent, and
a row that is gone was done. An effect commits for itself before its row goes, so a crash between the
two repeats it. After `MAX_ATTEMPTS` a row is set aside with its reason and seen by `roadbook doctor`
and /metrics; nothing else removes it.
"""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from mobile_contract.schema import plain
from server.activities.activities import START
from server.activities.stores import start_stores
from server.answers.asked import ANSWER, Answerer, StillRead
from server.answers.reading import answer_question
from server.audits.appeals import open_appeals
from server.audits.queue import look_at, look_at_photos
from server.catalogue.past import bring_stores_up
from server.days.track_parts import bring_track_days_up
from server.errands.asked import ERRAND
from server.errands.doing import do_errand
from server.errands.errors import StillDone
from server.exchange.asked import IMPORT
from server.exchange.doing import do_import
from server.exchange.faults import StillImported
from server.exchange.sheets import SHEETS
from server.exports.errors import StillWritten
from server.exports.runs import EXPORT
from server.exports.writing import Exporter, write_export
from server.identity.companies import company_day
from server.measures.work import REFRESH
from server.media.files import FILE_READ
from server.media.installed import Media
from server.photos.judging import judge_photos
from server.photos.read_files import ReadingRoom, read_files
from server.planning.region_errand import REDRAWING
from server.planning.replanning import TOPIC as PLAN_AGAIN
from server.planning.replanning import plan_positions_again
from server.planning.store_histories import TOPIC as STORE_HISTORY
from server.planning.store_histories import tell_store_histories
from server.quarantine.release_errand import releasing
from server.targets.progress import refresh_targets as refresh_progress
from sync.kinds.activity_store.judge import FOLLOW
from sync.kinds.activity_store.publish import put_beside_stores
from sync.kinds.audit_visit.judge import APPEALED as AUDIT_APPEALED
from sync.kinds.audit_visit.judge import LOOK as AUDIT_LOOK
from sync.kinds.photo.judge import ARRIVED, JUDGE
from sync.kinds.photo.publish import FILE_PHOTOS, settle_files, settle_photos
from sync.kinds.photo.publish import JUDGED as PHOTOS_JUDGED
from sync.kinds.track.judge import TRACK_DAY
from sync.store_terms import TOPIC as STORE_TERMS
from sync.unit_of_work import Database

if TYPE_CHECKING:
    from sync.engine import Engine

MAX_ATTEMPTS = 8

logger = logging.getLogger("roadbook.jobs")

# Counted before the effect, in a transaction of its own: a row that ends its worker counts too.
_CLAIM = """
update outbox set attempts = attempts + 1, enqueued_at = clock_timestamp()
where company_id = :company and id = :row and not is_set_aside
returning topic, payload, attempts
"""
_DONE = "delete from outbox where company_id = :company and id = :row"
_FAILED = """
update outbox set failure = :failure, enqueued_at = clock_timestamp(), is_set_aside = :aside
where company_id = :company and id = :row
"""
# What another worker has is no try of this one.
_HELD = """
update outbox set attempts = greatest(attempts - 1, 0), enqueued_at = clock_timestamp()
where company_id = :company and id = :row
"""
_ASIDE = """
select id, topic, attempts, coalesce(failure, '') from outbox
where company_id = :company and is_set_aside order by id limit 200
"""
_AGAIN = """
update outbox set is_set_aside = false, attempts = 0, enqueued_at = null
where company_id = :company and is_set_aside
"""


@dataclass(frozen=True, slots=True)
class Workshop:
    """What effects work with."""

    database: Database
    engine: "Engine"
    # None where no file is touched.
    media: Media | None = None
    room: ReadingRoom | None = None
    # What long lists are written by, by the name of the list.
    exporters: Mapping[str, Exporter] = field(default_factory=dict)
    # Who answers what pages ask, by the name of the question.
    answerers: Mapping[str, Answerer[Any]] = field(default_factory=dict)
    # Whether the worker is to stop: what takes long is then left to the next.
    is_stopping: Callable[[], bool] = bool

    @property
    def files(self) -> Media:
        """The storage of files and what goes with it."""
        if self.media is None:
            message = "this workshop has no storage"
            raise RuntimeError(message)
        return self.media

    @property
    def reading_room(self) -> ReadingRoom:
        """Where files are read."""
        if self.room is None:
            message = "this workshop has no reading room"
            raise RuntimeError(message)
        return self.room


Effect = Callable[[Workshop, int, Mapping[str, Any]], None]


def release_deferred(shop: Workshop, company_id: int, payload: Mapping[str, Any]) -> None:
    """Try again the items that waited for these records, a batch at a time."""
    entity_ids = [UUID(text) for text in payload["entity_ids"]]
    while shop.engine.release_deferred(company_id, entity_ids):
        pass


def plan_again(shop: Workshop, company_id: int, payload: Mapping[str, Any]) -> None:
    """Make the plans of these positions again, after the company's calendar changed."""
    plan_positions_again(shop.database, company_id, map(UUID, payload["ids"]))


def store_history(shop: Workshop, company_id: int, payload: Mapping[str, Any]) -> None:
    """Tell what happened at these stores last."""
    tell_store_histories(shop.database, company_id, [UUID(text) for text in payload["ids"]])


def activity_store_follows(shop: Workshop, company_id: int, payload: Mapping[str, Any]) -> None:
    """Put the stores in activities that phones have asked for beside their stores."""
    with shop.database.company(company_id) as uow:
        put_beside_stores(uow, [UUID(text) for text in payload["ids"]])


def track_day(shop: Workshop, company_id: int, payload: Mapping[str, Any]) -> None:
    """Read anew how far people went on these days."""
    bring_track_days_up(shop.database, company_id, payload["ids"])


def store_terms(shop: Workshop, company_id: int, payload: Mapping[str, Any]) -> None:
    """Bring up the terms of these stores."""
    bring_stores_up(shop.database, company_id, map(UUID, payload["ids"]))


def refresh_targets(shop: Workshop, company_id: int, payload: Mapping[str, Any]) -> None:
    """Read again how far the targets of these positions are, after a decision changed what counts."""
    with shop.database.company(company_id) as uow:
        positions = [UUID(text) for text in payload["ids"]]
        refresh_progress(uow, positions, company_day(uow), datetime.now(UTC))


def photo_arrived(shop: Workshop, company_id: int, payload: Mapping[str, Any]) -> None:
    """Look again at photos whose bytes may have come while their records did."""
    with shop.database.company(company_id) as uow:
        settle_photos(uow, [UUID(text) for text in payload["ids"]])


def file_photos(shop: Workshop, company_id: int, payload: Mapping[str, Any]) -> None:
    """Bring the photos of these files up to what became of the files."""
    with shop.database.company(company_id) as uow:
        settle_files(uow, [UUID(text) for text in payload["ids"]])


def file_read(shop: Workshop, company_id: int, payload: Mapping[str, Any]) -> None:
    """Read these files: what they show, and their copies."""
    ids = [UUID(text) for text in payload["ids"]]
    read_files(shop.database, shop.reading_room, company_id, ids)


def photo_judge(shop: Workshop, company_id: int, payload: Mapping[str, Any]) -> None:
    """Judge these photos by what was read in their files, and by what looks like them."""
    judge_photos(shop.database, company_id, [UUID(text) for text in payload["ids"]])


def activity_stores_start(shop: Workshop, company_id: int, payload: Mapping[str, Any]) -> None:
    """Let the approved stores of activities that have opened run them."""
    start_stores(shop.database, company_id, [UUID(text) for text in payload["ids"]])


def audit_look(shop: Workshop, company_id: int, payload: Mapping[str, Any]) -> None:
    """Let these audit visits take their places before the auditors' queue, or in it."""
    with shop.database.company(company_id) as uow:
        look_at(uow, [UUID(text) for text in payload["ids"]], now=datetime.now(UTC))


def audit_appealed(shop: Workshop, company_id: int, payload: Mapping[str, Any]) -> None:
    """Let another auditor look at what these audit visits' people appealed against."""
    with shop.database.company(company_id) as uow:
        open_appeals(uow, [UUID(text) for text in payload["ids"]], now=datetime.now(UTC))


def audit_photos(shop: Workshop, company_id: int, payload: Mapping[str, Any]) -> None:
    """Look again at what these photos, which were judged, were brought for."""
    with shop.database.company(company_id) as uow:
        look_at_photos(uow, [UUID(text) for text in payload["ids"]], now=datetime.now(UTC))


def export(shop: Workshop, company_id: int, payload: Mapping[str, Any]) -> None:
    """Write the files of these exports."""
    for text in payload["ids"]:
        write_export(
            shop.database,
            shop.files,
            shop.exporters,
            company_id,
            UUID(text),
            is_stopping=shop.is_stopping,
        )


def import_(shop: Workshop, company_id: int, payload: Mapping[str, Any]) -> None:
    """Look at these imports, or write them."""
    for text in payload["ids"]:
        do_import(
            shop.database,
            shop.files,
            SHEETS,
            company_id,
            UUID(text),
            is_stopping=shop.is_stopping,
        )


def errand(shop: Workshop, company_id: int, payload: Mapping[str, Any]) -> None:
    """Look at these errands, or do them."""
    kinds = {kind.name: kind for kind in (REDRAWING, releasing(shop.engine))}
    for text in payload["ids"]:
        do_errand(shop.database, kinds, company_id, UUID(text), is_stopping=shop.is_stopping)


def answer(shop: Workshop, company_id: int, payload: Mapping[str, Any]) -> None:
    """Answer what pages asked and had no time for."""
    for text in payload["ids"]:
        answer_question(shop.database, shop.answerers, company_id, UUID(text))


EFFECTS: Mapping[str, Effect] = {
    "release_deferred": release_deferred,
    PLAN_AGAIN: plan_again,
    STORE_TERMS: store_terms,
    STORE_HISTORY: store_history,
    FOLLOW: activity_store_follows,
    REFRESH: refresh_targets,
    TRACK_DAY: track_day,
    START: activity_stores_start,
    ARRIVED: photo_arrived,
    FILE_PHOTOS: file_photos,
    AUDIT_LOOK: audit_look,
    AUDIT_APPEALED: audit_appealed,
    JUDGE: photo_judge,
    PHOTOS_JUDGED: audit_photos,
    FILE_READ: file_read,
    EXPORT: export,
    IMPORT: import_,
    ERRAND: errand,
    ANSWER: answer,
}


# Each takes seconds or minutes, and not milliseconds: they are done beside the others (relay.py).
PHOTO_TOPICS = (FILE_READ,)
SHEET_TOPICS = (EXPORT, IMPORT, ERRAND)
# Somebody waits for it.
ANSWER_TOPICS = (ANSWER,)

_STILL = (StillDone, StillImported, StillRead, StillWritten)


def do_row(
    shop: Workshop,
    company_id: int,
    row_id: int,
    effects: Mapping[str, Effect] = EFFECTS,
) -> str:
    """Do one row: "done", "gone" (somebody did it), "held" (somebody is at it), "failed" (later again) or "set aside".

    Raises only what the database does when the row itself cannot be read or written.
    """
    database = shop.database
    with database.company(company_id) as uow:
        found = uow.rows(_CLAIM, company=company_id, row=row_id)
    if not found:
        return "gone"
    topic, payload, attempts = found[0]
    effect = effects.get(topic)
    if effect is None:
        return _failed(database, company_id, row_id, f"no effect is called {topic!r}", aside=True)
    if attempts > MAX_ATTEMPTS:
        said = f"its worker ended {attempts - 1} times while at it"
        return _failed(database, company_id, row_id, said, aside=True)
    try:
        effect(shop, company_id, payload)
    except _STILL as held:
        logger.info("outbox row %d of company %d is looked at later: %s", row_id, company_id, held)
        with database.company(company_id) as uow:
            uow.run(_HELD, company=company_id, row=row_id)
        return "held"
    except Exception as error:
        logger.exception("outbox row %d of company %d failed, try %d", row_id, company_id, attempts)
        said = f"{type(error).__name__}: {error}"
        return _failed(database, company_id, row_id, said, aside=attempts >= MAX_ATTEMPTS)
    with database.company(company_id) as uow:
        uow.run(_DONE, company=company_id, row=row_id)
    return "done"


def _failed(database: Database, company_id: int, row_id: int, said: str, *, aside: bool) -> str:
    with database.company(company_id) as uow:
        uow.run(_FAILED, company=company_id, row=row_id, failure=plain(said), aside=aside)
    return "set aside" if aside else "failed"


def list_set_aside(database: Database, company_id: int) -> list[tuple[int, str, int, str]]:
    """The rows that were set aside, the oldest first: id, topic, attempts, what went wrong."""
    with database.reading(company_id) as uow:
        return [tuple(row) for row in uow.rows(_ASIDE, company=company_id)]


def try_set_aside_again(database: Database, company_id: int) -> int:
    """Give every row that was set aside its tries back; how many there were."""
    with database.company(company_id) as uow:
        return uow.run(_AGAIN, company=company_id)


# --- for the queue -----------------------------------------------------------------------------------

# RQ names a function and calls it with what JSON carries; what it works with is set by the worker.
_open: list[Workshop] = []


def open_workshop(shop: Workshop) -> None:
    """Say what the queue's functions of this process work with."""
    _open[:] = [shop]


def run_outbox_row(company_id: int, row_id: int) -> str:
    """What the queue calls."""
    return do_row(_open[0], company_id, row_id)
