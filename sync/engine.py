"""The engine as the server uses it: push, pull, digest, bodies, and what is kept aside.

It knows no HTTP and no queue, and no kind by name: it is handed the list of kinds.
"""

from collections.abc import Iterable
from uuid import UUID

from mobile_contract.answers import Result
from mobile_contract.compiled import Digest, Pull, PushEnvelope
from sync import digest as digests
from sync import pull as pulls
from sync import push as pushes
from sync import release
from sync.bodies import PackedBody, find_body
from sync.cursor import CursorBox
from sync.deadline import Deadline
from sync.errors import Refused
from sync.greeting import greet
from sync.record_kind import RecordKind
from sync.release import Noted
from sync.senders import Claim
from sync.unit_of_work import Database


class Engine:
    """One installation's engine; safe to share between threads."""

    def __init__(self, database: Database, kinds: Iterable[RecordKind], secret: bytes) -> None:
        self.database = database
        listed = tuple(kinds)
        self._kinds = {kind.name: kind for kind in listed}
        self._names = {kind.number: kind.name for kind in listed}
        self._box = CursorBox(secret)

    def push(
        self,
        claim: Claim,
        envelope: PushEnvelope,
        received_at: int,
        deadline: Deadline | None = None,
    ) -> pushes.Pushed:
        """Settle a batch. `received_at` is Unix milliseconds.

        After the deadline nothing is committed and every item is answered `retry`.
        """
        return pushes.push(self.database, self._kinds, claim, envelope, received_at, deadline)

    def pull(self, claim: Claim, request: Pull, received_at: int) -> bytes:
        """The next page of changes; the JSON of the answer."""
        return pulls.pull(self.database, self._names, self._box, claim, request, received_at)

    def digest(self, claim: Claim, request: Digest) -> bytes:
        """Compare a phone's scope, or repair it; the JSON of the answer."""
        return digests.digest(self.database, self._names, self._box, claim, request)

    def body(self, claim: Claim, sha256: str) -> PackedBody:
        """The body with this digest, where a record in the person's scope names it.

        Raises Refused: not_found, also where it is somebody else's; or what `authenticate` raises.
        """
        with self.database.reading(claim.company_id) as uow:
            sender = greet(uow, claim, "pull").sender
            found = find_body(uow, sender.person_id, sha256)
        if found is None:
            raise Refused("not_found", "No record of yours names a body with this digest.")
        return found

    def release_deferred(self, company_id: int, entity_ids: Iterable[UUID]) -> int:
        """Judge again what waits for these records."""
        return release.release_deferred(self.database, self._kinds, company_id, entity_ids)

    def release_ready(self, company_id: int) -> int:
        """Judge again every deferred item of which a record has arrived, or has changed since."""
        return release.release_ready(self.database, self._kinds, company_id)

    def release(
        self,
        company_id: int,
        op_id: UUID,
        digest: bytes,
        *,
        decided_by: str,
        mended: bytes | None = None,
        reason: str | None = None,
        is_review: bool = True,
        noted: Noted | None = None,
    ) -> Result:
        """Judge a kept item again because a person released it. Raises NotThere.

        With a review it passes although its sender had no right.
        """
        return release.release_one(
            self.database,
            self._kinds,
            company_id,
            op_id,
            digest,
            decided_by=decided_by,
            mended=mended,
            reason=reason,
            is_review=is_review,
            noted=noted,
        )

    def set_aside(
        self,
        company_id: int,
        op_id: UUID,
        digest: bytes,
        *,
        decided_by: str,
        reason: str,
        noted: Noted | None = None,
    ) -> None:
        """Decide that a kept item is not to be applied; it stays. Raises NotThere."""
        release.set_aside(
            self.database,
            company_id,
            op_id,
            digest,
            decided_by=decided_by,
            reason=reason,
            noted=noted,
        )
