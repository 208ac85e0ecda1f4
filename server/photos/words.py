"""What was found in a file, in words for a person."""

from collections.abc import Iterator

from server.identity.aligned import told_size
from server.photos.photo_list import ReadingRead

_REMARKS = {
    "animated": "it is animated, and its first frame is the picture",
    "camera_position_broken": "the position that its camera wrote cannot be one",
    "camera_time_broken": "the time that its camera wrote cannot be one",
    "colour_profile_broken": "its colour profile cannot be used",
    "exif_broken": "its EXIF is broken",
    "orientation_broken": "how it is turned is not one of the ways there are",
    "several_pictures": "it holds more than one picture, and the first is shown",
}


def told_reading(reading: ReadingRead) -> Iterator[str]:
    """The reading line by line, each under its name."""
    size = f"{reading.width} × {reading.height}"
    measures = f"sharpness {reading.sharpness}, darkness {reading.darkness} ‰"
    yield f"Picture   {reading.media_type}, {size}, {measures}"
    camera = " ".join(filter(None, (reading.camera_make, reading.camera_model)))
    yield f"Camera    {camera or 'does not say what it is'}" + (
        f", software {reading.software}" if reading.software else ""
    )
    if reading.camera_at is not None:
        yield f"Its clock {reading.camera_at:%Y-%m-%d %H:%M:%S}{told_zone(reading.camera_offset_min)}"
    if reading.camera_lat_e7 is not None and reading.camera_lon_e7 is not None:
        within = reading.camera_accuracy_m
        accuracy = "" if within is None else f", accuracy {within} m"
        place = f"{told_degrees(reading.camera_lat_e7)}, {told_degrees(reading.camera_lon_e7)}"
        yield f"Its place {place}{accuracy}"
    for remark in reading.remarks:
        yield f"Odd       {_REMARKS[remark]}"
    copies = ", ".join(
        f"{copy['name']} {copy['width']} × {copy['height']} ({told_size(copy['bytes'])})"
        for copy in reading.copies
    )
    yield f"Copies    {copies}"
    yield f"Reader    version {reading.reader_version}, {reading.took_ms} ms"


def told_zone(offset_min: int | None) -> str:
    """How far east of UTC a clock says to be."""
    if offset_min is None:
        return " of no known zone"
    hours, minutes = divmod(abs(offset_min), 60)
    return f" UTC{'-' if offset_min < 0 else '+'}{hours:02}:{minutes:02}"


def told_degrees(degrees_e7: int) -> str:
    """Degrees with all their seven places."""
    whole, rest = divmod(abs(degrees_e7), 10_000_000)
    return f"{'-' if degrees_e7 < 0 else ''}{whole}.{rest:07}"
