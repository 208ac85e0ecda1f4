"""Amounts as people write them are whole minor units, and back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync.money import read_amount, told_amount


@pytest.mark.parametrize(
    ("text", "currency", "minor"),
    [
        ("12.50", "EUR", 1_250),
        ("12.5", "EUR", 1_250),
        (" 12 ", "EUR", 1_200),
        ("-0.05", "EUR", -5),
        ("1250", "JPY", 1_250),
        ("1.005", "KWD", 1_005),
        ("0.0001", "CLF", 1),
    ],
)
def test_an_amount_is_read_in_its_currency(text: str, currency: str, minor: int) -> None:
    assert read_amount(text, currency) == minor


@pytest.mark.parametrize(
    ("text", "currency"),
    [("", "EUR"), ("1,50", "EUR"), ("1e3", "EUR"), ("1.505", "EUR"), ("1.5", "JPY"), ("١", "EUR")],
)
def test_what_is_no_amount_is_refused(text: str, currency: str) -> None:
    with pytest.raises(ValueError, match="must"):
        read_amount(text, currency)


@given(st.integers(-(10**14), 10**14), st.sampled_from(("EUR", "JPY", "KWD", "CLF")))
def test_what_is_told_can_be_read_again(minor: int, currency: str) -> None:
    assert read_amount(told_amount(minor, currency), currency) == minor
