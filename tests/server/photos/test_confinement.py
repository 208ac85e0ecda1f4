"""A child that decodes a file can reach its own folder and the libraries, and nothing else of the machine."""

import ctypes
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
HAS_LANDLOCK = ctypes.CDLL(None).syscall(444, None, 0, 1) >= 1

_CONFINED = """
import ctypes, os, sys
from pathlib import Path
from server.photos.confinement import confine
ctypes.CDLL(None).prctl(38, 1, 0, 0, 0)
held = confine([Path(sys.argv[1])], [Path(sys.argv[2])])
assert "calls" in held or os.uname().machine not in ("x86_64", "aarch64"), held
try:
    {what}
except OSError as error:
    print(type(error).__name__)
else:
    print("done")
"""


def try_confined(what: str, tmp_path: Path) -> str:
    own = tmp_path / "own"
    own.mkdir(exist_ok=True)
    original = tmp_path / "original"
    original.write_bytes(b"bytes")
    (tmp_path / "other").write_bytes(b"another's")
    done = subprocess.run(
        [sys.executable, "-c", _CONFINED.format(what=what), original, own, tmp_path / "other"],
        cwd=ROOT, capture_output=True, text=True, check=False, timeout=30,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.skipif(not HAS_LANDLOCK, reason="this kernel has no Landlock")
@pytest.mark.parametrize(
    ("what", "came"),
    [
        ("open(sys.argv[1]).read()", "done"),
        ("open(sys.argv[2] + '/copy', 'x').write('a')", "done"),
        ("import sqlite3, xml.dom.minidom", "done"),
        ("open(sys.argv[3]).read()", "PermissionError"),
        ("open(sys.argv[1], 'w')", "PermissionError"),
        ("open(sys.argv[3] + '-new', 'x')", "PermissionError"),
        ("os.listdir(os.path.dirname(sys.argv[1]))", "PermissionError"),
        ("open('/proc/1/environ').read()", "PermissionError"),
        ("os.unlink(sys.argv[3])", "PermissionError"),
    ],
)
def test_files_of_others_cannot_be_reached(what: str, came: str, tmp_path: Path) -> None:
    assert try_confined(what, tmp_path) == came


@pytest.mark.skipif(
    os.uname().machine not in {"x86_64", "aarch64"},
    reason="the filter knows no numbers of this one",
)
@pytest.mark.parametrize(
    "what",
    [
        "import socket; socket.socket()",
        "import socket; socket.socket(socket.AF_UNIX)",
        "os.execv('/bin/true', ['true'])",
        "os.kill(os.getppid(), 0)",
    ],
)
def test_sockets_programs_and_other_processes_cannot_be_reached(what: str, tmp_path: Path) -> None:
    assert try_confined(what, tmp_path) == "PermissionError"
