"""The service: HTTP for phones and people, background work, and the command line."""
