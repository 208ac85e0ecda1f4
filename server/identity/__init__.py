"""Who people are, which phones are theirs, what they may see, and what they changed."""
