"""Start, recognise and stop the processes that a supervisor owns.

A child dies with its supervisor (PR_SET_PDEATHSIG), also when that is killed with SIGKILL. Where a
kernel or container does not honour that, the next start finds what was left over by its pid file:
process id, start time and boot, so that a process that merely got the same id is never touched.
"""

import ctypes
import json
import os
import select
import signal
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)


class CannotStart(Exception):
    """A server could not be started; the text is one line for a person."""


@dataclass(frozen=True, slots=True)
class Account:
    """The system account that a server runs as."""

    name: str
    uid: int
    gid: int


@dataclass(frozen=True, slots=True)
class Identity:
    """A process, told apart from a later one with the same id."""

    pid: int
    started: int
    boot: str

    def is_alive(self) -> bool:
        return identify(self.pid) == self


def identify(pid: int) -> Identity | None:
    """Who has this process id now; None when nobody, or only a zombie."""
    fields = _stat(pid)
    if fields is None or fields[0] == "Z":
        return None
    boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    return Identity(pid=pid, started=int(fields[19]), boot=boot)


def spawn(
    arguments: Sequence[str | Path],
    *,
    log: Path | None,
    pid_file: Path,
    death_signal: signal.Signals,
    account: Account | None = None,
    environment: Mapping[str, str] | None = None,
    directory: Path | None = None,
    pass_fds: Sequence[int] = (),
) -> subprocess.Popen[bytes]:
    """Start a child in a session of its own, so that Ctrl-C reaches only the supervisor.

    Call it from the main thread: the kernel ties the child's life to the thread that made it.
    Output goes to `log`, or to the supervisor's own standard error.
    """
    output = None if log is None else _open_log(log)
    try:
        child = subprocess.Popen(
            [str(argument) for argument in arguments],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=None if output is None else subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=_die_with(os.getpid(), death_signal),  # noqa: PLW1509 - one thread here
            pass_fds=tuple(pass_fds),
            env=None if environment is None else dict(environment),
            cwd=directory,
            user=account.uid if account else None,
            group=account.gid if account else None,
            extra_groups=[] if account else None,
        )
    finally:
        if output is not None:
            os.close(output)
    try:
        remember(pid_file, child.pid)
    except OSError:
        # One that nobody could find again, as on a full disk, is none.
        child.kill()
        child.wait()
        raise
    return child


def run_once(
    arguments: Sequence[str | Path],
    *,
    account: Account | None = None,
    environment: Mapping[str, str] | None = None,
    directory: Path | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run a program to its end and keep what it printed."""
    return subprocess.run(
        [str(argument) for argument in arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
        env=None if environment is None else dict(environment),
        cwd=directory,
        user=account.uid if account else None,
        group=account.gid if account else None,
        extra_groups=[] if account else None,
    )


def remember(pid_file: Path, pid: int) -> None:
    """Write the pid file whole or not at all."""
    identity = identify(pid)
    if identity is None:
        return
    text = json.dumps({"pid": pid, "started": identity.started, "boot": identity.boot})
    draft = pid_file.with_suffix(".new")
    draft.write_text(text, encoding="ascii")
    draft.replace(pid_file)


def recall(pid_file: Path) -> Identity | None:
    """The process that a pid file names, dead or alive; None when the file is not whole."""
    try:
        found = json.loads(pid_file.read_text(encoding="ascii"))
        return Identity(pid=int(found["pid"]), started=int(found["started"]), boot=found["boot"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def stop_child(
    child: subprocess.Popen[bytes], steps: Sequence[tuple[signal.Signals, float]]
) -> None:
    """Send each signal in turn and wait its seconds, then SIGKILL."""
    for name, wait_s in steps:
        if child.poll() is not None:
            return
        with suppress(ProcessLookupError):
            child.send_signal(name)
        with suppress(subprocess.TimeoutExpired):
            child.wait(wait_s)
            return
    child.kill()
    child.wait()


def stop_left_over(pid_file: Path, steps: Sequence[tuple[signal.Signals, float]]) -> bool:
    """Stop what a supervisor that died left running: the process and its session.

    True when there was something to stop.
    """
    identity = recall(pid_file)
    pid_file.unlink(missing_ok=True)
    if identity is None:
        return False
    now = identify(identity.pid)
    if now is not None and now != identity:
        return False
    left = set(_session(identity))
    if not left:
        return False
    for name, wait_s in (*steps, (signal.SIGKILL, 5.0)):
        for pid in left:
            with suppress(ProcessLookupError):
                os.kill(pid, name)
        left = {pid for pid in left if not wait_gone(pid, wait_s)}
        if not left:
            break
    return True


def wait_gone(pid: int, wait_s: float) -> bool:
    """Wait for a process that need not be a child. True when it is gone."""
    identity = identify(pid)
    if identity is None:
        return True
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        poll = select.poll()
        poll.register(handle, select.POLLIN)
        return bool(poll.poll(wait_s * 1000)) or not identity.is_alive()
    finally:
        os.close(handle)


def wait_until_left(program: str, directory: Path, wait_s: float) -> bool:
    """Wait until no process of this program works in this directory. True when none does."""
    deadline = monotonic() + wait_s
    for pid in processes_in(program, directory):
        if not wait_gone(pid, max(0.0, deadline - monotonic())):
            return False
    return not processes_in(program, directory)


def processes_in(program: str, directory: Path) -> list[int]:
    """The processes of this program whose working directory this is, as far as we may see."""
    wanted = str(directory.resolve())
    found = []
    for pid in _pids():
        with suppress(OSError):
            here = Path(f"/proc/{pid}/cwd").readlink()
            named = Path(f"/proc/{pid}/comm").read_text(encoding="utf-8", errors="replace").strip()
            if str(here) == wanted and named == program and identify(pid) is not None:
                found.append(pid)
    return found


def _session(leader: Identity) -> Iterator[int]:
    for pid in _pids():
        fields = _stat(pid)
        if fields is None or fields[0] == "Z" or int(fields[3]) != leader.pid:
            continue
        if int(fields[19]) >= leader.started and leader.boot == getattr(identify(pid), "boot", ""):
            yield pid


def _pids() -> Iterator[int]:
    return (int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit())


def _stat(pid: int) -> list[str] | None:
    """The fields of /proc/<pid>/stat from the state (proc(5) field 3) on."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    return text.rpartition(")")[2].split()


def _open_log(log: Path) -> int:
    return os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)


def _die_with(parent: int, death_signal: signal.Signals) -> Callable[[], None]:
    def arrange() -> None:
        # After the change of account: the kernel forgets the wish at that change.
        _libc.prctl(_PR_SET_PDEATHSIG, int(death_signal), 0, 0, 0)
        if os.getppid() != parent:
            os._exit(1)

    return arrange
