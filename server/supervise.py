"""`roadbook serve`: everything one machine needs, started in order, kept running, stopped in order.

Whatever prevents the start is one line in `CannotStart`. A child that ends is started again, with
growing pauses. Children die with this process, also when it is killed.

Longer than most modules: start, watch and stop share what is known of each child.
"""

import errno
import http.client
import os
import selectors
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic, sleep
from types import FrameType
from typing import Protocol

from server import processes
from server.counts import counts_folder, drop_counts, make_counts_folder
from server.embedded import Embedded
from server.fitness import require_fit
from server.installation import held
from server.migrate import head_revision, migrate
from server.processes import CannotStart
from server.settings import Settings

_ROOT = Path(__file__).resolve().parent.parent
_READY_S = 60.0
_LOOK_AGAIN_S = 0.05
_PAUSE_FIRST_S = 0.2
_PAUSE_MAX_S = 10.0
_STEADY_S = 60.0
_TRIES_AT_START = 3
Say = Callable[[str], None]


class Service(Protocol):
    """A child that can be started again."""

    @property
    def name(self) -> str: ...

    def start(self) -> subprocess.Popen[bytes]: ...

    def stop(self) -> None: ...


@dataclass(slots=True)
class OwnProgram:
    """A command of Roadbook's own as a child."""

    name: str
    arguments: Sequence[str]
    pid_file: Path
    environment: dict[str, str]
    stop_s: float
    pass_fds: Sequence[int] = ()
    child: subprocess.Popen[bytes] | None = field(default=None)

    def start(self) -> subprocess.Popen[bytes]:
        """Start it; whether it is ready is for others to ask."""
        self.child = processes.spawn(
            [sys.executable, "-m", "server", *self.arguments],
            log=None,
            pid_file=self.pid_file,
            death_signal=signal.SIGTERM,
            environment=self.environment,
            directory=_ROOT,
            pass_fds=self.pass_fds,
        )
        return self.child

    def ask_to_stop(self) -> None:
        """Begin to stop, without waiting."""
        if self.child is not None and self.child.poll() is None:
            self.child.terminate()

    def stop(self) -> None:
        if self.child is not None:
            processes.stop_child(self.child, ((signal.SIGTERM, self.stop_s),))
            self.child = None
        self.pid_file.unlink(missing_ok=True)


@dataclass(slots=True)
class _Kept:
    service: Service
    child: subprocess.Popen[bytes]
    started: float
    failures: int = 0
    again_at: float | None = None


class Keeper:
    """Keeps services running. `watch` returns when `is_stopping` is set."""

    def __init__(self, say: Say) -> None:
        self._say = say
        self._kept: list[_Kept] = []
        self.is_stopping = False

    def add(self, service: Service, child: subprocess.Popen[bytes]) -> None:
        """Keep this child of the service running from now on."""
        self._kept.append(_Kept(service, child, monotonic()))

    def failures(self) -> int:
        """The most often that any service ended in a row."""
        return max((kept.failures for kept in self._kept), default=0)

    def look(self) -> float | None:
        """Start again what is due; the seconds until the next look is due, None for never."""
        due = []
        for kept in self._kept:
            if kept.again_at is None and kept.child.poll() is not None:
                self._note_end(kept)
            if kept.again_at is not None:
                if kept.again_at <= monotonic():
                    self._start_again(kept)
                if kept.again_at is not None:
                    due.append(max(0.0, kept.again_at - monotonic()))
        return min(due, default=None)

    def make_due(self) -> None:
        """End the pauses: the next look starts again whatever has ended."""
        for kept in self._kept:
            if kept.again_at is not None:
                kept.again_at = 0.0

    def watch(self, wake: socket.socket) -> None:
        """Look whenever a child ends or a signal comes, until told to stop."""
        with selectors.DefaultSelector() as selector:
            selector.register(wake, selectors.EVENT_READ)
            while not self.is_stopping:
                if selector.select(self.look()):
                    with suppress(BlockingIOError):
                        wake.recv(4096)

    def _note_end(self, kept: _Kept) -> None:
        if monotonic() - kept.started > _STEADY_S:
            kept.failures = 0
        pause_s = min(_PAUSE_FIRST_S * 2**kept.failures, _PAUSE_MAX_S)
        kept.failures += 1
        kept.again_at = monotonic() + pause_s
        code = kept.child.returncode
        how = f"signal {-code}" if code < 0 else f"exit code {code}"
        self._say(f"{kept.service.name} ended ({how}); starting it again.")

    def _start_again(self, kept: _Kept) -> None:
        try:
            kept.child = kept.service.start()
        except (CannotStart, OSError) as error:
            pause_s = min(_PAUSE_FIRST_S * 2**kept.failures, _PAUSE_MAX_S)
            kept.failures += 1
            kept.again_at = monotonic() + pause_s
            self._say(f"{kept.service.name} does not start: {error}")
        else:
            kept.started = monotonic()
            kept.again_at = None


