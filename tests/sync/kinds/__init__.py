"""Tests of sync.kinds, mirroring the tree."""
