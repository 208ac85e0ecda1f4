"""Tests of sync.kinds.store, mirroring the tree."""
