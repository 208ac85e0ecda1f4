"""The change log tells who, when, before and after, and never a secret."""

from datetime import date
from uuid import uuid4

import pytest
from sqlalchemy import text, update
from sqlalchemy.exc import ProgrammingError

from server.identity.change_log import Actor, changes_of, log_change
from sync.organisation import change_log
from sync.unit_of_work import Database
from tests.factories import Cast

OPERATOR = Actor.command("test")


def test_an_entry_tells_who_what_and_both_states(db: Database, rows: Cast) -> None:
    subject = uuid4()
    actor = Actor(name="Ada", person_id=rows.ada.id)
    with db.company(rows.company.id) as uow:
        log_change(
            uow,
            actor,
            "thing.change",
            "thing",
            subject,
            before={"day": date(2026, 3, 4), "ids": {subject}},
            after={"nested": [{"n": 1}], "left": None},
        )
    with db.reading(rows.company.id) as uow:
        (entry,) = changes_of(uow, subject_kind="thing", subject_id=subject)
    assert (entry.actor, entry.person_id, entry.action) == ("Ada", rows.ada.id, "thing.change")
    assert entry.before == {"day": "2026-03-04", "ids": [str(subject)]}
    assert entry.after == {"nested": [{"n": 1}], "left": None}
    assert entry.at.tzinfo is not None


def test_nothing_before_is_null_in_the_table(db: Database, rows: Cast) -> None:
    with db.company(rows.company.id) as uow:
        log_change(uow, OPERATOR, "thing.make", "thing", "x", after={})
        log_change(uow, OPERATOR, "thing.end", "thing", "x", before={})
        nulls = uow.rows(
            "select before is null, after is null from change_log"
            " where subject_kind = 'thing' order by id"
        )
    assert [tuple(row) for row in nulls] == [(True, False), (False, True)]


@pytest.mark.parametrize(
    "fields",
    [
        {"password": "x"},
        {"token_hash": "x"},
        {"settings": {"api_secret": "x"}},
        {"list": [{"Next_Token": 1}]},
    ],
)
def test_a_field_named_like_a_secret_is_refused_and_the_change_with_it(
    db: Database, rows: Cast, fields: dict[str, object]
) -> None:
    def change() -> None:
        with db.company(rows.company.id) as uow:
            log_change(uow, OPERATOR, "thing.change", "thing", "y", after={"fine": 1})
            log_change(uow, OPERATOR, "thing.change", "thing", "y", after=fields)

    with pytest.raises(ValueError, match="never holds a secret"):
        change()
    with db.reading(rows.company.id) as uow:
        assert changes_of(uow, subject_kind="thing", subject_id="y") == []


def test_the_application_can_neither_rewrite_nor_delete_an_entry(db: Database, rows: Cast) -> None:
    with db.company(rows.company.id) as uow:
        log_change(uow, OPERATOR, "thing.make", "thing", "z", after={})
    with (
        pytest.raises(ProgrammingError, match="permission denied"),
        db.company(rows.company.id) as uow,
    ):
        uow.connection.execute(update(change_log).values(actor="somebody else"))
    with (
        pytest.raises(ProgrammingError, match="permission denied"),
        db.company(rows.company.id) as uow,
    ):
        uow.connection.execute(text("delete from change_log"))


def test_an_entry_is_seen_in_its_company_only(db: Database, rows: Cast, other: Cast) -> None:
    with db.company(rows.company.id) as uow:
        log_change(uow, OPERATOR, "thing.make", "thing", "w", after={})
    with db.reading(other.company.id) as uow:
        assert changes_of(uow, subject_kind="thing") == []
