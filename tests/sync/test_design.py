"""DESIGN.md names the tests that prove it, and each of them is there."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DESIGN = (ROOT / "sync" / "DESIGN.md").read_text(encoding="utf-8")
PROMISES = re.findall(r"^### (\d+)\. ", DESIGN, re.MULTILINE)


def defined_tests() -> set[str]:
    return {
        name
        for path in (ROOT / "tests").rglob("test_*.py")
        for name in re.findall(r"^def (test_\w+)", path.read_text(encoding="utf-8"), re.MULTILINE)
    }


def test_every_test_that_the_design_names_exists() -> None:
    named = set(re.findall(r"`(test_\w+)`", DESIGN))
    assert len(named) > 50
    assert named - defined_tests() == set()


def test_the_design_has_all_ten_promises() -> None:
    assert [str(number) for number in range(1, 11)] == PROMISES


@pytest.mark.parametrize("number", range(1, 11))
def test_every_promise_names_its_tests(number: int) -> None:
    chapter = re.split(r"^##+ ", DESIGN.split(f"\n### {number}. ", 1)[1], flags=re.MULTILINE)[0]
    assert len(re.findall(r"`test_\w+`", chapter)) >= 3


def test_the_design_links_to_what_is_there() -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", DESIGN):
        assert (ROOT / "sync" / target).exists()
