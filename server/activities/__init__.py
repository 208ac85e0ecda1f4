"""Activities: promotions with their standards, the stores that take part, and what they are paid."""
