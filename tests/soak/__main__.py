"""`make soak`: phones, an office and kill -9 on a real installation, then every promise is checked.

Settings, from the environment: SOAK_S (600) seconds of it, SOAK_PHONES (24), SOAK_PROCESSES (2),
SOAK_FAULTS (harsh), SOAK_SEED (chosen and printed), SOAK_EVERY_S (3) between two blows. Ends with a
table of what was done and of each promise, soak-<seed>.json beside it, and 1 when one is broken.
"""

import json
import os
import sys
import tempfile
from pathlib import Path
from random import SystemRandom

from tests.soak.run import Plan, soak
from tests.soak.table import table_lines


def main() -> int:
    """Run a soak as the environment says."""
    seed = int(os.environ.get("SOAK_SEED") or SystemRandom().randrange(1, 10**6))
    with tempfile.TemporaryDirectory(prefix="roadbook-soak-", dir="/tmp") as folder:
        plan = Plan(
            folder=Path(folder),
            seconds=float(os.environ.get("SOAK_S", "600")),
            phones=int(os.environ.get("SOAK_PHONES", "24")),
            processes=int(os.environ.get("SOAK_PROCESSES", "2")),
            faults=os.environ.get("SOAK_FAULTS", "harsh"),
            seed=seed,
            every_s=float(os.environ.get("SOAK_EVERY_S", "3")),
        )
        done = soak(plan, say=lambda line: print(line, flush=True))
    for line in table_lines(done):
        print(line)
    Path(f"soak-{seed}.json").write_text(json.dumps(done.as_json(), indent=1), encoding="utf-8")
    return 0 if done.is_good else 1


if __name__ == "__main__":
    sys.exit(main())
