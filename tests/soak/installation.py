"""A real installation in a folder of its own: `roadbook serve`, and every way to hurt it.

Everything is what an operator has: the one command, the pid files under `var/run`, signals, and
PostgreSQL's own pg_basebackup.
"""

import http.client
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from contextlib import closing, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import psycopg

from server import processes
from server.embedded import Embedded, addresses
from server.embedded_postgres import programs
from server.system_account import choose_account, give
from tests.soak.files_disk import KEEP_FREE_MB, FilesDisk

ROOT = Path(__file__).resolve().parents[2]
_READY_S = 180.0


@dataclass(slots=True)
class Installation:
    """`roadbook serve` on a free port, with its data under `var`."""

    var: Path
    port: int
    log: Path
    files: FilesDisk
    child: subprocess.Popen[bytes] | None = field(default=None)

    @classmethod
    def on_a_free_port(cls, var: Path) -> "Installation":
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = int(free.getsockname()[1])
        return cls(var, port, var.parent / "serve.log", FilesDisk.mounted(var.parent / "media"))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def database_url(self) -> str:
        return addresses(self.var).database_url

    @property
    def owner_url(self) -> str:
        return addresses(self.var).owner_database_url

    @property
    def environment(self) -> dict[str, str]:
        return {
            **os.environ,
            "ROADBOOK_VAR": str(self.var),
            "ROADBOOK_PORT": str(self.port),
            "WEB_WORKERS": "2",
            "REQUEST_READ_S": "12",
            "MEDIA_FOLDER": str(self.files.folder),
            "MEDIA_KEEP_FREE_MB": str(KEEP_FREE_MB),
        }

    def start(self) -> None:
        """Start it and wait until it is ready."""
        with self.log.open("ab") as log:
            self.child = subprocess.Popen(
                [sys.executable, "-m", "server", "serve"],
                cwd=ROOT,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.wait_until_ready()

    def require_serving(self) -> None:
        """Nothing that is done to it ends the supervisor: where it has ended, that is a finding, or somebody
        outside did it.
        """
        if self.child is not None and self.child.poll() is not None:
            raise RuntimeError(
                f"roadbook serve ended by itself, with {self.child.returncode}:\n"
                f"{self.log.read_text()[-2000:]}"
            )

    def wait_until_ready(self) -> None:
        deadline = time.monotonic() + _READY_S
        while time.monotonic() < deadline:
            self.require_serving()
            asked = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
            with suppress(OSError, http.client.HTTPException), closing(asked):
                asked.request("GET", "/readyz")
                answer = asked.getresponse()
                answer.read()
                if answer.status == http.client.OK:
                    return
            time.sleep(0.1)
        raise RuntimeError(f"roadbook serve is not ready:\n{self.log.read_text()[-2000:]}")

    def stop(self) -> None:
        if self.child is not None and self.child.poll() is None:
            self.child.terminate()
            try:
                self.child.wait(60)
            except subprocess.TimeoutExpired:
                self.child.kill()
                self.child.wait()
        self.child = None

    def command(self, *words: str) -> None:
        """A command of `roadbook`."""
        subprocess.run(
            [sys.executable, "-m", "server", *words],
            cwd=ROOT,
            env=self.environment,
            check=True,
            stdout=subprocess.DEVNULL,
        )

    # ---- kill -9 ----------------------------------------------------------------------------

    def kill_web_process(self) -> bool:
        """One of the processes that answer requests."""
        return self._kill_one(self._children(self._pid("web")))

    def kill_web_server(self) -> bool:
        return self._kill_one([self._pid("web")])

    def kill_worker(self) -> bool:
        return self._kill_one([self._pid("worker")])

    def kill_backend(self) -> bool:
        """A backend of PostgreSQL: all sessions end and the database recovers."""
        try:
            with psycopg.connect(_plain(self.owner_url), connect_timeout=2) as connection:
                rows = connection.execute(
                    "select pid from pg_stat_activity where application_name like 'roadbook-web%%'"
                    " order by state_change desc limit 1"
                ).fetchall()
        except psycopg.Error:
            return False
        return self._kill_one([row[0] for row in rows])

    def kill_postmaster(self) -> bool:
        """PostgreSQL as a whole."""
        postmaster = self._pid("postgres")
        backends = self._children(postmaster)
        is_killed = self._kill_one([postmaster])
        for pid in backends:
            self._kill_one([pid])
        return is_killed

    def kill_redis(self) -> bool:
        """Redis, and everything it had written."""
        is_killed = self._kill_one([self._pid("redis")])
        for file in (self.var / "redis").glob("*"):
            with suppress(OSError):
                shutil.rmtree(file) if file.is_dir() else file.unlink()
        return is_killed

    def kill_everything(self) -> bool:
        """The supervisor; its children die with it. Then it is started again, as an operator would."""
        assert self.child is not None
        self.child.kill()
        self.child.wait()
        self.start()
        return True

    def _pid(self, name: str) -> int | None:
        found = processes.recall(self.var / "run" / f"{name}.pid")
        return found.pid if found is not None and found.is_alive() else None

    @staticmethod
    def _children(parent: int | None) -> list[int | None]:
        found: list[int | None] = []
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                with suppress(OSError):
                    fields = (entry / "stat").read_text(errors="replace").rpartition(")")[2].split()
                    if int(fields[1]) == parent:
                        found.append(int(entry.name))
        return sorted(found, key=lambda pid: pid or 0)

    @staticmethod
    def _kill_one(pids: list[int | None]) -> bool:
        for pid in pids[:1]:
            if pid is not None:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
                    return True
        return False

    # ---- backup and restore --------------------------------------------------------------------

    def back_up(self) -> datetime | None:
        """A base backup of the running cluster; when it began, None where it did not succeed."""
        account = choose_account()
        target = self.var / "backup.new"
        shutil.rmtree(target, ignore_errors=True)
        give(target, account)
        began = datetime.now(UTC)
        done = processes.run_once(
            [
                programs() / "pg_basebackup",
                f"--pgdata={target}",
                f"--host={addresses_folder(self.owner_url)}",
                "--username=postgres",
                "--wal-method=fetch",
                "--checkpoint=fast",
                "--no-password",
            ],
            account=account,
            directory=target,
        )
        if done.returncode != 0:
            return None
        shutil.rmtree(self.var / "backup", ignore_errors=True)
        target.rename(self.var / "backup")
        return began

    def restore(self) -> None:
        """The disk is lost: the backup takes its place, and the epoch is turned before phones come."""
        self.stop()
        (self.var / "postgres").rename(self.var / "postgres.lost")
        (self.var / "backup").rename(self.var / "postgres")
        servers = Embedded.start(self.var, with_redis=False)
        try:
            self.command("epoch", "turn", "--reason", "the disk was lost")
        finally:
            servers.stop()
        self.start()


def addresses_folder(url: str) -> str:
    """Where the socket is that an address names."""
    from sqlalchemy import make_url

    return str(make_url(url).query["host"])


def _plain(url: str) -> str:
    return url.replace("postgresql+psycopg://", "postgresql://")
