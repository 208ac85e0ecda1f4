"""Every sample photo is read, or refused with a reason that people understand."""

import os
from pathlib import Path

import pytest

from server.photos.reading import Read, Reader

FOLDER = os.environ.get("ROADBOOK_SAMPLE_DATA")
SAMPLES = sorted((Path(FOLDER) / "photos").iterdir()) if FOLDER else []

# Width and height as they are to be seen, the camera and its time, and whether it says where it was.
KNOWN = {
    "DSCN0010.jpg": (640, 480, "COOLPIX P6000", "2008-10-22T16:28:39", True),
    "DSCN0012.jpg": (640, 480, "COOLPIX P6000", "2008-10-22T16:29:49", True),
    "DSCN0021.jpg": (640, 480, "COOLPIX P6000", "2008-10-22T16:38:20", True),
    "broken_exif.jpg": (61, 58, None, None, False),
    "iphone.HEIC": (2566, 3313, "iPhone 11 Pro Max", "2021-04-11T15:47:53", True),
    "jolla_phone.jpg": (3264, 2448, "Jolla", "2014-09-21T16:00:56", False),
    "landscape_6.jpg": (600, 450, None, None, False),
    "portrait_8.jpg": (450, 600, None, None, False),
}


@pytest.mark.skipif(FOLDER is None, reason="ROADBOOK_SAMPLE_DATA names no folder of samples")
@pytest.mark.parametrize("sample", SAMPLES, ids=lambda path: path.name)
def test_a_sample_is_read(sample: Path, reader: Reader, scratch: Path) -> None:
    found = reader.read(sample, scratch)
    assert isinstance(found, Read), found
    facts = found.facts
    assert min(facts.sharpness, facts.width, facts.height) > 0
    if sample.name in KNOWN:
        camera = facts.camera
        assert KNOWN[sample.name] == (
            facts.width,
            facts.height,
            camera.model,
            camera.taken_at,
            camera.lat_e7 is not None,
        )
