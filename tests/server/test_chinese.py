"""The Chinese of the pages: one word for each idea, written as Chinese is written."""

import re
from pathlib import Path

from server.messages import read_catalogue

ARCHITECTURE = Path(__file__).resolve().parents[2] / "docs" / "ARCHITECTURE.md"
CHINESE = "\u4e00-\u9fff"
# A sign of English beside a Chinese letter or a figure that Chinese follows.
_HALF_WIDTH = re.compile(rf"[{CHINESE}}}”）][,;:?!]|[{CHINESE}}}]\s?\(|\([^()]*[{CHINESE}]")


def told() -> dict[str, str]:
    """What is told, by its English."""
    return {
        str(message.id): "\n".join(
            message.string if isinstance(message.string, tuple) else [str(message.string)]
        )
        for message in read_catalogue("zh")
        if message.id
    }


def unwanted() -> list[str]:
    """The words that stand under "not" in the glossary."""
    table = ARCHITECTURE.read_text(encoding="utf-8").partition("| word | 中文 | not |")[2]
    rows = [line.split("|") for line in table.splitlines() if line.count("|") == 4]
    return [word.strip() for row in rows[1:] for word in row[3].split("、") if word.strip()]


def test_there_is_one_word_for_each_idea() -> None:
    words = unwanted()
    assert len(words) > 20
    found = [
        f"{word}: {english}"
        for english, chinese in told().items()
        for word in words
        if word in chinese
    ]
    assert found == [], "docs/ARCHITECTURE.md, Glossary"


def test_chinese_has_its_own_punctuation() -> None:
    found = [
        chinese
        for chinese in told().values()
        if re.search(f"[{CHINESE}]", chinese) and _HALF_WIDTH.search(chinese)
    ]
    assert found == []
