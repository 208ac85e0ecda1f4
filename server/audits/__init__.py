"""Audits: what auditors look at, how it was drawn, what they found and what was said against it."""
