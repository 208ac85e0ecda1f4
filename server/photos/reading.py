"""A worker's handle on the process that reads files: a path and a scratch folder in, what was found out.

The process is started when there is something to read, and again when it has ended. Its environment is its
own, without addresses and keys, and every answer has its time. What it wrote is believed only as far as it
can be checked: its types (facts.py), and that each copy is a WebP of the size that it says.
"""

import errno
import os
import select
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic

import msgspec

from server.photos.asked import ANSWER_BYTES_MAX, FACTS, READY, REFUSAL, Answer, Limits, Request
from server.photos.facts import FACTS_BYTES_MAX, FINAL_AT_ONCE, Copy, Facts, ReasonCode, Refusal

_MODULE = "server.photos.reader_process"
_ROOT = Path(__file__).resolve().parent.parent.parent
# Beyond a file's own time: for starting, which takes a fraction of a second, and for answering.
_GRACE_S = 30.0
_MEANWHILE_S = 5.0
# numpy would start threads for sums that are never asked for, and a process of several threads must not fork.
_ENVIRONMENT = {"LANG": "C.UTF-8", "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}


@dataclass(frozen=True, slots=True)
class Read:
    """A file that was read; its copies are in the scratch folder, as `<name>.webp`."""

    facts: Facts
    peak_kb: int
    took_ms: int


@dataclass(frozen=True, slots=True)
class Unread:
    """A file that was not read; `is_final` where another try would end in the same way."""

    code: ReasonCode
    words: str
    is_final: bool
    peak_kb: int = 0
    took_ms: int = 0


@dataclass(slots=True)
class Reader:
    """Reads one file at a time, for one thread."""

    limits: Limits
    _process: subprocess.Popen[bytes] | None = field(default=None)

    def read(
        self, original: Path, scratch: Path, meanwhile: Callable[[], object] = bool
    ) -> Read | Unread:
        """Read a file that nobody has checked; `meanwhile` is called now and then while it lasts.

        Raises OSError where the process cannot be started or the disk is full, which is not the file's fault;
        what `meanwhile` raises ends the process.
        """
        answer = self._ask(Request(str(original), str(scratch)), meanwhile)
        if answer is None:
            return _died("the process that reads files ended")
        match answer.ended:
            case "well":
                found = _believed(scratch)
                if found is None:
                    return _died("what was read of it is not what it should be")
                return Read(found, answer.peak_kb, answer.took_ms)
            case "refused":
                return _refused(scratch, answer)
            case "too_long":
                code: ReasonCode = "took_too_long"
                return Unread(code, answer.how, False, answer.peak_kb, answer.took_ms)
            case "no_room":
                raise OSError(errno.ENOSPC, answer.how)
            case "died":
                return Unread("reader_died", answer.how, False, answer.peak_kb, answer.took_ms)

    def end(self) -> None:
        """End the process, and whatever it reads; fit to be called by another thread than the one that reads."""
        process = self._process
        if process is not None:
            process.kill()

    def close(self) -> None:
        """End the process, and let go what was open to it."""
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                with suppress(OSError):
                    pipe.close()

    def _ask(self, request: Request, meanwhile: Callable[[], object]) -> Answer | None:
        process = self._process
        if process is None or process.poll() is not None:
            self.close()
            process = self._process = _start(self.limits)
            assert process.stdout is not None
            if _line(process.stdout.fileno(), monotonic() + _GRACE_S, bool) != READY:
                self.close()
                raise OSError(errno.ECHILD, "the process that reads files does not start")
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            process.stdin.write(msgspec.json.encode(request) + b"\n")
            process.stdin.flush()
            until = monotonic() + self.limits.wall_s + _GRACE_S
            line = _line(process.stdout.fileno(), until, meanwhile)
            return msgspec.json.decode(line, type=Answer)
        except (BrokenPipeError, msgspec.DecodeError):
            self.close()
            return None
        except BaseException:
            # Its answer to this file must not be taken for that to the next one.
            self.close()
            raise


def _start(limits: Limits) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", _MODULE, msgspec.json.encode(limits).decode()],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=_ROOT,
        env={**_ENVIRONMENT, "PATH": os.defpath},
        start_new_session=True,
    )


def _line(pipe: int, until: float, meanwhile: Callable[[], object]) -> bytes:
    """What comes up to the end of a line; less where the process ends or its time does."""
    got = b""
    poll = select.poll()
    poll.register(pipe, select.POLLIN)
    while not got.endswith(b"\n") and len(got) <= ANSWER_BYTES_MAX:
        left_s = until - monotonic()
        if left_s <= 0:
            break
        if not poll.poll(min(left_s, _MEANWHILE_S) * 1000):
            meanwhile()
            continue
        more = os.read(pipe, ANSWER_BYTES_MAX)
        if not more:
            break
        got += more
    return got


def _believed(scratch: Path) -> Facts | None:
    try:
        facts = msgspec.json.decode(_small_file(scratch / FACTS), type=Facts)
        is_whole = {copy.name for copy in facts.copies} == {"full", "screen", "thumb"}
        are_copies = all(_is_copy(scratch, copy) for copy in facts.copies)
    except (OSError, msgspec.DecodeError):
        return None
    return facts if is_whole and are_copies else None


def _is_copy(scratch: Path, copy: Copy) -> bool:
    path = scratch / f"{copy.name}.webp"
    if path.is_symlink() or path.stat().st_size != copy.bytes:
        return False
    with path.open("rb") as stream:
        head = stream.read(12)
    return head[:4] == b"RIFF" and head[8:] == b"WEBP"


def _refused(scratch: Path, answer: Answer) -> Unread:
    try:
        told = msgspec.json.decode(_small_file(scratch / REFUSAL), type=Refusal)
    except (OSError, msgspec.DecodeError):
        return _died("what was read of it is not what it should be")
    is_final = told.code in FINAL_AT_ONCE
    return Unread(told.code, told.words, is_final, answer.peak_kb, answer.took_ms)


def _small_file(path: Path) -> bytes:
    with path.open("rb") as stream:
        return stream.read(FACTS_BYTES_MAX + 1)


def _died(words: str) -> Unread:
    return Unread("reader_died", words, is_final=False)
