"""One JSON line a request worth looking at, and one a message, on standard error."""

import json
import logging
from datetime import timedelta
from time import time
from typing import Any

from gunicorn.glogging import Logger

SLOW_S = 5.0
"""A request that takes longer is written down as a warning, whatever its answer."""


class JsonLogger(Logger):
    """Answers of 500 and above and slow ones are warnings, all others are information."""

    def setup(self, cfg: Any) -> None:
        super().setup(cfg)
        for log in (self.error_log, self.access_log):
            for handler in log.handlers:
                handler.setFormatter(_JsonFormatter())

    def access(
        self, resp: Any, _req: Any, environ: dict[str, Any], request_time: timedelta
    ) -> None:
        """Write the request down. Never its query, body or authorization: they may be secret."""
        status = int(str(resp.status).split(maxsplit=1)[0])
        seconds = request_time.total_seconds()
        level = logging.WARNING if status >= 500 or seconds > SLOW_S else logging.INFO
        if not self.error_log.isEnabledFor(level):
            return
        fields = {
            "method": environ.get("REQUEST_METHOD"),
            "path": environ.get("PATH_INFO"),
            "status": status,
            "seconds": round(seconds, 4),
            "bytes": getattr(resp, "sent", None),
            "from": environ.get("REMOTE_ADDR"),
            "request": environ.get("roadbook.request_id"),
        }
        if "roadbook.problem" in environ:
            fields["code"] = environ["roadbook.problem"]
            # Below 500 a detail may quote what was sent.
            if status >= 500:
                fields["detail"] = environ.get("roadbook.problem_detail")
        self.error_log.log(level, "request", extra={"fields": fields})


class _JsonFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "at": int(time() * 1000),
            "level": record.levelname.lower(),
            "process": record.process,
            "message": record.getMessage(),
            **getattr(record, "fields", {}),
        }
        if record.exc_info:
            line["trace"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False, default=str)
