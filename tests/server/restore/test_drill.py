"""The drill of docs/operating.md, with the reference phone: a backup is restored and nothing is lost."""

import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from uuid import UUID

import pytest
from click.testing import CliRunner
from flask.testing import FlaskClient
from sqlalchemy import create_engine
from sqlalchemy.pool import NullPool

from mobile_contract.phone.phone import Phone
from mobile_contract.phone.transport import Answer, Request
from server.app import build_app
from server.cli import roadbook
from server.embedded import Embedded
from server.embedded_postgres import APP, DATABASE, OWNER, programs
from server.http.service import Service
from server.identity.change_log import Actor
from server.identity.devices import issue_enrolment_code
from server.migrate import migrate
from sync.engine import Engine as SyncEngine
from sync.kinds import ALL_KINDS
from sync.unit_of_work import Database
from tests.factories import Cast, make_cast

SECRET = b"one secret for the drill, 32 bytes"

pytestmark = pytest.mark.slow


class ServerNow:
    """The phone's way to whatever server there is at the moment."""

    def __init__(self) -> None:
        self.client: FlaskClient | None = None

    def exchange(self, request: Request) -> Answer:
        assert self.client is not None
        answer = self.client.post(
            request.path, data=request.body, headers=dict(request.headers), buffered=True
        )
        headers = {name.lower(): value for name, value in answer.headers.items()}
        return Answer(answer.status_code, headers, answer.data)

    def close(self) -> None:
        pass


@pytest.fixture
def folder() -> Iterator[Path]:
    made = Path(tempfile.mkdtemp(prefix="roadbook-drill-"))
    yield made
    shutil.rmtree(made, ignore_errors=True)


@contextmanager
def running(var: Path, *, is_empty: bool = False) -> Iterator[Embedded]:
    servers = Embedded.start(var, with_redis=False)
    try:
        if not is_empty:
            migrate(servers.url(OWNER), app_role=APP)
        yield servers
    finally:
        servers.stop()


@contextmanager
def serving(servers: Embedded, way: ServerNow) -> Iterator[Database]:
    """The service over these servers, at the end of the phone's way."""
    engine = create_engine(servers.url(APP), pool_size=3, max_overflow=0)
    database = Database(engine)
    sync = SyncEngine(database, ALL_KINDS, SECRET)
    way.client = build_app(Service(database=database, engine=sync)).test_client()
    try:
        yield database
    finally:
        way.client = None
        engine.dispose()


def make_company(servers: Embedded, database: Database) -> Cast:
    owner = create_engine(servers.url(OWNER), poolclass=NullPool)
    return make_cast(owner, database)


def enrolled(database: Database, cast: Cast, way: ServerNow, folder: Path) -> Phone:
    with database.company(cast.company.id) as uow:
        code = issue_enrolment_code(uow, cast.ana.id, Actor.command("drill"))
    phone = Phone.open(folder / "phone.sqlite", way)
    phone.enrol(code, model="M", os="O", app_version="1")
    phone.sync(most_tries=3)
    return phone


def call(phone: Phone, store_id: UUID) -> str:
    visit_id = phone.check_in(str(store_id), None)
    phone.check_out(visit_id, None, steps=[])
    phone.sync(most_tries=3)
    return visit_id


def visits_in(database: Database, cast: Cast) -> set[str]:
    with database.reading(cast.company.id) as uow:
        return {str(row[0]) for row in uow.rows("select id from visit")}


def turn(environ: Mapping[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    for variable, value in environ.items():
        monkeypatch.setenv(variable, value)
    done = CliRunner().invoke(roadbook, ["epoch", "turn", "--reason", "a drill"])
    assert done.exit_code == 0, done.output


def nothing_is_lost(
    phone: Phone, database: Database, cast: Cast, store_id: UUID, before: set[str]
) -> None:
    """After some syncing: what was acknowledged is there, and what changes from now on arrives."""
    for _ in range(3):
        phone.sync(most_tries=3)
    assert before <= visits_in(database, cast)
    assert phone.is_equal()
    assert phone.outbox.to_send() == 0
    visit_id = call(phone, store_id)
    phone.sync(most_tries=3)
    assert {visit_id} | before <= {one.id for one in phone.held("visit")}
    assert phone.is_equal()


def test_a_copy_of_the_folder_is_put_back_and_the_epoch_turned_before_anything_runs(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    var, way = folder / "var", ServerNow()
    with running(var) as servers, serving(servers, way) as database:
        cast = make_company(servers, database)
        phone = enrolled(database, cast, way, folder)
        before = {call(phone, cast.ana_stores[0])}
    copy(var, folder / "copy")
    with running(var) as servers, serving(servers, way) as database:
        before.add(call(phone, cast.ana_stores[1]))
        assert visits_in(database, cast) == before
    shutil.rmtree(var)
    copy(folder / "copy", var)
    turn({"ROADBOOK_VAR": str(var), "DATABASE_URL": "", "DATABASE_OWNER_URL": ""}, monkeypatch)
    with running(var) as servers, serving(servers, way) as database:
        assert len(visits_in(database, cast)) == 1
        nothing_is_lost(phone, database, cast, cast.ana_stores[2], before)
    phone.close()


def test_a_dump_is_restored_into_a_younger_server_whose_transaction_ids_are_lower(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    way, dump = ServerNow(), folder / "roadbook.dump"
    with running(folder / "old") as servers, serving(servers, way) as database:
        with servers.postgres.connect() as connection:
            connection.execute(
                "do $$ begin for i in 1..5000 loop perform pg_current_xact_id(); commit;"
                " end loop; end $$"
            )
        cast = make_company(servers, database)
        phone = enrolled(database, cast, way, folder)
        before = {call(phone, cast.ana_stores[0])}
        run(servers, "pg_dump", "--format=custom", f"--file={dump}", DATABASE)
        before.add(call(phone, cast.ana_stores[1]))
        newest = highest_xid(servers)
    with running(folder / "new", is_empty=True) as servers:
        run(servers, "pg_restore", "--exit-on-error", f"--dbname={DATABASE}", str(dump))
        assert highest_xid(servers) < newest - 2_000
        urls = {
            "DATABASE_URL": servers.url(APP),
            "DATABASE_OWNER_URL": servers.url(OWNER),
            "SECRET_KEY": SECRET.decode(),
            "ROADBOOK_VAR": str(folder),
        }
        turn(urls, monkeypatch)
        with serving(servers, way) as database:
            assert len(visits_in(database, cast)) == 1
            nothing_is_lost(phone, database, cast, cast.ana_stores[2], before)
    phone.close()


def highest_xid(servers: Embedded) -> int:
    with servers.postgres.connect() as connection:
        row = connection.execute("select pg_snapshot_xmax(pg_current_snapshot())::text").fetchone()
    assert row is not None
    return int(row[0])


def run(servers: Embedded, program: str, *arguments: str) -> None:
    command(programs() / program, "--username=postgres", *arguments, host=servers.postgres.sockets)


def copy(there: Path, here: Path) -> None:
    """A copy with the owners of its files: PostgreSQL has an account of its own under root."""
    command("cp", "-a", there, here)


def command(*words: str | Path, host: Path = Path()) -> None:
    done = subprocess.run(
        words,
        env={"PGHOST": str(host), "PATH": "/usr/bin:/bin", "LC_ALL": "C"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
