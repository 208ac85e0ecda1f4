"""Documents that a person relies on say what is there: links, settings, commands, findings, names."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import click
import pytest

from server.cli import roadbook
from server.http.metrics import StockCollector
from server.http.stock import Stock
from server.settings import SettingsSchema

ROOT = Path(__file__).resolve().parent.parent
OWN = (
    "README.md",
    "CHANGELOG.md",
    "docs/*.md",
    "docs/decisions/*.md",
    "sync/*.md",
    "mobile_contract/*.md",
)
DOCUMENTS = sorted(path for pattern in OWN for path in ROOT.glob(pattern))
OPERATING = (ROOT / "docs/operating.md").read_text(encoding="utf-8")

_LINK = re.compile(r"(?<!!)\[[^\]\[]*(?:\[[^\]]*\])?[^\]\[]*\]\(([^)\s]+)\)")
_FENCE = re.compile(r"^ *```.*?^ *```", re.DOTALL | re.MULTILINE)
_HEADING = re.compile(r"^#{1,6} +(.+?) *$", re.MULTILINE)
_CODE = re.compile(r"`([^`\n]+)`")


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


@cache
def anchors_of(document: Path) -> set[str]:
    """The anchors that headings get where Markdown is shown (GitHub's way)."""
    text = document.read_text(encoding="utf-8")
    anchors: set[str] = set()
    for heading in _HEADING.findall(_FENCE.sub("", text)):
        plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).replace("`", "")
        anchor = re.sub(r"[^\w\- ]", "", plain.lower()).replace(" ", "-")
        number = sum(1 for known in anchors if re.fullmatch(re.escape(anchor) + r"(-\d+)?", known))
        anchors.add(f"{anchor}-{number}" if number else anchor)
    return anchors


def pieces_of_code(text: str) -> Iterator[str]:
    """What a document shows as code: in the line, indented, or fenced."""
    yield from _CODE.findall(text)
    yield from (line.strip() for line in text.splitlines() if line.startswith("    "))
    for fence in _FENCE.findall(text):
        yield from (line.strip() for line in fence.splitlines()[1:-1])


