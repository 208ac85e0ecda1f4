"""What managers decide from above: routes, day plans, stores, and what phones propose."""
