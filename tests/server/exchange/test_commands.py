"""Masters go out and come in on the command line."""

import json
from collections.abc import Callable
from pathlib import Path

import openpyxl
import pytest
from click.testing import CliRunner, Result

from server.cli import COMMANDS, load_command
from server.exchange.commands import export_group, import_group
from server.exchange.sheets import ALL_SHEETS
from tests.factories import Cast

Run = Callable[..., Result]


@pytest.fixture
def run(
    database: dict[str, str], redis_url: str, monkeypatch: pytest.MonkeyPatch, cast: Cast
) -> Run:
    monkeypatch.setenv("DATABASE_URL", database["app"])
    monkeypatch.setenv("REDIS_URL", redis_url)
    monkeypatch.setenv("SECRET_KEY", "x" * 48)

    def invoke(group: str, *words: object) -> Result:
        command = {"import": import_group, "export": export_group}[group]
        return CliRunner().invoke(command, [*map(str, words), "--company", cast.company.code])

    return invoke


def test_the_groups_are_on_the_one_command_line_with_a_command_for_every_sheet() -> None:
    places = {name: place for name, place, _ in COMMANDS}
    assert load_command(places["import"]) is import_group
    assert load_command(places["export"]) is export_group
    listed = CliRunner().invoke(import_group, ["--help"]).output
    assert all(f"  {sheet.name} " in listed for sheet in ALL_SHEETS)
    helped = CliRunner().invoke(import_group, ["store", "--help"]).output
    assert "fence_m" in helped
    assert "its own fence in metres" in helped


def test_a_file_is_tried_and_then_imported_and_the_run_is_shown(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "stores.csv"
    file.write_text("code,name,channel\nN1,Corner,kiosk\n")
    dry = run("import", "store", file, "--dry-run").output
    assert "+ N1 (row 2)" in dry
    assert "1 added, 0 changed, of these 0 closed, 0 left alone. Nothing was written" in dry
    assert run("import", "runs").output == "Nothing was imported yet.\n"
    done = run("import", "store", file)
    assert (done.exit_code, done.output.splitlines()[-1][-5:]) == (0, "Done.")
    listed = run("import", "runs").output
    assert "stores.csv  DONE" in listed
    shown = run("import", "show", listed.splitlines()[1].split()[0]).output
    assert "1 added, 0 changed" in shown
    assert run("import", "show", "00000000").exit_code == 1


def test_what_is_wrong_is_told_to_people_to_machines_and_in_a_marked_copy(
    run: Run, tmp_path: Path
) -> None:
    file, report, marked = (tmp_path / name for name in ("s.csv", "report.json", "marked.xlsx"))
    file.write_text("code,name,channel,class\nN1,,kiosk,Z\n")
    refused = run("import", "store", file, "--report", report, "--marked", marked)
    assert refused.exit_code == 1
    assert "B2 name: must not be empty" in refused.output
    assert "D2 class: one of A, B, C ('Z')" in refused.output
    assert "2 faults. Nothing was written." in refused.output
    told = json.loads(report.read_text())
    assert [fault["cell"] for fault in told["faults"]] == ["B2", "D2"]
    assert openpyxl.load_workbook(marked)["store"]["D2"].comment is not None
    as_json = json.loads(run("import", "store", file, "--json").output)
    assert (as_json["state"], len(as_json["faults"])) == ("REFUSED", 2)
    latest = run("import", "runs").output.splitlines()[1].split()[0]
    assert "[not_a_choice]" in run("import", "show", latest).output
    assert json.loads(run("import", "show", latest, "--json").output)["rows"] == 1


def test_what_is_no_such_file_or_header_is_one_line(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "s.csv"
    for data, said in (("", "empty"), ("colour\nred\n", "colour"), ("PK\x03\x04", "no XLSX")):
        file.write_text(data)
        refused = run("import", "store", file)
        assert refused.exit_code == 1
        assert said in refused.output
        assert len(refused.output.splitlines()) == 1


@pytest.mark.parametrize("form", ["csv", "xlsx"])
def test_what_was_exported_is_imported_without_a_change(
    run: Run, tmp_path: Path, form: str
) -> None:
    file = tmp_path / f"stores.{form}"
    assert "6 of store, 6 rows" in run("export", "store", file, "--system", "ERP").output
    again = run("import", "store", file, "--dry-run", "--system", "ERP").output
    assert "0 added, 0 changed, of these 0 closed, 6 left alone" in again
    assert [path.name for path in tmp_path.iterdir()] == [file.name]


def test_an_export_that_fails_leaves_the_file_that_was_there(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from server.exchange import xlsx_file

    file = tmp_path / "stores.xlsx"
    file.write_text("yesterday's")
    monkeypatch.setattr(xlsx_file, "TEXT_MAX", 3)
    assert "take CSV" in run("export", "store", file).output
    assert file.read_text() == "yesterday's"
    assert [path.name for path in tmp_path.iterdir()] == [file.name]


def test_the_columns_of_a_sheet_are_told() -> None:
    told = CliRunner().invoke(import_group, ["columns", "route"]).output
    assert "rule " in told
    assert "mon,wed every 2 weeks" in told
