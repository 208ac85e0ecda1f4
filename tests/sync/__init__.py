"""Tests of sync, mirroring the tree."""
