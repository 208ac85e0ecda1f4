"""price_list: prices by version. It only goes down; the prices of a version are a body."""

from sync.kinds.price_list.publish import PRICE_LIST as KIND

__all__ = ["KIND"]
