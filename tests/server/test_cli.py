import os
import subprocess
import sys
from pathlib import Path

import click
import pytest

from server.cli import COMMANDS, load_command

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(("name", "place"), [(name, place) for name, place, _ in COMMANDS])
def test_every_command_can_be_loaded_under_its_name(name: str, place: str) -> None:
    command = load_command(place)
    assert isinstance(command, click.Command)
    assert command.name == name


def test_every_command_has_a_name_of_its_own() -> None:
    names = [name for name, _, _ in COMMANDS]
    assert len(set(names)) == len(names)


def test_the_command_runs_from_a_folder_with_any_name(tmp_path: Path) -> None:
    folder = tmp_path / "Лен's “My” $HOME"
    programs = folder / ".venv" / "bin"
    programs.mkdir(parents=True)
    (programs / "python").symlink_to(sys.executable)
    subprocess.run(["make", "-f", ROOT / "Makefile", "_command"], cwd=folder, check=True)
    packages = [str(ROOT), *(place for place in sys.path if place.endswith("site-packages"))]
    done = subprocess.run(
        [programs / "roadbook", "day", "--help"],
        cwd=tmp_path,
        env={"PYTHONPATH": os.pathsep.join(packages), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == ""
    assert done.stdout.startswith("Usage: roadbook day [OPTIONS]")


def test_asking_for_help_loads_no_area() -> None:
    program = (
        "import sys; from server.cli import roadbook\n"
        "try: roadbook.main(['--help'])\n"
        "except SystemExit: pass\n"
        "print('flask' in sys.modules or 'gunicorn' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert all(name in done.stdout for name, _, _ in COMMANDS)
    assert done.stdout.splitlines()[-1] == "False"
