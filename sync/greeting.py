"""The beginning of every exchange in one statement: who speaks, to which database, and what of
theirs came before.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import msgspec

from sync.direct import Value, fetch
from sync.epoch import EPOCH, Epoch, read_epoch
from sync.ledger import RECEIPTS, Receipt, read_receipts
from sync.rows import array
from sync.senders import SENDER, SENDER_COLUMNS, Claim, Sender, read_sender, unknown_device
from sync.unit_of_work import UnitOfWork

_GREET = f"""
select s.*, e.*, {RECEIPTS.format(company="$1", op_ids="$3::uuid[]")},
       exists (select from awaited where company_id = $1),
       exists (select from kept_item where company_id = $1 and op_id = any($3::uuid[]))
from ({SENDER}) s, ({EPOCH}) e
""".encode()


@dataclass(frozen=True, slots=True)
class Greeting:
    """What an exchange begins with. `receipts` are those of the op_ids that were asked for;
    `is_awaited`: some item of the company waits for a record. `is_kept`: something is kept under one of
    the op_ids, with a receipt or after it ran out.
    """

    sender: Sender
    epoch: Epoch
    receipts: dict[str, Receipt]
    is_awaited: bool
    is_kept: bool


def greet(
    uow: UnitOfWork,
    claim: Claim,
    right: Literal["push", "pull"],
    op_ids: Sequence[str] = (),
    meanwhile: Callable[[], object] | None = None,
) -> Greeting:
    """Authenticate a device and read the epoch, and the receipts of these op_ids. `meanwhile` is
    done while the database looks.

    Raises Refused: `token_invalid`, or `device_draining` for a pull.
    """
    values: list[Value] = [uow.company_id, claim.device_id, array("uuid", op_ids)]
    rows = fetch(uow.driver, _GREET, values, meanwhile)
    if not rows:
        raise unknown_device()
    row: Sequence[Any] = rows[0]
    sender = read_sender(uow, claim, right, row[:SENDER_COLUMNS])
    *said, receipts, is_awaited, is_kept = row[SENDER_COLUMNS:]
    found = [] if receipts is None else msgspec.json.decode(receipts)
    return Greeting(
        sender,
        read_epoch(said),
        read_receipts(found),
        is_awaited=is_awaited == "t",
        is_kept=is_kept == "t",
    )
