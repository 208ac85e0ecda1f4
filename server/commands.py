"""The commands that run and look after an installation."""

import os
import sys
from pathlib import Path

import click

from server.cli import say, settings
from server.processes import CannotStart

_WORKER_POOL = 7


@click.command()
def serve() -> None:
    """Run everything that one machine needs, until Ctrl-C.

    Without DATABASE_URL and REDIS_URL PostgreSQL and Redis run embedded, with their data under
    ROADBOOK_VAR, and a demo company is made at the first start.
    """
    from server.supervise import serve as serve_all

    serve_all(settings(), say)


@click.command()
@click.option("--listener", type=int, help="An open listening socket's descriptor.", hidden=True)
def web(listener: int | None) -> None:
    """Run the web server alone, for a machine that something else supervises."""
    from server.counts import counts_folder, drop_counts_of_the_dead, make_counts_folder
    from server.fitness import require_fit
    from server.gunicorn_settings import serve as serve_web

    loaded = settings()
    require_fit(loaded)
    given = os.environ.get("PROMETHEUS_MULTIPROC_DIR")
    if given is not None:
        Path(given).mkdir(mode=0o700, parents=True, exist_ok=True)
        serve_web(loaded, listener=listener)
        return
    folder = counts_folder(loaded.var)
    drop_counts_of_the_dead(folder)
    make_counts_folder(folder)
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(folder)
    starter = os.getpid()
    try:
        serve_web(loaded, listener=listener)
    finally:
        # The web processes end through here as well.
        if os.getpid() == starter:
            drop_counts_of_the_dead(folder)


@click.command()
def worker() -> None:
    """Run a worker alone: it does what requests leave behind, and what has its time."""
    import logging

    from server.fitness import require_fit
    from server.http.log_lines import write_logs
    from server.jobs.work import Workshop
    from server.jobs.worker import WorkerProcess, run_worker
    from server.media.installed import media_of
    from server.photos.installed import room_of
    from server.web.answerers import ANSWERERS
    from server.web.exporters import EXPORTERS
    from server.wiring import make_engine, make_redis
    from sync.engine import Engine
    from sync.kinds import ALL_KINDS
    from sync.unit_of_work import Database

    loaded = settings()
    write_logs(loaded.log_level)
    require_fit(loaded)
    # RQ raises the level of its own logger to tell of its housekeeping.
    logging.getLogger("rq.worker").setLevel(loaded.log_level.upper())
    engine = make_engine(
        loaded,
        application_name="roadbook-worker",
        pool_size=_WORKER_POOL + loaded.media_readers,
    )
    database = Database(engine)
    room = room_of(loaded)
    room.clear_left_over()
    run_worker(
        WorkerProcess(
            shop=Workshop(
                database=database,
                engine=Engine(database, ALL_KINDS, loaded.secret_key.encode()),
                media=media_of(loaded),
                room=room,
                exporters=EXPORTERS,
                answerers=ANSWERERS,
            ),
            client=make_redis(loaded),
            ledger_days=loaded.ledger_days,
            change_days=loaded.change_days,
            readers=loaded.media_readers,
        )
    )


@click.command()
def migrate() -> None:
    """Bring the database to this version's tables, as the owner (DATABASE_OWNER_URL)."""
    from sqlalchemy.exc import DBAPIError

    from server.installation import running_database
    from server.migrate import head_revision
    from server.migrate import migrate as run_migrations
    from server.supervise import app_role, first_line

    loaded = settings()
    if loaded.database_owner_url is None:
        raise CannotStart("Migrations run as the owner of the tables: set DATABASE_OWNER_URL")
    with running_database(loaded):
        try:
            is_new = run_migrations(loaded.database_owner_url, app_role=app_role(loaded))
        except DBAPIError as error:
            raise CannotStart(f"The database cannot be migrated: {first_line(error)}") from error
    say(f"The database {'is now' if is_new else 'was already'} at migration {head_revision()}.")


@click.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON document instead of lines.")
def doctor(as_json: bool) -> None:
    """Say what is wrong with this installation and what to do. Fails when anything does."""
    import json

    from server.doctor import Verdict, examine

    findings = examine(os.environ)
    worst = max((finding.verdict for finding in findings), default=Verdict.OK)
    if as_json:
        say(json.dumps({"verdict": worst.name, "findings": [f.as_json() for f in findings]}))
    else:
        for finding in findings:
            say(str(finding))
    sys.exit(1 if worst is Verdict.FAIL else 0)
