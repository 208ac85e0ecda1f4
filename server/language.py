"""What people are told, in their language: sentences, numbers, money, days and times.

Sentences are written in English where they are said, with named places for their figures, and looked up in
the catalogue of the language that is spoken: `server/translations/<language>.po`. A sentence that a catalogue
lacks is told in English. Which language is spoken belongs to the thread of work (a request, a command); nobody who
asked for none is spoken to in another than English.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from babel import Locale
from babel.core import UnknownLocaleError, negotiate_locale
from babel.dates import format_date, format_datetime, format_time, get_day_names
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.numbers import (
    format_currency,
    format_decimal,
    format_percent,
    get_currency_precision,
)
from babel.support import NullTranslations, Translations

LANGUAGES = ("en", "zh")
# Before what a word is said of.
BAR = "|"
NAMES = {"en": "English", "zh": "中文"}
CATALOGUES = Path(__file__).parent / "translations"
# What Babel knows of how each is written.
_LOCALES = {"en": "en_GB", "zh": "zh_Hans_CN"}

_spoken: ContextVar[str] = ContextVar("spoken", default="en")


def spoken_language() -> str:
    """The language that is spoken just now, one of `LANGUAGES`."""
    return _spoken.get()


@contextmanager
def speaking(language: str) -> Iterator[None]:
    """Speak this language until the end of the block; what is none of `LANGUAGES` is English."""
    token = _spoken.set(language if language in LANGUAGES else "en")
    try:
        yield
    finally:
        _spoken.reset(token)


def chosen_language(*wishes: str | None) -> str:
    """The first wish that can be met; a wish is a language or the Accept-Language of a request."""
    for wish in wishes:
        named = [
            part.partition(";")[0].strip().replace("-", "_") for part in (wish or "").split(",")
        ]
        found = negotiate_locale([name for name in named if name], [*LANGUAGES, *_LOCALES.values()])
        if found is not None:
            return found.partition("_")[0]
    return "en"


def sentence(said: str, /) -> str:
    """Mark a sentence for the catalogues that is told later, by `tell`.

    A word that other languages tell apart says after a bar what it is said of: "open|store", "open|task". In English
    the bar and what follows is not told.
    """
    return said


def tell(said: str, /, **figures: object) -> str:
    """The sentence in the language that is spoken, with its figures at their places."""
    told = catalogue(_spoken.get()).gettext(said)
    if told == said and BAR in said:
        told = said.partition(BAR)[0]
    return told.format(**figures) if figures else told


def tell_number(one: str, many: str, number: int, /, **figures: object) -> str:
    """The sentence for so many: `{number}` is written as the language writes numbers."""
    told = catalogue(_spoken.get()).ngettext(one, many, number)
    return told.format(number=told_number(number), **figures)


class Said:
    """A sentence with its figures, told when it is read, in the language that is spoken then.

    What is refused is said so: a command tells it in English, a page in its visitor's language, and a report that is
    kept has the sentence and its figures (`kept`), not the words. Figures are whole numbers, texts and sentences; a
    template marks a thing that was typed with `!r`.
    """

    __slots__ = ("figures", "template")

    def __init__(self, template: str, /, **figures: object) -> None:
        self.template = template
        self.figures: dict[str, int | str | Said] = {
            name: figure if isinstance(figure, int | str | Said) else str(figure)
            for name, figure in figures.items()
        }

    def __str__(self) -> str:
        return tell(self.template, **self.figures)

    def __format__(self, spec: str) -> str:
        return format(str(self), spec)

    def __repr__(self) -> str:
        return f"Said({self.template!r}, {self.figures!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Said) and self.kept() == other.kept()

    def __hash__(self) -> int:
        return hash(self.template)

    def kept(self) -> list[Any]:
        """It as JSON."""
        figures = {
            name: {"said": figure.kept()} if isinstance(figure, Said) else figure
            for name, figure in self.figures.items()
        }
        return [self.template, figures]

    @classmethod
    def read(cls, kept: Sequence[Any]) -> "Said":
        """What was kept as JSON."""
        template, figures = kept
        return cls(
            template,
            **{
                name: cls.read(figure["said"]) if isinstance(figure, Mapping) else figure
                for name, figure in figures.items()
            },
        )


def keep(said: Said | str) -> str:
    """A sentence as a text to keep: `read_kept` gives it back."""
    return json.dumps(said.kept(), ensure_ascii=False) if isinstance(said, Said) else said


def read_kept(kept: str) -> Said | str:
    """What was kept; a text that is no kept sentence is what it says."""
    try:
        return Said.read(json.loads(kept))
    except (ValueError, TypeError, AttributeError):
        return kept


def joined(parts: Sequence[Said | str]) -> Said | str:
    """Sentences after one another, with semicolons between them."""
    if len(parts) == 1:
        return parts[0]
    return Said("{first}; {rest}", first=parts[0], rest=joined(parts[1:])) if parts else ""


def listed(parts: Sequence[Said | str]) -> Said | str:
    """Things after one another, with commas between them."""
    if len(parts) == 1:
        return parts[0]
    return Said("{first}, {rest}", first=parts[0], rest=listed(parts[1:])) if parts else ""


def said_by(error: BaseException) -> Said | str:
    """What an error says: its sentence where it has one, else its text."""
    first = error.args[0] if error.args else None
    return first if isinstance(first, Said) else str(error)


def in_english(said: object) -> str:
    """What is said, for a program or a log, whatever language is spoken."""
    with speaking("en"):
        return str(said)


@cache
def catalogue(language: str) -> NullTranslations:
    """The sentences of a language; English has none, what is said is English."""
    file = CATALOGUES / f"{language}.po"
    if not file.is_file():
        return NullTranslations()
    with file.open("rb") as stream:
        read = read_po(stream, locale=_LOCALES[language])
    packed = BytesIO()
    write_mo(packed, read)
    packed.seek(0)
    return Translations(packed)


def told_number(number: int | Decimal) -> str:
    """12345 → "12,345"."""
    return format_decimal(number, locale=_locale())


def told_list(things: Sequence[str]) -> str:
    """Things after one another: "greet, order", in Chinese with the comma of lists."""
    told = things[0] if things else ""
    for thing in things[1:]:
        told = tell("{first}, {rest}", first=told, rest=thing)
    return told


def joined_words(sentences: Sequence[str]) -> str:
    """Sentences after one another, with semicolons between them."""
    told = sentences[0] if sentences else ""
    for each in sentences[1:]:
        told = tell("{first}; {rest}", first=told, rest=each)
    return told


def told_permille(permille: int | None) -> str:
    """Thousandths as percent with one digit: 834 → "83.4%"; None → "–"."""
    if permille is None:
        return "–"
    return format_percent(Decimal(permille) / 1000, format="#,##0.0%", locale=_locale())


def told_money(amount_minor: int, currency: str) -> str:
    """Minor units as an amount with its currency, by the digits that the currency has."""
    digits = get_currency_precision(currency)
    return format_currency(Decimal(amount_minor).scaleb(-digits), currency, locale=_locale())


def told_day(day: date) -> str:
    """A day in a middle length, with its weekday: "Thu, 26 Nov 2026"."""
    return format_date(
        day, format="EEE, d MMM y" if _spoken.get() == "en" else "y年M月d日 EEE", locale=_locale()
    )


def told_month(day: date) -> str:
    """The month of a day: "November 2026"."""
    return format_date(
        day, format="MMMM y" if _spoken.get() == "en" else "y年M月", locale=_locale()
    )


def told_weekday(day: date) -> str:
    """The short name of the weekday: "Thu"."""
    return format_date(day, format="ccc", locale=_locale())


def told_weekday_names() -> list[str]:
    """The short names of the weekdays, Monday first."""
    names = get_day_names("abbreviated", context="stand-alone", locale=_locale())
    return [names[place] for place in range(7)]


def told_short_day(day: date) -> str:
    """Day and month: "26 Nov"."""
    return format_date(day, format="d MMM" if _spoken.get() == "en" else "M月d日", locale=_locale())


def told_clock(at_ms: int, time_zone: str) -> str:
    """Milliseconds since 1970 as hours and minutes on a wall clock."""
    return format_time(_moment(at_ms, time_zone), format="HH:mm", locale=_locale())


def told_moment(at_ms: int, time_zone: str) -> str:
    """Milliseconds since 1970 as day and time on a wall clock."""
    return format_datetime(_moment(at_ms, time_zone), format="medium", locale=_locale())


def told_territory(code: str) -> str:
    """The name of a country by its code of ISO 3166: DE → "Germany"."""
    name: str | None = _locale().territories.get(code)
    return name or code


def told_language(code: str) -> str:
    """The name of a language by its code: zh_CN → "Chinese (China)"."""
    try:
        return Locale.parse(code).get_display_name(_locale()) or code
    except (ValueError, UnknownLocaleError):
        return code


def _moment(at_ms: int, time_zone: str) -> datetime:
    return datetime.fromtimestamp(at_ms / 1000, ZoneInfo(time_zone))


def _locale() -> Locale:
    return _parsed(_LOCALES[_spoken.get()])


@cache
def _parsed(name: str) -> Locale:
    return Locale.parse(name)
