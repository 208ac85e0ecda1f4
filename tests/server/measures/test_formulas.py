"""The table of measures in docs/FORMULAS.md is what the small company's facts come to."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from server.measures.figures import MEASURES
from server.measures.reading import Group

DOCUMENT = Path(__file__).resolve().parents[3] / "docs" / "FORMULAS.md"
_ROW = re.compile(r"^\| `(\w+)` \| .+ \| (-?\d+(?: ÷ \d+)?) \|$", re.MULTILINE)


@pytest.mark.usefixtures("facts")
def test_the_table_of_measures_is_what_the_facts_come_to(read: Callable[..., list[Group]]) -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    shown = dict(_ROW.findall(text.partition("\n## Measures")[2].partition("\n## ")[0]))
    assert list(shown) == [measure.name for measure in MEASURES]
    (group,) = read(*shown)
    computed = {
        figure.measure: str(figure.numerator)
        if figure.denominator is None
        else f"{figure.numerator} ÷ {figure.denominator}"
        for figure in group.figures
    }
    assert shown == computed
