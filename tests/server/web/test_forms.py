"""Forms in the office: what they ask in words, a new version from a file, publishing, retiring, and what was answered."""

import copy
import csv
import io
import json
from typing import Any
from uuid import UUID

import pytest
from flask.testing import FlaskClient

from server.forms.differences import compare_definitions
from sync.engine import Engine as SyncEngine
from sync.kinds import ALL_KINDS
from tests.factories import TODAY, Person
from tests.form_factories import answer, definition, published
from tests.server.web.conftest import Office, token_in
from tests.standing import SECRET
from tests.sync.talking import Phone, counted_statements

WITH_BRANCH: dict[str, Any] = {
    "code": "CAMPAIGN",
    "title": "Campaign",
    "titles": {"zh": "活动调查"},
    "questions": [
        {"code": "seen", "type": "BOOL", "title": "Was one seen?", "required": True},
        {
            "code": "means",
            "type": "CHOICES",
            "title": "By what means?",
            "shown_when": "seen",
            "options": [{"code": "price_off", "title": "Price off"}],
        },
        {
            "code": "off",
            "type": "INT",
            "title": "How much off?",
            "shown_when": '"price_off" in means',
        },
        {"code": "note", "type": "TEXT", "title": "Why?", "shown_when": "seen && off >= 50"},
        {
            "code": "odd",
            "type": "TEXT",
            "title": "And?",
            "shown_when": "seen && (off > 1 || off < 9)",
        },
    ],
}


@pytest.fixture
def ada(office: Office) -> FlaskClient:
    return office.browser(office.cast.ada)


def bring(client: FlaskClient, definition: Any) -> Any:
    data = definition if isinstance(definition, bytes) else json.dumps(definition).encode()
    sent = {
        "_token": token_in(client.get("/forms/import")),
        "file": (io.BytesIO(data), "form.json"),
    }
    return client.post(
        "/forms/import", data=sent, content_type="multipart/form-data", follow_redirects=True
    )


def decide(client: FlaskClient, code: str, act: str, **other: str) -> str:
    page = client.get(f"/forms/{code}/acts/{act}").text
    sent = {
        "_token": page.split('name="_token" value="')[1].split('"')[0],
        "basis": page.split('name="basis" value="')[1].split('"')[0],
        **other,
    }
    return client.post(f"/forms/{code}/acts/{act}", data=sent, follow_redirects=True).text


def phone_of(office: Office, person: Person) -> Phone:
    return Phone(SyncEngine(office.database, ALL_KINDS, SECRET), person.device)


def forms_on(phone: Phone) -> list[str]:
    phone.pull()
    return [
        record["fields"]["definition"]["title"]
        for record in phone.held.values()
        if record["kind"] == "form_template"
    ]


def test_a_form_comes_from_a_file_to_phones_and_leaves_them(
    office: Office, ada: FlaskClient
) -> None:
    phone = phone_of(office, office.cast.ana)
    assert "The draft is kept" in bring(ada, WITH_BRANCH).text
    assert forms_on(phone) == []
    asked = ada.get("/forms/CAMPAIGN/acts/publish").text
    assert "Every phone of the company gets this version" in asked
    assert "Phones get it" in decide(ada, "CAMPAIGN", "publish")
    assert forms_on(phone) == ["Campaign"]
    assert "nobody fills it in any more" in ada.get("/forms/CAMPAIGN/acts/retire").text
    decide(ada, "CAMPAIGN", "retire")
    assert forms_on(phone) == []
    assert ada.get("/forms/CAMPAIGN/acts/retire").status_code == 404


def test_branching_is_told_in_words_in_the_language_of_who_looks(ada: FlaskClient) -> None:
    bring(ada, WITH_BRANCH)
    page = ada.get("/forms/CAMPAIGN").text
    assert "Only when “Was one seen?” is yes." in page
    assert "Only when “By what means?” has “Price off”." in page
    assert "Only when “Was one seen?” is yes and “How much off?” is at least 50." in page
    # What is too much for words is told as it is written.
    assert "Only when seen &amp;&amp; (off &gt; 1 || off &lt; 9)." in page
    ada.set_cookie("roadbook_language", "zh")
    assert "活动调查" in ada.get("/forms/CAMPAIGN").text


def test_the_next_version_says_what_it_changes_before_and_after_it_is_published(
    ada: FlaskClient,
) -> None:
    bring(ada, WITH_BRANCH)
    decide(ada, "CAMPAIGN", "publish")
    saved = json.loads(ada.get("/forms/CAMPAIGN/definition").text)
    assert "like this already" in bring(ada, saved).text
    saved["questions"][0]["title"] = "Was any seen?"
    saved["questions"].append({"code": "who", "type": "TEXT", "title": "Who did it?"})
    del saved["questions"][4]
    bring(ada, saved)
    for page in (
        ada.get("/forms/CAMPAIGN/acts/publish").text,
        ada.get("/forms/CAMPAIGN?version=draft").text,
    ):
        assert "<del>Was one seen?</del>" in page
        assert "Who did it?" in page
        assert page.count(">removed<") == 1
    decide(ada, "CAMPAIGN", "publish")
    assert "What version 2 changed in version 1" in ada.get("/forms/CAMPAIGN").text
    assert "Was one seen?" in ada.get("/forms/CAMPAIGN?version=1").text
    assert ada.get("/forms/CAMPAIGN?version=3").status_code == 404


