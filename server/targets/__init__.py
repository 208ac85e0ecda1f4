"""Targets: set for a year, split down the tree, and how far each position is."""