def serve(settings: Settings, say: Say) -> None:
    """Serve until SIGINT or SIGTERM. Raises CannotStart with one line."""
    own: list[OwnProgram] = []
    embedded: Embedded | None = None
    keeper = Keeper(say)
    with _signals() as (wake, asked), held(settings.var):
        try:
            _clear_left_over(settings)
            with closing(_listen(settings)) as listener:
                with asked.stopping_at_once():
                    embedded = _start_servers(settings, keeper, say)
                    require_fit(settings, patience_s=0, is_migrated=False)
                    _prepare_database(settings, say)
                    require_fit(settings, patience_s=0)
                    welcome = _prepare_demo(settings, say)
                    own = _own_programs(settings, listener)
                    for program in own:
                        keeper.add(program, program.start())
                    _wait_until_ready(settings, listener, keeper)
                    say(_address(settings, listener))
                    for line in welcome:
                        say(line)
                    say("Stop with Ctrl-C.")
                asked.then = lambda: setattr(keeper, "is_stopping", True)
                keeper.watch(wake)
        except KeyboardInterrupt:
            pass
        finally:
            asked.then = lambda: None
            if own or embedded:
                say("Stopping …")
            for program in own:
                program.ask_to_stop()
            for program in own:
                program.stop()
            if own:
                drop_counts(counts_folder(settings.var))
            if embedded is not None:
                embedded.stop()


class _Asked:
    """What SIGINT and SIGTERM do at the moment."""

    def __init__(self) -> None:
        self.then: Callable[[], None] = lambda: None

    def handle(self, _signal: int, _frame: FrameType | None) -> None:
        self.then()

    @contextmanager
    def stopping_at_once(self) -> Iterator[None]:
        """Break off what is under way."""
        self.then = _interrupt
        try:
            yield
        finally:
            self.then = lambda: None


def _interrupt() -> None:
    raise KeyboardInterrupt


@contextmanager
def _signals() -> Iterator[tuple[socket.socket, _Asked]]:
    """A socket that is readable after any signal, and what the stopping ones do."""
    asked = _Asked()
    wake, woken = socket.socketpair()
    wake.setblocking(False)
    woken.setblocking(False)
    handlers: dict[signal.Signals, Callable[[int, FrameType | None], None]] = {
        signal.SIGINT: asked.handle,
        signal.SIGTERM: asked.handle,
        signal.SIGHUP: asked.handle,
        signal.SIGCHLD: lambda _signal, _frame: None,
    }
    before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    old = signal.set_wakeup_fd(woken.fileno(), warn_on_full_buffer=False)
    try:
        yield wake, asked
    finally:
        signal.set_wakeup_fd(old)
        for number, handler in before.items():
            signal.signal(number, handler)
        wake.close()
        woken.close()


def _pid_file(settings: Settings, name: str) -> Path:
    return settings.var / "run" / f"{name}.pid"


def _clear_left_over(settings: Settings) -> None:
    """Stop the web server and worker of a run that was killed, so that the port is free."""
    for name in ("web", "worker"):
        processes.stop_left_over(_pid_file(settings, name), ((signal.SIGTERM, 3.0),))


