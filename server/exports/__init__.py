"""Long exports: files of many rows, written by workers while whoever asked does something else."""
