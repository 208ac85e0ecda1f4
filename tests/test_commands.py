"""What is run as `python -m …` says what it is when asked, and does nothing then."""

import re
import runpy
import sys
from pathlib import Path

import pytest

from tests.soak.__main__ import main as soak

ROOT = Path(__file__).resolve().parent.parent
_IS_RUN = re.compile(r"^if __name__ == .__main__.:", re.MULTILINE)
COMMANDS = sorted(
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__main__")
    for part in ("mobile_contract", "server", "sync", "tests")
    for path in (ROOT / part).rglob("*.py")
    if _IS_RUN.search(path.read_text(encoding="utf-8"))
)


def test_the_soak_and_the_benchmark_are_among_them() -> None:
    assert {"tests.bench", "tests.bench.forms", "tests.soak", "tests.soak.field"} <= set(COMMANDS)


@pytest.mark.filterwarnings("ignore:.*found in sys.modules:RuntimeWarning")
@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_that_is_asked_for_help_helps(
    command: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", [command, "--help"])
    with pytest.raises(SystemExit) as ended:
        runpy.run_module(command, run_name="__main__", alter_sys=True)
    assert ended.value.code == 0
    assert capsys.readouterr().out.lower().startswith("usage: ")
    assert not list(tmp_path.iterdir())


def test_a_soak_refuses_what_it_does_not_know(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    with pytest.raises(SystemExit) as ended:
        soak(["--secnods", "60"])
    assert ended.value.code == 2
    assert "--secnods" in capsys.readouterr().err
    assert soak(["--look", str(tmp_path)]) == 2
    assert "no folder of a soak" in capsys.readouterr().err
