"""The supervisor with real children, on the databases of the test run."""

import os
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import IO

import pytest

from server import processes
from server.supervise import Keeper

SOON_S = 60.0


class Run:
    """A `roadbook serve` in a process of its own."""

    def __init__(self, process: subprocess.Popen[str], var: Path, port: int) -> None:
        self.process = process
        self.var = var
        self.port = port

    def said(self, part: str) -> str:
        """Read its lines until one has this part."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if part in line:
                return line
        raise AssertionError(f"it ended without saying {part!r}")

    def pid(self, name: str) -> int:
        found = processes.recall(self.var / "run" / f"{name}.pid")
        assert found is not None
        return found.pid

    def is_ready(self) -> bool:
        address = f"http://127.0.0.1:{self.port}/readyz"
        with closing(urllib.request.urlopen(address, timeout=SOON_S)) as answer:
            return bool(answer.status == 200)


@pytest.fixture
def start(
    fresh_database: dict[str, str], redis_url: str, tmp_path: Path
) -> Iterator[Callable[..., Run]]:
    with ExitStack() as stack, socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
        free.close()

        def begin(**changes: str) -> Run:
            environment = {
                "PATH": os.environ["PATH"],
                "DATABASE_URL": fresh_database["app"],
                "DATABASE_OWNER_URL": fresh_database["owner"],
                "REDIS_URL": redis_url,
                "SECRET_KEY": "k" * 40,
                "ROADBOOK_VAR": str(tmp_path / "var"),
                "ROADBOOK_PORT": str(port),
                "WEB_WORKERS": "1",
                **changes,
            }
            process = subprocess.Popen(
                [sys.executable, "-m", "server", "serve"],
                env=environment,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            )
            stack.callback(_end, process)
            return Run(
                process, Path(environment["ROADBOOK_VAR"]), int(environment["ROADBOOK_PORT"])
            )

        yield begin


def _end(process: subprocess.Popen[str]) -> None:
    process.terminate()
    process.communicate(timeout=SOON_S)


def test_it_serves_survives_the_death_of_its_children_and_stops_when_told(
    start: Callable[..., Run],
) -> None:
    run = start()
    assert f":{run.port}" in run.said("Roadbook is at")
    assert "roadbook company add" in run.said("There is no company yet")
    assert run.is_ready()
    for name, words in (("web", "The web server"), ("worker", "The worker")):
        before = run.pid(name)
        os.kill(before, signal.SIGKILL)
        assert "signal 9" in run.said(f"{words} ended")
        assert run.is_ready()
    run.process.send_signal(signal.SIGINT)
    run.said("Stopping")
    assert run.process.wait(SOON_S) == 0


def test_a_start_after_a_killed_one_takes_over_its_port(start: Callable[..., Run]) -> None:
    run = start()
    run.said("Stop with Ctrl-C")
    run.process.kill()
    run.process.wait()
    again = start()
    again.said("Stop with Ctrl-C")
    assert again.is_ready()


def test_a_second_start_at_the_same_time_is_told_of_the_first(start: Callable[..., Run]) -> None:
    run = start()
    run.said("Stop with Ctrl-C")
    assert f"already runs on {run.var} (process {run.process.pid})" in _only_line(start())


def test_a_busy_port_is_one_line(start: Callable[..., Run]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as busy:
        port = busy.getsockname()[1]
        line = _only_line(start(ROADBOOK_PORT=str(port)))
    assert line.startswith(f"Port {port} of 127.0.0.1 cannot be used (Address already in use)")


@pytest.mark.parametrize(
    ("host", "said"),
    [
        ("no.such.host.invalid", "which is no address and does not resolve"),
        ("192.0.2.1", "which is no address of this machine"),
    ],
)
def test_a_host_that_is_not_here_is_one_line(
    start: Callable[..., Run], host: str, said: str
) -> None:
    assert _only_line(start(ROADBOOK_HOST=host)).startswith(f"ROADBOOK_HOST is '{host}', {said}")


def test_a_database_that_is_away_is_one_line(start: Callable[..., Run]) -> None:
    line = _only_line(
        start(
            DATABASE_URL="postgresql://a@127.0.0.1:1/x",
            DATABASE_OWNER_URL="postgresql://o@127.0.0.1:1/x",
        )
    )
    assert line.startswith("The database cannot be used: ")


def test_a_folder_that_cannot_be_written_is_one_line(start: Callable[..., Run]) -> None:
    assert "cannot be written" in _only_line(start(ROADBOOK_VAR="/proc/roadbook"))


def test_wrong_settings_are_listed_and_nothing_starts(start: Callable[..., Run]) -> None:
    run = start(WEB_THREADS="none", ROADBOOK_LOG_LEVEL="loud")
    lines = _output(run).read().splitlines()
    assert run.process.wait(SOON_S) == 2
    assert lines[0] == "These settings are wrong:"
    assert [line.split()[0] for line in lines[1:]] == ["ROADBOOK_LOG_LEVEL", "WEB_THREADS"]


def test_a_child_that_could_not_be_found_again_is_not_left_running(tmp_path: Path) -> None:
    pid_file = tmp_path / "no such folder" / "child.pid"
    with pytest.raises(FileNotFoundError):
        processes.spawn(
            ["/bin/sleep", "60"],
            log=None,
            pid_file=pid_file,
            death_signal=signal.SIGTERM,
            directory=tmp_path,
        )
    assert processes.processes_in("sleep", tmp_path) == []


def test_a_child_that_keeps_ending_is_started_with_growing_pauses(tmp_path: Path) -> None:
    class Ending:
        name = "It"

        def __init__(self) -> None:
            self.starts = 0

        def start(self) -> subprocess.Popen[bytes]:
            self.starts += 1
            child = subprocess.Popen([sys.executable, "-c", "raise SystemExit(3)"])
            child.wait()
            return child

        def stop(self) -> None:
            raise AssertionError("nobody asked")

    said: list[str] = []
    keeper = Keeper(said.append)
    service = Ending()
    keeper.add(service, service.start())
    first = keeper.look()
    assert said == ["It ended (exit code 3); starting it again."]
    assert first is not None
    assert service.starts == 1
    keeper.make_due()
    keeper.look()
    assert service.starts == 2
    second = keeper.look()
    assert second is not None
    assert second > first


def _output(run: Run) -> IO[str]:
    assert run.process.stdout is not None
    return run.process.stdout


def _only_line(run: Run) -> str:
    lines = _output(run).read().splitlines()
    assert run.process.wait(SOON_S) == 1
    assert len(lines) == 1, lines
    return lines[0]
