"""The catalogues of sentences, brought up to what the code and the templates tell: `python -m server.messages`.

A new sentence gets an empty place in each catalogue, one that nothing says any more leaves it. Says what is not
translated yet, and ends with 1 where something is.
"""

import argparse
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po, write_po

from server.language import CATALOGUES, LANGUAGES

HERE = Path(__file__).parent
KEYWORDS = {"tell": None, "sentence": None, "Said": None, "tell_number": (1, 2)}
METHODS = [("**/templates/**.html", "jinja2.ext:babel_extract"), ("**.py", "python")]
OPTIONS = {"**/templates/**.html": {"trimmed": "true", "encoding": "utf-8"}}


def sentences_said() -> Catalog:
    """Everything that the service says by `tell`, `tell_number`, `sentence` and `Said`, with where it does."""
    catalog = Catalog(project="Roadbook", charset="utf-8")
    for file, line, message, _comments, context in extract_from_dir(
        str(HERE), METHODS, OPTIONS, KEYWORDS
    ):
        if file.endswith(".py") and not _speaks(file):
            continue
        catalog.add(message, None, [(f"server/{file}", line)], context=context)
    return catalog


@cache
def _speaks(file: str) -> bool:
    """Whether a module speaks to people in their language: others have functions of these names too."""
    return file == "language.py" or "from server.language import" in (HERE / file).read_text(
        encoding="utf-8"
    )


def read_catalogue(language: str) -> Catalog:
    """What is translated into a language."""
    file = CATALOGUES / f"{language}.po"
    if not file.is_file():
        return Catalog(locale=language, charset="utf-8")
    with file.open("rb") as stream:
        return read_po(stream, locale=language)


def bring_up(language: str, words: Mapping[Any, Any] | None = None) -> Catalog:
    """Write the catalogue with the sentences that are said now, and these words for some; returns it.

    Without a header, so that two people who add sentences meet only where these stand.
    """
    catalog, held = sentences_said(), read_catalogue(language)
    catalog.locale = held.locale
    for message in catalog:
        if message.id:
            known = held.get(message.id)
            message.string = (words or {}).get(message.id) or (known.string if known else "")
    with (CATALOGUES / f"{language}.po").open("wb") as stream:
        write_po(stream, catalog, width=110, no_location=True, omit_header=True, sort_output=True)
    return catalog


def untranslated(catalog: Catalog) -> Iterator[Message]:
    """The sentences that have no words, or not in every number."""
    for message in catalog:
        told = message.string if isinstance(message.string, tuple) else (message.string,)
        if message.id and not all(told):
            yield message


def main() -> int:
    """Bring every catalogue up."""
    argparse.ArgumentParser(prog="python -m server.messages", description=__doc__).parse_args()
    missing = 0
    for language in LANGUAGES:
        if language == "en":
            continue
        for message in untranslated(bring_up(language)):
            missing += 1
            print(f"{language}: {message.id}")
    print(
        "every sentence is translated" if not missing else f"{missing} sentences are not translated"
    )
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
