"""A made-up company to look at: the same one every time, with two weeks of work behind it."""
