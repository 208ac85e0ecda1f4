"""What a picture for enrolling says: where the server is, and the code. PROTOCOL.md, heading "By a picture"."""

from dataclasses import dataclass
from urllib.parse import parse_qs, urlencode, urlsplit

SCHEME = "roadbook"
PATH = "enrol"
TEXT_MAX = 500
_CODE_MAX = 100


@dataclass(frozen=True, slots=True)
class EnrolmentText:
    """Where a phone enrols, and with what."""

    server: str
    code: str


def enrolment_text(server: str, code: str) -> str:
    """The text of the picture."""
    return f"{SCHEME}:{PATH}?" + urlencode({"server": server.rstrip("/"), "code": code})


def read_enrolment_text(text: str) -> EnrolmentText | None:
    """What such a text says; None where it is none, or names a server that no phone may be sent to."""
    if len(text) > TEXT_MAX:
        return None
    try:
        outer = urlsplit(text)
        said = parse_qs(outer.query, strict_parsing=True, max_num_fields=20)
        (server,), (code,) = said.get("server", [""])[:1], said.get("code", [""])[:1]
        inner = urlsplit(server)
        # A port that is none is told only when it is read.
        has_host = inner.hostname is not None and (inner.port is None or inner.port > 0)
    except ValueError:
        return None
    is_ours = outer.scheme.lower() == SCHEME and outer.path == PATH
    is_plain = not (inner.query or inner.fragment or inner.username or inner.password)
    if not (is_ours and has_host and is_plain and inner.scheme in {"https", "http"}):
        return None
    return EnrolmentText(server.rstrip("/"), code) if 0 < len(code) <= _CODE_MAX else None
