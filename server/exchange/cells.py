"""What a cell may hold: read from what a file has in it, and written so that reading gives the same.

A file's cell is text in CSV; in XLSX also a number, a day or yes and no. Each kind of cell reads both. An
empty cell is None, whatever the kind.
"""

import json
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Protocol

from server.exchange.faults import CannotExport, CellInvalid
from server.language import Said, tell

Raw = str | int | float | bool | date | datetime | None
"""What a file has in a cell."""

Value = Any
"""What a cell means: a text, a whole number, a day, a claim, or a tuple of texts; None where empty."""

CODE_MAX = 40
AMOUNT_DIGITS = 4
AMOUNT_END = Decimal(10) ** 15
MOMENT_SAID = Said("moment with its offset, as 2027-01-31T08:00:00Z or 2027-01-31T16:00:00+08:00")
_DAY = re.compile(r"(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})(?:[T ]00:00(?::00(?:\.0+)?)?)?")
_SPLIT = re.compile(r"[,;、，\s]+")
_YES = {"yes", "y", "true", "1", "是", "x"}
_NO = {"no", "n", "false", "0", "否"}
_LINE_ENDS = "\n\r\t"


class Cell(Protocol):
    """A kind of cell."""

    @property
    def sql(self) -> str:
        """The database's type of its values, where it is a key."""

    def read(self, raw: Raw) -> Value:
        """What a cell that is not empty means. Raises CellInvalid."""

    def write(self, value: Value) -> Raw:
        """What a spreadsheet has for a value; CSV has its text."""

    def settled(self, value: Value) -> Value:
        """A value of the database as reading it from a file would give it, to compare."""

    @property
    def about(self) -> str:
        """What may stand in it, in words."""


def text_of(raw: Raw) -> str:
    """The text that a person sees in a cell, its ends trimmed. Raises CellInvalid."""
    if isinstance(raw, bool):
        return "yes" if raw else "no"
    if isinstance(raw, float):
        return str(int(raw)) if raw.is_integer() and abs(raw) < 2**53 else repr(raw)
    if isinstance(raw, datetime):
        return raw.date().isoformat() if raw.time() == datetime.min.time() else raw.isoformat(" ")
    if isinstance(raw, date):
        return raw.isoformat()
    text = str(raw).strip()
    if any(unicodedata.category(letter) == "Cc" and letter not in _LINE_ENDS for letter in text):
        raise CellInvalid("not_text", Said("has control characters in it"))
    return text


def is_empty(raw: Raw) -> bool:
    """Whether nothing stands in a cell; spaces are nothing."""
    return raw is None or (isinstance(raw, str) and not raw.strip())


@dataclass(frozen=True, slots=True)
class Words:
    """Free text; of one line unless more are allowed."""

    most: int
    is_of_lines: bool = False
    sql: str = "text"

    def read(self, raw: Raw) -> Value:
        text = text_of(raw)
        if not self.is_of_lines:
            text = " ".join(text.split())
        if len(text) > self.most:
            raise CellInvalid(
                "too_long",
                Said("at most {most} characters, not {number}", most=self.most, number=len(text)),
            )
        return text

    def write(self, value: Value) -> Raw:
        return str(value)

    def settled(self, value: Value) -> Value:
        if value is None:
            return None
        text = str(value).strip() if self.is_of_lines else " ".join(str(value).split())
        return text or None

    @property
    def about(self) -> str:
        return tell("text of at most {most} characters", most=self.most)


@dataclass(frozen=True, slots=True)
class Code:
    """A code: what people call a thing by. No spaces in it, unless they may be."""

    most: int = CODE_MAX
    has_spaces: bool = False
    is_folded: bool = False
    sql: str = "text"

    def read(self, raw: Raw) -> Value:
        text = text_of(raw)
        if len(text) > self.most:
            raise CellInvalid(
                "too_long",
                Said("at most {most} characters, not {number}", most=self.most, number=len(text)),
            )
        if not text.isprintable() or (" " in text and not self.has_spaces):
            raise CellInvalid("not_text", Said("a code has no spaces in it"))
        return text.casefold() if self.is_folded else text

    def write(self, value: Value) -> Raw:
        return str(value)

    def settled(self, value: Value) -> Value:
        return value

    @property
    def about(self) -> str:
        return tell("code of at most {most} characters", most=self.most)


