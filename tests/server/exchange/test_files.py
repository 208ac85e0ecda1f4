"""Files: what is read is what was written, whatever form; what is no such file, or a bomb, is refused."""

import io
import zipfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import date, datetime
from random import Random
from typing import Any

import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from server.exchange import csv_file, xlsx_file
from server.exchange.cells import Raw
from server.exchange.csv_file import csv_writer, read_csv
from server.exchange.faults import CannotExport, FileInvalid
from server.exchange.table import BadCell, letter_of
from server.exchange.xlsx_file import read_xlsx, xlsx_writer

KNOWN = ["code", "name"]
HEADER: list[Raw] = ["code", "name"]
TEXTS = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), min_size=1, max_size=30
) | st.sampled_from(["=1+1", "'=x", "''-", "+86 10", "@x", "-5", "\t=", "_x0041_", "x005F_", "'"])


def as_csv(*rows: Sequence[Raw]) -> bytes:
    out = io.BytesIO()
    with csv_writer(out) as writer:
        for row in rows:
            writer.write(row)
    return out.getvalue()


def as_xlsx(*rows: Sequence[Raw]) -> bytes:
    out = io.BytesIO()
    with xlsx_writer(out, "store") as writer:
        for row in rows:
            writer.write(row)
    return out.getvalue()


@settings(max_examples=60, deadline=None)
@given(st.lists(TEXTS.filter(str.strip), min_size=1, max_size=4))
def test_text_is_read_as_it_was_written(texts: list[str]) -> None:
    for table in (
        read_csv(as_csv(list(map(str, range(len(texts)))), list(texts)), KNOWN),
        read_xlsx(as_xlsx(list(map(str, range(len(texts)))), list(texts))),
    ):
        assert list(table.rows[0].cells) == texts


@pytest.mark.parametrize("text", ["=cmd|' /C calc'!A0", "+1", "-1", "@sum(1)", "\t=1", "'=1"])
def test_no_text_is_a_formula_to_whoever_opens_the_file(text: str) -> None:
    line = as_csv(HEADER, [text, "x"]).decode("utf-8-sig").splitlines()[1]
    assert line.lstrip('"').startswith("'")
    sheet = openpyxl.load_workbook(io.BytesIO(as_xlsx(HEADER, [text, "x"])))["store"]
    assert sheet["A2"].data_type == "s"


def test_numbers_days_and_claims_keep_their_kind_in_xlsx() -> None:
    row: list[Raw] = [5, 39.9042, True, date(2027, 1, 2), None, "x"]
    table = read_xlsx(as_xlsx(["a", "b", "c", "d", "e", "f"], row))
    assert list(table.rows[0].cells) == [5, 39.9042, True, datetime(2027, 1, 2), None, "x"]  # noqa: DTZ001
    assert list(read_csv(as_csv(["a", "b", "c", "d", "e", "f"], row), KNOWN).rows[0].cells) == [
        "5", "39.9042", "yes", "2027-01-02", "", "x",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("data", "told"),
    [
        ("code,name\nS1,店\n".encode(), "UTF-8, commas"),
        ("\ufeffcode,name\nS1,店\n".encode(), "UTF-8, commas"),
        ("code;name\nS1;店\n".encode("gb18030"), "GB18030, semicolons"),
        ("code\tname\nS1\t店\n".encode("gb18030"), "GB18030, tabs"),
        ("\ufeffcode\tname\r\nS1\t店\r\n".encode("utf-16-le"), "UTF-16-LE, tabs"),
        ("sep=;\ncode;name\nS1;店\n".encode(), "UTF-8, semicolons"),
        ('code,"name"\n"S1","店"'.encode(), "UTF-8, commas"),
    ],
)
def test_encoding_and_separator_are_found_out_and_told(data: bytes, told: str) -> None:
    table = read_csv(data, KNOWN)
    assert str(table.told) == f"CSV, {told}"
    assert list(table.header.cells) == HEADER
    assert [list(row.cells) for row in table.rows] == [["S1", "店"]]


def test_an_encoding_that_is_named_is_not_guessed() -> None:
    data = "code,name\nS1,Zürich\n".encode("latin-1")
    assert read_csv(data, KNOWN, encoding="latin-1").rows[0].cells[1] == "Zürich"
    for wrong in ("utf-8", "no such thing", "hex"):
        with pytest.raises(FileInvalid):
            read_csv(data, KNOWN, encoding=wrong)


def test_rows_are_numbered_as_a_spreadsheet_shows_them() -> None:
    data = b'code,name\n\nS1,"two\nlines"\n,\nS2,x\n'
    assert [row.number for row in read_csv(data, KNOWN).rows] == [3, 5]
    book = openpyxl.Workbook()
    sheet: Any = book.active
    sheet["B3"], sheet["A5"] = "code", "S1"
    out = io.BytesIO()
    book.save(out)
    table = read_xlsx(out.getvalue())
    assert (table.header.number, [row.number for row in table.rows]) == (3, [5])


def test_a_formula_is_never_worked_out_and_an_error_is_no_value() -> None:
    book = openpyxl.Workbook()
    sheet: Any = book.active
    sheet.append(HEADER)
    sheet.append(["=1+1", "#N/A"])
    out = io.BytesIO()
    book.save(out)
    formula, error = read_xlsx(out.getvalue()).rows[0].cells
    assert isinstance(formula, BadCell)
    assert (formula.code, formula.text) == ("formula", "=1+1")
    assert isinstance(error, BadCell)
    assert error.code == "error_value"


