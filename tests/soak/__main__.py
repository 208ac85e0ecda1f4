"""`make soak`: phones, an office and kill -9 on a real installation, then every promise is checked.

It works under blows, takes a base backup on the way, loses its disk, restores the backup, works on, becomes
quiet, and holds every promise against what the phones captured and what the tables say. It ends with a table of
what was done and of each promise, soak-<seed>.json beside it, and 1 where a promise is broken.

A soak that fails keeps its folder (the database, the phones' files, serve.log) and says where it is. `--look
FOLDER` starts the database of such a folder again, checks the promises again and waits, so that it can be
looked into. Options may come from the environment too, under the names in brackets.
"""

import argparse
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from random import SystemRandom

from server.play.faults import FAULTS
from tests.soak.actors import Plan
from tests.soak.kept import look
from tests.soak.run import soak
from tests.soak.table import table_lines


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a soak, or look into the folder of one that failed."""
    chosen = _options().parse_args(arguments)
    if chosen.look is not None:
        return look(chosen.look)
    # Under /tmp: the path of a socket may have 107 bytes.
    folder = Path(tempfile.mkdtemp(prefix="roadbook-soak-", dir="/tmp"))
    plan = Plan(
        folder=folder,
        seconds=chosen.seconds,
        phones=chosen.phones,
        processes=chosen.processes,
        faults=chosen.faults,
        seed=chosen.seed or SystemRandom().randrange(1, 10**6),
        every_s=chosen.every,
    )
    is_good = False
    try:
        done = soak(plan, say=lambda line: print(line, flush=True))
        is_good = done.is_good
        for line in table_lines(done):
            print(line)
        report = json.dumps(done.as_json(), indent=1)
        Path(f"soak-{plan.seed}.json").write_text(report, encoding="utf-8")
    finally:
        if is_good and not chosen.keep:
            shutil.rmtree(folder, ignore_errors=True)
        else:
            print(f"Kept in {folder}: python -m tests.soak --look {folder}", flush=True)
    return 0 if is_good else 1


def _options() -> argparse.ArgumentParser:
    options = argparse.ArgumentParser(
        prog="python -m tests.soak",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )

    def add(option: str, variable: str, default: str, kind: type, said: str) -> None:
        options.add_argument(
            option,
            type=kind,
            default=os.environ.get(variable) or default,
            help=f"{said} ({default}) [{variable}]",
        )

    add("--seconds", "SOAK_S", "600", float, "how long phones work, blows and restore included")
    add("--phones", "SOAK_PHONES", "24", int, "how many phones")
    add("--processes", "SOAK_PROCESSES", "2", int, "in how many processes they are")
    add("--seed", "SOAK_SEED", "0", int, "where chance begins; 0: anywhere, and printed")
    add("--every", "SOAK_EVERY_S", "3", float, "seconds between two blows, on average")
    options.add_argument(
        "--faults",
        choices=sorted(FAULTS),
        default=os.environ.get("SOAK_FAULTS") or "harsh",
        help="how rough the network is (harsh) [SOAK_FAULTS]",
    )
    options.add_argument("--keep", action="store_true", help="keep the folder in any case")
    options.add_argument(
        "--look", type=Path, metavar="FOLDER", help="look into a folder that was kept"
    )
    return options


if __name__ == "__main__":
    sys.exit(main())
