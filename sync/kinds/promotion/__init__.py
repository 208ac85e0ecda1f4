"""promotion: what is taken off the price of lines. It only goes down."""

from sync.kinds.promotion.publish import PROMOTION as KIND

__all__ = ["KIND"]