def _listen(settings: Settings) -> socket.socket:
    """The listening socket. It outlives restarts of the web server: nobody is turned away."""
    place = f"Port {settings.port} of {settings.host}"
    try:
        family, _, _, _, address = socket.getaddrinfo(
            settings.host, settings.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        return socket.create_server(
            (str(address[0]), int(address[1])), family=family, backlog=settings.backlog
        )
    except socket.gaierror as error:
        raise CannotStart(
            f"ROADBOOK_HOST is {settings.host!r}, which is no address and does not resolve "
            f"({error.strerror}); set it to an address of this machine"
        ) from error
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno and error.errno > 0 else str(error)
        if error.errno == errno.EADDRNOTAVAIL:
            raise CannotStart(
                f"ROADBOOK_HOST is {settings.host!r}, which is no address of this machine; "
                "set it to one that is"
            ) from error
        raise CannotStart(
            f"{place} cannot be used ({reason}); stop what uses it or choose another, "
            f"as in ROADBOOK_PORT={settings.port + 1} make run"
        ) from error


def _start_servers(settings: Settings, keeper: Keeper, say: Say) -> Embedded | None:
    if not (settings.has_embedded_database or settings.has_embedded_redis):
        return None
    embedded = Embedded.start(
        settings.var,
        with_postgres=settings.has_embedded_database,
        with_redis=settings.has_embedded_redis,
    )
    for note in embedded.notes:
        say(note)
    for server in (embedded.postgres, embedded.redis):
        if server.child is not None:
            keeper.add(server, server.child)
    return embedded


def _prepare_database(settings: Settings, say: Say) -> None:
    """Migrate it where the owner is known; whether it is migrated is looked at next."""
    from sqlalchemy.exc import DBAPIError

    if settings.database_owner_url is None:
        return
    try:
        if migrate(settings.database_owner_url, app_role=app_role(settings)):
            say(f"The database is at migration {head_revision()}.")
    except DBAPIError as error:
        raise CannotStart(f"The database cannot be used: {first_line(error)}") from error


def _prepare_demo(settings: Settings, say: Say) -> Sequence[str]:
    """The demo company on an embedded database: made at the first start, greeted at every one."""
    from server.welcome import first_steps, prepare_demo

    if not settings.has_embedded_database:
        return first_steps(settings)
    return prepare_demo(settings, say)


def _own_programs(settings: Settings, listener: socket.socket) -> list[OwnProgram]:
    counts = counts_folder(settings.var)
    drop_counts(counts)
    make_counts_folder(counts)
    environment = {
        **os.environ,
        "ROADBOOK_VAR": str(settings.var),
        "PROMETHEUS_MULTIPROC_DIR": str(counts),
    }
    web = OwnProgram(
        name="The web server",
        arguments=("web", "--listener", str(listener.fileno())),
        pid_file=_pid_file(settings, "web"),
        environment=environment,
        stop_s=settings.graceful_stop_s + 5.0,
        pass_fds=(listener.fileno(),),
    )
    worker = OwnProgram(
        name="The worker",
        arguments=("worker",),
        pid_file=_pid_file(settings, "worker"),
        environment=environment,
        stop_s=30.0,
    )
    return [web, worker]


def _wait_until_ready(settings: Settings, listener: socket.socket, keeper: Keeper) -> None:
    deadline = monotonic() + _READY_S
    answer = "nothing"
    while monotonic() < deadline:
        keeper.look()
        if keeper.failures() >= _TRIES_AT_START:
            raise CannotStart("Roadbook does not stay up; what it said last is above")
        with suppress(OSError, http.client.HTTPException):
            status, answer = _readiness(listener)
            if status == http.client.OK:
                return
        sleep(_LOOK_AGAIN_S)
    raise CannotStart(
        f"Roadbook is not ready after {_READY_S:.0f} s; /readyz of port {settings.port} "
        f"answers: {answer}"
    )


def _readiness(listener: socket.socket) -> tuple[int, str]:
    host, port = listener.getsockname()[:2]
    loopback = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - asks, does not listen
    connection = http.client.HTTPConnection(loopback.get(host, host), port, timeout=5)
    with closing(connection):
        connection.request("GET", "/readyz")
        response = connection.getresponse()
        return response.status, response.read(500).decode("utf-8", "replace")


def _address(settings: Settings, listener: socket.socket) -> str:
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    return f"Roadbook is at http://{host}:{listener.getsockname()[1]}"


def app_role(settings: Settings) -> str:
    """The role that the service connects as."""
    from sqlalchemy.engine import make_url

    return make_url(settings.database_url).username or "roadbook_app"


def first_line(error: BaseException) -> str:
    """What an error says, as one line without its statement."""
    text = str(getattr(error, "orig", None) or error).strip()
    return text.splitlines()[0] if text else type(error).__name__
