"""Tests of sync.kinds.attendance, mirroring the tree."""
