"""Heavy reads are let in a few at a time, in one process and over several."""

import subprocess
import sys
from pathlib import Path

import pytest

from server.http.admission import HostGate, ProcessGate
from sync.errors import Refused


def test_a_gate_lets_in_as_many_as_it_has_places(tmp_path: Path) -> None:
    for gate in (ProcessGate(2), HostGate(2, tmp_path)):
        with gate.pass_through(), gate.pass_through():
            with pytest.raises(Refused) as caught, gate.pass_through():
                pass
            assert caught.value.code == "busy"
            assert caught.value.retry_after_s
        with gate.pass_through():
            pass


def test_a_place_is_given_back_by_what_fails_inside(tmp_path: Path) -> None:
    for gate in (ProcessGate(1), HostGate(1, tmp_path)):
        with pytest.raises(ValueError, match="inside"), gate.pass_through():
            raise ValueError("inside")
        with gate.pass_through():
            pass


def test_a_place_of_a_process_that_was_killed_is_free_again(tmp_path: Path) -> None:
    holding = (
        "import sys\nfrom pathlib import Path\nfrom server.http.admission import HostGate\n"
        "with HostGate(1, Path(sys.argv[1])).pass_through():\n"
        "    print('in', flush=True)\n    sys.stdin.read()\n"
    )
    gate = HostGate(1, tmp_path)
    process = subprocess.Popen(
        [sys.executable, "-c", holding, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=Path(__file__).resolve().parents[3],
    )
    with process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"in\n"
        with pytest.raises(Refused), gate.pass_through():
            pass
        process.kill()
        process.wait()
        with gate.pass_through():
            pass
