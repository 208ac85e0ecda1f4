"""The Chromium that pages are tested in: `python -m tests.browser` finds one, or installs it.

As root on Debian or Ubuntu it is the distribution's package; elsewhere Playwright's own build. Where neither can be had
it says so in a line and ends with 0: the tests of pages then say the same where they skip, and the others run.
"""

import argparse
import os
import shutil
import subprocess
import sys
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
_MINUTES = 10


def find_browser() -> str | None:
    """The path of a Chromium on this machine, if there is one."""
    chosen = os.environ.get("ROADBOOK_TEST_BROWSER")
    if chosen:
        return chosen
    found = next((path for name in NAMES if (path := shutil.which(name))), None)
    return found or _playwrights_own()


def _playwrights_own() -> str | None:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        path = playwright.chromium.executable_path
    return path if Path(path).is_file() else None


def install_browser() -> str | None:
    """What went wrong, or None where there is one now."""
    if os.geteuid() == 0 and shutil.which("apt-get"):
        commands = [
            ["apt-get", "update", "-q"],
            ["apt-get", "install", "-y", "-q", "--no-install-recommends", "chromium"],
        ]
        environ = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    else:
        commands = [[sys.executable, "-m", "playwright", "install", "chromium"]]
        environ = dict(os.environ)
    said = ""
    for command in commands:
        try:
            ran = subprocess.run(
                command,
                env=environ,
                capture_output=True,
                text=True,
                timeout=_MINUTES * 60,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            return f"{command[0]}: {error}"
        said = (ran.stderr or ran.stdout).strip()
    if find_browser() is not None:
        return None
    lines = said.splitlines()
    return lines[-1] if lines else "it could not be installed"


def main() -> int:
    """Find one, else install it."""
    argparse.ArgumentParser(prog="python -m tests.browser", description=__doc__).parse_args()
    if find_browser() is None:
        print("Installing Chromium for the tests of pages …")
        failure = install_browser()
        if failure is not None:
            print(
                "There is no Chromium, and none could be installed; the tests of pages skip."
                f" Install one, or name it in ROADBOOK_TEST_BROWSER. ({failure})"
            )
    return 0


if __name__ == "__main__":
    sys.exit(main())
