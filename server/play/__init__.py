"""`roadbook play`: reference phones that work through days over real HTTP, with the faults of the field."""
