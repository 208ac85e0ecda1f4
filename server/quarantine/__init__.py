"""What the engine kept aside, for people at a terminal."""
