"""A company is founded once, whole, and by the owner alone."""

from collections.abc import Iterator
from uuid import uuid4

import pytest
from sqlalchemy import Engine, create_engine
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.pool import NullPool

from server.identity import founding
from server.identity.change_log import Actor, changes_of
from server.identity.errors import (
    CompanyCodeInvalid,
    CompanyExists,
    IdentityError,
    NameInvalid,
    SettingInvalid,
)
from server.identity.founding import found_company, list_companies
from sync.policy import current_policy
from sync.unit_of_work import Database

ZONE = "Asia/Shanghai"
BY = Actor.command("test")


@pytest.fixture
def owner(fresh_database: dict[str, str]) -> Iterator[Engine]:
    made = create_engine(fresh_database["owner"], poolclass=NullPool)
    yield made
    made.dispose()


@pytest.fixture
def own(fresh_database: dict[str, str]) -> Iterator[Database]:
    made = create_engine(fresh_database["app"])
    yield Database(made)
    made.dispose()


def test_a_company_has_its_policy_is_logged_and_listed(owner: Engine, own: Database) -> None:
    company_id = found_company(owner, own, BY, code=" acme ", name="Acme  Foods", time_zone=ZONE)
    with own.reading(company_id) as uow:
        version, policy = current_policy(uow)
        (entry,) = changes_of(uow)
        assert uow.rows("select count(*) from record")[0][0] == 1
    assert (version, policy.time_zone) == (1, ZONE)
    assert (entry.action, entry.actor, entry.subject_id) == ("company.found", "test", "ACME")
    (listed,) = list_companies(own)
    assert (listed.code, listed.name, listed.people) == ("ACME", "Acme Foods", 0)


def test_a_second_company_gets_its_own_policy(owner: Engine, own: Database) -> None:
    found_company(owner, own, BY, code="A", name="A", time_zone=ZONE)
    second = found_company(owner, own, BY, code="B", name="B", time_zone="Europe/Paris")
    with own.reading(second) as uow:
        assert current_policy(uow)[1].time_zone == "Europe/Paris"
        assert "Europe/Paris" in uow.rows("select doc from record")[0].doc
    assert [one.code for one in list_companies(own)] == ["A", "B"]


def test_a_code_is_taken_once(owner: Engine, own: Database) -> None:
    found_company(owner, own, BY, code="ACME", name="Acme", time_zone=ZONE)
    with pytest.raises(CompanyExists):
        found_company(owner, own, BY, code="acme", name="Other", time_zone=ZONE)


def test_one_that_was_broken_off_is_finished_by_founding_it_again(
    owner: Engine, own: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as broken:
        broken.setattr(founding, "publish_policy", lambda _uow: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            found_company(owner, own, BY, code="ACME", name="Acme", time_zone=ZONE)
    company_id = found_company(owner, own, BY, code="ACME", name="Acme", time_zone=ZONE)
    with own.reading(company_id) as uow:
        assert len(changes_of(uow)) == 1
    assert len(list_companies(own)) == 1


@pytest.mark.parametrize(
    ("code", "name", "zone", "error"),
    [
        ("", "Acme", ZONE, CompanyCodeInvalid),
        ("-ACME", "Acme", ZONE, CompanyCodeInvalid),
        ("AC ME", "Acme", ZONE, CompanyCodeInvalid),
        ("店", "Acme", ZONE, CompanyCodeInvalid),
        ("A" * 21, "Acme", ZONE, CompanyCodeInvalid),
        ("ACME", " ", ZONE, NameInvalid),
        ("ACME", "Acme", "Mars/Olympus", SettingInvalid),
    ],
)
def test_what_a_company_cannot_be_is_refused(
    owner: Engine, own: Database, code: str, name: str, zone: str, error: type[IdentityError]
) -> None:
    with pytest.raises(error):
        found_company(owner, own, BY, code=code, name=name, time_zone=zone)
    assert list_companies(own) == []


def test_the_services_role_founds_none(own: Database) -> None:
    with pytest.raises(ProgrammingError):
        found_company(own.engine, own, BY, code=uuid4().hex[:8], name="x", time_zone=ZONE)
