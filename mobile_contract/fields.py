"""The vocabulary of the wire: strict fields, from which every schema is made.

Strict means that a value is taken as it came or refused: 1.0 is not 1, true is not 1, "1" is not 1.
What a field loads is what it was given, so that a schema checks and never changes.

Every field says its ``presence`` and, for people, what it is ``about`` and its ``unit``.
"""

import datetime as dt
import enum
import re
from collections.abc import Iterable, Mapping
from typing import Any, Final, NoReturn

import marshmallow as ma
from marshmallow import validate

JSON_INT_MAX: Final = 2**53 - 1
"""The largest whole number that every JSON reader keeps exact."""
TIME_MAX: Final = 2**42 - 1
"""In the year 2109: far enough for any clock, and corrected times stay inside what dates can hold."""

ID_PATTERN: Final = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
SHA256_PATTERN: Final = r"[0-9a-f]{64}"
DAY_PATTERN: Final = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"


class Presence(enum.Enum):
    """Whether a field must be there, and what its absence means."""

    REQUIRED = "required"
    NULLABLE = "required, may be null"
    OPTIONAL = "optional (absent or null)"
    CHANGE = "absent: not changed"
    CHANGE_NULLABLE = "absent: not changed; null: emptied"

    @property
    def is_required(self) -> bool:
        """Whether the name must be there."""
        return self in {Presence.REQUIRED, Presence.NULLABLE}

    @property
    def may_be_null(self) -> bool:
        """Whether null is a value of the field."""
        return self in {Presence.NULLABLE, Presence.OPTIONAL, Presence.CHANGE_NULLABLE}

    @property
    def is_change(self) -> bool:
        """Whether absent and null mean different things."""
        return self in {Presence.CHANGE, Presence.CHANGE_NULLABLE}


REQUIRED: Final = Presence.REQUIRED
NULLABLE: Final = Presence.NULLABLE
OPTIONAL: Final = Presence.OPTIONAL
CHANGE: Final = Presence.CHANGE
CHANGE_NULLABLE: Final = Presence.CHANGE_NULLABLE

FAULTS_NAMED: Final = 10
FAULTS_SOUGHT: Final = FAULTS_NAMED + 1
"""In one list or object: those that are named, and whether there is one more."""

MESSAGES: Final[dict[str, str | list[Any] | dict[Any, Any]]] = {
    "required": "is missing",
    "null": "must not be null",
    "invalid": "has the wrong type",
}


