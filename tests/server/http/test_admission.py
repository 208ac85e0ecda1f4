"""Heavy reads are let in a few at a time, in one process and over several."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event

import pytest

from server.http.admission import Gate, HostGate, ProcessGate
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


def test_who_waits_gets_the_place_that_is_given_back(tmp_path: Path) -> None:
    for gate in (ProcessGate(1, waiters=1, wait_s=30), HostGate(1, tmp_path, waiters=1, wait_s=30)):
        inside, may_leave, entered = Event(), Event(), Event()

        def hold(gate: Gate = gate, inside: Event = inside, may_leave: Event = may_leave) -> None:
            with gate.pass_through():
                inside.set()
                may_leave.wait(30)

        def enter(gate: Gate = gate, entered: Event = entered) -> None:
            with gate.pass_through():
                entered.set()

        with ThreadPoolExecutor(2) as threads:
            threads.submit(hold)
            assert inside.wait(30)
            second = threads.submit(enter)
            assert not entered.is_set()
            may_leave.set()
            second.result(30)
        assert entered.is_set()


def test_only_so_many_wait_and_only_so_long(tmp_path: Path) -> None:
    now = [0.0]
    looked = 0

    def pause(seconds: float) -> None:
        nonlocal looked
        looked += 1
        now[0] += seconds
        # Somebody else waits already: this one is refused without a look at the clock.
        with pytest.raises(Refused), gate.pass_through():
            pass

    gate = HostGate(1, tmp_path, waiters=1, wait_s=1.0, clock=lambda: now[0], pause=pause)
    with gate.pass_through():
        with pytest.raises(Refused) as caught, gate.pass_through():
            pass
        assert caught.value.code == "busy"
    assert looked > 10
    assert 1.0 <= now[0] < 1.1
    with gate.pass_through():
        pass


def test_a_wait_that_ends_in_vain_is_refused_and_lets_the_next_one_wait() -> None:
    gate = ProcessGate(1, waiters=1, wait_s=0.01)
    with gate.pass_through():
        for _ in range(2):
            with pytest.raises(Refused), gate.pass_through():
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
