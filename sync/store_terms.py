"""Where the terms of a store are, for whoever prices by them or leaves them to be brought up."""

from uuid import UUID, uuid5

TOPIC = "store_terms"
"""Work: bring up the terms of these stores."""


def terms_id(store_id: UUID) -> UUID:
    """The id of the record that says on what a store buys."""
    return uuid5(store_id, "terms")
