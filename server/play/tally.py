"""What came of a play, counted from the reps' own lists against what the server gave back by pull."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

from mobile_contract.phone.link import Traffic
from mobile_contract.phone.scope_store import HeldRecord
from mobile_contract.records import RECORDS_BY_KIND
from server.play.check import Amounts, Count, FileCount, PlayedDays, Promised
from server.play.facts import FACTS, MAKES, OWN_FACTS, TOLD_FACTS
from server.play.faults import DAY_MS
from server.play.photo_tally import PhotoTally
from server.play.rep import Rep, Tracked
from server.play.rough_link import FaultCount

_EFFECTIVE = frozenset({"applied", "merged"})


@dataclass(slots=True)
class Tally:
    """The figures of a play. Times in milliseconds, sizes in bytes."""

    phones: int = 0
    items: int = 0
    late_a_day: int = 0
    late_a_week: int = 0
    verdicts: Counter[str] = field(default_factory=Counter)
    flags: Counter[str] = field(default_factory=Counter)
    # What follows from whole days; None where nobody could ask the database.
    played_days: PlayedDays | None = None
    trusts: Counter[str] = field(default_factory=Counter)
    worst_error_ms: dict[str, int] = field(default_factory=dict)
    statuses: Counter[str] = field(default_factory=Counter)
    settled: Counter[str] = field(default_factory=Counter)
    codes: Counter[str] = field(default_factory=Counter)
    kinds: Counter[str] = field(default_factory=Counter)
    resends: int = 0
    unsent: int = 0
    set_aside: int = 0
    equal: int = 0
    unequal: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    twice: list[str] = field(default_factory=list)
    # What the applied items amount to, on the phones; and what only the server can say of it.
    amounts: Counter[str] = field(default_factory=Counter)
    amounts_by_server: Counter[str] = field(default_factory=Counter)
    differing: list[str] = field(default_factory=list)
    traffic: Traffic = field(default_factory=Traffic)
    faults: FaultCount = field(default_factory=FaultCount)
    photos: PhotoTally = field(default_factory=PhotoTally)
    is_database_counted: bool = False

    @property
    def is_good(self) -> bool:
        """Whether nothing is lost, nothing counted twice, nothing left over and every phone equal."""
        return not (
            self.lost
            or self.twice
            or self.differing
            or self.unequal
            or self.unsent
            or self.set_aside
            or self.photos.waiting
        )


def tally_up(reps: Sequence[Rep], *, played_until_ms: int) -> Tally:
    """Count what the phones can see; the database's own count is added by `add_database_count`."""
    tally = Tally(phones=len(reps))
    for rep in reps:
        _count_items(tally, rep, played_until_ms)
        _count_facts(tally, rep)
        _count_losses(tally, rep)
        _count_amounts(tally, rep)
        tally.lost += tally.photos.count(rep)
        if rep.is_equal:
            tally.equal += 1
        else:
            why = "could not be compared" if rep.is_equal is None else "differs from its scope"
            tally.unequal.append(f"phone {rep.number} ({rep.name}) {why}")
        _add(tally.traffic, rep.phone.link.traffic)
        _add(tally.faults, rep.link.count)
    return tally


def promised_to(reps: Iterable[Rep]) -> list[Promised]:
    """Every item that some phone holds a receipt for."""
    return [
        Promised(each.op_id, each.kind, each.entity_id, each.status)
        for rep in reps
        for each in rep.tracked.values()
        if not each.is_unsent and each.status is not None
    ]


def add_database_count(
    tally: Tally, count: Count, amounts: Amounts, played_days: PlayedDays, files: FileCount
) -> None:
    """Add what the database says; where it amounts to something else than on the phones, that is said."""
    tally.is_database_counted = True
    tally.amounts_by_server = amounts.by_server
    tally.differing += [
        f"{name}: {tally.amounts[name]:,} on the phones, {amounts.told[name]:,} in the database"
        for name in sorted(tally.amounts.keys() | amounts.told.keys())
        if tally.amounts[name] != amounts.told[name]
    ]
    tally.played_days = played_days
    tally.lost += [f"database: {line}" for line in count.lost]
    tally.twice += [f"database: {line}" for line in count.twice]
    tally.photos.files, tally.photos.readings = files.files, files.readings
    tally.lost += [f"database: no file has the digest {digest}" for digest in files.lost]
    tally.twice += [f"database: {digest} has more than one file" for digest in files.twice]


