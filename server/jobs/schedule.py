"""What runs by the clock: the begin of each company's day, purging, marks of transaction ids.

Everything here is idempotent and catches up: after days without a worker the first round does what
is due now. What was done is remembered so that it is not done every minute: in this process, and in
Redis for the others. Both may be forgotten; then it is done once more, to no effect.
"""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Protocol
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import redis

from mobile_contract.version import CURRENT
from server.activities.day_begins import begin_activities
from server.answers.asked import purge_answers
from server.audits.draws import draw_weeks
from server.audits.queue import look_at_waiting
from server.audits.standing import end_appeal_times, let_stand
from server.catalogue.past import let_past_go
from server.errands.asked import purge_errands
from server.exchange.asked import purge_imports
from server.exports.runs import purge_exports
from server.forms.edits import purge_edits
from server.jobs.purge import mark_xid, purge_changes, purge_ledger
from server.jobs.tracks import forget_kept_points, keep_partitions, purge_tracks
from server.measures.counting import keep_days_counted
from server.media.installed import Media
from server.media.leaving import end_old_uploads, let_unnamed_go
from server.media.uploads import Uploads
from server.planning.day_begins import begin_day
from server.quarantine.kept import release_understood
from server.targets.progress import refresh_all_targets, refresh_targets_since
from server.tasks.day_begins import begin_tasks
from sync.policy import current_policy
from sync.unit_of_work import Database

if TYPE_CHECKING:
    from sync.engine import Engine

# A company whose turn failed is tried again after this; the others do not wait for it.
AGAIN_AFTER = timedelta(minutes=5)
ZONE_KEPT_FOR = timedelta(minutes=10)
CLAIM_S = 900
REMEMBERED_S = 3 * 24 * 3600
LEFT_ALONE_S = 30.0
# How often targets follow the facts that come in. What was received before may be committed a little later.
UPLOADS_LOOKED_AT_EVERY = timedelta(hours=1)
FOLLOWED_EVERY = timedelta(minutes=10)
COMMITTED_WITHIN = timedelta(minutes=2)

_LONG_AGO = datetime.min.replace(tzinfo=UTC)

logger = logging.getLogger("roadbook.jobs")


class Memory(Protocol):
    """What all workers together remember."""

    def recall(self, key: str) -> str | None:
        """What was remembered under the key, if anything."""

    def remember(self, key: str, value: str) -> None:
        """Remember it for some days."""

    def claim(self, key: str) -> bool:
        """Whether nobody else is at it; ends by itself."""

    def give_back(self, key: str) -> None:
        """End a claim."""