def test_a_part_that_only_went_elsewhere_is_moved_and_the_others_are_not() -> None:
    after = copy.deepcopy(WITH_BRANCH)
    after["questions"].insert(0, after["questions"].pop(3))
    (moved,) = compare_definitions(WITH_BRANCH, after)
    assert (moved.what, moved.name) == ("moved", "Why?")
    assert compare_definitions(WITH_BRANCH, WITH_BRANCH) == []


WRONG: tuple[tuple[bytes, str], ...] = (
    (b"", "Choose a file first."),
    (b"{", "This is no JSON: line 1"),
    (b"\xff\xfe\x00", "This is no UTF-8 text."),
    (b"[" * 100_000, "This is no JSON"),
    (json.dumps({**WITH_BRANCH, "questions": []}).encode(), "questions"),
    (b"[]", "must be"),
)


def test_what_is_wrong_with_a_file_is_told_beside_the_form_and_nothing_is_kept(
    ada: FlaskClient,
) -> None:
    for wrong, told in WRONG:
        answer = bring(ada, wrong)
        assert answer.status_code == 422, wrong[:40]
        assert told in answer.text, wrong[:40]
    assert "There is no form like this." in ada.get("/forms/").text


def test_what_somebody_changed_meanwhile_is_not_published_unseen(ada: FlaskClient) -> None:
    bring(ada, WITH_BRANCH)
    assert "Somebody changed this form meanwhile" in decide(
        ada, "CAMPAIGN", "publish", basis="DRAFT None 2026"
    )
    assert "draft" in ada.get("/forms/?state=DRAFT").text


def test_only_admins_change_forms_and_reps_see_none(office: Office, ada: FlaskClient) -> None:
    bring(ada, WITH_BRANCH)
    sam = office.browser(office.cast.sam)
    assert "Publish the draft" not in sam.get("/forms/CAMPAIGN").text
    for place in ("/forms/import", "/forms/CAMPAIGN/acts/publish", "/forms/CAMPAIGN/acts/retire"):
        assert sam.get(place).status_code == 404
    token = token_in(sam.get("/forms/"))
    assert sam.post("/forms/CAMPAIGN/acts/publish", data={"_token": token}).status_code == 404
    assert office.browser(office.cast.ana).get("/forms/").status_code == 404
    assert ada.get("/forms/NOWHERE").status_code == 404


def filled(office: Office, code: str = "STORE_CHECK") -> UUID:
    """A store check, filled in by Ana."""
    template_id = published(office.database, office.cast.company, definition(code=code))
    phone = phone_of(office, office.cast.ana)
    visit = phone.visit(office.cast.ana_stores[0])
    item = answer(phone, template_id, visit)
    assert phone.statuses(visit, item) == ["applied"] * 2
    return UUID(item["entity_id"])


DAYS = f"first={TODAY}&last={TODAY}"


def test_answers_are_listed_told_and_given_as_a_file_with_a_column_for_each_question(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer_id = filled(office)
    sam = office.browser(office.cast.sam)
    assert str(answer_id) in sam.get(f"/forms/answers/?{DAYS}").text
    page = sam.get(f"/forms/answers/{answer_id}").text
    assert "On the shelf?: yes, Facings: 6" in page
    assert "score 62.50" in page
    with sam.get(f"/forms/answers/?{DAYS}&form=STORE_CHECK&format=csv") as made:
        (row,) = csv.DictReader(io.StringIO(made.data.decode("utf-8-sig")))
    assert row["Facings of the category"] == "24"
    assert row["Must-stock list"] == "2"
    assert row["Own facings"] == "6"
    assert row["Score"] == "62.50"
    with sam.get(f"/forms/answers/?{DAYS}&format=csv") as made:
        assert b"Facings" not in made.data
    with counted_statements(monkeypatch) as few:
        sam.get(f"/forms/answers/?{DAYS}")
    filled_again = filled(office, "ANOTHER")
    with counted_statements(monkeypatch) as more:
        assert str(filled_again) in sam.get(f"/forms/answers/?{DAYS}").text
    assert len(few) == len(more)


def test_answers_of_others_are_not_there(office: Office) -> None:
    answer_id = filled(office)
    with office.database.company(office.cast.company.id) as uow:
        uow.run(
            "update form_answer set position_id = null, person_id = :mia", mia=office.cast.mia.id
        )
    sam = office.browser(office.cast.sam)
    assert str(answer_id) not in sam.get(f"/forms/answers/?{DAYS}").text
    assert sam.get(f"/forms/answers/{answer_id}").status_code == 404
    for place in ("?form=NOWHERE&format=csv", "?first=nonsense", "?after=nonsense"):
        assert sam.get(f"/forms/answers/{place}").status_code == 404
