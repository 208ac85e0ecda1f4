"""The log of changes as people read it: found by person, kind, record and time, with names for what it names by ids."""
