"""`python -m tests.bench.reading`: what reading one file costs, by its size and format.

Each file is read so many times by one process as a worker starts it; the first reading is counted apart, for the
process is started by it. Time by the clock and of a processor (children included: it holds on a busy machine),
and the most memory that a child had. The pictures are drawn shelves, with grain.
"""

import argparse
import io
import json
import resource
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import pillow_heif
from PIL import Image

from server.photos.asked import Limits
from server.photos.reading import Read, Reader
from tests.drawn_shelves import Shot, draw_shelf

LIMITS = Limits(pixels_max=100_000_000, memory_mb=1024, cpu_s=60, wall_s=120)
# Longer side, shorter side, format, quality.
FILES = (
    (1600, 1200, "JPEG", 80),
    (4000, 3000, "JPEG", 85),
    (4000, 3000, "HEIF", 60),
    (8000, 6000, "JPEG", 80),
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; `--json` prints the same as JSON."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.reading", description=__doc__)
    parser.add_argument("--times", type=int, default=20, help="readings of each file")
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args(arguments)
    pillow_heif.register_heif_opener()
    measured = []
    with tempfile.TemporaryDirectory() as folder:
        for wide, high, kind, quality in FILES:
            path = Path(folder) / f"{wide}.{kind}"
            path.write_bytes(_drawn(wide, high, kind, quality))
            measured.append(
                measure(path, f"{round(wide * high / 1_000_000)} MP {kind}", chosen.times)
            )
    if chosen.json:
        print(json.dumps(measured, indent=2))
        return 0
    print(
        f"{'file':<12}{'kB':>7}{'first ms':>10}{'ms':>7}{'CPU ms':>8}{'peak MB':>9}{'a second':>10}"
    )
    for one in measured:
        print(
            f"{one['file']:<12}{one['kb']:>7}{one['first_ms']:>10}{one['ms']:>7}{one['cpu_ms']:>8}"
            f"{one['peak_mb']:>9}{one['a_second']:>10}"
        )
    return 0


def measure(path: Path, name: str, times: int) -> dict[str, Any]:
    """Read a file so many times."""
    reader = Reader(LIMITS)
    took_ms, peaks_kb = [], []
    # Of the process and of its children, which are known once it has ended.
    before = _cpu_s()
    for _ in range(times + 1):
        with tempfile.TemporaryDirectory() as scratch:
            began = time.perf_counter()
            found = reader.read(path, Path(scratch))
            took_ms.append((time.perf_counter() - began) * 1000)
        assert isinstance(found, Read), found
        peaks_kb.append(found.peak_kb)
    assert reader._process is not None
    assert reader._process.stdin is not None
    # Ended by itself, so that what its children took is counted.
    reader._process.stdin.close()
    reader._process.wait()
    reader.close()
    cpu_ms = (_cpu_s() - before) * 1000 / (times + 1)
    return {
        "file": name,
        "kb": path.stat().st_size // 1000,
        "first_ms": round(took_ms[0]),
        "ms": round(median(took_ms[1:])),
        "cpu_ms": round(cpu_ms),
        "peak_mb": max(peaks_kb) // 1000,
        "a_second": round(1000 / median(took_ms[1:]), 1),
    }


def _cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _drawn(wide: int, high: int, kind: str, quality: int) -> bytes:
    shelf = draw_shelf(Shot(1, 1, 1), (wide, high))
    grain = np.random.default_rng(1).integers(-6, 7, (high, wide, 1), dtype=np.int16)
    values = (np.asarray(shelf, dtype=np.int16) + grain).clip(0, 255).astype(np.uint8)
    stream = io.BytesIO()
    Image.fromarray(values).save(stream, kind, quality=quality)
    return stream.getvalue()


if __name__ == "__main__":
    sys.exit(main())
