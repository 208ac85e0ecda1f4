"""PROTOCOL.md is complete, and true of the code beside it."""

import re

import pytest

from mobile_contract.field_tables import PROTOCOL, all_schemas, filled
from mobile_contract.problems import ITEM_CODES, ITEM_STATUSES, REQUEST_CODES
from mobile_contract.records import RECORDS

TEXT = PROTOCOL.read_text(encoding="utf-8")
WORDS = [
    *(each.code for each in ITEM_CODES),
    *(each.code for each in REQUEST_CODES),
    *(each.status for each in ITEM_STATUSES),
]


def anchors(text: str) -> set[str]:
    heads = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head).strip().lower().replace(" ", "-") for head in heads}


def test_the_tables_are_those_of_the_schemas() -> None:
    stale = "run: python -m mobile_contract.field_tables"
    assert filled(TEXT) == TEXT, stale


@pytest.mark.parametrize("word", WORDS)
def test_every_status_and_code_has_its_row(word: str) -> None:
    assert re.search(rf"^\|.*`{word}` \|", TEXT, re.MULTILINE)


@pytest.mark.parametrize("name", all_schemas())
def test_every_schema_has_its_table_under_its_own_heading(name: str) -> None:
    assert TEXT.count(f"<!-- table: {name} -->") == 1
    assert re.search(rf"^#+ {name}$", TEXT, re.MULTILINE)


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: record.kind)
def test_every_kind_has_its_heading(record: object) -> None:
    assert re.search(rf"^### {record.kind}$", TEXT, re.MULTILINE)  # type: ignore[attr-defined]


def retrying_rows() -> list[tuple[str, str]]:
    table = TEXT.partition("<!-- retrying -->\n")[2].partition("\n\n")[0]
    return re.findall(r"^\| (.+?) \| (.+) \|$", table, re.MULTILINE)[1:]


@pytest.mark.parametrize("code", [each.code for each in REQUEST_CODES])
def test_every_code_of_a_request_has_one_thing_to_do_when_retrying(code: str) -> None:
    assert len([what for what, _ in retrying_rows() if f"`{code}`" in what]) == 1


def test_only_codes_of_requests_are_retried() -> None:
    known = {each.code for each in REQUEST_CODES}
    named = re.findall(r"`(\w+)`", " ".join(what for what, _ in retrying_rows()))
    assert set(named) == known


def test_what_is_split_is_what_the_retrying_table_splits() -> None:
    (what,) = [what for what, does in retrying_rows() if "(#splitting)" in does and "`" in what]
    splitting = TEXT.partition("### Splitting")[2].partition("\n- ")[0]
    assert re.findall(r"`(\w+)`", what) == re.findall(r"`(\w+)`", splitting)


def test_every_link_leads_somewhere() -> None:
    for target in re.findall(r"\]\(([^)]+)\)", TEXT):
        path, _, anchor = target.partition("#")
        if path:
            assert (PROTOCOL.parent / path).exists(), target
        else:
            assert anchor in anchors(TEXT), target


def test_each_table_stands_under_the_heading_of_its_schema() -> None:
    for heading, table in re.findall(
        r"^#+ (\w+)\n\n[^\n]*\n\n<!-- table: ([\w-]+) -->", TEXT, re.MULTILINE
    ):
        assert heading == table or table not in all_schemas()
