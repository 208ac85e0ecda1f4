"""Errands: what somebody asked for on a page that takes longer than a page may, done by a worker."""
