"""audit_visit: what a rep brings for an activity at a visit, append-only, with corrections."""

from sync.kinds.audit_visit.judge import AUDIT_VISIT as KIND

__all__ = ["KIND"]
