"""What pages ask that may take long: answered at once where it does not, else by a worker while the page waits."""
