"""Reading the days of people: what their facts say, and what follows from them together."""
