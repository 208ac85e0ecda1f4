"""What edits look back on gives the same answers as walking all versions anew for each."""

from dataclasses import dataclass
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from sync.history import History

PEOPLE = st.sampled_from(["ana", "sam", None])
FIELDS = st.fixed_dictionaries({"a": st.integers(0, 1), "b": st.integers(0, 1)})
VERSIONS = st.lists(st.tuples(PEOPLE, FIELDS), min_size=1, max_size=12)


@dataclass(frozen=True)
class Version:
    version: int
    changed_by: str | None
    fields: dict[str, Any]


def numbered(made: list[tuple[str | None, dict[str, int]]]) -> list[Version]:
    return [Version(n, by, fields) for n, (by, fields) in enumerate(made, 1)]


@given(made=VERSIONS, base=st.integers(0, 12), person=st.sampled_from(["ana", "sam"]))
def test_a_base_includes_what_its_person_made_right_after_it(
    made: list[tuple[str | None, dict[str, int]]], base: int, person: str
) -> None:
    *older, held = numbered(made)
    history: History[Version] = History()
    for version in older:
        history.add(version)
    meant = history.meant(base, person, held)
    if not 1 <= base <= len(made):
        assert meant is None
        return
    while base < len(made) and made[base][0] == person:
        base += 1
    assert meant is not None
    assert meant.version == base


@given(made=VERSIONS)
def test_the_last_writer_of_each_field_is_known_after_every_further_version(
    made: list[tuple[str | None, dict[str, int]]],
) -> None:
    versions = numbered(made)
    history: History[Version] = History()
    wrote: dict[str, Version] = {}
    for before, held in zip([None, *versions], versions, strict=False):
        if before is not None:
            history.add(before)
            wrote |= {n: held for n in ("a", "b") if before.fields[n] != held.fields[n]}
        assert history.last_written(("a", "b"), held) == wrote