class WireField(ma.fields.Field[Any]):
    """A field with a presence; the root of the vocabulary."""

    default_error_messages = MESSAGES

    def __init__(
        self,
        *,
        presence: Presence = REQUIRED,
        about: str = "",
        unit: str = "",
        validators: Iterable[validate.Validator] = (),
        facts: Mapping[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        self.presence = presence
        self.about = about
        self.unit = unit
        described = {"description": f"{about} ({unit})" if about and unit else about or unit}
        super().__init__(
            required=presence.is_required,
            allow_none=presence.may_be_null,
            validate=list(validators),
            metadata={**{k: v for k, v in described.items() if v}, **(facts or {})},
            **kwargs,
        )

    def refuse(self, words: str) -> NoReturn:
        """Refuse the value in plain words that follow the name of the place."""
        raise ma.ValidationError(words)


class Int(WireField, ma.fields.Integer):
    """A whole number from ``minimum`` to ``maximum``, both included."""

    def __init__(self, minimum: int, maximum: int, **kwargs: Any) -> None:
        self.minimum = minimum
        self.maximum = maximum
        in_range = validate.Range(minimum, maximum, error="must be from {min} to {max}")
        super().__init__(validators=[in_range], **kwargs)

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> Any:
        if type(value) is not int:
            self.refuse("must be a whole number")
        return value


class Millis(Int):
    """A moment: milliseconds since 1970-01-01T00:00Z."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("unit", "ms since 1970-01-01T00:00Z")
        super().__init__(0, TIME_MAX, **kwargs)


class Uptime(Int):
    """A monotonic reading: milliseconds since the phone started, sleep included."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("unit", "ms since the phone started, sleep included")
        super().__init__(0, TIME_MAX, **kwargs)


class Bool(WireField, ma.fields.Boolean):
    """true or false."""

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> Any:
        if type(value) is not bool:
            self.refuse("must be true or false")
        return value


class Text(WireField, ma.fields.String):
    """Text of ``minimum`` to ``maximum`` code points without NUL and without lone surrogates."""

    def __init__(self, minimum: int, maximum: int, **kwargs: Any) -> None:
        self.minimum = minimum
        self.maximum = maximum
        length = validate.Length(minimum, maximum, error="must be {min} to {max} characters long")
        super().__init__(validators=[length], **kwargs)

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> Any:
        if type(value) is not str:
            self.refuse("must be text")
        if "\x00" in value:
            self.refuse("must not hold the character NUL")
        try:
            value.encode()
        except UnicodeEncodeError:
            self.refuse("must not hold half of a surrogate pair")
        return value


class Pattern(WireField, ma.fields.String):
    """Text that a regular expression matches as a whole."""

    def __init__(self, pattern: str, said: str, **kwargs: Any) -> None:
        self.pattern = rf"\A{pattern}\Z"
        self.said = said
        self._matches = re.compile(pattern).fullmatch
        super().__init__(facts={"pattern": f"^{pattern}$"}, **kwargs)

    def accepts(self, text: str) -> bool:
        """Whether the pattern matches the whole text."""
        return self._matches(text) is not None

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> Any:
        if type(value) is not str or self._matches(value) is None:
            self.refuse(f"must be {self.said}")
        return value


class Id(Pattern):
    """An id: a UUID as lowercase hyphenated text."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(ID_PATTERN, "a UUID in lowercase with hyphens", **kwargs)


class Sha256(Pattern):
    """A SHA-256 digest as 64 lowercase hexadecimal digits."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(SHA256_PATTERN, "64 lowercase hexadecimal digits", **kwargs)


class Day(WireField, ma.fields.String):
    """A day of the calendar as YYYY-MM-DD."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(facts={"format": "date"}, **kwargs)

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> Any:
        if type(value) is not str or re.fullmatch(DAY_PATTERN, value) is None:
            self.refuse("must be a day as YYYY-MM-DD")
        try:
            dt.date.fromisoformat(value)
        except ValueError:
            self.refuse("is not a day of the calendar")
        return value


class Choice(WireField, ma.fields.String):
    """One of a closed set of texts."""

    def __init__(self, choices: Iterable[str], **kwargs: Any) -> None:
        self.choices = tuple(choices)
        one_of = validate.OneOf(self.choices, error="must be one of {choices}")
        super().__init__(validators=[one_of], **kwargs)

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> Any:
        if type(value) is not str:
            self.refuse("must be text")
        return value


class ListOf(WireField, ma.fields.List[Any]):
    """A list of ``minimum`` to ``maximum`` values of one kind."""

    def __init__(self, inner: WireField, maximum: int, *, minimum: int = 0, **kwargs: Any) -> None:
        self.minimum = minimum
        self.maximum = maximum
        length = validate.Length(minimum, maximum, error="must hold {min} to {max} values")
        super().__init__(cls_or_instance=inner, validators=[length], **kwargs)

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> Any:
        if type(value) is not list:
            self.refuse("must be a list")
        # A list over its bound is not read value by value: the bound is there to save that work.
        if len(value) > self.maximum:
            return value
        loaded: list[Any] = []
        faults: dict[int, Any] = {}
        for index, each in enumerate(value):
            try:
                loaded.append(self.inner.deserialize(each))
            except ma.ValidationError as error:
                faults[index] = error.messages
                if len(faults) == FAULTS_SOUGHT:
                    break
        if faults:
            raise ma.ValidationError(faults)
        return loaded


class PairOf(WireField, ma.fields.Tuple):
    """A list of exactly two values, each of its own kind."""

    def __init__(self, first: WireField, second: WireField, **kwargs: Any) -> None:
        super().__init__(tuple_fields=(first, second), **kwargs)

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> Any:
        if type(value) is not list or len(value) != len(self.tuple_fields):
            self.refuse("must be a list of two values")
        super()._deserialize(value, attr, data, **kwargs)
        return value


class MapOf(WireField, ma.fields.Dict):
    """An object with at most ``maximum`` names of one kind and values of one kind."""

    def __init__(self, keys: WireField, values: WireField, maximum: int, **kwargs: Any) -> None:
        self.maximum = maximum
        self.inner_keys = keys
        self.inner_values = values
        length = validate.Length(0, maximum, error="must hold at most {max} names")
        super().__init__(keys=keys, values=values, validators=[length], **kwargs)

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> Any:
        if type(value) is not dict:
            self.refuse("must be an object")
        if len(value) > self.maximum:
            return value
        faults: dict[str, Any] = {}
        for name, each in value.items():
            try:
                self.inner_keys.deserialize(name)
                self.inner_values.deserialize(each)
            except ma.ValidationError as error:
                faults[name] = error.messages
                if len(faults) == FAULTS_SOUGHT:
                    break
        if faults:
            raise ma.ValidationError(faults)
        return value


class OneOf(WireField):
    """A value of one of several fields, told apart by what it is in JSON: at most one field each that
    takes true and false, whole numbers, text, lists and objects.
    """

    def __init__(self, *choices: WireField, **kwargs: Any) -> None:
        self.choices = choices
        self._by_type = {_JSON_TYPES[type(choice)]: choice for choice in choices}
        if len(self._by_type) != len(choices):
            raise TypeError("two choices of the same type in JSON")
        super().__init__(**kwargs)

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> Any:
        choice = self._by_type.get(type(value))
        if choice is None:
            self.refuse("has the wrong type")
        return choice.deserialize(value)


class FreeObject(WireField, ma.fields.Dict):
    """An object whose names depend on something else; its numbers are whole. It only goes down."""

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> Any:
        if type(value) is not dict:
            self.refuse("must be an object")
        if _holds_float(value):
            self.refuse("must hold whole numbers only")
        return value


def _holds_float(value: Any) -> bool:
    if isinstance(value, dict):
        return any(_holds_float(each) for each in value.values())
    if isinstance(value, list):
        return any(_holds_float(each) for each in value)
    return isinstance(value, float)


class Part(WireField, ma.fields.Nested):
    """An object with a schema of its own."""

    def __init__(self, part: type[ma.Schema], **kwargs: Any) -> None:
        self.part = part
        super().__init__(nested=part, **kwargs)


_JSON_TYPES: Final[dict[type[WireField], type]] = {
    Bool: bool,
    Int: int,
    Text: str,
    ListOf: list,
    MapOf: dict,
}
