"""PROTOCOL.md is complete, and true of the code beside it."""

import re
from typing import Final
from uuid import UUID

import pytest

from mobile_contract.field_tables import PROTOCOL, all_schemas, filled
from mobile_contract.forms.expression import ExpressionFaulty, Scope, Value
from mobile_contract.forms.filling import score_e2
from mobile_contract.problems import ITEM_CODES, ITEM_STATUSES, REQUEST_CODES
from mobile_contract.records import KINDS, RECORDS
from mobile_contract.records.store_terms import terms_id
from sync.kinds.store_history.publish import history_id

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


# ---- the kinds stand in one order, and none is missing -------------------------------------------


def rows_under(head: str) -> list[list[str]]:
    """The cells of the table that begins with this row, without its head."""
    table = TEXT.partition(head)[2].partition("\n\n")[0]
    return [re.split(r"(?<!\\)\|", line)[1:-1] for line in table.split("\n")[2:]]


def kinds_in(head: str) -> list[str]:
    return [kind for cells in rows_under(head) for kind in re.findall(r"`(\w+)`", cells[0])]


COME_DOWN: Final = [record.kind for record in RECORDS if any(record.down.values())]


@pytest.mark.parametrize("head", ["| kind | comes down to |", "| kind | stays on the phone |"])
def test_of_every_kind_that_comes_down_it_is_said_to_whom_and_for_how_long(head: str) -> None:
    assert sorted(kinds_in(head)) == sorted(COME_DOWN)


@pytest.mark.parametrize("head", ["| kind | comes down to |", "| kind | stays on the phone |"])
def test_rows_of_kinds_stand_in_their_order(head: str) -> None:
    first = [re.findall(r"`(\w+)`", cells[0])[0] for cells in rows_under(head)]
    assert first == sorted(first, key=KINDS.index)


def test_of_every_op_it_is_said_what_it_waits_for_in_the_order_of_the_kinds() -> None:
    said = [
        (kind, op)
        for cells in rows_under("| kind | op | waits for | takes as it comes |")
        for kind in re.findall(r"`(\w+)`", cells[0])
        for op in re.findall(r"`(\w+)`", cells[1])
    ]
    assert sorted(said) == sorted(
        (record.kind, op) for record in RECORDS for op in record.ops.get(2, ())
    )
    assert [kind for kind, _ in said] == sorted((kind for kind, _ in said), key=KINDS.index)


def test_of_every_kind_that_goes_up_a_role_may_send_it() -> None:
    roles = TEXT.partition("<!-- roles -->\n")[2].partition("\n")[0]
    assert sorted(re.findall(r"`(\w+)`", roles)) == sorted(
        record.kind for record in RECORDS if record.ops.get(2)
    )


def test_sections_of_kinds_stand_in_their_order() -> None:
    sections = TEXT.partition("### Shared shapes")[2].partition("\n## ")[0]
    assert tuple(re.findall(r"^### (\w+)$", sections, re.MULTILINE)) == KINDS


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: record.kind)
def test_every_state_has_its_row_in_the_section_of_its_kind(record: object) -> None:
    kind = record.kind  # type: ignore[attr-defined]
    section = re.split(r"^### \w+$", TEXT.partition(f"\n### {kind}\n")[2], flags=re.MULTILINE)[0]
    for name in ("state", "status"):
        states = re.search(
            rf"^\| `{name}` \| ((?:`[A-Z_]+`(?: / )?)+) \| required", section, re.MULTILINE
        )
        for state in re.findall(r"`(\w+)`", states[1]) if states else ():
            assert re.search(rf"^\| (?:`\w+`, )*`{state}`[^|]*\| [^`]", section, re.MULTILINE), (
                state
            )


# ---- worked examples -----------------------------------------------------------------------------


def test_the_expressions_give_what_their_table_says() -> None:
    scope = Scope()
    for name in ("own", "total", "promo"):
        scope.add(name, "INT")
    values: dict[str, Value] = {
        "own": 3,
        "total": 8,
        "answered": ["own", "total"],
        "visit_day": 20_000,
    }
    table = TEXT.partition("<!-- expressions -->\n")[2].partition("\n\n")[0]
    rows = re.findall(r"^\| `(.+)` \| (\S.*?) \|$", table, re.MULTILINE)
    assert len(rows) == 11
    for written, gives in rows:
        source = written.replace("\\|", "|")
        try:
            found = scope.read(source, "INT").value(values)
        except ExpressionFaulty:
            found = scope.read(source, "BOOL").value(values)
        said = {None: "no value", True: "true", False: "false"}
        assert (said[found] if found is None or type(found) is bool else str(found)) == gives


def test_the_ids_of_what_goes_with_a_store_are_those_of_the_examples() -> None:
    store, terms = re.findall(r"terms of\s+store `([\w-]{36})` are `([\w-]{36})`", TEXT)[0]
    assert str(terms_id(UUID(store))) == terms
    store, history = re.findall(r"the store\s+`([\w-]{36})` is the record `([\w-]{36})`", TEXT)[0]
    assert str(history_id(UUID(store))) == history


def test_the_score_of_the_example_is_what_the_formula_gives() -> None:
    example = TEXT.partition("With weights 5, 3, 2,")[2].partition("\n[`examples")[0]
    assert re.findall(r"over = (\d+), out of = (\d+), `score_e2` = (\d+)", example) == [
        (str(over), str(out_of), str(score_e2(over, out_of)))
        for over, out_of in ((55, 100), (37, 70))
    ]
