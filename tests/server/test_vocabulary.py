"""What areas name by a code has a word that people know, and what they refuse is a sentence."""

import ast
from collections.abc import Iterator
from pathlib import Path

from server.days.words import NAMED
from server.exchange.sheets import SHEETS
from server.identity.policy import RANGES
from server.language import speaking
from server.state_drawings import machines
from server.vocabulary import (
    AUDIT_REASON_WORDS,
    FLAG_NAMES,
    flag_name,
    name_of,
    told_audit_reason,
)
from sync.organisation import ROLES
from sync.policy import AUDIT_REASONS

SERVER = Path(__file__).resolve().parents[2] / "server"
AREAS = (
    *("activities", "audits", "catalogue", "exchange", "exports", "forms", "identity", "measures"),
    *("orders", "planning", "quarantine", "targets", "tasks"),
)
# Whose figures pages put into sentences of their own: server/web has words for each cause.
TOLD_BY_PAGES = {"BoundaryInvalid", "LeaveDoubtful", "FormInvalid", "RowsInvalid", "PhoneTooFull"}


def codes() -> Iterator[str]:
    for sheet in SHEETS.values():
        yield sheet.name
        yield from (column.name for column in (*sheet.columns, *sheet.line_columns))
    yield from RANGES
    yield from ROLES
    for machine in machines():
        for step in machine.steps:
            yield from (state.lower() for state in (step.source, step.target) if state is not None)


def test_reasons_of_auditors_are_told_in_the_language_unless_they_are_a_companys_own() -> None:
    assert {reason["words"] for reason in AUDIT_REASONS.values()} == AUDIT_REASON_WORDS
    with speaking("zh"):
        assert all(told_audit_reason(words) != words for words in AUDIT_REASON_WORDS)
        assert told_audit_reason("Open") == "Open"


def test_a_field_a_state_and_a_role_have_a_word() -> None:
    with speaking("zh"):
        assert [
            code for code in sorted(set(codes())) if name_of(code) == code.replace("_", " ")
        ] == []


def test_every_flag_has_a_short_name() -> None:
    assert sorted(NAMED - FLAG_NAMES.keys()) == []
    with speaking("zh"):
        assert [flag for flag in FLAG_NAMES if flag_name(flag) == flag.replace("_", " ")] == []


def test_what_an_area_refuses_is_a_sentence_that_can_be_told_in_any_language() -> None:
    raised = [
        (path, node)
        for area in AREAS
        for path in sorted((SERVER / area).rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Raise)
    ]
    causes = _causes()
    plain = [
        f"{path.relative_to(SERVER)}:{node.lineno}"
        for path, node in raised
        if isinstance(node.exc, ast.Call)
        and isinstance(node.exc.func, ast.Name)
        and node.exc.func.id in causes - TOLD_BY_PAGES
        and any(isinstance(given, ast.JoinedStr) or _is_text(given) for given in node.exc.args[:1])
    ]
    assert len(raised) > 300
    assert plain == [], "raise Cause(Said('… {figure} …', figure=…)): server/language.py"


def _is_text(given: ast.expr) -> bool:
    return isinstance(given, ast.Constant) and isinstance(given.value, str)


def _causes() -> set[str]:
    """The classes of refusals: those of the areas' errors, and what is made of them."""
    bases: dict[str, set[str]] = {}
    for area in AREAS:
        for path in (SERVER / area).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.ClassDef):
                    named = {base.id for base in node.bases if isinstance(base, ast.Name)}
                    bases.setdefault(node.name, set()).update(named)
    found = {
        name for name, above in bases.items() if name.endswith("Error") and "Exception" in above
    }
    while True:
        more = {name for name, above in bases.items() if above & found} | found
        if more == found:
            return found
        found = more
