"""What people are told is told in their language, whole."""

import string
from collections.abc import Iterable
from datetime import date

import pytest

from server.language import (
    LANGUAGES,
    Said,
    chosen_language,
    in_english,
    joined,
    keep,
    listed,
    read_kept,
    said_by,
    speaking,
    tell,
    tell_number,
    told_day,
    told_money,
    told_number,
)
from server.messages import read_catalogue, sentences_said, untranslated

OTHERS = [language for language in LANGUAGES if language != "en"]


def places(sentence: object) -> set[str]:
    texts: Iterable[str] = sentence if isinstance(sentence, tuple | list) else [str(sentence)]
    return {name for text in texts for _, name, _, _ in string.Formatter().parse(text) if name}


@pytest.mark.parametrize("language", OTHERS)
def test_every_sentence_is_translated_and_none_is_left_over(language: str) -> None:
    said = {message.id for message in sentences_said() if message.id}
    held = {message.id for message in read_catalogue(language) if message.id}
    assert said == held, "python -m server.messages brings the catalogues up"
    assert [message.id for message in untranslated(read_catalogue(language))] == []


@pytest.mark.parametrize("language", OTHERS)
def test_a_translation_has_the_figures_of_its_sentence(language: str) -> None:
    for message in read_catalogue(language):
        if message.id:
            assert places(message.string) <= places(message.id), message.id
            assert places(message.id) - places(message.string) <= {"number"}, message.id


def test_a_sentence_is_told_in_the_language_that_is_spoken() -> None:
    assert tell("Sign in") == "Sign in"
    with speaking("zh"):
        assert tell("Sign in") == "登录"
        assert tell("no catalogue has this") == "no catalogue has this"
    assert tell("Sign in") == "Sign in"


def test_numbers_money_and_days_are_written_as_the_language_writes_them() -> None:
    told = {}
    for language in LANGUAGES:
        with speaking(language):
            told[language] = (
                told_number(1234567),
                told_money(-123456, "CNY"),
                told_money(500, "JPY"),
                told_day(date(2026, 11, 26)),
            )
    assert told == {
        "en": ("1,234,567", "-CN¥1,234.56", "JP¥500", "Thu, 26 Nov 2026"),
        "zh": ("1,234,567", "-¥1,234.56", "JP¥500", "2026年11月26日 周四"),
    }


def test_a_number_of_things_has_its_own_words() -> None:
    words = (
        "Too many tries. Try again in a minute.",
        "Too many tries. Try again in {number} minutes.",
    )
    assert tell_number(*words, 1) == "Too many tries. Try again in a minute."
    assert tell_number(*words, 3) == "Too many tries. Try again in 3 minutes."


@pytest.mark.parametrize(
    ("wishes", "language"),
    [
        ((None, "zh-CN,zh;q=0.9,en;q=0.8"), "zh"),
        (("en", "zh-CN"), "en"),
        ((None, "fr-FR, en-US"), "en"),
        (("xx", None, ""), "en"),
        ((None, "*;q=nonsense,,;"), "en"),
    ],
)
def test_the_first_wish_that_can_be_met_is_met(
    wishes: tuple[str | None, ...], language: str
) -> None:
    assert chosen_language(*wishes) == language


def test_a_refusal_is_told_in_the_language_of_who_reads_it() -> None:
    refused = ValueError(
        Said("row {row}, {column}: {words}", row=2, column=Said("price"), words=Said("a number"))
    )
    assert str(refused) == "row 2, price: a number"
    with speaking("zh"):
        assert str(refused) == "第 2 行，价格：须为数字"
        assert in_english(said_by(refused)) == "row 2, price: a number"


def test_a_sentence_that_is_kept_is_told_to_whoever_reads_it_later() -> None:
    kept = keep(Said("there is no {sheet_name} with this id", sheet_name=Said("store")))
    assert str(read_kept(kept)) == "there is no store with this id"
    with speaking("zh"):
        assert str(read_kept(kept)) == "没有此编号的门店"
    assert read_kept("what an older version wrote") == "what an older version wrote"


def test_sentences_and_things_stand_after_one_another_as_the_language_writes_them() -> None:
    things, sentences = listed(["A", "B", "C"]), joined([Said("a number"), Said("yes or no")])
    assert (str(things), str(sentences)) == ("A, B, C", "a number; yes or no")
    with speaking("zh"):
        assert (str(things), str(sentences)) == ("A、B、C", "须为数字；须为是或否")


def test_a_word_that_chinese_tells_apart_says_what_it_is_of() -> None:
    assert {tell("open|store"), tell("open|task"), tell("open")} == {"open"}
    with speaking("zh"):
        assert (tell("open|store"), tell("open|task")) == ("营业中", "未完成")
