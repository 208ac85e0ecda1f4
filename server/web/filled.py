"""A form as it was sent: what was typed stays in it, and what is wrong stands beside its field.

A view reads the fields one by one; each reading that fails is kept as a fault, so that somebody sees all of them at once.
What the area's functions refuse names its field first ("code: …"), and goes to that field where the form has it.
"""

import re
from collections.abc import Iterable, Mapping
from datetime import date, datetime, time
from decimal import Decimal
from uuid import UUID

from flask import request
from werkzeug.datastructures import MultiDict

from server.language import Said, said_by, tell
from server.web.basis import ChangedMeanwhile, basis_of, is_untouched
from sync.money import read_amount

_DEGREES_E7 = 10_000_000
_WHOLE_DIGITS_MAX = 12
LINES_MAX = 6_000
# What a refusal names first: its field, in the language that is spoken.
_NAMED = re.compile("^[^:：]{1,60}[:：] *")


def _field_of(error: Exception) -> str:
    """The field that a refusal is about; "" for none."""
    said = said_by(error)
    if not isinstance(said, Said):
        return said.partition(": ")[0] if ": " in said else ""
    field, colon, _ = said.template.partition(": ")
    if field == "{name}":
        name = said.figures["name"]
        return name.template if isinstance(name, Said) else str(name)
    return field if colon else ""


class Filled:
    """What stands in a form. `faults` has, by field, what is wrong; "" is what is of no field."""

    def __init__(self, typed: Mapping[str, str | list[str]] | None = None) -> None:
        given = request.form if typed is None else MultiDict(typed)
        # No text that is kept has a NUL, and no query takes one.
        self._typed: MultiDict[str, str] = MultiDict(
            (name, value.replace("\x00", "")) for name, value in given.items(multi=True)
        )
        self.faults: dict[str, str] = {}
        # The last change of a record that changed while the form was open.
        self._newer: int | None = None

    def __getitem__(self, name: str) -> str:
        return self._typed.get(name, "")

    def every(self, name: str) -> list[str]:
        """All that was typed or ticked under a name."""
        return self._typed.getlist(name)

    @property
    def is_good(self) -> bool:
        """Whether nothing is wrong so far."""
        return not self.faults

    def fault(self, name: str, words: str) -> None:
        """Note what is wrong with a field; the first fault of a field is told."""
        self.faults.setdefault(name, words)

    def refused(
        self, error: Exception, names: Iterable[str] = (), aliases: Mapping[str, str] | None = None
    ) -> None:
        """Note why the area's function refused it: at the field that it names, where that is one of `names` or
        has another name in the form.
        """
        if isinstance(error, ChangedMeanwhile):
            self.fault("", str(error))
            self._newer = error.number
            return
        fields = {**{name: name for name in names}, **(aliases or {})}
        field = _field_of(error)
        if field in fields:
            # The field stands beside it already.
            self.fault(fields[field], _NAMED.sub("", str(error)))
        else:
            self.fault("", str(error))

    def bring_up(self, now: Mapping[str, str | list[str]]) -> None:
        """Where the record changed meanwhile, show what is there `now` in the fields that nobody touched."""
        if self._newer is None:
            return
        basis = self["basis"]
        for name, value in now.items():
            if is_untouched(basis, name, self.every(name)):
                self._typed.setlist(name, [value] if isinstance(value, str) else value)
        self._typed["basis"] = basis_of(self._newer, now)

    @property
    def values(self) -> dict[str, str]:
        """What stands in each field."""
        return dict(self._typed.items())

    def text(self, name: str) -> str:
        """A text without blanks around it."""
        return self[name].strip()

    def text_or_none(self, name: str) -> str | None:
        """A text, None where nothing was typed."""
        return self.text(name) or None

    def lines(self, name: str) -> list[str]:
        """The lines of a text, without empty ones."""
        found = [line.strip() for line in self[name].splitlines() if line.strip()]
        if len(found) > LINES_MAX:
            self.fault(name, tell("At most {number} lines.", number=LINES_MAX))
        return found[:LINES_MAX]

    def whole(self, name: str) -> int | None:
        """A whole number, None where nothing was typed."""
        typed = self.text(name)
        if not typed:
            return None
        if not typed.isascii() or not typed.isdecimal() or len(typed) > _WHOLE_DIGITS_MAX:
            self.fault(name, tell("A whole number, please."))
            return None
        return int(typed)

    def amount(self, name: str, currency: str) -> int | None:
        """Money in minor units, None where nothing was typed."""
        typed = self.text(name)
        if not typed:
            return None
        try:
            return read_amount(typed, currency)
        except ValueError:
            self.fault(name, tell("An amount like 12.50, please."))
            return None

    def basis_points(self, name: str) -> int | None:
        """A percentage like 12.5 in hundredths of a percent."""
        typed = self.text(name).removesuffix("%").strip()
        if not typed:
            return None
        try:
            # A percentage has two digits after the point, as this currency has.
            return read_amount(typed, "USD")
        except ValueError:
            self.fault(name, tell("A percentage like 10 or 12.5, please."))
            return None

    def degrees_e7(self, name: str, most: int) -> int | None:
        """Degrees × 10⁷, from −most to most degrees."""
        typed = self.text(name)
        if not typed:
            return None
        try:
            read = Decimal(typed)
            is_on_earth = read.is_finite() and abs(read) <= most
        except ArithmeticError:
            is_on_earth = False
        if not is_on_earth:
            self.fault(name, tell("Degrees from -{most} to {most}, please.", most=most))
            return None
        return int((read * _DEGREES_E7).to_integral_value())

    def day(self, name: str) -> date | None:
        """A day, None where nothing was typed."""
        typed = self.text(name)
        if not typed:
            return None
        try:
            return date.fromisoformat(typed)
        except ValueError:
            self.fault(name, tell("A day, please."))
            return None

    def moment(self, name: str) -> datetime | None:
        """A day at its begin, or at the hour that stands beside it, as the functions of periods take it."""
        day, typed = self.day(name), self.text(f"{name}_hour")
        if day is None:
            return None
        try:
            return datetime.combine(day, time.fromisoformat(typed) if typed else time())
        except ValueError:
            self.fault(name, tell("An hour like 14:30, please."))
            return None

    def id(self, name: str, known: Iterable[UUID] | None = None) -> UUID | None:
        """An id that was chosen, None where none was; one that is not `known` is a fault."""
        typed = self.text(name)
        if not typed:
            return None
        try:
            found = UUID(typed)
        except ValueError:
            found = None
        if found is None or (known is not None and found not in set(known)):
            self.fault(name, tell("Choose one of the list."))
            return None
        return found
