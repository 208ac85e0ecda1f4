"""What a phone knows of itself: who it is to the server, in which epoch, and what it was told to do.

Everything here is a setting in the phone's file, so that it changes together with the data it
speaks of. PROTOCOL.md, headings "Enrolment and tokens",
"Receipts, watermark and epoch" and "Drain, then wipe".
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mobile_contract.phone.outbox import Outbox
from mobile_contract.phone.phone_file import PhoneFile
from mobile_contract.phone.scope_store import ScopeStore


class NotEnrolled(Exception):
    """This phone has no device of its own: it was never enrolled, or it was wiped."""


@dataclass(frozen=True, slots=True)
class Enrolment:
    """What the server told when the phone was enrolled."""

    device_id: str
    company: Mapping[str, Any]
    person: Mapping[str, Any]
    limits: Mapping[str, Any]


class DeviceState:
    """The settings of one phone that the protocol gives a meaning to."""

    def __init__(self, file: PhoneFile, outbox: Outbox, scope: ScopeStore) -> None:
        self._file = file
        self._outbox = outbox
        self._scope = scope

    def keep_enrolment(self, answer: Mapping[str, Any], *, contract: int) -> None:
        """Become the device that the server made; what the phone already held stays."""
        with self._file.transaction():
            if self._file.setting("device_id") is not None:
                # Another device, perhaps another person: what lies here is compared, not believed.
                self.ask_for_repair()
            for name in ("device_id", "company", "person", "limits"):
                self._file.set_setting(name, json.dumps(answer[name]))
            self._file.set_setting("token", answer["token"])
            self._file.set_setting("contract", str(contract))
            for name in ("is_draining", "is_wipe_due", "is_wiped", "is_signed_out"):
                self._file.set_setting(name, None)
            self.adopt_epoch(answer["epoch"])

    @property
    def enrolment(self) -> Enrolment:
        """Raises NotEnrolled."""
        told = {
            name: self._file.setting(name) for name in ("device_id", "company", "person", "limits")
        }
        if told["device_id"] is None:
            raise NotEnrolled("this phone is not enrolled")
        return Enrolment(**{name: json.loads(value or "{}") for name, value in told.items()})

    @property
    def token(self) -> str:
        """Raises NotEnrolled."""
        token = self._file.setting("token")
        if token is None:
            raise NotEnrolled("this phone is not enrolled")
        return token

    @token.setter
    def token(self, token: str) -> None:
        self._file.set_setting("token", token)

    @property
    def contract(self) -> int:
        """The contract in which the app writes items and reads records."""
        return int(self._file.setting("contract") or 0)

    def change_contract(self, contract: int) -> None:
        """The app was updated: records come in a new form, so the scope is compared anew.

        Items in the outbox keep the contract they were written in.
        """
        with self._file.transaction():
            if self.contract != contract:
                self._file.set_setting("contract", str(contract))
                self.ask_for_repair()

    @property
    def epoch(self) -> str | None:
        """The server's life that cursor and receipts belong to; a restore begins another."""
        return self._file.setting("epoch")

    def adopt_epoch(self, epoch: str) -> bool:
        """Where the server lives in another epoch than this phone thought, send again and compare again.

        Every item that the server acknowledged in another epoch waits again, whatever the watermark
        says: by now it may be that of a backup taken after the restore, which never had them.
        Returns whether the epoch was new.
        """
        if epoch == self.epoch:
            return False
        with self._file.transaction() as connection:
            is_first = self.epoch is None
            self._file.set_setting("epoch", epoch)
            if is_first:
                return False
            self._outbox.send_again_for_epoch(epoch)
            # So may the bytes of pictures; the server takes none that it still has.
            self._file.set_setting("watermark", None)
            connection.execute(
                "UPDATE picture SET state = 'waiting', location = NULL WHERE state <> 'set aside'"
            )
            self.ask_for_repair()
        return True

    @property
    def watermark(self) -> int | None:
        """Up to which receipt the server's backups cover what it has; None where it names none."""
        text = self._file.setting("watermark")
        return None if text is None else int(text)

    def note_watermark(self, watermark: int | None) -> None:
        self._file.set_setting("watermark", None if watermark is None else str(watermark))

    @property
    def is_repair_due(self) -> bool:
        return self._file.setting("is_repair_due") is not None

    def ask_for_repair(self) -> None:
        """The cursor is of no more use; the scope is compared by digest before the next pull."""
        with self._file.transaction():
            self._scope.set_cursor(None)
            self._file.set_setting("is_repair_due", "1")

    def note_repaired(self, cursor: str) -> None:
        with self._file.transaction():
            self._scope.set_cursor(cursor)
            self._file.set_setting("is_repair_due", None)

    @property
    def pulled_at(self) -> int | None:
        """The wall clock of this phone when a pull last brought all there was; None before the first."""
        text = self._file.setting("pulled_at")
        return None if text is None else int(text)

    def note_pulled(self, wall_ms: int) -> None:
        """Everything that there was for this phone has been pulled."""
        self._file.set_setting("pulled_at", str(wall_ms))

    @property
    def is_draining(self) -> bool:
        """Whether the server takes what this phone holds and gives it nothing more."""
        return self._file.setting("is_draining") is not None

    def note_draining(self) -> None:
        self._file.set_setting("is_draining", "1")

    @property
    def is_signed_out(self) -> bool:
        """Whether the server no longer knows the token: nothing is sent until somebody enrols."""
        return self._file.setting("is_signed_out") is not None

    def note_signed_out(self) -> None:
        self._file.set_setting("is_signed_out", "1")

    @property
    def is_wiped(self) -> bool:
        return self._file.setting("is_wiped") is not None

    @property
    def is_wipe_due(self) -> bool:
        """Whether the server said `wipe` and nothing is left on the phone but what was set aside.

        No server takes that: a person has to be shown it. What may still be sent goes first, the
        server hears a device that it told to wipe, and tells it again.
        """
        is_due = self._file.setting("is_wipe_due") is not None
        return is_due and not self._has_unsent()

    @property
    def read_notices(self) -> frozenset[str]:
        """The notices that this phone holds and has told as read; its outbox forgets, this does not."""
        return frozenset(json.loads(self._file.setting("read_notices") or "[]"))

    def keep_read_notice(self, notice_id: str) -> None:
        """The person has opened a notice; those that are on the phone no more are dropped."""
        with self._file.transaction():
            held = {notice.id for notice in self._scope.all_of("notice")}
            kept = sorted((self.read_notices & held) | {notice_id})
            self._file.set_setting("read_notices", json.dumps(kept))

    def wipe(self, *, with_unsent: bool = False) -> bool:
        """Take everything off the phone; returns whether.

        Nobody wipes what may still be sent; of what was set aside only a person may, by `with_unsent`.
        """
        with self._file.transaction() as connection:
            aside = "SELECT count(*) FROM picture WHERE state = 'set aside'"
            is_aside = self._outbox.summary().count or self._file.rows(aside)[0][0]
            if (is_aside and not with_unsent) or self._has_unsent():
                self._file.set_setting("is_wipe_due", "1")
                return False
            self._outbox.clear()
            self._scope.clear()
            connection.execute("DELETE FROM body")
            connection.execute("DELETE FROM picture")
            connection.execute("DELETE FROM track_gap")
            connection.execute("DELETE FROM setting")
            self._file.set_setting("is_wiped", "1")
        return True

    def _has_unsent(self) -> bool:
        """Whether there is what may still be sent: items, points that no item holds yet (the next sync of a
        draining phone makes one), and pictures.
        """
        more = (
            "SELECT EXISTS (SELECT 1 FROM track_point)"
            " OR EXISTS (SELECT 1 FROM picture WHERE state = 'waiting')"
        )
        return bool(self._outbox.to_send() or self._file.rows(more)[0][0])
