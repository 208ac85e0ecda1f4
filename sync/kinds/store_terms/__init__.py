"""store_terms: what a store buys on. It only goes down, wherever its store is."""

from sync.kinds.store_terms.publish import STORE_TERMS as KIND

__all__ = ["KIND"]
