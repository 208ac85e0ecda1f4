"""The root of every wire schema: unknown names are refused, rules across fields run last.

What a refusal costs is bounded: of a list or an object so many faults are named and no more, and
the bounds of a schema are judged before anything that they bound is read.

A rule is a function from a record to the faults that it finds, as (place, words). It reads the
record by attribute, so that the very same function judges a loaded dict here and a compiled struct
in ``struct_types``: where a field is absent it is None, or UNSET where absent means "not changed".
"""

import datetime as dt
from collections.abc import Callable, Iterable, Mapping
from types import SimpleNamespace
from typing import Any, ClassVar

import marshmallow as ma
from msgspec import UNSET, Struct

from mobile_contract.fields import FAULTS_SOUGHT, Day, ListOf, Part, WireField

Rule = Callable[[Any], Iterable[tuple[str, str]]]


class Fault(Struct, frozen=True):
    """One thing wrong at one place, in words that follow the name of the place."""

    where: str
    words: str

    def said_of(self, whole: str) -> str:
        """The fault as a sentence; ``whole`` is what is at fault where no place in it is."""
        return f"{self.where or whole} {self.words}"


class WireSchema(ma.Schema):
    """A schema whose load checks and changes nothing."""

    rules: ClassVar[tuple[Rule, ...]] = ()
    bounds: ClassVar[tuple[Rule, ...]] = ()
    """Rules on how much there is. They run first and alone, on values that nobody has looked at."""
    is_sparse: ClassVar[bool] = False
    """Whether what comes down leaves out optional names; else each stands there, null or not."""
    error_messages = {  # noqa: RUF012 - so marshmallow declares it
        "type": "must be an object",
    }

    class Meta:
        """What is not in the schema is refused, never ignored: by `_refuse_unknown_names`."""

        unknown = ma.EXCLUDE

    @ma.validates_schema(pass_original=True, skip_on_field_errors=False)
    def _refuse_unknown_names(self, _data: Any, original: Any, **_: Any) -> None:
        if not isinstance(original, dict):
            return
        known = {field.data_key or name for name, field in self.fields.items()}
        unknown = [name for name in original if name not in known]
        if unknown:
            raise ma.ValidationError(
                {name: ["is not a field of this contract"] for name in unknown[:FAULTS_SOUGHT]}
            )

    @ma.validates_schema(skip_on_field_errors=True)
    def _keep_the_rules(self, data: dict[str, Any], **_: Any) -> None:
        if not self.rules:
            return
        seen = view(self, data)
        faults: dict[str, list[str]] = {}
        for rule in self.rules:
            for place, words in rule(seen):
                faults.setdefault(place or ma.exceptions.SCHEMA, []).append(words)
        if faults:
            raise ma.ValidationError(faults)


def wire_fields(schema: type[ma.Schema] | ma.Schema) -> Mapping[str, WireField]:
    """The fields of a schema by name, in the order they are declared."""
    built = schema if isinstance(schema, ma.Schema) else schema()
    fields: dict[str, WireField] = {}
    for name, field in built.fields.items():
        if not isinstance(field, WireField):
            message = f"{type(built).__name__}.{name} is not of the vocabulary in fields.py"
            raise TypeError(message)
        fields[name] = field
    return fields


def view(schema: ma.Schema, data: Mapping[str, Any]) -> SimpleNamespace:
    """A loaded dict as attributes, the way a compiled struct shows it."""
    seen: dict[str, Any] = {}
    for name, field in wire_fields(schema).items():
        absent = UNSET if field.presence.is_change else None
        seen[name] = _seen(field, data[name]) if name in data else absent
    return SimpleNamespace(**seen)


def _seen(field: Any, value: Any) -> Any:
    if value is None:
        return None
    if isinstance(field, Part):
        return view(field.part(), value)
    if isinstance(field, ListOf):
        return [_seen(field.inner, each) for each in value]
    if isinstance(field, Day):
        return dt.date.fromisoformat(value)
    return value


def faults_of(schema: WireSchema, value: Any, *, place: str = "") -> list[Fault]:
    """What is wrong with a value, each with its place, like ``check_in.fix.lat_e7`` or ``stops[3]``.

    In the order of the fields in their schemas; names that are no fields follow, as they stand.
    """
    if not isinstance(value, dict):
        return [Fault(plain(place), "must be an object")]
    seen = SimpleNamespace(**{name: value.get(name) for name in schema.fields})
    beyond = [
        Fault(plain(_joined(place, where)), words)
        for bound in schema.bounds
        for where, words in bound(seen)
    ]
    if beyond:
        return beyond
    return list(_flat(schema.validate(value), place))


def _flat(errors: Any, place: str) -> Iterable[Fault]:
    if isinstance(errors, dict):
        for key, inner in errors.items():
            yield from _flat(inner, _joined(place, key))
    elif isinstance(errors, list):
        for words in errors:
            yield from _flat(words, place)
    else:
        yield Fault(plain(place), plain(str(errors)))


def _joined(place: str, key: Any) -> str:
    if isinstance(key, int):
        return f"{place}[{key}]"
    if key in ("", ma.exceptions.SCHEMA):
        return place
    return f"{place}.{key}" if place else str(key)


PLAIN_LENGTH = 300


def plain(text: str) -> str:
    """Text that any reader and any database takes: bounded, no NUL, no lone surrogates."""
    safe = text.encode("utf-8", "backslashreplace").decode().replace("\x00", "\\0")
    return safe if len(safe) <= PLAIN_LENGTH else safe[: PLAIN_LENGTH - 1] + "…"
