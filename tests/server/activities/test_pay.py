"""What a store gets for what an auditor passed."""

from fractions import Fraction

import pytest

from server.activities.pay import Share, compliance_of, pay_for
from server.identity.errors import SettingInvalid
from server.identity.policy import changed_policy
from sync.policy import Policy


@pytest.mark.parametrize(
    ("passed", "required", "share", "amount_minor"),
    [
        (10, 10, Share.FULL, 30_001),
        (8, 10, Share.FULL, 30_001),
        (4, 5, Share.FULL, 30_001),
        (799, 1_000, Share.HALF, 15_000),
        (6, 10, Share.HALF, 15_000),
        (599, 1_000, Share.NONE, 0),
        (0, 10, Share.NONE, 0),
        (0, 0, Share.FULL, 30_001),
    ],
)
def test_the_share_follows_from_the_compliance(
    passed: int, required: int, share: Share, amount_minor: int
) -> None:
    pay = pay_for(passed, required, 30_001, Policy())
    assert (pay.share, pay.amount_minor) == (share, amount_minor)


def test_the_bounds_are_the_companys() -> None:
    strict = changed_policy(Policy(), {"pay_full_percent": 95, "pay_half_percent": 90})
    assert pay_for(9, 10, 100, strict).share is Share.HALF
    assert pay_for(8, 10, 100, strict).share is Share.NONE


def test_half_pay_is_not_asked_more_for_than_full_pay() -> None:
    with pytest.raises(SettingInvalid, match="pay_half_percent"):
        changed_policy(Policy(), {"pay_half_percent": 81})


def test_compliance_is_exact() -> None:
    assert compliance_of(2, 3) == Fraction(2, 3)


@pytest.mark.parametrize(("passed", "required"), [(2, 1), (-1, 1), (0, -1)])
def test_more_cannot_be_passed_than_is_required(passed: int, required: int) -> None:
    with pytest.raises(ValueError, match="cannot be passed"):
        compliance_of(passed, required)
