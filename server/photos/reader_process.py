"""The process that reads files: `python -m server.photos.reader_process LIMITS`. A worker starts it and asks.

It is as small as it can be (no database, no settings, no keys in its environment), has one thread, and has
its decoders loaded. For each file it forks: the child takes its limits, is confined to its own folder
(confinement.py), reads (picture.py), writes what it found into the scratch folder and ends. So a file that breaks its decoder breaks
one child, nothing of it stays for the next file, and a child costs milliseconds and no new interpreter.

On standard output first `ready`. Then on standard input a line for each file, {"original": path, "scratch": path},
and on standard output the answer: {"ended": "well" | "refused" | "too_long" | "no_room" | "died", "how": words,
"peak_kb": n, "took_ms": n}. At the end of input it ends, and a child at work with it.
"""

import ctypes
import errno
import gc
import os
import resource
import select
import signal
import sys
import time
from pathlib import Path

import msgspec

from server.photos.asked import FACTS, READY, REFUSAL, Answer, Ended, Limits, Request
from server.photos.confinement import confine
from server.photos.facts import Refusal
from server.photos.picture import Refused, prepare_decoders, read_picture

_PR_SET_PDEATHSIG = 1
_PR_SET_NO_NEW_PRIVS = 38
_NICE = 10
_FILES_OPEN = 64
_WELL, _REFUSED, _NO_ROOM = 0, 10, 11
_FULL = (errno.ENOSPC, errno.EDQUOT)
_libc = ctypes.CDLL(None, use_errno=True)


def main(arguments: list[str]) -> None:
    """Read files until the input ends."""
    if arguments in ([], ["--help"]):
        # Without argparse: it is kept as small as it can be.
        print(f"usage: python -m server.photos.reader_process LIMITS\n\n{__doc__}")
        raise SystemExit(0 if arguments else 2)
    limits = msgspec.json.decode(arguments[0], type=Limits)
    prepare_decoders()
    # The children's pages stay shared with this process for as long as nobody writes into them.
    gc.disable()
    gc.freeze()
    os.nice(_NICE)
    # Where memory runs out for everybody, a child goes first, and never its worker.
    _write_if_possible("/proc/self/oom_score_adj", "1000")
    sys.stdout.buffer.write(READY)
    sys.stdout.buffer.flush()
    for line in sys.stdin.buffer:
        answer = _read_one(msgspec.json.decode(line, type=Request), limits)
        if answer is None:
            return
        sys.stdout.buffer.write(msgspec.json.encode(answer) + b"\n")
        sys.stdout.buffer.flush()


def _read_one(request: Request, limits: Limits) -> Answer | None:
    """The answer; None where the worker has gone meanwhile."""
    began = time.monotonic()
    parent = os.getpid()
    child = os.fork()
    if child == 0:
        os._exit(_be_child(request, limits, parent))
    is_in_time = _wait(child, began + limits.wall_s)
    if not is_in_time:
        os.kill(child, signal.SIGKILL)
    _, status, used = os.wait4(child, 0)
    if is_in_time is None:
        return None
    took_ms = round((time.monotonic() - began) * 1000)
    if not is_in_time:
        return Answer("too_long", f"it took more than {limits.wall_s} s", used.ru_maxrss, took_ms)
    return Answer(*_how_it_ended(status, limits), used.ru_maxrss, took_ms)


def _wait(child: int, until: float) -> bool | None:
    """Whether the child ended in time; None where the worker went away."""
    handle = os.pidfd_open(child)
    try:
        poll = select.poll()
        poll.register(handle, select.POLLIN)
        # Nothing is asked for of the input but its end: the worker asks for one file at a time.
        poll.register(sys.stdin.fileno(), 0)
        while (left_s := until - time.monotonic()) > 0:
            found = dict(poll.poll(left_s * 1000))
            if handle in found:
                return True
            if found:
                return None
        return False
    finally:
        os.close(handle)


def _how_it_ended(status: int, limits: Limits) -> tuple[Ended, str]:
    if os.WIFEXITED(status):
        code = os.WEXITSTATUS(status)
        if code == _WELL:
            return "well", ""
        if code == _REFUSED:
            return "refused", ""
        if code == _NO_ROOM:
            return "no_room", "there is no room for its copies"
        return "died", f"the process that read it ended with exit code {code}"
    number = os.WTERMSIG(status)
    if number == signal.SIGXCPU:
        return "too_long", f"it took more than {limits.cpu_s} s of a processor"
    return "died", f"the process that read it ended by {signal.Signals(number).name}"


# --- the child ---------------------------------------------------------------------------------------


def _be_child(request: Request, limits: Limits, parent: int) -> int:
    try:
        _give_up(limits, parent)
        confine([Path(request.original)], [Path(request.scratch), Path(os.devnull)])
    except BaseException as error:  # noqa: BLE001 - whatever it is: without its limits it reads nothing
        _say(f"a child cannot take its limits: {error!r}")
        return 3
    scratch = Path(request.scratch)
    try:
        facts = read_picture(Path(request.original), scratch, pixels_max=limits.pixels_max)
        (scratch / FACTS).write_bytes(msgspec.json.encode(facts))
    except MemoryError:
        words = f"reading it takes more than {limits.memory_mb} MB of memory"
        return _refuse(scratch, Refusal("too_much_memory", words))
    except Refused as refused:
        return _refuse(scratch, Refusal(refused.code, refused.words))
    except OSError as error:
        _say(f"reading failed: {error!r}")
        return _NO_ROOM if error.errno in _FULL else 4
    except BaseException as error:  # noqa: BLE001 - told by the exit code; it must not become a second reader
        _say(f"reading failed: {error!r}")
        return 4
    return _WELL


def _refuse(scratch: Path, refusal: Refusal) -> int:
    (scratch / REFUSAL).write_bytes(msgspec.json.encode(refusal))
    return _REFUSED


def _give_up(limits: Limits, parent: int) -> None:
    """Take the limits of memory, time and size, and give up the worker's pipes."""
    _libc.prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
    if os.getppid() != parent:
        os._exit(1)
    _libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 0)
    os.dup2(nothing, 1)
    megabyte = 1024 * 1024
    for limit, value in (
        (resource.RLIMIT_AS, _address_space() + limits.memory_mb * megabyte),
        (resource.RLIMIT_CPU, limits.cpu_s),
        (resource.RLIMIT_FSIZE, limits.written_mb * megabyte),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NOFILE, _FILES_OPEN),
    ):
        _, most = resource.getrlimit(limit)
        lower = value if most == resource.RLIM_INFINITY else min(value, most)
        # The kernel warns with SIGXCPU at the soft limit, and kills a second later at the hard one.
        hard = lower + 1 if limit == resource.RLIMIT_CPU and lower == value else lower
        resource.setrlimit(limit, (lower, hard))


def _address_space() -> int:
    """What the libraries take already, before a pixel of the file."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    return pages * resource.getpagesize()


def _write_if_possible(path: str, text: str) -> None:
    try:
        Path(path).write_text(text, encoding="ascii")
    except OSError:
        return  # a container may not allow it


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
