import subprocess
import sys

import click
import pytest

from server.cli import COMMANDS, load_command


@pytest.mark.parametrize(("name", "place"), [(name, place) for name, place, _ in COMMANDS])
def test_every_command_can_be_loaded_under_its_name(name: str, place: str) -> None:
    command = load_command(place)
    assert isinstance(command, click.Command)
    assert command.name == name


def test_every_command_has_a_name_of_its_own() -> None:
    names = [name for name, _, _ in COMMANDS]
    assert len(set(names)) == len(names)


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
