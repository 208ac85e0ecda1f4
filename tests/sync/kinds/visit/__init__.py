"""Tests of sync.kinds.visit, mirroring the tree."""
