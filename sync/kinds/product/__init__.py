"""product: what a company sells, or looks for in stores. It only goes down."""

from sync.kinds.product.publish import PRODUCT as KIND

__all__ = ["KIND"]