@pytest.mark.parametrize("document", DOCUMENTS, ids=named)
def test_every_link_inside_the_repository_leads_somewhere(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    broken = []
    for target in _LINK.findall(_FENCE.sub("", text)):
        if re.match(r"[a-z]+:", target):
            continue
        place, _, anchor = target.partition("#")
        found = (document.parent / place).resolve() if place else document
        is_there = found.exists() and found.is_relative_to(ROOT)
        if is_there and anchor:
            is_there = anchor in anchors_of(found)
        if not is_there:
            broken.append(target)
    assert broken == []


@cache
def sources_of_tests() -> str:
    return "".join(path.read_text(encoding="utf-8") for path in ROOT.glob("tests/**/test_*.py"))


@pytest.mark.parametrize("document", DOCUMENTS, ids=named)
def test_every_path_and_test_that_is_named_exists(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    missing = []
    for piece in _CODE.findall(_FENCE.sub("", text)):
        if re.fullmatch(r"(docs|server|sync|mobile_contract|migrations|tests)/[\w./-]*", piece):
            if not (ROOT / piece).exists():
                missing.append(piece)
        elif re.fullmatch(r"test_\w+", piece) and f"def {piece}(" not in sources_of_tests():
            missing.append(piece)
    assert missing == []


def command_lines(text: str) -> Iterator[list[str]]:
    for piece in pieces_of_code(text):
        for part in re.split(r"&&|\||;", piece):
            words = part.partition(" #")[0].split()
            words = [word for word in words if not re.fullmatch(r"[A-Z_]+=\S*", word)]
            if words and words[0].removeprefix(".venv/bin/") == "roadbook":
                yield words[1:]


def check_command(words: list[str]) -> str | None:
    """What is wrong with a command line as a document shows it; None where it can be typed."""
    command: click.Command = roadbook
    context = click.Context(roadbook)
    while words and isinstance(command, click.Group):
        if words[0] in {"…", "COMMAND"}:
            return None
        if words[0].startswith("--"):  # of the group, with its value
            if words[0] not in options_of(command):
                return f"no option {words[0]}"
            words = words[2:]
            continue
        found = command.get_command(context, words[0])
        if found is None:
            return f"no command {words[0]}"
        command, words = found, words[1:]
    unknown = [word for word in words if word.startswith("--") and word not in options_of(command)]
    return f"no option {unknown[0]}" if unknown else None


def options_of(command: click.Command) -> set[str]:
    return {"--help"} | {opt for param in command.params for opt in param.opts}


@pytest.mark.parametrize("document", DOCUMENTS, ids=named)
def test_every_command_that_is_named_can_be_typed(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    wrong = [
        (shown, said) for shown in command_lines(text) if (said := check_command(shown)) is not None
    ]
    assert wrong == []


def test_a_command_that_is_not_there_is_noticed() -> None:
    assert list(command_lines("`roadbook turn` and\n    A=b roadbook epoch turn --why x")) == [
        ["turn"],
        ["epoch", "turn", "--why", "x"],
    ]
    assert check_command(["turn"]) == "no command turn"
    assert check_command(["epoch", "turn", "--why", "x"]) == "no option --why"
    assert check_command(["epoch", "turn", "--reason", "x"]) is None


@pytest.mark.parametrize("document", DOCUMENTS, ids=named)
def test_every_target_of_make_that_is_named_exists(document: Path) -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z]+):", makefile, re.MULTILINE))
    asked = {
        found[1]
        for piece in pieces_of_code(document.read_text(encoding="utf-8"))
        if (found := re.match(r"(?:[A-Z_]+=\S* )*make ([a-z]+)", piece))
    }
    assert asked - targets == set()


def test_the_table_of_settings_is_that_of_the_program() -> None:
    table = OPERATING.partition("\n## Settings")[2].partition("\n## ")[0]
    rows = dict(re.findall(r"^\| `(\w+)` \| (.+) \|$", table, re.MULTILINE))
    fields: dict[str, Any] = {str(f.data_key): f for f in SettingsSchema().fields.values()}
    assert list(rows) == list(fields)
    # These defaults depend on the machine and are told in words.
    in_words = {"ROADBOOK_VAR", "WEB_WORKERS", "MEDIA_READERS"}
    for name, field in fields.items():
        default, expected, _ = rows[name].split(" | ", 2)
        assert expected == field.metadata["expected"], name
        if field.load_default is not None and name not in in_words:
            assert default == f"`{field.load_default}`", name


def test_every_finding_of_the_doctor_is_explained() -> None:
    section = OPERATING.partition("\n## Doctor")[2].partition("\n## ")[0]
    tree = ast.parse((ROOT / "server/doctor.py").read_text(encoding="utf-8"))
    findings = set()
    for call in ast.walk(tree):
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name):
            place = {"judge": 0, "Finding": 1}.get(call.func.id)
            if place is not None and isinstance(call.args[place], ast.Constant):
                findings.add(str(call.args[place].value))  # type: ignore[attr-defined]
    assert len(findings) > 10
    assert sorted(name for name in findings if name not in section) == []


def test_every_metric_is_in_the_table() -> None:
    section = OPERATING.partition("\n## Metrics")[2].partition("\n## ")[0]
    told = {name.removesuffix("_total") for name in re.findall(r"`(roadbook_\w+)`", section)}
    held = {metric.name for metric in StockCollector(lambda: Stock(is_up=True)).collect()}
    counted = set(
        re.findall(r'"(roadbook_\w+)"', (ROOT / "server/http/metrics.py").read_text("utf-8"))
    )
    assert told == held | counted


# In parts, so that this file does not hold what it looks for.
_PLACES = tuple("/".join(("", *parts)) for parts in (("work", ""), ("tmp", "rb"), ("home", "")))


@pytest.mark.parametrize("document", DOCUMENTS, ids=named)
def test_no_document_names_a_place_that_only_one_machine_has(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    assert [place for place in _PLACES if place in text] == []
    assert re.findall(r"\b(?:TODO|FIXME|TBD)\b", text) == []
