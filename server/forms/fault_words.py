"""What the contract's own check says of a definition, told to whoever edits it: at which part and field, in their words."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from mobile_contract.schema import Fault
from server.language import sentence, tell

Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class FaultAt:
    """A fault of a part: head, questions, question:<code>, column:<code>:<column>, score:<code> or measures."""

    part: str
    field: str
    words: str


_PLACE: Final = re.compile(r"(?P<of>\w+)(?:\[(?P<index>\d+)\])?(?:\.(?P<rest>.*))?")
_COLUMN: Final = re.compile(r"columns\[(\d+)\]\.?(.*)")
_FIELDS: Final = (
    ("rows.items", "items"),
    ("rows.category", "rows_category"),
    ("rows", "source"),
    ("tally.column", "tally_column"),
    ("tally.read_as", "read_as"),
    ("tally.where", "where"),
    ("tally.take", "take"),
    ("tally", "tally_rows"),
    ("shown_when", "when"),
    ("applies_when", "when"),
    ("titles", "zh"),
)

# How the contract says it, and how it is told. What stands here under none of these is told as the contract says it.
_WORDS: Final = tuple(
    (re.compile(pattern), words)
    for pattern, words in (
        (
            r"must hold (?P<least>\d+) to (?P<most>\d+) values",
            sentence("There must be from {least} to {most}."),
        ),
        (
            r"must be (?P<least>\d+) to (?P<most>\d+) characters long",
            sentence("From {least} to {most} characters, please."),
        ),
        (
            r"must be from (?P<least>-?\d+) to (?P<most>-?\d+)",
            sentence("A number from {least} to {most}, please."),
        ),
        (r"must be a currency.*", sentence("Three letters of a currency, as CNY.")),
        (r"is missing: MONEY needs it", sentence("Say in which currency.")),
        (r"is missing: CHOICES? needs it", sentence("Give at least one choice.")),
        (r"is missing: ROWS needs it", sentence("Say what is asked in each row.")),
        (r"is missing: COMPUTED needs it", sentence("Say what it is worked out of.")),
        (r"is missing: TALLY needs it", sentence("Say which list it is counted from.")),
        (r"is above maximum", sentence("The least is above the most.")),
        (r"must not be below 0", sentence("It cannot be below 0.")),
        (r"must be at most (?P<most>\d+)", sentence("It can be at most {most}.")),
        (r"(?P<code>\S+) is there twice", sentence("{code} is there twice.")),
        (r"must be there exactly where source is FIXED", sentence("Give at least one row.")),
        (r"must be there exactly where source is CATEGORY", sentence("Name the category.")),
        (
            r"needs a product_code in every row",
            sentence("Each row needs a product, which the figure is taken from."),
        ),
        (
            r"(?P<code>\S+) is no column that stands before",
            sentence("{code} does not stand before it in the row."),
        ),
        (r"is no value of (?P<code>\S+)", sentence("{code} cannot be answered so.")),
        (
            r"\S+ is no ROWS question that stands before",
            sentence("The list must stand before it."),
        ),
        (r"(?P<code>\S+) is no column of \S+", sentence("The list does not ask {code}.")),
        (
            r"(SUM|MIN|MAX) needs an INT, MONEY or DAY column",
            sentence("Choose a column with numbers, amounts or days."),
        ),
        (
            r"must be there exactly where the column is a DAY",
            sentence("Of a day, choose how it is counted; of anything else, do not."),
        ),
        (r"does not belong to COUNT", sentence("How many rows there are has no days.")),
        (
            r"names (?P<code>\S+), which stands nowhere before it",
            sentence("“{code}” does not stand before it."),
        ),
        (
            r"asks for [\"'](?P<code>\w+)[\"'] in answered, which stands nowhere before it",
            sentence("“{code}” does not stand before it."),
        ),
        (
            r"names (?P<code>\S+), whose answer no expression can read",
            sentence("Nothing can be worked out of the answer to “{code}”."),
        ),
        (r"must give a whole number", sentence("It must come to a whole number.")),
        (r"must give true or false", sentence("It must come to a yes or a no.")),
        (
            r"is no expression: (?P<what>.*)",
            sentence("What it needs does not fit together: {what}"),
        ),
        (
            r"is longer than (?P<most>\d+) characters",
            sentence("That is too much: at most {most} characters."),
        ),
        (
            r"has more than (?P<most>\d+) words and signs",
            sentence("That is too much: at most {most} words and signs."),
        ),
        (r"must be there for all but STORE_SCORE", sentence("Choose both figures, or neither.")),
        (
            r"(?P<code>\S+) is no question that gives a whole number",
            sentence("{code} gives no whole number."),
        ),
        (r"needs scores", sentence("The form has no score yet.")),
        (
            r"is (?P<code>.*), which is no product of the company",
            sentence("There is no product {code}."),
        ),
        (
            r"is (?P<code>.*), which is no division of the company",
            sentence("There is no division {code}."),
        ),
    )
)


def told_faults(faults: Iterable[Fault], definition: Json) -> list[FaultAt]:
    """The faults of a definition, each at its part and field."""
    return [_told(fault, definition) for fault in faults]


def told_fault_words(words: str) -> str:
    """What the contract says is wrong, in the language that is spoken."""
    for pattern, said in _WORDS:
        found = pattern.fullmatch(words)
        if found is not None:
            return tell(said, **found.groupdict())
    return words


def _told(fault: Fault, definition: Json) -> FaultAt:
    words = told_fault_words(fault.words)
    read = _PLACE.fullmatch(fault.where)
    if (
        read is None
        or read["index"] is None
        or read["of"] not in {"questions", "scores", "measures"}
    ):
        of = read["of"] if read else ""
        part = of if of in {"questions", "measures"} else "score" if of == "scores" else "head"
        return FaultAt(part, of, words)
    parts: Sequence[Json] = definition[read["of"]]
    one, rest = parts[int(read["index"])], read["rest"] or ""
    match read["of"]:
        case "measures":
            field = f"{rest.split('.')[0]}-{one['measure']}"
            return FaultAt("measures", field, words)
        case "scores":
            return FaultAt(f"score:{one['code']}", _field(rest), words)
    column = _COLUMN.fullmatch(rest)
    if column is None:
        return FaultAt(f"question:{one['code']}", _field(rest), words)
    asked = one["columns"][int(column[1])]
    return FaultAt(f"column:{one['code']}:{asked['code']}", _field(column[2]), words)


def _field(rest: str) -> str:
    for begins, field in _FIELDS:
        if rest == begins or rest.startswith((f"{begins}.", f"{begins}[")):
            return field
    return re.split(r"[.\[]", rest, maxsplit=1)[0]
