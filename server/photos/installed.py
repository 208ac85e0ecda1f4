"""The reading room of an installation, made from its settings."""

from server.media.installed import storage_of
from server.photos.asked import Limits
from server.photos.read_files import ReadingRoom
from server.settings import Settings


def room_of(settings: Settings) -> ReadingRoom:
    """Where this installation's files are read."""
    return ReadingRoom(
        storage=storage_of(settings),
        scratch=settings.media_folder / "reading",
        limits=limits_of(settings),
    )


def limits_of(settings: Settings) -> Limits:
    """What reading one file may take. On a busy machine the clock runs faster than a processor."""
    return Limits(
        pixels_max=settings.media_megapixels * 1_000_000,
        memory_mb=settings.media_read_memory_mb,
        cpu_s=max(1, settings.media_read_s // 2),
        wall_s=settings.media_read_s,
    )
