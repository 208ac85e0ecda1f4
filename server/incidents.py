"""What people are told of an error that is no fault of theirs. The error itself is in the log alone."""

import logging
import os

from server.language import Said
from sync.failures import is_passing


def told_incident(logger: logging.Logger, what: str, error: BaseException) -> Said:
    """Log an error under an id of its own, and say what somebody who asked for `what` can do."""
    incident = log_incident(logger, what, error)
    if is_passing(error):
        return Said("it met others at work for too long: try again")
    return Said("it broke; incident {incident}", incident=incident)


def log_incident(logger: logging.Logger, what: str, error: BaseException) -> str:
    """Log an error under an id of its own, and return that."""
    incident = os.urandom(8).hex()
    logger.error("incident %s: %s", incident, what, exc_info=error)
    return incident
