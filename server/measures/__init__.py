"""Measures: what facts add up to, by person, place, product and time, with what is behind each figure."""
