"""Where the terms of a store are, for whoever prices by them or leaves them to be brought up."""

from mobile_contract.records.store_terms import terms_id

TOPIC = "store_terms"
"""Work: bring up the terms of these stores."""

__all__ = ["TOPIC", "terms_id"]