def test_a_hidden_worksheet_is_passed_over_and_one_that_is_named_is_taken() -> None:
    book = openpyxl.Workbook()
    first: Any = book.active
    first.sheet_state = "hidden"
    for title in ("two", "three"):
        book.create_sheet(title).append([title])
    out = io.BytesIO()
    book.save(out)
    assert read_xlsx(out.getvalue()).header.cells == ["two"]
    assert read_xlsx(out.getvalue(), worksheet="THREE").header.cells == ["three"]
    with pytest.raises(FileInvalid, match="two, three"):
        read_xlsx(out.getvalue(), worksheet="four")


def packed(**parts: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in parts.items():
            archive.writestr(name.replace("__", "/"), data)
    return out.getvalue()


def replaced(data: bytes, name: str, part: bytes) -> bytes:
    """A spreadsheet with one part changed."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(out, "w", 8) as new:
        for each in old.namelist():
            new.writestr(each, part if each == name else old.read(each))
    return out.getvalue()


SHEET = "xl/worksheets/sheet1.xml"
XMLNS = b'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'


@pytest.mark.parametrize(
    ("bomb", "said"),
    [
        (lambda: packed(a=b"0" * 9_000_000), "packed further"),
        (lambda: packed(**{f"p{n}": b"" for n in range(2_100)}), "parts"),
        (
            lambda: replaced(
                as_xlsx(HEADER), SHEET, b"<worksheet><row>" + b"<c/>" * 70_000 + b"</row></worksheet>"
            ),
            "more cells",
        ),
        (
            lambda: replaced(
                as_xlsx(HEADER), SHEET, b'<!DOCTYPE x [<!ENTITY a "aaaa">]><worksheet>&a;</worksheet>'
            ),
            "entities",
        ),
        (lambda: packed(a=b"x"), "no XLSX"),
        (lambda: b"PK\x03\x04 and then nothing", "no XLSX"),
        (lambda: replaced(as_xlsx(HEADER), SHEET, b"<worksheet><row"), "no XLSX"),
        (lambda: replaced(as_xlsx(HEADER), "xl/workbook.xml", b"<workbook/>"), "worksheet|no XLSX"),
        (
            lambda: replaced(
                as_xlsx(HEADER), SHEET,
                b"<worksheet " + XMLNS + b'><sheetData><row r="1"><c r="A1" t="s"><v>99</v></c></row>'
                b"</sheetData></worksheet>",
            ),
            "no XLSX",
        ),
    ],
)  # fmt: skip
def test_what_is_no_spreadsheet_or_a_bomb_is_refused_before_it_goes_off(
    bomb: Callable[[], bytes], said: str
) -> None:
    with pytest.raises(FileInvalid, match=said):
        read_xlsx(bomb())


def test_bytes_that_were_damaged_on_their_way_are_no_spreadsheet() -> None:
    whole = as_xlsx(HEADER, *([f"S{n}", "x" * n] for n in range(50)))
    random = Random(1)
    for _ in range(400):
        damaged = bytearray(whole)
        for _ in range(random.randint(1, 3)):
            damaged[random.randrange(4, len(damaged))] = random.randrange(256)
        with suppress(FileInvalid):
            read_xlsx(bytes(damaged))


def test_a_cell_at_the_foot_of_a_sheet_costs_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    value = xlsx_file._value

    def seeing(cell: Any) -> Any:
        seen.append(cell)
        return value(cell)

    monkeypatch.setattr(xlsx_file, "_value", seeing)
    book = openpyxl.Workbook()
    book.active.append(HEADER)
    book.active["B1048576"] = "stray"
    out = io.BytesIO()
    book.save(out)
    (row,) = read_xlsx(out.getvalue()).rows
    assert (row.number, list(row.cells)) == (1_048_576, [None, "stray"])
    assert len(seen) == 4


def test_the_size_of_what_is_unpacked_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(xlsx_file, "UNPACKED_MAX", 1_000)
    with pytest.raises(FileInvalid, match="unpacked"):
        read_xlsx(as_xlsx(HEADER))


def test_rows_columns_cells_and_bytes_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (csv_file, xlsx_file):
        monkeypatch.setattr(module, "ROWS_MAX", 2)
    rows: list[list[Raw]] = [["S1", "x"]] * 3
    with pytest.raises(FileInvalid, match="more than 2 rows"):
        read_csv(as_csv(HEADER, *rows), KNOWN)
    with pytest.raises(FileInvalid, match="more than 2 rows"):
        read_xlsx(as_xlsx(HEADER, *rows))
    with pytest.raises(FileInvalid, match="columns"):
        read_csv(b"a" + b"," * 300 + b"\n", KNOWN)
    with pytest.raises(FileInvalid, match="field larger"):
        read_csv(b"code\n" + b"x" * 200_001, KNOWN)
    for module in (csv_file, xlsx_file):
        monkeypatch.setattr(module, "BYTES_MAX", 5)
    with pytest.raises(FileInvalid, match="split it"):
        read_csv(b"code,name", KNOWN)
    with pytest.raises(FileInvalid, match="split it"):
        read_xlsx(b"PK\x03\x04..")


@pytest.mark.parametrize("data", [b"", b"\n\n", b'code,name\n"S1,x\n', b'code\n"a"b\n'])
def test_what_is_no_csv_is_refused_with_the_line(data: bytes) -> None:
    with pytest.raises(FileInvalid):
        read_csv(data, KNOWN)


def test_text_that_no_cell_of_xlsx_holds_is_refused_and_not_cut() -> None:
    with pytest.raises(CannotExport, match="take CSV"):
        as_xlsx(HEADER, ["x" * 32_768, ""])


@pytest.mark.parametrize(
    ("place", "letter"), [(0, "A"), (25, "Z"), (26, "AA"), (701, "ZZ"), (702, "AAA")]
)
def test_columns_have_the_letters_of_a_spreadsheet(place: int, letter: str) -> None:
    assert letter_of(place) == letter
