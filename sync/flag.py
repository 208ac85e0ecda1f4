"""A flag says what is odd about a fact, with the figures that show it; it never refuses the fact.

The form is the wire's own: `{"flag": name, figure: whole number, …}`, units in the figures' names.
Source: domain rules, "Visits" and "Where: the check-in verdict".
"""

from typing import TypeAlias

Flag: TypeAlias = dict[str, str | int]