def _count_items(tally: Tally, rep: Rep, played_until_ms: int) -> None:
    for each in rep.tracked.values():
        age_ms = played_until_ms - each.captured_true_ms
        tally.items += 1
        tally.late_a_day += age_ms > DAY_MS
        tally.late_a_week += age_ms > 7 * DAY_MS
        tally.kinds[f"{each.kind} {each.op}"] += 1
        tally.resends += max(0, each.sendings - 1)
        if each.status == "set_aside":
            tally.set_aside += 1
        elif each.is_unsent:
            tally.unsent += 1
        else:
            first = each.first_result
            tally.statuses[first["status"]] += 1
            if each.status != first["status"]:
                tally.settled[f"{first['status']} → {each.status}"] += 1
            if first.get("code"):
                tally.codes[f"{first['code']} ({each.kind} {each.op})"] += 1


def _count_amounts(tally: Tally, rep: Rep) -> None:
    """What the last applied item of each record says."""
    last = {
        each.entity_id: each.amounts
        for each in rep.tracked.values()
        if each.amounts and each.status in _EFFECTIVE
    }
    for amounts in last.values():
        tally.amounts.update(amounts)


def _count_facts(tally: Tally, rep: Rep) -> None:
    """What became of the visits and of the times, by the records that came down."""
    own = {each.entity_id for each in rep.tracked.values()}
    for record in (*rep.phone.held("visit"), *rep.phone.held("attendance")):
        if record.id not in own:
            continue
        if record.kind == "visit":
            tally.verdicts[_verdict(record.fields)] += 1
        tally.flags.update(
            flag if isinstance(flag, str) else str(flag["flag"]) for flag in record.fields["flags"]
        )
        trust, corrected_at = _time_of(record)
        tally.trusts[trust] += 1
        true_ms = rep.true_times.get(record.id)
        if true_ms is not None and corrected_at is not None:
            error_ms = abs(corrected_at - true_ms)
            tally.worst_error_ms[trust] = max(tally.worst_error_ms.get(trust, 0), error_ms)


def _verdict(visit: Mapping[str, Any]) -> str:
    verdict = visit["verdict"]
    if isinstance(verdict, Mapping):
        return str(verdict["verdict"])
    if verdict is not None:
        return str(verdict)
    return "skipped" if visit["state"] == "SKIPPED" else "by phone"


def _time_of(record: HeldRecord) -> tuple[str, int | None]:
    """The trust and the corrected time of the event that made the record, in either contract."""
    held = record.fields
    if "clock" not in held:
        return held["trust"], held.get("checked_in_corrected_at", held.get("corrected_at"))
    event = held["check_in"] if record.kind == "visit" else held["occurred"]
    return held["clock"]["trust"], None if event is None else event["corrected_at"]


def _count_losses(tally: Tally, rep: Rep) -> None:
    """Every receipt must have its record on the phone, and no fact more versions than items."""
    effects = Counter(
        each.entity_id for each in rep.tracked.values() if each.kind in FACTS and not each.is_unsent
    )
    for each in rep.tracked.values():
        if not each.is_unsent and not _has_come_down(rep, each):
            tally.lost.append(
                f"phone {rep.number}: {each.kind} {each.op} {each.entity_id} was {each.status},"
                " and nothing of it came down"
            )
    for kind in sorted(TOLD_FACTS & OWN_FACTS):
        for record in rep.phone.held(kind):
            if record.id in effects and record.version > effects[record.id]:
                tally.twice.append(
                    f"phone {rep.number}: {kind} {record.id} has version {record.version}"
                    f" from {effects[record.id]} items"
                )


def _has_come_down(rep: Rep, each: Tracked) -> bool:
    """Whether the pull shows what the receipt says: the record, the proposal, or the item kept aside."""
    scope = rep.phone.scope
    told = each.first_result
    if each.status in _EFFECTIVE:
        proposal_id = told.get("proposal_id")
        if proposal_id is not None and scope.get("proposal", proposal_id) is None:
            return False
        is_told = RECORDS_BY_KIND[each.kind].down[rep.contract] is not None
        if is_told and (each.kind in TOLD_FACTS or each.op in MAKES):
            return scope.get(each.kind, each.entity_id) is not None
        return True
    if scope.get("item", each.op_id) is not None:
        return True
    conflict_id = told.get("conflict_id")
    is_told_so = rep.contract > 1  # conflicts do not go down to contract 1
    return conflict_id is not None and (
        not is_told_so or scope.get("conflict", conflict_id) is not None
    )


def _add(total: Traffic | FaultCount, more: Traffic | FaultCount) -> None:
    for each in fields(total):
        setattr(total, each.name, getattr(total, each.name) + getattr(more, each.name))
