"""Work that nobody waits for: the relay of the outbox, the queue's functions, what runs by the clock."""
