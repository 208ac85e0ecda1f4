"""What a worker and the process that reads say to each other: a line of JSON each way for every file."""

from typing import Literal

import msgspec

FACTS = "facts.json"
REFUSAL = "refusal.json"
"""What a child writes into the scratch folder, besides the copies: one of the two."""

ANSWER_BYTES_MAX = 4096

READY = b"ready\n"
"""What the process says first, once its decoders are loaded."""

Ended = Literal["well", "refused", "too_long", "no_room", "died"]


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """What reading one file may take: a child beyond any of them is ended."""

    pixels_max: int
    # On top of what the libraries take before a file is opened.
    memory_mb: int
    cpu_s: int
    wall_s: int
    written_mb: int = 64


class Request(msgspec.Struct, frozen=True):
    """A file to read."""

    original: str
    scratch: str


class Answer(msgspec.Struct, frozen=True):
    """How a child ended; what it found is in the scratch folder."""

    ended: Ended
    how: str
    peak_kb: int
    took_ms: int