class RedisMemory:
    """Memory in Redis; while that is away, none: work is then done once more than needed.

    After a failure Redis is left alone for a while: a round over many companies must not wait for
    it at each.
    """

    def __init__(self, client: redis.Redis, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._client = client
        self._clock = clock
        self._away_until_s = 0.0

    def recall(self, key: str) -> str | None:
        """What was remembered under the key, if anything."""
        value = self._ask(lambda: self._client.get(f"roadbook:schedule:{key}"), None)
        return value.decode() if isinstance(value, bytes) else value

    def remember(self, key: str, value: str) -> None:
        """Remember it for some days."""
        self._ask(
            lambda: self._client.set(f"roadbook:schedule:{key}", value, ex=REMEMBERED_S), None
        )

    def claim(self, key: str) -> bool:
        """Whether nobody else is at it; ends by itself."""
        return bool(
            self._ask(
                lambda: self._client.set(f"roadbook:claim:{key}", "1", nx=True, ex=CLAIM_S), True
            )
        )

    def give_back(self, key: str) -> None:
        """End a claim."""
        self._ask(lambda: self._client.delete(f"roadbook:claim:{key}"), None)

    def _ask(self, act: Callable[[], Any], otherwise: Any) -> Any:
        if self._clock() < self._away_until_s:
            return otherwise
        try:
            return act()
        except redis.RedisError as error:
            logger.debug("the schedule's memory is away: %s", error)
            self._away_until_s = self._clock() + LEFT_ALONE_S
            return otherwise


@dataclass(slots=True)
class Schedule:
    """The rounds of one worker. `is_stopping` is asked between companies."""

    database: Database
    engine: "Engine"
    memory: Memory
    ledger_days: int
    change_days: int
    # None where no files are kept.
    media: Media | None = None
    is_stopping: Callable[[], bool] = bool
    _done: dict[tuple[int, str], str] = field(default_factory=dict)
    _not_before: dict[tuple[int, str], datetime] = field(default_factory=dict)
    _zones: dict[int, tuple[ZoneInfo, datetime]] = field(default_factory=dict)
    # Up to when targets have followed the facts, by company.
    _followed: dict[int, datetime] = field(default_factory=dict)

    def round(self, now: datetime) -> int:
        """Do what is due at `now` (aware) and was not done; the number of turns that did it."""
        with self.database.installation() as uow:
            companies = [row[0] for row in uow.rows("select company_ids()")]
        mark_xid(self.database, days=self.change_days)
        self._keep_partitions(now)
        turns = 0
        for company_id in companies:
            if self.is_stopping():
                break
            turns += self._begin_day(company_id, now)
            turns += self._refresh_targets(company_id, now)
            turns += self._begin_activities(company_id, now)
            turns += self._begin_tasks(company_id, now)
            turns += self._draw_audits(company_id, now)
            turns += self._purge(company_id, now)
            turns += self._let_files_go(company_id, now)
            self._end_old_uploads(company_id, now)
            self._purge_what_pages_left(company_id, now)
            turns += self._release_understood(company_id, now)
            self._release_ready(company_id)
            self._count_days(company_id, now)
            self._follow_facts(company_id, now)
            self._go_on_with_audits(company_id, now)
        return turns

    def _keep_partitions(self, now: datetime) -> None:
        """Once a day of UTC, by whichever worker comes first."""
        place, today = (0, "partitions"), now.astimezone(UTC).date().isoformat()
        if self._done.get(place) == today:
            return
        if now < self._not_before.get(place, datetime.min.replace(tzinfo=UTC)):
            return
        try:
            for what in keep_partitions(self.database):
                logger.info("partitions of tracks: %s", what)
        except Exception:
            # Behind a long lock it is better to come again than to wait.
            logger.exception("keeping the partitions of tracks failed")
            self._not_before[place] = now + AGAIN_AFTER
            return
        self._done[place] = today

    def _begin_day(self, company_id: int, now: datetime) -> bool:
        def begin(zone: ZoneInfo) -> bool:
            done = begin_day(self.database, company_id, now.astimezone(zone).date())
            left = let_past_go(self.database, company_id)
            logger.info(
                "the day of company %d began: %s; %d price lists and promotions left",
                company_id,
                done,
                left,
            )
            return True

        return self._turn(company_id, "day", now, begin)

    def _refresh_targets(self, company_id: int, now: datetime) -> bool:
        def refresh(zone: ZoneInfo) -> bool:
            today = now.astimezone(zone).date()
            changed = refresh_all_targets(self.database, company_id, today, now)
            if changed:
                logger.info("%d targets of company %d changed with the day", changed, company_id)
            return True

        return self._turn(company_id, "targets", now, refresh)

    def _count_days(self, company_id: int, now: datetime) -> None:
        """Count anew the months of visits and plans that changed, so that figures read few of them from the facts."""
        place = (company_id, "days")
        if now < self._not_before.get(place, datetime.min.replace(tzinfo=UTC)):
            return
        try:
            keep_days_counted(self.database, company_id)
        except Exception:
            logger.exception("counting the days of company %d failed", company_id)
            self._not_before[place] = now + AGAIN_AFTER

    def _follow_facts(self, company_id: int, now: datetime) -> None:
        """Read again how far the targets are of whoever sent something since the last time."""
        key = f"targets-follow:{company_id}"
        if now < self._not_before.get((company_id, key), datetime.min.replace(tzinfo=UTC)):
            return
        try:
            last = self._followed.get(company_id)
            if last is not None and now - last < FOLLOWED_EVERY:
                return
            told = self.memory.recall(key)
            if told is not None:
                last = datetime.fromisoformat(told)
                self._followed[company_id] = last
                if now - last < FOLLOWED_EVERY:
                    return
            if not self.memory.claim(key):
                return
            try:
                since = (last or now - FOLLOWED_EVERY) - COMMITTED_WITHIN
                today = now.astimezone(self._zone(company_id, now)).date()
                refresh_targets_since(self.database, company_id, since, today, now)
                self._followed[company_id] = now
                self.memory.remember(key, now.isoformat())
            finally:
                self.memory.give_back(key)
        except Exception:
            logger.exception("refreshing the targets of company %d failed", company_id)
            self._not_before[company_id, key] = now + AGAIN_AFTER

    def _begin_activities(self, company_id: int, now: datetime) -> bool:
        def begin(zone: ZoneInfo) -> bool:
            done = begin_activities(self.database, company_id, now.astimezone(zone).date())
            logger.info("the activities of company %d: %s", company_id, done)
            return True

        return self._turn(company_id, "activities", now, begin)

    def _begin_tasks(self, company_id: int, now: datetime) -> bool:
        def begin(zone: ZoneInfo) -> bool:
            done = begin_tasks(self.database, company_id, now.astimezone(zone).date())
            logger.info("the tasks and notices of company %d: %s", company_id, done)
            return True

        return self._turn(company_id, "tasks", now, begin)

    def _draw_audits(self, company_id: int, now: datetime) -> bool:
        def draw(zone: ZoneInfo) -> bool:
            today = now.astimezone(zone).date()
            candidates = draw_weeks(self.database, company_id, today, now=now)
            if candidates:
                logger.info("audits of company %d: drawn from %d", company_id, candidates)
            return True

        return self._turn(company_id, "audits", now, draw)

    def _go_on_with_audits(self, company_id: int, now: datetime) -> None:
        """What waits for photos is looked at again, verdicts come to stand, and times to appeal end."""
        try:
            look_at_waiting(self.database, company_id, now=now)
            let_stand(self.database, company_id, now=now)
            end_appeal_times(self.database, company_id, now=now)
        except Exception:
            logger.exception("the audits of company %d did not go on", company_id)

    def _purge(self, company_id: int, now: datetime) -> bool:
        def purge(_zone: ZoneInfo) -> bool:
            receipts = purge_ledger(self.database, company_id, days=self.ledger_days)
            changes = purge_changes(self.database, company_id, days=self.change_days)
            tracks = purge_tracks(self.database, company_id)
            points = forget_kept_points(self.database, self.engine, company_id)
            done = (receipts, changes, tracks, points)
            if any(each.rows for each in done):
                logger.info(
                    "purged for company %d: %d receipts, %d changes, %d tracks, points of %d kept items",
                    company_id,
                    *(each.rows for each in done),
                )
            return all(each.is_done for each in done)

        return self._turn(company_id, "purge", now, purge)

    def _let_files_go(self, company_id: int, now: datetime) -> bool:
        def let_go(_zone: ZoneInfo) -> bool:
            if self.media is None:
                return True
            left = let_unnamed_go(self.database, self.media, company_id)
            if left.rows:
                logger.info(
                    "%d files of company %d that no record names went", left.rows, company_id
                )
            return left.is_done

        return self._turn(company_id, "files", now, let_go)

    def _end_old_uploads(self, company_id: int, now: datetime) -> None:
        """About once an hour, by whichever worker comes first."""
        place = (company_id, "uploads")
        if self.media is None or now < self._not_before.get(place, _LONG_AGO):
            return
        self._not_before[place] = now + UPLOADS_LOOKED_AT_EVERY
        try:
            if not self.memory.claim(f"uploads:{company_id}"):
                return
            try:
                end_old_uploads(
                    self.database, Uploads(self.database, self.media, body_s=0), company_id
                )
            finally:
                self.memory.give_back(f"uploads:{company_id}")
        except Exception:
            logger.exception("ending old uploads of company %d failed", company_id)

    def _purge_what_pages_left(self, company_id: int, now: datetime) -> None:
        """What pages wrote and what was brought to them, about once an hour: twice at once does no harm."""
        place = (company_id, "files of pages")
        if now < self._not_before.get(place, _LONG_AGO):
            return
        self._not_before[place] = now + UPLOADS_LOOKED_AT_EVERY
        try:
            purge_answers(self.database, company_id, now)
            purge_errands(self.database, company_id, now)
            purge_edits(self.database, company_id, now)
            if self.media is None:
                return
            purge_exports(self.database, self.media, company_id, now)
            purge_imports(self.database, self.media, company_id, now)
        except Exception:
            logger.exception("purging what pages left of company %d failed", company_id)

    def _release_understood(self, company_id: int, now: datetime) -> bool:
        """Items of a newer contract are kept until the server has it: it may have it now."""

        def release(_zone: ZoneInfo) -> bool:
            return release_understood(self.database, self.engine, company_id) == 0

        return self._turn(company_id, f"understood-{CURRENT}", now, release)

    def _release_ready(self, company_id: int) -> None:
        """A child and its parent may have come in two transactions that did not see each other."""
        try:
            self.engine.release_ready(company_id)
        except Exception:
            logger.exception("looking for ready items of company %d failed", company_id)

    def _turn(
        self, company_id: int, name: str, now: datetime, act: Callable[[ZoneInfo], bool]
    ) -> bool:
        """Do it once a day of the company, wherever; remember it where it was done to the end."""
        place = (company_id, name)
        if now < self._not_before.get(place, datetime.min.replace(tzinfo=UTC)):
            return False
        try:
            zone = self._zone(company_id, now)
            today = now.astimezone(zone).date().isoformat()
            key = f"{name}:{company_id}"
            if self._done.get(place) == today:
                return False
            if self.memory.recall(key) == today:
                self._done[place] = today
                return False
            if not self.memory.claim(key):
                return False
            try:
                if act(zone):
                    self._done[place] = today
                    self.memory.remember(key, today)
            finally:
                self.memory.give_back(key)
        except Exception:
            # One company's fault must not keep the others from their day.
            logger.exception("%s of company %d failed", name, company_id)
            self._not_before[place] = now + AGAIN_AFTER
            return False
        return True

    def _zone(self, company_id: int, now: datetime) -> ZoneInfo:
        known = self._zones.get(company_id)
        if known is not None and now - known[1] < ZONE_KEPT_FOR:
            return known[0]
        with self.database.company(company_id) as uow:
            name = current_policy(uow)[1].time_zone
        try:
            zone = ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError):
            logger.warning(
                "company %d: no time zone is called %r; its day is UTC's", company_id, name
            )
            zone = ZoneInfo("UTC")
        self._zones[company_id] = (zone, now)
        return zone
