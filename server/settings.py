"""The settings of an installation: from the environment, typed, checked all at once.

`load_settings` promises that every fault is in the one `SettingsRefused` that it raises, each
naming the variable, what was found and what is expected. Secrets are never repeated in a fault.
Without DATABASE_URL and REDIS_URL the embedded servers are used and SECRET_KEY is made and kept.
"""

import os
import secrets
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from difflib import get_close_matches
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from marshmallow import EXCLUDE, Schema, ValidationError, validate
from marshmallow import fields as field_types
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from server.embedded import addresses

SECRET_KEY_MIN = 32
_HERE = Path(__file__).resolve().parent.parent
_OWN = "ROADBOOK_"
# Handed to migrations, and to a test that walks real tracks.
_NOT_SETTINGS = ("ROADBOOK_APP_ROLE", "ROADBOOK_SAMPLE_DATA", "ROADBOOK_TEST_BROWSER")
_SECRET = (
    "SECRET_KEY",
    "DATABASE_URL",
    "DATABASE_OWNER_URL",
    "REDIS_URL",
    "METRICS_TOKEN",
    "MEDIA_SECRET_ACCESS_KEY",
)


@dataclass(frozen=True, slots=True)
class Fault:
    """A variable that is wrong: what was found there and what is expected."""

    variable: str
    found: str
    expected: str

    def __str__(self) -> str:
        return f"{self.variable} is {self.found}; expected: {self.expected}"


