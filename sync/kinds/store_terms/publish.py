"""Publishing the terms of stores: which lists and promotions are for each, its account, its credit."""

from sync.record_kind import RecordKind

STORE_TERMS = RecordKind("store_terms", 26)
