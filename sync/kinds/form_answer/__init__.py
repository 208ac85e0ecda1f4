"""form_answer: a form that was filled in at a visit. Append-only, with corrections."""

from sync.kinds.form_answer.judge import FORM_ANSWER as KIND

__all__ = ["KIND"]
