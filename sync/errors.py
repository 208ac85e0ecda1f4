"""What the engine refuses, one class per cause; HTTP turns them into problem+json in one place."""


class Refused(Exception):
    """A request that is refused whole, with a request code of `mobile_contract.problems`."""

    def __init__(
        self,
        code: str,
        detail: str,
        *,
        where: str | None = None,
        limit: int | None = None,
        retry_after_s: int | None = None,
    ) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail
        self.where = where
        self.limit = limit
        self.retry_after_s = retry_after_s


class ScopeTooLarge(Exception):
    """An assignment would give a phone more records than the company's policy allows."""

    def __init__(self, person_id: object, size: int, limit: int) -> None:
        super().__init__(f"{size} records for one phone; the limit is {limit}")
        self.person_id = person_id
        self.size = size
        self.limit = limit


class NotThere(Exception):
    """What was named does not exist, or may not be seen: from outside these are the same."""
