"""What the application says, one JSON line each on standard error, with the request's id."""

import json
import logging
import sys

from server.http.request_ids import current_request_id


class JsonLine(logging.Formatter):
    """The same names as the lines of the web server."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as one line."""
        line: dict[str, object] = {
            "at": int(record.created * 1000),
            "level": record.levelname.lower(),
            "process": record.process,
            "request": current_request_id(),
            "from": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            line["trace"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False, default=str)


def write_logs(level: str) -> None:
    """Send what this process logs to standard error, unless somebody has arranged for it already."""
    root = logging.getLogger()
    if root.handlers:
        return
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLine())
    root.addHandler(handler)
    root.setLevel(level.upper())
