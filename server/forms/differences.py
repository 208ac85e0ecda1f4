"""What differs between two definitions of a form: of the form itself, and of each question and score by its code."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any

from server.forms.words import told_title

Json = Mapping[str, Any]
# What only the server or another language's reader sees.
_PASSED_OVER = frozenset({"titles", "product_id"})
_LISTS = ("questions", "scores", "measures")


@dataclass(frozen=True, slots=True)
class Changed:
    """A field, as it was and as it is; None: absent."""

    field: str
    before: str | None
    after: str | None


@dataclass(frozen=True, slots=True)
class Difference:
    """A part of a form that was added, removed, moved or changed. `of` is form, questions, scores or measures."""

    of: str
    what: str
    name: str
    fields: tuple[Changed, ...] = ()


def compare_definitions(before: Json, after: Json) -> list[Difference]:
    """What `after` changes, in the order of a form: itself, its questions, its scores and measures."""
    found: list[Difference] = []
    of_form = tuple(_fields(_without_lists(before), _without_lists(after)))
    if of_form:
        found.append(Difference("form", "changed", told_title(after), of_form))
    for part in _LISTS:
        found += _compare(part, before.get(part) or (), after.get(part) or ())
    return found


def _without_lists(definition: Json) -> dict[str, Any]:
    return {name: value for name, value in definition.items() if name not in _LISTS}


def _compare(part: str, before: Sequence[Json], after: Sequence[Json]) -> Iterator[Difference]:
    was, will = ({_key(one): one for one in side} for side in (before, after))
    stay = [key for key in will if key in was]
    order = [key for key in was if key in will]
    blocks = SequenceMatcher(None, order, stay, autojunk=False).get_matching_blocks()
    unmoved = {key for block in blocks for key in stay[block.b : block.b + block.size]}
    for key, one in will.items():
        if key not in was:
            yield Difference(part, "added", _name(one))
            continue
        fields = tuple(_fields(was[key], one))
        if fields:
            yield Difference(part, "changed", _name(one), fields)
        elif key not in unmoved:
            yield Difference(part, "moved", _name(one))
    for key, one in was.items():
        if key not in will:
            yield Difference(part, "removed", _name(one))


def _key(one: Json) -> str:
    return str(one.get("code") or one.get("measure") or one)


def _name(one: Json) -> str:
    return told_title(one) if "title" in one else _key(one)


def _fields(before: Json, after: Json) -> Iterator[Changed]:
    for name in dict.fromkeys((*before, *after)):
        if name in _PASSED_OVER:
            continue
        was, is_now = _told(before.get(name)), _told(after.get(name))
        if was != is_now:
            yield Changed(name, was, is_now)


def _told(value: Any) -> str | None:
    """A value so that a person can compare it: of lists their parts, of parts their titles and what else they say."""
    if value is None or value is False or value in ([], ()):
        return None
    if value is True:
        return "yes"
    if isinstance(value, Mapping):
        rest = {
            name: _told(each)
            for name, each in value.items()
            if name not in {*_PASSED_OVER, "title", "code"}
        }
        said = ", ".join(f"{name}: {each}" for name, each in rest.items() if each is not None)
        title = _name(value) if "title" in value or "code" in value else ""
        return f"{title} ({said})" if title and said else title or said
    if isinstance(value, Sequence) and not isinstance(value, str):
        return "; ".join(filter(None, (_told(each) for each in value)))
    return str(value)
