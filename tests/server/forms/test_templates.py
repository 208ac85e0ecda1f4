"""Form templates set from above: drafts, versions that stay, and who gets them."""

from collections.abc import Callable, Iterator
from uuid import uuid4

import pytest
import sqlalchemy
from sqlalchemy import insert

from server.forms.errors import FormInvalid, NoSuchForm, NothingToPublish, NotNow
from server.forms.form_list import definition_of, list_forms, show_form
from server.forms.templates import import_template, publish_template, retire_template
from server.identity.change_log import changes_of
from sync import organisation
from sync.scope import rescope
from sync.unit_of_work import Database, UnitOfWork
from tests.factories import TODAY, Cast, Person
from tests.form_factories import OFFICE, definition, published
from tests.sync.talking import Json, Phone

PhoneOf = Callable[[Person], Phone]


@pytest.fixture
def uow(db: Database, cast: Cast) -> Iterator[UnitOfWork]:
    with db.rehearsal(cast.company.id) as opened:
        yield opened


def faults(uow: UnitOfWork, said: Json) -> list[str]:
    with pytest.raises(FormInvalid) as refusal:
        import_template(uow, OFFICE, said)
    return [fault.where for fault in refusal.value.faults]


def test_a_draft_is_on_no_phone_until_it_is_published(
    cast: Cast, phone: PhoneOf, db: Database
) -> None:
    with db.company(cast.company.id) as uow:
        imported = import_template(uow, OFFICE, definition())
    ana = phone(cast.ana)
    ana.pull()
    assert not ana.ids("form_template")
    with db.company(cast.company.id) as uow:
        assert publish_template(uow, OFFICE, "STORE_CHECK").version == 1
    ana.pull()
    fields = ana.fields(str(imported.template_id))
    assert (fields["template_version"], fields["definition"]) == (1, definition())


def test_a_later_version_takes_the_place_of_the_one_in_force(
    cast: Cast, phone: PhoneOf, db: Database
) -> None:
    form = published(db, cast.company)
    ana = phone(cast.ana)
    ana.pull()
    with db.company(cast.company.id) as uow:
        import_template(uow, OFFICE, definition(title="Store check 2"))
    assert ana.pull() == []
    with db.company(cast.company.id) as uow:
        assert publish_template(uow, OFFICE, "STORE_CHECK").version == 2
    ana.pull()
    assert ana.fields(str(form))["definition"]["title"] == "Store check 2"
    with db.reading(cast.company.id) as uow:
        shown = show_form(uow, "STORE_CHECK")
        assert [each.version for each in shown.versions] == [2, 1]
        assert definition_of(uow, shown, 1)["title"] == "Store check"


def test_a_version_never_changes(cast: Cast, db: Database) -> None:
    published(db, cast.company)
    with (
        pytest.raises(sqlalchemy.exc.ProgrammingError, match="permission denied"),
        db.company(cast.company.id) as uow,
    ):
        uow.run("update form_template_version set definition = '{}'")


def test_a_retired_form_leaves_the_phones_and_may_come_back(
    cast: Cast, phone: PhoneOf, db: Database
) -> None:
    form = published(db, cast.company)
    ana = phone(cast.ana)
    ana.pull()
    with db.company(cast.company.id) as uow:
        retire_template(uow, OFFICE, "STORE_CHECK")
    ana.pull()
    assert not ana.ids("form_template")
    with db.company(cast.company.id) as uow, pytest.raises(NotNow):
        retire_template(uow, OFFICE, "STORE_CHECK")
    published(db, cast.company, definition(title="Again"))
    ana.pull()
    assert ana.fields(str(form))["template_version"] == 2


def test_a_form_of_a_division_is_on_the_phones_of_its_people_and_of_those_of_none(
    cast: Cast, phone: PhoneOf, db: Database
) -> None:
    drinks, snacks = uuid4(), uuid4()
    with db.company(cast.company.id) as uow:
        uow.connection.execute(
            insert(organisation.division),
            [
                {"company_id": cast.company.id, "id": id_, "code": code, "name": code.title()}
                for id_, code in ((drinks, "DRINKS"), (snacks, "SNACKS"))
            ],
        )
        for person, division in ((cast.ana, drinks), (cast.ben, snacks)):
            uow.run(
                "update position set division_id = :division where id = :id",
                division=division,
                id=person.position_id,
            )
        rescope(uow, [person.id for person in cast.people], TODAY)
    published(db, cast.company, definition(divisions=["DRINKS"]))
    for person, holds in ((cast.ana, True), (cast.ben, False), (cast.sam, True)):
        one = phone(person)
        one.pull()
        assert bool(one.ids("form_template")) is holds, person.name


