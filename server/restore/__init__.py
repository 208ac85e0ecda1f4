"""What an operator says about backups: how far they reach, and that one was restored."""