@dataclass(frozen=True, slots=True)
class Codes:
    """Codes with commas or spaces between them; their order says nothing."""

    most: int
    sql: str = "text"

    def read(self, raw: Raw) -> Value:
        codes = [one for one in _SPLIT.split(text_of(raw)) if one]
        if len(set(codes)) > self.most:
            raise CellInvalid("too_long", Said("at most {most} codes", most=self.most))
        for code in codes:
            Code().read(code)
        return tuple(sorted(set(codes)))

    def write(self, value: Value) -> Raw:
        return ", ".join(value)

    def settled(self, value: Value) -> Value:
        return tuple(sorted(value)) if value else None

    @property
    def about(self) -> str:
        return tell("codes, with commas between them")


@dataclass(frozen=True, slots=True)
class Names:
    """Names with semicolons between them; their order says nothing."""

    most: int
    length_max: int
    sql: str = "text"

    def read(self, raw: Raw) -> Value:
        names = {" ".join(one.split()) for one in re.split(r"[;；\n]", text_of(raw))} - {""}
        if len(names) > self.most or any(len(name) > self.length_max for name in names):
            raise CellInvalid(
                "too_long",
                Said(
                    "at most {most}, of {most_2} characters each",
                    most=self.most,
                    most_2=self.length_max,
                ),
            )
        return tuple(sorted(names))

    def write(self, value: Value) -> Raw:
        if any(";" in name or "；" in name or "\n" in name for name in value):
            raise CannotExport(
                Said("a cell cannot hold {value}: there is a semicolon in it", value=list(value))
            )
        return "; ".join(value)

    def settled(self, value: Value) -> Value:
        return tuple(sorted(" ".join(name.split()) for name in value)) if value else None

    @property
    def about(self) -> str:
        return tell("names, with semicolons between them")


@dataclass(frozen=True, slots=True)
class Whole:
    """A whole number."""

    least: int
    most: int
    sql: str = "integer"

    def read(self, raw: Raw) -> Value:
        number = _decimal(raw)
        if number != number.to_integral_value():
            raise CellInvalid("not_a_number", Said("a whole number"))
        if not self.least <= number <= self.most:
            raise CellInvalid(
                "out_of_range",
                Said("a whole number from {least} to {most}", least=self.least, most=self.most),
            )
        return int(number)

    def write(self, value: Value) -> Raw:
        return int(value)

    def settled(self, value: Value) -> Value:
        return None if value is None else int(value)

    @property
    def about(self) -> str:
        return tell("whole number from {least} to {most}", least=self.least, most=self.most)


@dataclass(frozen=True, slots=True)
class Scaled:
    """A decimal number that is kept as a whole one: × 10 to the power of `digits`, as degrees or money.

    More digits than these are rounded off where `is_rounded`, else refused.
    """

    digits: int
    least: int
    most: int
    unit: str = ""
    is_rounded: bool = False
    sql: str = "integer"

    def read(self, raw: Raw) -> Value:
        scaled = _decimal(raw).scaleb(self.digits)
        whole = scaled.to_integral_value()
        if whole != scaled and not self.is_rounded:
            raise CellInvalid(
                "not_a_number", Said("at most {digits} digits after the point", digits=self.digits)
            )
        if not self.least <= whole <= self.most:
            raise CellInvalid(
                "out_of_range",
                Said(
                    "from {least} to {most}",
                    least=self._told(self.least),
                    most=self._told(self.most),
                ),
            )
        return int(whole)

    def write(self, value: Value) -> Raw:
        # Exact: so few digits are the same number when a spreadsheet keeps them in binary.
        return float(Decimal(int(value)).scaleb(-self.digits))

    def settled(self, value: Value) -> Value:
        return None if value is None else int(value)

    def _told(self, value: int) -> str:
        return f"{Decimal(value).scaleb(-self.digits):f}"

    @property
    def about(self) -> str:
        return tell(
            "number from {least} to {most}{unit}",
            least=self._told(self.least),
            most=self._told(self.most),
            unit=f" {tell(self.unit)}" if self.unit else "",
        )


