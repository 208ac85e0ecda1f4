"""`roadbook form` as an operator types it."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from server.cli import COMMANDS, load_command
from server.forms.commands import form
from sync.unit_of_work import Database
from tests.factories import Cast, Person
from tests.form_factories import answer, definition, published
from tests.sync.talking import Phone

Run = Callable[..., Result]


@pytest.fixture
def run(
    database: dict[str, str], redis_url: str, monkeypatch: pytest.MonkeyPatch, cast: Cast
) -> Run:
    monkeypatch.setenv("DATABASE_URL", database["app"])
    monkeypatch.setenv("REDIS_URL", redis_url)
    monkeypatch.setenv("SECRET_KEY", "x" * 48)
    return lambda *words: CliRunner().invoke(form, [*words, "--company", cast.company.code])


@pytest.fixture
def file(tmp_path: Path) -> Callable[[Any], str]:
    def write(said: Any) -> str:
        path = tmp_path / "form.json"
        path.write_text(said if isinstance(said, str) else json.dumps(said))
        return str(path)

    return write


def test_the_group_is_on_the_one_command_line() -> None:
    assert load_command({name: place for name, place, _ in COMMANDS}["form"]) is form


def test_a_form_is_imported_published_listed_and_retired(run: Run, file: Any) -> None:
    path = file(definition())
    assert run("import", path, "--check").output == "Nothing is wrong with form STORE_CHECK.\n"
    assert "There is no form like this." in run("list").output
    assert "as a draft" in run("import", path).output
    assert "like this already" in run("import", path).output
    assert run("publish", "STORE_CHECK").output == "Published: form STORE_CHECK, version 1.\n"
    header, row = run("list").output.splitlines()
    assert header.split()[:4] == ["CODE", "TITLE", "STATE", "VERSION"]
    assert row.split()[:5] == ["STORE_CHECK", "Store", "check", "published", "1"]
    later = file(definition(title="Check 2"))
    assert run("import", later, "--publish").output.endswith("version 2.\n")
    assert run("retire", "STORE_CHECK").output == "Retired: form STORE_CHECK.\n"
    result = run("retire", "STORE_CHECK")
    assert (result.exit_code, result.output) == (
        1,
        "Error: form STORE_CHECK is retired: it cannot be retired\n",
    )


def test_all_faults_of_a_file_are_told_with_their_places(run: Run, file: Any) -> None:
    said = definition()
    said["questions"][0]["columns"][1]["type"] = "FLOAT"
    said["scores"][0]["weight"] = 0
    result = run("import", file(said))
    assert result.exit_code == 1
    assert result.output.splitlines() == [
        "Error: The form cannot be used:",
        "  questions[0].columns[1].type must be one of BOOL, INT, MONEY, TEXT, CHOICE, DAY",
        "  scores[0].weight must be from 1 to 1000",
    ]
    assert "not JSON" in run("import", file("{")).output
    assert "not JSON" in run("import", file("[" * 100_000)).output


def test_a_definition_that_is_shown_can_be_imported(run: Run, file: Any) -> None:
    run("import", file(definition()), "--publish")
    said = json.loads(run("show", "STORE_CHECK", "--json").output)
    assert said == definition()
    lines = run("show", "STORE_CHECK").output.splitlines()
    assert lines[0] == "STORE_CHECK  Store check: published, version 1"
    assert any(line.split()[:3] == ["stock", "*", "ROWS"] for line in lines)
    assert run("show", "STORE_CHECK", "--draft").exit_code == 1


def test_answers_are_listed_and_shown(
    run: Run, cast: Cast, phone: Callable[[Person], Phone], db: Database
) -> None:
    template = published(db, cast.company)
    ana = phone(cast.ana)
    visit = ana.visit(cast.ana_stores[0])
    item = answer(ana, template, visit, score_e2=None)
    assert ana.statuses(visit, item) == ["applied"] * 2
    header, row = run("answers", "--form", "STORE_CHECK").output.splitlines()
    assert header.split()[0] == "ANSWER"
    assert row.startswith(item["entity_id"][:8])
    assert row.endswith("62.50  score_differs")
    assert "Nothing like this" in run("answers", "--form", "OTHER").output
    lines = run("answer", item["entity_id"][:8]).output.splitlines()
    assert lines[0] == "Store check (form STORE_CHECK, version 1)"
    assert "  A display?: yes" in lines
    assert "  score 62.50: 25 of 40 weighted points" in lines
    assert "  flag: the phone showed the score none, the server found 62.50" in lines
    assert run("answer", "ffffffff").exit_code == 1
