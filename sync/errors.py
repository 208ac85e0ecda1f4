"""What the engine refuses, one class per cause; HTTP turns them into problem+json in one place.

A request that is refused whole is the contract's `RequestRefused`, here called `Refused`.
"""

from mobile_contract.problems import RequestRefused as Refused

__all__ = ["NotThere", "Refused", "ScopeTooLarge"]


class ScopeTooLarge(Exception):
    """An assignment would give a phone more records than the company's policy allows."""

    def __init__(self, person_id: object, size: int, limit: int) -> None:
        super().__init__(f"{size} records for one phone; the limit is {limit}")
        self.person_id = person_id
        self.size = size
        self.limit = limit


class NotThere(Exception):
    """What was named does not exist, or may not be seen: from outside these are the same."""
