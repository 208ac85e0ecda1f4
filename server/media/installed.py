"""The storage and the bounds of an installation, made from its settings."""

from dataclasses import dataclass
from datetime import timedelta

from server.media.staging import Staging
from server.media.storage import LocalStorage, Storage
from server.settings import Settings

MB = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class MediaBounds:
    """How much may come, and how long what is not finished, or named by no record, stays."""

    file_bytes: int = 30 * MB
    open_uploads: int = 64
    device_day_bytes: int = 2048 * MB
    unfinished_for: timedelta = timedelta(hours=72)
    unnamed_for: timedelta = timedelta(days=30)
    # Of files of imports that wait, with the copies in which faults are marked.
    import_person_bytes: int = 256 * MB
    import_company_bytes: int = 2048 * MB


@dataclass(frozen=True, slots=True)
class Media:
    """What whoever works with files needs."""

    storage: Storage
    staging: Staging
    bounds: MediaBounds = MediaBounds()


def media_of(settings: Settings) -> Media:
    """All of it, of an installation."""
    return Media(storage_of(settings), staging_of(settings), bounds_of(settings))


def storage_of(settings: Settings) -> Storage:
    """Where files are kept: the bucket where one is named, else the folder."""
    if settings.media_bucket is None:
        return LocalStorage(settings.media_folder / "files")
    # Reached only where it is used.
    from server.media.s3 import S3Storage

    return S3Storage(
        settings.media_bucket,
        endpoint=settings.media_endpoint,
        region=settings.media_region,
        key_id=settings.media_access_key_id or "",
        secret=settings.media_secret_access_key or "",
    )


def staging_of(settings: Settings) -> Staging:
    """Where uploads are until they are whole: always a folder, on the disk of the local storage."""
    return Staging(settings.media_folder / "uploads", settings.media_keep_free_mb * MB)


def bounds_of(settings: Settings) -> MediaBounds:
    """The bounds that are set."""
    return MediaBounds(
        file_bytes=settings.media_file_mb * MB,
        open_uploads=settings.media_open_uploads,
        device_day_bytes=settings.media_device_day_mb * MB,
        unfinished_for=timedelta(hours=settings.media_unfinished_h),
        unnamed_for=timedelta(days=settings.media_unnamed_days),
        import_person_bytes=settings.import_person_mb * MB,
        import_company_bytes=settings.import_company_mb * MB,
    )
