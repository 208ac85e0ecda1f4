"""What an import found and did: for people as lines, for machines as JSON, and as a marked copy of the file."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import IO, Any
from uuid import UUID

from server.exchange.cells import Value
from server.exchange.faults import Fault
from server.exchange.matching import line_name
from server.exchange.sheet import Change, Sheet
from server.exchange.table import BadCell, Table
from server.exchange.xlsx_file import xlsx_writer
from server.language import Said, in_english

KEPT_MAX = 1_000
LINES_MAX = 200


@dataclass(frozen=True, slots=True)
class ChangeTold:
    """A record that is added, changed or closed: its row, its name, and its fields before and after."""

    row: int
    what: str
    named: str
    fields: Mapping[str, tuple[str, str]]

    def __str__(self) -> str:
        mark = {"added": "+", "changed": "~", "closed": "-"}[self.what]
        if self.what == "added":
            return f"{mark} {self.named} (row {self.row})"
        told = "; ".join(f"{name}: {a or '–'} → {b or '–'}" for name, (a, b) in self.fields.items())
        return f"{mark} {self.named} (row {self.row}): {told}"


@dataclass(slots=True)
class Report:
    """What became of a file. Without a run it was only looked at."""

    sheet: str
    file_name: str
    digest: str
    told: str | Said
    state: str
    rows: int = 0
    added: int = 0
    changed: int = 0
    closed: int = 0
    left_alone: int = 0
    done: int = 0
    is_dry: bool = False
    run_id: UUID | None = None
    faults: list[Fault] = field(default_factory=list)
    changes: list[ChangeTold] = field(default_factory=list)

    def as_json(
        self, *, at_most: int | None = None, faults_at_most: int | None = None
    ) -> dict[str, Any]:
        """The report for machines; of faults and changes the first `at_most` and how many were left off.

        Of faults it may be as many as `faults_at_most` instead.
        """
        faults = self.faults[: at_most if faults_at_most is None else faults_at_most]
        return {
            "sheet": self.sheet,
            "file": self.file_name,
            "digest": self.digest,
            "read_as": in_english(self.told),
            "read_as_said": _kept(self.told),
            "run": None if self.run_id is None else str(self.run_id),
            "is_dry_run": self.is_dry,
            "state": self.state,
            "rows": self.rows,
            "added": self.added,
            "changed": self.changed,
            "closed": self.closed,
            "left_alone": self.left_alone,
            "done": self.done,
            "faults": [
                {
                    "row": one.row,
                    "cell": one.cell,
                    "column": one.column,
                    "code": one.code,
                    "says": in_english(one.says),
                    "said": _kept(one.says),
                    "value": one.value,
                }
                for one in faults
            ],
            "faults_left_off": len(self.faults) - len(faults),
            "changes": [
                {
                    "row": one.row,
                    "what": one.what,
                    "named": one.named,
                    "fields": {name: list(pair) for name, pair in one.fields.items()},
                }
                for one in self.changes[:at_most]
            ],
            "changes_left_off": 0 if at_most is None else max(len(self.changes) - at_most, 0),
        }

    def lines(self, *, at_most: int = LINES_MAX) -> Iterator[str]:
        """The report for people."""
        yield f"{self.file_name}: {self.told}, {self.rows} rows of {self.sheet}."
        yield from _cut([str(fault) for fault in self.faults], at_most, "faults")
        if self.faults:
            yield f"{len(self.faults)} faults. {self._ending()}"
            return
        yield from _cut([str(change) for change in self.changes], at_most, "changes")
        yield (
            f"{self.added} added, {self.changed} changed, of these {self.closed} closed, "
            f"{self.left_alone} left alone. {self._ending()}"
        )

    def _ending(self) -> str:
        if self.is_dry:
            return "Nothing was written: this was a dry run."
        if self.state == "REFUSED":
            return "Nothing was written."
        if self.state == "STOPPED":
            return (
                f"Stopped after {self.done} of {self.added + self.changed}: what was written stays, and the "
                "same file goes on from there."
            )
        return "Done."


def told_fault(kept: Mapping[str, Any]) -> str:
    """What is wrong at one place, of a report that was kept, in the language that is spoken."""
    said = kept.get("said")
    return str(kept["says"]) if said is None else str(Said.read(said))


def told_reading(kept: Mapping[str, Any]) -> str:
    """As what a file was read, of a report that was kept."""
    said = kept.get("read_as_said")
    return str(kept["read_as"]) if said is None else str(Said.read(said))


def _kept(said: str | Said) -> list[Any] | None:
    return said.kept() if isinstance(said, Said) else None


def tell_change(sheet: Sheet, change: Change) -> ChangeTold:
    """A change in words."""
    what = "added" if change.is_new else "closed" if sheet.closes(change) else "changed"
    named = change.held.key if change.held is not None else _key(sheet, change)
    fields = {
        name: (_told(sheet, name, a), _told(sheet, name, b))
        for name, (a, b) in change.fields.items()
    }
    if change.lines is not None:
        before = () if change.held is None else change.held.lines
        fields["lines"] = _told_lines(sheet, before, change.lines)
    return ChangeTold(
        change.record.row, what, " ".join(str(one) for one in named if one is not None), fields
    )


def write_marked(file: IO[bytes], table: Table, report: Report) -> None:
    """A copy of the file as XLSX in which every cell at fault is marked and says why."""
    marks: dict[int, dict[int, str]] = {}
    for fault in report.faults:
        place = 0 if fault.letter is None else _number(fault.letter)
        of_row = marks.setdefault(fault.row, {})
        of_row[place] = "\n".join(filter(None, (of_row.get(place), f"{fault.code}: {fault.says}")))
    with xlsx_writer(file, report.sheet) as writer:
        for row in (table.header, *table.rows):
            cells = [cell.text if isinstance(cell, BadCell) else cell for cell in row.cells]
            writer.write(cells, marks.get(row.number))


def _key(sheet: Sheet, change: Change) -> tuple[Value, ...]:
    known = [change.values.get(name) for name in sheet.key if sheet.column(name) is not None]
    return tuple(known) or (change.values.get(sheet.columns[0].name),)


def _told(sheet: Sheet, name: str, value: Value) -> str:
    column = sheet.column(name)
    if value is None:
        return ""
    return str(value if column is None else column.cell.write(value))


def _told_lines(
    sheet: Sheet, before: tuple[Mapping[str, Value], ...], after: tuple[Mapping[str, Value], ...]
) -> tuple[str, str]:
    """How many lines there were, and how many there will be with what becomes of which."""
    if not sheet.line_key:
        return str(len(before)), str(len(after))
    was, will = (
        {" ".join(str(each) for each in line_name(sheet, line)): dict(line) for line in lines}
        for lines in (before, after)
    )
    words = [
        *(f"+{name}" for name in will if name not in was),
        *(f"-{name}" for name in was if name not in will),
        *(f"~{name}" for name in will if name in was and was[name] != will[name]),
    ]
    stay = [name for name in will if name in was]
    if sheet.has_ordered_lines and [name for name in was if name in will] != stay:
        words.append("in another order")
    return str(len(before)), " ".join([str(len(after)), *words])


def _number(letter: str) -> int:
    number = 0
    for one in letter:
        number = number * 26 + ord(one) - ord("A") + 1
    return number - 1


def _cut(lines: list[str], at_most: int, what: str) -> Iterator[str]:
    yield from lines[:at_most]
    if len(lines) > at_most:
        yield f"… {len(lines) - at_most} more {what}: --report has them all."