def test_everything_that_is_wrong_is_told_and_nothing_is_kept(uow: UnitOfWork) -> None:
    said = definition(divisions=["NOWHERE"])
    said["questions"][0]["rows"] = {
        "source": "FIXED",
        "items": [{"code": "tea", "title": "Tea", "product_code": "TEA-1"}],
    }
    assert faults(uow, said) == ["questions[0].rows.items[0].product_code", "divisions[0]"]
    said["scores"][0]["points"] = "later"
    said["questions"][3]["minimum"] = 501
    assert faults(uow, said) == ["questions[3].minimum", "scores[0].points"]
    assert faults(uow, {"code": "X"}) == ["title", "questions"]
    assert list_forms(uow, states=("DRAFT", "PUBLISHED", "RETIRED"), at_most=9) == []


def test_a_product_that_is_named_by_an_id_alone_is_refused(uow: UnitOfWork) -> None:
    said = definition()
    said["questions"][0]["rows"] = {
        "source": "FIXED",
        "items": [{"code": "tea", "title": "Tea", "product_id": str(uuid4())}],
    }
    assert faults(uow, said) == ["questions[0].rows.items[0].product_id"]


def test_products_are_named_by_code_and_found_when_it_is_published(
    cast: Cast, db: Database, uow: UnitOfWork
) -> None:
    tea = uuid4()
    uow.run(
        "insert into product (company_id, id, number, code, name, category, brand, is_own, status)"
        " values (:company, :id, 1, 'TEA-1', 'Tea', 'Drinks', 'Yun', true, 'ACTIVE')",
        company=cast.company.id,
        id=tea,
    )
    said = definition()
    said["questions"][0]["rows"] = {
        "source": "FIXED",
        "items": [{"code": "tea", "title": "Tea", "product_code": "TEA-1"}],
    }
    import_template(uow, OFFICE, said)
    publish_template(uow, OFFICE, "STORE_CHECK")
    held = definition_of(uow, show_form(uow, "STORE_CHECK"))
    assert held["questions"][0]["rows"]["items"][0]["product_id"] == str(tea)
    # The same file again is no change, though the version knows more.
    assert not import_template(uow, OFFICE, said).is_changed


def test_the_same_definition_again_changes_nothing(uow: UnitOfWork) -> None:
    first = import_template(uow, OFFICE, definition())
    assert (first.is_new, first.is_changed) == (True, True)
    again = import_template(uow, OFFICE, definition())
    assert (again.template_id, again.is_new, again.is_changed) == (first.template_id, False, False)
    publish_template(uow, OFFICE, "STORE_CHECK")
    assert not import_template(uow, OFFICE, definition()).is_changed
    with pytest.raises(NothingToPublish):
        publish_template(uow, OFFICE, "STORE_CHECK")


def test_a_form_that_is_not_there_is_told(uow: UnitOfWork) -> None:
    for act in (publish_template, retire_template):
        with pytest.raises(NoSuchForm):
            act(uow, OFFICE, "NIX")
    with pytest.raises(NoSuchForm):
        show_form(uow, "NIX")


def test_each_change_is_logged_with_what_was_before(uow: UnitOfWork) -> None:
    id_ = import_template(uow, OFFICE, definition()).template_id
    import_template(uow, OFFICE, definition(title="Other"))
    publish_template(uow, OFFICE, "STORE_CHECK")
    retire_template(uow, OFFICE, "STORE_CHECK")
    log = changes_of(uow, subject_kind="form_template", subject_id=id_)
    assert [(one.action, one.actor) for one in reversed(log)] == [
        ("import", "the office"),
        ("import", "the office"),
        ("publish", "the office"),
        ("retire", "the office"),
    ]
    retired, made, changed, first = log
    assert first.after is not None
    assert first.after["draft"]["title"] == "Store check"
    assert changed.before is not None
    assert changed.before["draft"]["title"] == "Store check"
    assert (made.before, made.after) == (
        {"state": "DRAFT", "version": None},
        {"state": "PUBLISHED", "version": 1},
    )
    assert retired.after == {"state": "RETIRED", "version": 1}


def test_forms_are_listed_by_code_and_state(uow: UnitOfWork) -> None:
    import_template(uow, OFFICE, definition(code="B"))
    import_template(uow, OFFICE, definition(code="A"))
    publish_template(uow, OFFICE, "B")
    found = list_forms(uow, states=("DRAFT", "PUBLISHED"), at_most=5)
    assert [(one.code, one.state, one.version, one.has_draft) for one in found] == [
        ("A", "DRAFT", None, True),
        ("B", "PUBLISHED", 1, False),
    ]
    assert [one.questions for one in found] == [7, 7]
    assert [one.code for one in list_forms(uow, states=("DRAFT",), at_most=5)] == ["A"]