@dataclass(frozen=True, slots=True)
class Amount:
    """An amount of money as people write it; how many digits it may have follows from its currency."""

    is_below_zero: bool = False
    sql: str = "numeric"

    def read(self, raw: Raw) -> Value:
        amount = _decimal(raw)
        if abs(amount) >= AMOUNT_END or amount.as_tuple().exponent < -AMOUNT_DIGITS:  # type: ignore[operator]
            raise CellInvalid(
                "out_of_range",
                Said(
                    "an amount with at most {digits} digits after the point",
                    digits=AMOUNT_DIGITS,
                ),
            )
        if amount < 0 and not self.is_below_zero:
            raise CellInvalid("out_of_range", Said("not below zero"))
        return amount.normalize() + 0

    def write(self, value: Value) -> Raw:
        # As a number where a spreadsheet keeps it exactly.
        if value == int(value) and abs(value) < 2**53:
            return int(value)
        number = float(value)
        return number if Decimal(repr(number)) == value else f"{value:f}"

    def settled(self, value: Value) -> Value:
        return None if value is None else Decimal(value).normalize() + 0

    @property
    def about(self) -> str:
        return tell("amount, as 12.50")


@dataclass(frozen=True, slots=True)
class Moment:
    """A moment, with its offset from UTC."""

    sql: str = "timestamptz"

    def read(self, raw: Raw) -> Value:
        try:
            moment = datetime.fromisoformat(text_of(raw))
        except ValueError:
            raise CellInvalid("not_a_moment", MOMENT_SAID) from None
        if moment.tzinfo is None:
            raise CellInvalid("not_a_moment", MOMENT_SAID)
        return _whole_ms(moment)

    def write(self, value: Value) -> Raw:
        moment: datetime = value
        return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")

    def settled(self, value: Value) -> Value:
        return None if value is None else _whole_ms(value)

    @property
    def about(self) -> str:
        return str(MOMENT_SAID)


@dataclass(frozen=True, slots=True)
class Pairs:
    """Pairs of a word and what goes with it, as "bottle 1; case 24": the last word after a space."""

    most: int
    form: str
    sql: str = "text"

    def read(self, raw: Raw) -> Value:
        pairs = []
        for written in re.split(r"[;；\n]", text_of(raw)):
            name, _, last = " ".join(written.split()).rpartition(" ")
            if not name and not last:
                continue
            if not name:
                raise CellInvalid("not_pairs", Said("written as {form}", form=self.form))
            pairs.append((name, last))
        if len(pairs) > self.most:
            raise CellInvalid("too_long", Said("at most {most} pairs", most=self.most))
        return tuple(pairs)

    def write(self, value: Value) -> Raw:
        pairs = [f"{name} {last}" for name, last in value]
        if any(";" in pair or "；" in pair or "\n" in pair for pair in pairs):
            raise CannotExport(
                Said("a cell cannot hold {pairs}: there is a semicolon in it", pairs=pairs)
            )
        return "; ".join(pairs)

    def settled(self, value: Value) -> Value:
        pairs = tuple((" ".join(str(name).split()), str(last)) for name, last in value or ())
        return pairs or None

    @property
    def about(self) -> str:
        return tell("pairs, as {form}", form=self.form)


@dataclass(frozen=True, slots=True)
class Day:
    """A day, from 1970 to 9999."""

    sql: str = "date"

    def read(self, raw: Raw) -> Value:
        if isinstance(raw, datetime):
            if raw.time() != datetime.min.time():
                raise CellInvalid("not_a_day", Said("a day without a time"))
            raw = raw.date()
        if not isinstance(raw, date):
            raw = _day(text_of(raw))
        if raw.year < 1970:
            raise CellInvalid("out_of_range", Said("a day from 1970 on"))
        return raw

    def write(self, value: Value) -> Raw:
        day: date = value
        return day

    def settled(self, value: Value) -> Value:
        return value

    @property
    def about(self) -> str:
        return tell("day, as 2027-03-31")


