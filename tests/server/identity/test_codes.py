"""Enrolment codes survive how people read, type and dictate them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.identity.codes import ALPHABET, EnrolmentCode, hash_secret, make_code, read_code

CODE = EnrolmentCode(company_code="DEMO", handle="7K30", secret="1Q0XVT")


@pytest.mark.parametrize(
    "typed",
    [
        "DEMO-7K30-1Q0XVT",
        "demo-7k30-1q0xvt",
        "  Demo 7K30 1Q0XVT \n",
        "DEMO7K301Q0XVT",
        "DEMO-7K3O-IQOXVT",
        "demo-7k3o-lqoxvt",
        "DEMO–7K30—1Q0 XVT",
        "DEMO-7K-30-1Q-0X-VT",
    ],
)
def test_a_code_is_read_however_it_is_typed(typed: str) -> None:
    assert read_code(typed) == CODE


def test_a_companys_code_may_have_hyphens_and_the_letters_that_others_mistake() -> None:
    read = read_code("oil-co-7K30-1Q0XVT")
    assert read is not None
    assert (read.company_code, read.handle) == ("OIL-CO", "7K30")


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "DEMO",
        "7K30-1Q0XVT",
        "-7K30-1Q0XVT",
        "DEMO-7K30-1Q0XU!",
        "DEMO-7K30-1Q0XVU",
        "DEMO-7K30-1Q0XVß",
        "DEMO-7K30-1Q0XV\ud800",
        "DE\0MO-7K30-1Q0XVT",
        "D" * 5_000 + "-7K30-1Q0XVT",
        "ДЕМО-7K30-1Q0XVT",
    ],
)
def test_what_cannot_be_a_code_is_none(typed: str) -> None:
    assert read_code(typed) is None


@given(st.text(max_size=60))
def test_any_text_is_a_code_or_none(typed: str) -> None:
    read = read_code(typed)
    assert read is None or read_code(read.text) == read


def test_every_code_that_is_made_is_read_back() -> None:
    for _ in range(200):
        code = make_code("DEMO")
        assert set(code.handle + code.secret) <= set(ALPHABET)
        assert read_code(code.text) == code


def test_the_secret_is_not_shown_by_accident() -> None:
    assert CODE.secret not in repr(CODE)


def test_the_hash_of_a_secret_belongs_to_its_company_and_handle() -> None:
    others = [
        EnrolmentCode(company_code="OTHER", handle="7K30", secret="1Q0XVT"),
        EnrolmentCode(company_code="DEMO", handle="7K31", secret="1Q0XVT"),
        EnrolmentCode(company_code="DEMO", handle="7K30", secret="1Q0XVS"),
    ]
    hashes = {hash_secret(code) for code in (CODE, *others)}
    assert len(hashes) == 4
    assert hash_secret(CODE) in hashes
