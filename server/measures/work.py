"""What is left to do where facts change by a decision of people."""

# Topic of the outbox: what targets of these positions have come to is read anew (server/targets/progress.py).
REFRESH = "refresh_targets"
