"""Text that a spreadsheet would take for a formula is written with an apostrophe before it, and read back.

Excel and others work out a cell of a CSV file that begins with = + - @, a tab or a return (OWASP, "CSV
Injection"). Text that begins so behind apostrophes gets one more, so that what was written is what is
read.
"""

import re

_LOOKS_LIKE_FORMULA = re.compile(r"'*[=+\-@\t\r]")
_GUARDED = re.compile(r"'+[=+\-@\t\r]")


def guarded(text: str) -> str:
    """The text as it goes into a CSV file."""
    return f"'{text}" if _LOOKS_LIKE_FORMULA.match(text) else text


def guarded_again(text: str) -> str:
    """The text as it goes into XLSX, whose cells say that they are text: only what would be unguarded."""
    return f"'{text}" if _GUARDED.match(text) else text


def unguarded(text: str) -> str:
    """The text that a cell stands for."""
    return text[1:] if _GUARDED.match(text) else text
