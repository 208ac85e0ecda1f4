"""Two edits of one record, field by field, against the four cases of a three-way merge."""

from hypothesis import given
from hypothesis import strategies as st

from sync.conflict import Clash, Kept, Merge, Value, merge

NAMES = st.sampled_from(["address", "contact_name", "contact_phone", "opening_hours"])
VALUES = st.none() | st.booleans() | st.integers(0, 2) | st.sampled_from(["a", "b"])
RECORDS = st.dictionaries(NAMES, VALUES)


def same(one: Value, other: Value) -> bool:
    return one == other and isinstance(one, bool) == isinstance(other, bool)


def test_what_only_the_sender_changed_is_written() -> None:
    result = merge({"address": "old"}, {"address": "old"}, {"address": "new"})
    assert result == Merge({"address": "new"}, {}, {})


def test_what_only_others_changed_stays_theirs() -> None:
    base = {"address": "old", "contact_name": "Li"}
    held = {"address": "old", "contact_name": "Wang"}
    result = merge(base, held, {"address": "new"})
    assert result == Merge({"address": "new"}, {"contact_name": Kept("Wang", "Li")}, {})


def test_a_field_sent_back_unchanged_does_not_undo_what_others_changed() -> None:
    result = merge({"address": "old"}, {"address": "new"}, {"address": "old"})
    assert result == Merge({}, {"address": Kept("new", "old")}, {})


def test_the_same_change_by_both_is_no_conflict() -> None:
    assert merge({"address": "old"}, {"address": "new"}, {"address": "new"}) == Merge({}, {}, {})


def test_different_changes_keep_all_three_values_and_write_nothing() -> None:
    result = merge({"address": "old"}, {"address": "theirs"}, {"address": "mine"})
    assert result == Merge({}, {}, {"address": Clash("old", "theirs", "mine")})


def test_an_absent_field_is_the_same_as_null() -> None:
    assert merge({}, {"note": None}, {"note": "x"}) == Merge({"note": "x"}, {}, {})
    assert merge({"note": "x"}, {}, {"note": None}) == Merge({}, {}, {})


def test_true_is_not_one_anywhere_in_a_value() -> None:
    assert merge({"n": 1}, {"n": 1}, {"n": True}).fields == {"n": True}
    assert merge({"n": [{"x": 0}]}, {"n": [{"x": False}]}, {"n": [{"x": 2}]}).conflicts


def test_equal_nested_values_are_the_same_change() -> None:
    pin = {"lat_e7": 1, "lon_e7": 2}
    assert merge({"pin": None}, {"pin": dict(pin)}, {"pin": pin}) == Merge({}, {}, {})


@given(base=RECORDS, held=RECORDS, sent=RECORDS)
def test_every_field_falls_into_the_one_case_that_describes_it(
    base: dict[str, Value], held: dict[str, Value], sent: dict[str, Value]
) -> None:
    result = merge(base, held, sent)
    for name in base.keys() | held.keys() | sent.keys():
        before, now = base.get(name), held.get(name)
        wanted = sent.get(name, before)
        by_sender, by_others = not same(wanted, before), not same(now, before)
        agreed = same(wanted, now)
        assert (name in result.fields) == (by_sender and not by_others)
        assert (name in result.merged) == (by_others and not by_sender)
        assert (name in result.conflicts) == (by_sender and by_others and not agreed)
    assert not result.fields.keys() & result.conflicts.keys()


@given(base=RECORDS, sent=RECORDS)
def test_an_edit_of_the_current_version_is_never_merged_nor_in_conflict(
    base: dict[str, Value], sent: dict[str, Value]
) -> None:
    result = merge(base, base, sent)
    assert (result.merged, result.conflicts) == ({}, {})
    assert all(same({**base, **result.fields}.get(n), v) for n, v in sent.items())


@given(base=RECORDS, held=RECORDS, sent=RECORDS)
def test_the_same_edit_a_second_time_writes_nothing_more(
    base: dict[str, Value], held: dict[str, Value], sent: dict[str, Value]
) -> None:
    first = merge(base, held, sent)
    again = merge(base, {**held, **first.fields}, sent)
    assert again.fields == {}
    assert again.conflicts == first.conflicts
