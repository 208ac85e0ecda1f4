"""How a play ends: it is counted in the database, its phones are given back, and it says how to go on."""

from collections import Counter
from collections.abc import Sequence

from server.play.check import count_files, count_in_database, read_amounts, read_played_days
from server.play.enrolment import EnrolmentDesk
from server.play.patience import FOR_S, ask_patiently
from server.play.played_clock import now_ms
from server.play.rep import Rep
from server.play.tally import Tally, add_database_count, promised_to
from sync.unit_of_work import Database


def end_play(
    database: Database,
    desk: EnrolmentDesk,
    fleet: Sequence[Rep],
    tally: Tally,
    *,
    keeps_phones: bool,
    for_s: float = FOR_S,
) -> list[str]:
    """Add the database's own count and revoke the phones; what else there is to say, a line each.

    A database that is away is asked again for `for_s`. One that stays away leaves the count by pull.
    """
    devices = [rep.phone.device.enrolment.device_id for rep in fleet]
    counted = ask_patiently(
        lambda: (
            count_in_database(database, desk.company_id, promised_to(fleet), devices),
            read_amounts(database, desk.company_id, promised_to(fleet)),
            read_played_days(database, desk.company_id, devices, now_ms()),
            count_files(database, desk.company_id, _digests(fleet)),
        ),
        for_s=for_s,
    )
    given_back = None
    if counted is not None:
        add_database_count(tally, *counted)
        if not keeps_phones:
            given_back = ask_patiently(lambda: desk.take_back(devices), for_s=for_s)
    notes = []
    if given_back is None:
        notes.append(f"{len(devices)} phones stay enrolled: roadbook device list")
    moved_m = max(rep.track_moved_m for rep in fleet)
    if moved_m:
        notes.append(f"the track passes no store: it was moved by up to {moved_m / 1000:,.0f} km")
    ((last_day, _),) = Counter(rep.dates[-1] for rep in fleet).most_common(1)
    notes.append(f"to read the day: roadbook day --date {last_day} --company {desk.company_code}")
    return notes


def _digests(fleet: Sequence[Rep]) -> list[str]:
    """Of all that was photographed."""
    return [shot.sha256 for rep in fleet if rep.camera is not None for shot in rep.camera.shots]
