"""order: goods that a store orders or gives back, with every version of it."""
