"""Codes stand once, have words, and are never used again."""

from mobile_contract.answers import Result
from mobile_contract.envelope import ItemResult, Limits
from mobile_contract.problems import ITEM_CODES, ITEM_STATUSES, REQUEST_CODES, RETIRED
from mobile_contract.version import BOUNDS


def test_a_code_stands_once() -> None:
    for table in (ITEM_CODES, REQUEST_CODES):
        codes = [each.code for each in table]
        assert len(codes) == len(set(codes))
        assert not set(codes) & set(RETIRED)


def test_every_code_and_status_says_what_the_phone_must_do() -> None:
    for each in (*ITEM_STATUSES, *ITEM_CODES, *REQUEST_CODES):
        assert each.meaning.endswith(".")
        assert each.phone_must.endswith(".")


def test_the_typed_result_has_the_fields_of_its_schema() -> None:
    assert set(Result.__struct_fields__) == set(ItemResult().fields)


def test_a_phone_is_told_every_bound() -> None:
    assert set(BOUNDS) == set(Limits().fields)
