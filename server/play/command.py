"""`roadbook play`: the command line around a play."""

import os
import tempfile
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import click

from server.play.faults import FAULTS
from server.play.teams import TEAMS

_STAGES_OF_A_PHONE = 3
_LONGEST_SEED = 2**31


@click.command()
@click.option("--reps", default=12, show_default=True, type=click.IntRange(1, 2000), help="Phones.")
@click.option("--days", default=1, show_default=True, type=click.IntRange(1, 12), help="Days each.")
@click.option("--faults", type=click.Choice(tuple(FAULTS)), help="Default: field; none on a track.")
@click.option("--seed", default=1, show_default=True, type=click.IntRange(0, _LONGEST_SEED))
@click.option(
    "--track",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Walk this GPS track (time,latitude,longitude) instead of the day plan.",
)
@click.option("--url", help="The server; that of the settings unless given.")
@click.option("--team", default="general", show_default=True, type=click.Choice(tuple(TEAMS)))
@click.option(
    "--photos",
    type=click.IntRange(0, 200),
    help="Photos a day and rep; those of the team unless given, none on a track.",
)
@click.option("--company", default="DEMO", show_default=True, help="Code of the company.")
@click.option("--keep-phones", is_flag=True, help="Do not revoke the phones at the end.")
def play(
    *,
    reps: int,
    days: int,
    faults: str | None,
    seed: int,
    track: Path | None,
    url: str | None,
    team: str,
    photos: int | None,
    company: str,
    keep_phones: bool,
) -> None:
    """Drive phones through working days over real HTTP and check what came of it.

    The work lies in the last days and all of it is sent now. Ends with 1 when anything is lost,
    counted twice, left unsent, or when a phone differs from its scope.
    """
    from sqlalchemy.exc import OperationalError

    from mobile_contract.phone.link import Problem
    from mobile_contract.phone.transport import LinkFailure
    from server.fitness import require_migrated
    from server.play.ending import end_play
    from server.play.enrolment import EnrolmentDesk, NobodyToPlay
    from server.play.fleet import Play, play_fleet
    from server.play.played_clock import now_ms
    from server.play.report import report_lines
    from server.play.tally import tally_up
    from server.play.track import TrackUnreadable, read_track
    from server.settings import load_settings
    from server.wiring import make_engine
    from sync.unit_of_work import Database

    try:
        settings = load_settings(os.environ)
        if url is not None and not url.startswith(("http://", "https://")):
            message = "an address like http://127.0.0.1:8080"
            raise click.BadParameter(message, param_hint="--url")
        points = None if track is None else read_track(track)
        database = Database(make_engine(settings, application_name="roadbook-play", pool_size=2))
        click.get_current_context().call_on_close(database.engine.dispose)
        require_migrated(database.engine)
        desk = EnrolmentDesk(database, company)
        seats = desk.seats(reps)
        desk.ask(seats)
    except (TrackUnreadable, NobodyToPlay) as refused:
        raise click.ClickException(str(refused)) from refused
    except OperationalError as failure:
        raise click.ClickException(
            f"no database: is the server running? {failure.orig}"
        ) from failure
    began_ms, began_s = now_ms(), time.monotonic()
    with tempfile.TemporaryDirectory(prefix="roadbook-play-") as folder:
        played = Play(
            url=url or f"http://{settings.host}:{settings.port}",
            days=days,
            team=TEAMS[team] if photos is None else replace(TEAMS[team], photos_a_day=photos),
            rates=FAULTS[faults or default_faults(track)],
            seed=seed,
            run_id=str(uuid.uuid4()),
            folder=Path(folder),
            track=points,
        )
        with click.progressbar(
            length=reps * (_STAGES_OF_A_PHONE + days), label=f"{reps} phones", show_pos=True
        ) as bar:
            try:
                fleet = play_fleet(played, seats, note=_counter(bar.update))
            except (LinkFailure, Problem) as failure:
                raise click.ClickException(f"no play against {played.url}: {failure}") from failure
        tally = tally_up(fleet, played_until_ms=began_ms)
        notes = end_play(database, desk, fleet, tally, keeps_phones=keep_phones)
        for rep in fleet:
            rep.phone.close()
    database.engine.dispose()
    for line in report_lines(tally, [f"seed {seed}, {time.monotonic() - began_s:.1f} s", *notes]):
        click.echo(line)
    if not tally.is_good:
        raise SystemExit(1)


def default_faults(track: Path | None) -> str:
    """The field's; none where a real track is walked, which is to be seen as it was."""
    return "field" if track is None else "none"


def _counter(update: Callable[[int], None]) -> Callable[[str], None]:
    """Moves the bar a step for each word, from any thread."""
    lock = threading.Lock()

    def note(_word: str) -> None:
        with lock:
            update(1)

    return note
