"""What a soak prints at its end."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from tests.soak.checks import Verdict

if TYPE_CHECKING:
    from tests.soak.run import Done

_SHOWN = 12


def table_lines(done: "Done") -> Iterator[str]:
    """The table: what was done, then each promise with its evidence."""
    yield ""
    yield f"Soak of {done.seconds:.0f} s, seed {done.seed}"
    for name, number in done.figures.items():
        yield (
            f"  {name:<34} {number:>12,}"
            if isinstance(number, int)
            else f"  {name:<34} {number:>12}"
        )
    yield ""
    yield from verdict_lines(done.verdicts)
    yield ""
    yield "Every promise was held." if done.is_good else "A promise was broken."


def verdict_lines(verdicts: Sequence[Verdict]) -> Iterator[str]:
    """Each promise with its evidence, and what speaks against it."""
    for verdict in verdicts:
        yield f"  {'held  ' if verdict.is_held else 'BROKEN'}  {verdict.promise}: {verdict.evidence}"
        for fault in verdict.faults[:_SHOWN]:
            yield f"            {fault}"
        if len(verdict.faults) > _SHOWN:
            yield f"            … and {len(verdict.faults) - _SHOWN} more"