@dataclass(frozen=True, slots=True)
class YesNo:
    """Whether something is so."""

    sql: str = "boolean"

    def read(self, raw: Raw) -> Value:
        word = text_of(raw).casefold()
        if word in _YES:
            return True
        if word in _NO:
            return False
        raise CellInvalid("not_yes_or_no", Said("yes or no"))

    def write(self, value: Value) -> Raw:
        return "yes" if value else "no"

    def settled(self, value: Value) -> Value:
        return None if value is None else bool(value)

    @property
    def about(self) -> str:
        return tell("yes or no")


@dataclass(frozen=True, slots=True)
class Choice:
    """One of some words, in either case."""

    words: Sequence[str]
    sql: str = "text"
    _by_word: Mapping[str, str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_by_word", {word.casefold(): word for word in self.words})

    def read(self, raw: Raw) -> Value:
        found = self._by_word.get(text_of(raw).casefold())
        if found is None:
            raise CellInvalid("not_a_choice", Said("one of {words}", words=", ".join(self.words)))
        return found

    def write(self, value: Value) -> Raw:
        return str(value)

    def settled(self, value: Value) -> Value:
        return value

    @property
    def about(self) -> str:
        return tell("one of {words}", words=", ".join(self.words))


@dataclass(frozen=True, slots=True)
class Json:
    """A JSON object or list."""

    most: int
    shape: str = "object"
    sql: str = "text"

    def read(self, raw: Raw) -> Value:
        text = text_of(raw)
        if len(text) > self.most:
            raise CellInvalid(
                "too_long",
                Said("at most {most} characters, not {number}", most=self.most, number=len(text)),
            )
        try:
            value = json.loads(text, parse_constant=_refuse_constant)
        except (ValueError, RecursionError):
            raise CellInvalid("not_json", Said("a JSON {shape}", shape=self.shape)) from None
        if not isinstance(value, dict if self.shape == "object" else list):
            raise CellInvalid("not_json", Said("a JSON {shape}", shape=self.shape))
        return canonical(value)

    def write(self, value: Value) -> Raw:
        return str(value)

    def settled(self, value: Value) -> Value:
        return None if value is None else canonical(value)

    @property
    def about(self) -> str:
        return tell("JSON {shape}", shape=tell(self.shape))


def _day(text: str) -> date:
    found = _DAY.fullmatch(text)
    try:
        if found is not None:
            return date(*map(int, found.groups()))
    except ValueError:
        pass
    raise CellInvalid("not_a_day", Said("a day as YYYY-MM-DD"))


def _whole_ms(moment: datetime) -> datetime:
    """In UTC, to the millisecond, as phones know moments."""
    whole = moment.microsecond // 1_000 * 1_000
    return moment.astimezone(UTC).replace(microsecond=whole)


def canonical(value: Any) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"))


def _refuse_constant(name: str) -> None:
    raise ValueError(name)


def _decimal(raw: Raw) -> Decimal:
    """The number in a cell: with a point, or a comma where nothing else can be meant by it."""
    if isinstance(raw, (bool, date)):
        raise CellInvalid("not_a_number", Said("a number"))
    text = repr(raw) if isinstance(raw, (int, float)) else text_of(raw).replace("−", "-")
    if re.fullmatch(r"-?\d+,\d+", text) and not re.fullmatch(r"-?\d{1,3}(,\d{3})+", text):
        text = text.replace(",", ".")
    try:
        number = Decimal(text)
    except InvalidOperation:
        raise CellInvalid(
            "not_a_number", Said("a number, with a point before its fraction")
        ) from None
    if not number.is_finite() or abs(number.adjusted()) > 30:
        raise CellInvalid("not_a_number", Said("a number, with a point before its fraction"))
    return number
