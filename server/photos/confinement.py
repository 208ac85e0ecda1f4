"""What a child that decodes a stranger's file may still do: read the libraries, read and write its own folder.

Two things of Linux, each used where the kernel has it; without them a child has its limits and the account's
rights. Landlock (5.13 and newer) takes away every file but those, TCP (6.7), and signals to others (6.12). A filter of
system calls takes away sockets, other programs, and looking into other processes, on x86-64 and 64-bit ARM.
Neither can be undone by the process, and both hold for what it starts. Sources: Documentation/userspace-api/landlock.rst
and seccomp_filter.rst of the kernel, the numbers from its syscall tables.
"""

import ctypes
import os
import platform
import struct
import sys
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Final

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_VERSION, _PATH_BENEATH = 1, 1
_WRITE_FILE, _READ_FILE, _READ_DIR, _REMOVE_FILE, _MAKE_REG, _TRUNCATE = (
    1 << 1, 1 << 2, 1 << 3, 1 << 5, 1 << 8, 1 << 14,
)  # fmt: skip
# From which version of Landlock on there are how many rights about files.
_RIGHTS = ((5, 16), (3, 15), (2, 14), (1, 13))
_NET_SINCE, _BIND_AND_CONNECT = 4, 0b11
_SCOPES_SINCE, _SOCKETS_AND_SIGNALS = 6, 0b11

_PR_SET_SECCOMP, _FILTER = 22, 2
_LOAD, _JUMP_EQUAL, _JUMP_AT_LEAST, _RETURN = 0x20, 0x15, 0x35, 0x06
_ALLOW, _REFUSE = 0x7FFF0000, 0x00050000 | 1  # with EPERM
# Of another architecture's numbers on the same machine (x32).
_FOREIGN_FROM = 0x40000000

_REFUSED_CALLS: Final = {
    "x86_64": (
        0xC000003E,
        {
            "socket": 41, "connect": 42, "sendto": 44, "bind": 49, "socketpair": 53, "execve": 59,
            "kill": 62, "ptrace": 101, "perf_event_open": 298, "process_vm_readv": 310,
            "process_vm_writev": 311, "bpf": 321, "execveat": 322, "userfaultfd": 323,
            "pidfd_send_signal": 424, "io_uring_setup": 425, "pidfd_getfd": 438,
        },
    ),
    "aarch64": (
        0xC00000B7,
        {
            "ptrace": 117, "kill": 129, "socket": 198, "socketpair": 199, "bind": 200,
            "connect": 203, "sendto": 206, "execve": 221, "perf_event_open": 241,
            "process_vm_readv": 270, "process_vm_writev": 271, "bpf": 280, "execveat": 281,
            "userfaultfd": 282, "pidfd_send_signal": 424, "io_uring_setup": 425,
            "pidfd_getfd": 438,
        },
    ),
}  # fmt: skip

_libc = ctypes.CDLL(None, use_errno=True)
# Libraries are loaded, and modules imported, when they are first needed.
_LIBRARIES = ("/usr", "/lib", "/lib64", "/etc/ld.so.cache", sys.prefix, sys.base_prefix)
_OWN_CODE = Path(__file__).resolve().parent.parent


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_char_p))


def confine(readable: Iterable[Path], writable: Iterable[Path]) -> tuple[str, ...]:
    """Confine this process to these files and folders; what held it then: "files", "calls".

    The caller has set PR_SET_NO_NEW_PRIVS, without which the kernel does neither.
    """
    held = []
    if _confine_files(readable, writable):
        held.append("files")
    if _refuse_calls():
        held.append("calls")
    return tuple(held)


def _confine_files(readable: Iterable[Path], writable: Iterable[Path]) -> bool:
    version = _libc.syscall(_CREATE_RULESET, None, 0, _VERSION)
    if version < 1:
        return False
    rights = next((1 << count) - 1 for since, count in _RIGHTS if version >= since)
    attributes = struct.pack(
        "=QQQ",
        rights,
        _BIND_AND_CONNECT if version >= _NET_SINCE else 0,
        _SOCKETS_AND_SIGNALS if version >= _SCOPES_SINCE else 0,
    )
    # An older kernel takes only what it knows.
    size = 24 if version >= _SCOPES_SINCE else 16 if version >= _NET_SINCE else 8
    rules = _libc.syscall(_CREATE_RULESET, ctypes.c_char_p(attributes), size, 0)
    if rules < 0:
        return False
    try:
        looking = _READ_FILE | _READ_DIR
        for path in (*map(Path, _LIBRARIES), _OWN_CODE, *readable):
            _allow(rules, path, looking & rights)
        changing = looking | _WRITE_FILE | _MAKE_REG | _REMOVE_FILE | _TRUNCATE
        for path in writable:
            _allow(rules, path, changing & rights)
        return bool(_libc.syscall(_RESTRICT_SELF, rules, 0) == 0)
    finally:
        os.close(rules)


def _allow(rules: int, path: Path, rights: int) -> None:
    with suppress(FileNotFoundError):
        opened = os.open(path, os.O_PATH | os.O_CLOEXEC)
        try:
            if not path.is_dir():
                rights &= _READ_FILE | _WRITE_FILE | _TRUNCATE
            beneath = struct.pack("=Qi", rights, opened)
            _libc.syscall(_ADD_RULE, rules, _PATH_BENEATH, ctypes.c_char_p(beneath), 0)
        finally:
            os.close(opened)


def _refuse_calls() -> bool:
    known = _REFUSED_CALLS.get(platform.machine())
    if known is None:
        return False
    architecture, calls = known
    numbers = sorted(calls.values())
    # (what, where to if so, where to if not, with): places are counted from the next instruction.
    instructions = [
        (_LOAD, 0, 0, 4),
        (_JUMP_EQUAL, 0, len(numbers) + 3, architecture),
        (_LOAD, 0, 0, 0),
        (_JUMP_AT_LEAST, len(numbers) + 1, 0, _FOREIGN_FROM),
        *((_JUMP_EQUAL, len(numbers) - place, 0, call) for place, call in enumerate(numbers)),
        (_RETURN, 0, 0, _ALLOW),
        (_RETURN, 0, 0, _REFUSE),
    ]
    packed = b"".join(struct.pack("=HBBI", *one) for one in instructions)
    program = _Program(len(instructions), packed)
    return bool(_libc.prctl(_PR_SET_SECCOMP, _FILTER, ctypes.byref(program), 0, 0) == 0)
