"""What the routes work with, made once a process."""

from collections.abc import Callable
from dataclasses import dataclass, field
from secrets import token_bytes
from typing import TYPE_CHECKING, Any

from server.http.admission import Gate, ProcessGate
from server.http.metrics import Instruments
from server.identity.throttle import Counter, LocalCounter
from server.media.installed import Media
from sync.unit_of_work import Database

if TYPE_CHECKING:
    from sync.engine import Engine


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """The engine, the database, and what bounds requests."""

    database: Database
    engine: "Engine"
    # What forms and links are signed with. One that lasts as long as the process, where none is given.
    secret: bytes = field(default_factory=lambda: token_bytes(48))
    tries: Counter = field(default_factory=LocalCounter)
    first_syncs: Gate = field(default_factory=lambda: ProcessGate(2))
    # None where no files are taken.
    media: Media | None = None
    # What bounds requests that hold a thread for as long as their bytes take.
    slow_bodies: Gate = field(default_factory=lambda: ProcessGate(2))
    instruments: Instruments = field(default_factory=Instruments)
    # Whether the queue's server answers; what is wrong, where it does not.
    ping_queue: Callable[[], Any] | None = None
    # Lets a worker look at once for work that somebody waits for; without it one looks half a second later.
    wake_relay: Callable[[], None] = lambda: None
    # With it /metrics may be read from anywhere; without it only from the machine itself.
    metrics_token: str | None = None
    # How long the bytes of a body may take to come.
    body_read_s: float = 30.0
    # How long after its receipt a push may be committed; None where no watermark is told by it.
    longest_push_s: float | None = None
