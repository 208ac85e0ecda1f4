"""Each request has an id that its log lines and its answer carry.

A client may bring one as X-Request-Id (so that its logs and ours can be laid side by side); what
could not be an id is replaced.
"""

import os
import re
from contextvars import ContextVar

HEADER = "X-Request-Id"
_FORM = re.compile(r"[A-Za-z0-9._-]{8,64}")

_current: ContextVar[str] = ContextVar("roadbook_request_id", default="-")


def begin_request_id(brought: str | None) -> str:
    """The id of the request that begins now."""
    request_id = brought if brought and _FORM.fullmatch(brought) else os.urandom(8).hex()
    _current.set(request_id)
    return request_id


def current_request_id() -> str:
    """The id of the request that this code runs for; "-" outside of one."""
    return _current.get()