class SettingsRefused(Exception):
    """Some variables are wrong; `faults` has all of them."""

    def __init__(self, faults: list[Fault]) -> None:
        self.faults = faults
        super().__init__("\n".join(str(fault) for fault in faults))


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything an installation can set. Times in the unit of the name."""

    var: Path
    database_url: str
    database_owner_url: str | None
    redis_url: str
    has_embedded_database: bool
    has_embedded_redis: bool
    secret_key: str
    metrics_token: str | None
    host: str
    port: int
    public_url: str | None
    web_workers: int
    web_threads: int
    request_read_s: int
    response_write_s: int
    keepalive_s: int
    graceful_stop_s: int
    backlog: int
    pool_wait_s: int
    statement_timeout_s: int
    answers_within_ms: int
    lock_timeout_s: int
    idle_in_transaction_s: int
    ledger_days: int
    change_days: int
    media_folder: Path
    media_bucket: str | None
    media_endpoint: str | None
    media_region: str
    media_access_key_id: str | None
    media_secret_access_key: str | None
    media_file_mb: int
    media_open_uploads: int
    media_device_day_mb: int
    import_person_mb: int
    import_company_mb: int
    media_keep_free_mb: int
    media_unfinished_h: int
    media_unnamed_days: int
    media_readers: int
    media_megapixels: int
    media_read_memory_mb: int
    media_read_s: int
    log_level: str
    map_tiles_url: str | None
    map_style_url: str | None
    map_other_origins: str | None
    map_attribution: str | None
    map_max_zoom: int
    map_datum: str

    @property
    def pool_size(self) -> int:
        """Connections a web process may hold: one a thread, and one for what watches."""
        return self.web_threads + 1

    @property
    def header_read_s(self) -> float:
        """How long the headers of a request may take."""
        return min(10.0, self.request_read_s / 3)

    @property
    def upload_stall_s(self) -> float:
        """For so long the bytes of a file may stop coming; then what has come is kept and the request is over.
        A phone that changes its network says nothing on the old one, and asks soon how much there is.
        """
        return min(10.0, self.request_read_s / 3)

    @property
    def body_read_s(self) -> float:
        """How long a body may take: short enough that the answer is ours, not a closed socket."""
        return self.request_read_s - self.header_read_s - 1.0


def _whole(default: int, low: int, high: int) -> field_types.Integer:
    return field_types.Integer(
        load_default=default,
        validate=validate.Range(low, high),
        metadata={"expected": f"a whole number from {low} to {high}"},
    )


def _address(kind: str) -> Any:
    schemes = {
        "PostgreSQL": ("postgresql", "postgres", "postgresql+psycopg"),
        "Redis": ("redis", "rediss", "unix"),
    }[kind]
    example = {
        "PostgreSQL": "postgresql://user:password@host/database",
        "Redis": "redis://host:6379/0",
    }[kind]

    def check(value: str) -> None:
        try:
            is_known = make_url(value).drivername in schemes
        except (ArgumentError, ValueError):
            is_known = False
        if not is_known:
            raise ValidationError("not an address")

    return field_types.String(
        load_default=None, validate=check, metadata={"expected": f"an address like {example}"}
    )


def _is_tiles(value: str) -> None:
    has_places = all(place in value for place in ("{z}", "{x}", "{y}"))
    if not has_places or not value.startswith(("http://", "https://", "/")):
        raise ValidationError("not an address of tiles")


def _is_style(value: str) -> None:
    read = urlsplit(value)
    if read.scheme not in {"http", "https"} or not read.netloc:
        raise ValidationError("not an address of a style")


def _are_origins(value: str) -> None:
    for origin in value.split():
        read = urlsplit(origin)
        is_bare = origin == f"{read.scheme}://{read.netloc}" and not set(origin) & set(";,'")
        if read.scheme not in {"http", "https"} or not read.netloc or not is_bare:
            raise ValidationError("not an origin")


class SettingsSchema(Schema):
    """The environment: one field a variable, defaults included."""

    class Meta:
        unknown = EXCLUDE

    var = field_types.String(
        data_key="ROADBOOK_VAR",
        load_default=str(_HERE / "var"),
        metadata={"expected": "a folder for data, sockets and logs"},
    )
    database_url = _address("PostgreSQL")
    database_owner_url = _address("PostgreSQL")
    redis_url = _address("Redis")
    secret_key = field_types.String(
        load_default=None,
        validate=validate.Length(min=SECRET_KEY_MIN),
        metadata={"expected": f"at least {SECRET_KEY_MIN} random characters"},
    )
    metrics_token = field_types.String(
        load_default=None,
        validate=validate.Length(min=16),
        metadata={"expected": "at least 16 characters, or nothing: then only this machine reads"},
    )
    host = field_types.String(
        data_key="ROADBOOK_HOST",
        load_default="127.0.0.1",
        validate=validate.Length(min=1, max=255),
        metadata={"expected": "a name or IP address to listen on"},
    )
    port = _whole(8080, 1, 65535)
    public_url = field_types.String(
        load_default=None,
        validate=validate.Regexp(r"https?://[^\s/?#@]+(/[^\s?#]*)?\Z"),
        metadata={"expected": "an address like https://sales.example.com"},
    )
    web_workers = _whole(min(os.cpu_count() or 1, 8), 1, 64)
    web_threads = _whole(4, 1, 64)
    request_read_s = _whole(60, 6, 600)
    response_write_s = _whole(60, 1, 600)
    keepalive_s = _whole(15, 1, 300)
    graceful_stop_s = _whole(20, 1, 300)
    backlog = _whole(512, 16, 65535)
    pool_wait_s = _whole(5, 1, 60)
    statement_timeout_s = _whole(30, 1, 3600)
    answers_within_ms = _whole(60, 0, 60_000)
    lock_timeout_s = _whole(10, 1, 3600)
    idle_in_transaction_s = _whole(30, 1, 3600)
    ledger_days = _whole(400, 30, 3660)
    change_days = _whole(90, 1, 3660)
    media_folder = field_types.String(
        load_default=None, metadata={"expected": "a folder for files and uploads"}
    )
    media_bucket = field_types.String(
        load_default=None,
        validate=validate.Regexp(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]\Z"),
        metadata={"expected": "the name of an S3 bucket, or nothing: files stay in the folder"},
    )
    media_endpoint = field_types.String(
        load_default=None,
        validate=validate.Regexp(r"https?://[^\s/]+"),
        metadata={"expected": "the address of an S3 server like https://s3.example.net"},
    )
    media_region = field_types.String(
        load_default="us-east-1",
        validate=validate.Regexp(r"[a-zA-Z0-9-]{1,40}\Z"),
        metadata={"expected": "the region of the S3 bucket"},
    )
    media_access_key_id = field_types.String(
        load_default=None, metadata={"expected": "the key id of the S3 bucket"}
    )
    media_secret_access_key = field_types.String(
        load_default=None, metadata={"expected": "the secret key of the S3 bucket"}
    )
    media_file_mb = _whole(30, 1, 1024)
    media_open_uploads = _whole(64, 1, 1000)
    media_device_day_mb = _whole(2048, 1, 1_000_000)
    # At least the largest file of an import.
    import_person_mb = _whole(256, 32, 1_000_000)
    import_company_mb = _whole(2048, 32, 1_000_000)
    media_keep_free_mb = _whole(1024, 0, 1_000_000)
    media_unfinished_h = _whole(72, 1, 720)
    media_unnamed_days = _whole(30, 1, 3660)
    media_readers = _whole(max(1, (os.cpu_count() or 1) // 2), 0, 32)
    media_megapixels = _whole(100, 1, 1000)
    media_read_memory_mb = _whole(1024, 64, 65536)
    media_read_s = _whole(60, 1, 600)
    log_level = field_types.String(
        load_default="warning",
        validate=validate.OneOf(("debug", "info", "warning", "error")),
        metadata={"expected": "debug, info, warning or error"},
    )
    map_tiles_url = field_types.String(
        load_default=None,
        validate=_is_tiles,
        metadata={
            "expected": "an address with {z}, {x} and {y}, as https://tiles.example/{z}/{x}/{y}.png"
        },
    )
    map_style_url = field_types.String(
        load_default=None,
        validate=_is_style,
        metadata={
            "expected": "the address of a style of vector tiles, as https://tiles.example/style.json"
        },
    )
    map_other_origins = field_types.String(
        load_default=None,
        validate=_are_origins,
        metadata={"expected": "origins with spaces between, as https://fonts.example"},
    )
    map_attribution = field_types.String(
        load_default=None,
        validate=validate.Length(max=300),
        metadata={"expected": "whom the map's pictures are of, at most 300 characters"},
    )
    map_max_zoom = _whole(18, 1, 24)
    map_datum = field_types.String(
        load_default="WGS84",
        validate=validate.OneOf(("WGS84", "GCJ02", "BD09")),
        metadata={"expected": "WGS84, GCJ02 or BD09"},
    )

    def on_bind_field(self, field_name: str, field_obj: field_types.Field[Any]) -> None:
        """A variable has its field's name in capitals; those of Roadbook's own place say so."""
        if field_obj.data_key is None:
            prefix = "ROADBOOK_" if field_name in {"port", "log_level"} else ""
            field_obj.data_key = prefix + field_name.upper()


def load_settings(environ: Mapping[str, str], *, keeps_key: bool = True) -> Settings:
    """The settings of this environment; raises SettingsRefused with every fault.

    Writes nothing, except the key of an embedded installation when there is none yet. With
    `keeps_key` false not that either: the key is then good for looking only.
    """
    schema = SettingsSchema()
    given = {name: value.strip() for name, value in environ.items() if value.strip()}
    faults: list[Fault] = []
    loaded: dict[str, Any] = {}
    try:
        loaded = schema.load(given)
    except ValidationError as refused:
        # `valid_data` has what passed, so that the rules between variables are judged as well.
        passed = refused.valid_data if isinstance(refused.valid_data, dict) else {}
        loaded = {**_defaults(schema), **passed}
        faults += [_fault(schema, str(name), given) for name in refused.messages]
    var = Path(loaded["var"]).expanduser().absolute()
    faults += _faults_between(loaded, given)
    faults += _misspelt(schema, given)
    has_own_key = loaded["secret_key"] is None and "DATABASE_URL" not in given
    if has_own_key and "SECRET_KEY" not in given:
        faults += _faults_of_folder(var)
    if faults:
        raise SettingsRefused(sorted(faults, key=lambda fault: fault.variable))
    embedded = addresses(var)
    has_embedded_database = loaded["database_url"] is None
    if has_embedded_database:
        loaded["database_url"] = embedded.database_url
        loaded["database_owner_url"] = embedded.owner_database_url
    has_embedded_redis = loaded["redis_url"] is None
    if has_embedded_redis:
        loaded["redis_url"] = embedded.redis_url
    if loaded["secret_key"] is None:
        loaded["secret_key"] = kept_secret(var) if keeps_key else secrets.token_urlsafe(48)
    values = {field.name: loaded[field.name] for field in fields(Settings) if field.name in loaded}
    return Settings(
        **{
            **values,
            "var": var,
            "media_folder": Path(loaded["media_folder"] or var / "media").expanduser().absolute(),
            "has_embedded_database": has_embedded_database,
            "has_embedded_redis": has_embedded_redis,
        }
    )


def kept_secret(var: Path) -> str:
    """The key of an embedded installation: made once, readable by its owner only."""
    file = var / "secret_key"
    try:
        kept = file.read_text(encoding="ascii").strip()
        if len(kept) >= SECRET_KEY_MIN:
            return kept
    except FileNotFoundError:
        pass
    except (OSError, ValueError) as error:
        raise _unusable(file, error) from error
    made = secrets.token_urlsafe(48)
    draft = file.with_suffix(f".{os.getpid()}")
    try:
        var.mkdir(parents=True, exist_ok=True)
        draft.unlink(missing_ok=True)
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w", encoding="ascii") as stream:
            stream.write(made)
            stream.flush()
            os.fsync(stream.fileno())
        draft.replace(file)
    except OSError as error:
        raise _unusable(file, error) from error
    return made


def _unusable(file: Path, error: Exception) -> SettingsRefused:
    return SettingsRefused([_folder_fault(file.parent, error)])


def _folder_fault(folder: Path, error: Exception) -> Fault:
    reason = getattr(error, "strerror", None) or "not a key"
    return Fault("ROADBOOK_VAR", f"{folder} ({reason})", "a folder that can be written")


def _faults_of_folder(var: Path) -> Iterator[Fault]:
    """Whether the key can be read, or be kept where there is none; nothing is made."""
    try:
        (var / "secret_key").read_bytes()
    except FileNotFoundError:
        place = next(folder for folder in (var, *var.parents) if folder.exists())
        try:
            tempfile.TemporaryFile(dir=place).close()
        except OSError as error:
            yield _folder_fault(var, error)
    except OSError as error:
        yield _folder_fault(var, error)


def _misspelt(schema: Schema, given: Mapping[str, str]) -> Iterator[Fault]:
    """Variables that can only be meant for us, and that nothing reads."""
    known = {str(f.data_key).removeprefix(_OWN): str(f.data_key) for f in schema.fields.values()}
    for name in given:
        if name.startswith(_OWN) and name not in (*known.values(), *_NOT_SETTINGS):
            near = get_close_matches(name.removeprefix(_OWN), known, 1)
            meant = f"{known[near[0]]}, if that is meant" if near else "no such variable"
            yield Fault(name, "no setting", meant)


def _faults_between(loaded: dict[str, Any], given: Mapping[str, str]) -> list[Fault]:
    """The faults that are in no variable alone."""
    faults = []
    if "DATABASE_URL" in given and "SECRET_KEY" not in given:
        faults.append(
            Fault(
                "SECRET_KEY",
                "missing",
                f"at least {SECRET_KEY_MIN} random characters, as DATABASE_URL is set",
            )
        )
    if "DATABASE_OWNER_URL" in given and "DATABASE_URL" not in given:
        faults.append(
            Fault("DATABASE_URL", "missing", "the application's address beside the owner's")
        )
    keys = ("media_bucket", "media_access_key_id", "media_secret_access_key")
    if any(loaded[key] for key in keys) and not all(loaded[key] for key in keys):
        faults += [
            Fault(key.upper(), "missing", "a bucket with the id and the secret of its key")
            for key in keys
            if not loaded[key]
        ]
    if loaded["map_tiles_url"] and loaded["map_style_url"]:
        faults.append(
            Fault("MAP_STYLE_URL", "beside MAP_TILES_URL", "one of the two: a map has one ground")
        )
    same = loaded["database_url"] is not None and loaded["database_owner_url"] is not None
    if same and (
        make_url(loaded["database_url"]).username == make_url(loaded["database_owner_url"]).username
    ):
        faults.append(
            Fault(
                "DATABASE_OWNER_URL",
                "the same role as DATABASE_URL",
                "another role: the application's role may own nothing",
            )
        )
    return faults


def _defaults(schema: Schema) -> dict[str, Any]:
    return {name: field.load_default for name, field in schema.fields.items()}


def _fault(schema: Schema, variable: str, given: Mapping[str, str]) -> Fault:
    field = next(field for field in schema.fields.values() if field.data_key == variable)
    found = given.get(variable, "")
    if variable in _SECRET:
        shown = (
            f"{len(found)} characters long"
            if variable.endswith(("KEY", "TOKEN"))
            else "something else (not shown, as it may hold a password)"
        )
    else:
        shown = repr(found if len(found) <= 60 else found[:57] + "…")
    return Fault(variable, shown, str(field.metadata["expected"]))
