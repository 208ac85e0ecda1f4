"""`python -m server` is `roadbook`, for where the command is not installed."""

from server.cli import main

main()
