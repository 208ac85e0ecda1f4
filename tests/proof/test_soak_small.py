"""A soak in small: the real thing, a few phones, each kind of blow, one restore, every promise."""

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.soak.actors import Plan
from tests.soak.run import soak
from tests.soak.table import table_lines


@pytest.mark.slow
def test_every_promise_holds_under_kill_9_and_a_restore() -> None:
    # Under /tmp: the path of a socket may have 107 bytes, and pytest's own folders are long.
    with TemporaryDirectory(prefix="roadbook-soak-", dir="/tmp") as folder:
        plan = Plan(
            folder=Path(folder),
            seconds=8,
            phones=5,
            processes=1,
            faults="field",
            seed=7,
            every_s=1,
            pause_s=0.1,
        )
        done = soak(plan, say=print)
    print("\n".join(table_lines(done)))
    assert done.is_good
    assert any("kill -9" in name for name in done.figures)
    assert done.figures["items captured"]
