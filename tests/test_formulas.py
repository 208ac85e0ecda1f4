"""The worked examples of docs/FORMULAS.md are what the functions compute."""

import doctest
import re
from pathlib import Path

import pytest

DOCUMENT = Path(__file__).resolve().parent.parent / "docs" / "FORMULAS.md"
_SECTION = re.compile(r"^## (?P<name>.+)$\n(?P<text>(?:(?!^## ).*\n?)*)", re.MULTILINE)
SECTIONS = [
    (
        match["name"],
        match["text"],
        DOCUMENT.read_text(encoding="utf-8")[: match.start()].count("\n"),
    )
    for match in _SECTION.finditer(DOCUMENT.read_text(encoding="utf-8"))
]


@pytest.mark.parametrize(("name", "text", "line"), SECTIONS, ids=[name for name, _, _ in SECTIONS])
def test_a_formula_is_computed_as_its_example_says(name: str, text: str, line: int) -> None:
    examples = doctest.DocTestParser().get_doctest(text.replace("```", ""), {}, name, None, line)
    assert examples.examples or "`tests/" in text, f"{name}: an example, or the test that has it"
    runner = doctest.DocTestRunner(verbose=False)
    said: list[str] = []
    runner.run(examples, out=said.append)
    assert runner.failures == 0, "".join(said)
