"""The benchmark: `make bench`. What is measured, and against what, is said in docs/scaling.md."""
