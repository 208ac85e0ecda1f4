"""The state machines of Roadbook, drawn: `python -m server.state_drawings` writes docs/STATES.md anew
from the objects that the code itself asks what may follow.
"""

import argparse
from pathlib import Path

from server.answers.asked import ANSWERING
from server.errands.asked import ERRANDS
from server.exchange.asked import ASKING
from server.exchange.runs import IMPORTING
from server.exports.runs import EXPORTING
from server.identity.device_states import DEVICE_STATES
from sync.kinds import ALL_KINDS
from sync.kinds.audit_visit.states import TURN
from sync.state_machine import StateMachine

DOCUMENT = Path(__file__).resolve().parent.parent / "docs" / "STATES.md"

# Those that belong to no kind of record.
OTHERS: tuple[StateMachine, ...] = (
    TURN,
    DEVICE_STATES,
    ASKING,
    IMPORTING,
    EXPORTING,
    ANSWERING,
    ERRANDS,
)

_HEAD = """# States

Which state follows which, by what act, and in brackets whose. Drawn from the code by
`python -m server.state_drawings`; a test compares. What is marked "when read" is stored nowhere: it is
worked out from facts whenever somebody looks, so that what comes late changes it by itself.
"""


def machines() -> list[StateMachine]:
    """Every state machine, those of the kinds first."""
    return [*(kind.machine for kind in ALL_KINDS if kind.machine is not None), *OTHERS]


def drawn() -> str:
    """The text of docs/STATES.md."""
    parts = [
        f"## {one.name}\n\n{one.about}\n\n```mermaid\n{one.as_mermaid()}\n```\n"
        for one in machines()
    ]
    return "\n".join([_HEAD, *parts])


if __name__ == "__main__":
    argparse.ArgumentParser(
        prog="python -m server.state_drawings",
        description="Write docs/STATES.md anew, from the state machines.",
    ).parse_args()
    DOCUMENT.write_text(drawn(), encoding="utf-8")
