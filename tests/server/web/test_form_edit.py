"""The editor of forms: a form is made part by part, kept as it goes, tried out, and published when it is whole."""

from concurrent.futures import ThreadPoolExecutor, wait
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from typing import Any
from uuid import UUID

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine, text
from werkzeug.test import TestResponse

from mobile_contract.records.form_template import ASKED, WORKED_OUT
from mobile_contract.records.visit import STEPS
from server.forms.edits import begin_change, change_edit, purge_edits
from server.forms.form_list import definition_of, show_form
from server.identity.sessions import begin_session
from server.web.desk import SESSION_COOKIE
from tests.factories import add_occupancy, add_person, add_position
from tests.form_factories import definition, published
from tests.server.web.conftest import Office, token_in
from tests.server.web.test_forms import forms_on, phone_of

Json = dict[str, Any]


@pytest.fixture
def ada(office: Office) -> FlaskClient:
    return office.browser(office.cast.ada)


@pytest.fixture
def bea(office: Office, owner_engine: Engine) -> FlaskClient:
    """Another admin of the same company."""
    company = office.cast.company
    with owner_engine.begin() as connection:
        person = add_person(connection, company, "bea")
        position = add_position(
            connection, company, "second", role="admin", region_id=office.cast.regions.north
        )
        add_occupancy(connection, company, position_id=position, person_id=person)
    client = office.app.test_client()
    with office.database.company(company.id) as uow:
        cookie = begin_session(uow, person, browser="test", now=datetime.now(UTC))
    client.set_cookie(SESSION_COOKIE, cookie)
    return client


class OpenForm(HTMLParser):
    """What a browser would send of the part that is open."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.fields: dict[str, list[str]] = {}
        self._is_in = False
        self._select: tuple[str, list[tuple[str, bool]]] | None = None
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        said = dict(attrs)
        if tag == "form":
            self._is_in = said.get("class") == "part-form"
        if not self._is_in:
            return
        name, value = said.get("name") or "", said.get("value") or ""
        if tag == "input" and (said.get("type") != "checkbox" or "checked" in said):
            self.fields.setdefault(name, []).append(value)
        if tag == "select":
            self._select = (name, [])
        if tag == "option" and self._select:
            self._select[1].append((value, "selected" in said))

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._is_in = False
        if tag == "select" and self._select:
            name, options = self._select
            chosen = [value for value, is_chosen in options if is_chosen]
            self.fields.setdefault(name, []).append(chosen[0] if chosen else options[0][0])
            self._select = None


class Maker:
    """Somebody at the editor of one form."""

    def __init__(self, client: FlaskClient, office: Office, edit_id: str) -> None:
        self.client, self.office = client, office
        self.place = f"/forms/edits/{edit_id}"

    def page(self, opened: str = "") -> str:
        answer = self.client.get(f"{self.place}?open={opened}")
        assert answer.status_code == 200
        return answer.text

    def post(self, below: str = "", **said: Any) -> TestResponse:
        said["_token"] = token_in(self.client.get(self.place))
        return self.client.post(f"{self.place}{below}", data=said)

    def act(self, part: str, act: str = "save", **said: Any) -> str:
        """An act that is done; where the editor goes on."""
        answer = self.post(part=part, act=act, **said)
        assert answer.status_code == 303, answer.text
        return answer.location

    def refused(self, part: str, act: str = "save", **said: Any) -> str:
        answer = self.post(part=part, act=act, **said)
        assert answer.status_code == 422
        return answer.text

    @property
    def definition(self) -> Json:
        with self.office.database.reading(self.office.cast.company.id) as uow:
            (row,) = uow.rows(
                "select definition from form_edit where id = :id", id=self.place.split("/")[-1]
            )
        found: Json = row.definition
        return found

    def question(self, code: str) -> Json:
        return next(one for one in self.definition["questions"] if one["code"] == code)

    def publish(self, act: str = "publish") -> str:
        page = self.client.get(f"{self.place}/review").text
        seen = page.split('name="seen" value="')[1].split('"')[0]
        said = {"_token": token_in(self.client.get(self.place)), "seen": seen, "act": act}
        return self.client.post(f"{self.place}/publish", data=said, follow_redirects=True).text


def begin(client: FlaskClient, office: Office, **said: str) -> Maker:
    said = {"title": "Survey", "zh": "调查", "code": "survey", "like": "", **said}
    said["_token"] = token_in(client.get("/forms/new"))
    answer = client.post("/forms/new", data=said)
    assert answer.status_code == 303, answer.text
    return Maker(client, office, answer.location.split("/")[-1])


def change(client: FlaskClient, office: Office, code: str) -> Maker:
    said = {"_token": token_in(client.get(f"/forms/{code}"))}
    answer = client.post(f"/forms/{code}/edits", data=said)
    assert answer.status_code == 303
    return Maker(client, office, answer.location.split("/")[-1])


def in_force(office: Office, code: str) -> Json:
    with office.database.reading(office.cast.company.id) as uow:
        return definition_of(uow, show_form(uow, code))


def test_a_form_is_made_on_pages_and_comes_to_phones(office: Office, ada: FlaskClient) -> None:
    phone = phone_of(office, office.cast.ana)
    maker = begin(ada, office)
    assert "There must be from 1 to 100." in maker.page()
    maker.act("questions", "add", title="Was one seen?", zh="见过吗？", type="BOOL")
    place = maker.act("questions", "add", title="How many?", type="INT")
    assert "open=question:how_many" in place
    maker.act(
        "question:how_many",
        title="How many?",
        type="INT",
        required="1",
        decimals="1",
        minimum="0.5",
        maximum="20",
        when=["was_one_seen yes", ""],
        when_number=["", ""],
        joiner="all",
    )
    assert maker.question("how_many") == {
        "code": "how_many",
        "type": "INT",
        "title": "How many?",
        "required": True,
        "decimals": 1,
        "minimum": 5,
        "maximum": 200,
        "shown_when": "was_one_seen",
    }
    assert "Only when “Was one seen?” is yes." in maker.page()
    assert forms_on(phone) == []
    assert "Phones get it with their next sync." in maker.publish()
    assert forms_on(phone) == ["Survey"]
    assert in_force(office, "SURVEY")["questions"][0]["titles"] == {"zh": "见过吗？"}
    assert ada.get(maker.place).status_code == 404


def test_choices_are_added_moved_and_removed_by_buttons_alone(
    office: Office, ada: FlaskClient
) -> None:
    maker = begin(ada, office)
    maker.act("questions", "add", title="Which?", type="CHOICE")
    said: Json = {"title": "Which?", "type": "CHOICE"}
    lists = {"option_code": ["", ""], "option_title": ["Red", "Blue"], "option_zh": ["红", ""]}
    assert "open=" in maker.act("question:which", "more", **said, **lists)
    assert maker.question("which")["options"] == [
        {"code": "red", "title": "Red", "titles": {"zh": "红"}},
        {"code": "blue", "title": "Blue"},
    ]
    lists = {
        "option_code": ["red", "blue"],
        "option_title": ["Crimson", "Blue"],
        "option_zh": ["红", ""],
    }
    maker.act("question:which", "option-down:0", **said, **lists)
    assert [one["title"] for one in maker.question("which")["options"]] == ["Blue", "Crimson"]
    lists = {
        "option_code": ["blue", "red"],
        "option_title": ["Blue", "Crimson"],
        "option_zh": ["", "红"],
    }
    maker.act("question:which", "option-remove:0", **said, **lists)
    assert [one["code"] for one in maker.question("which")["options"]] == ["red"]


def test_what_stands_on_a_question_is_told_when_it_is_to_go(
    office: Office, ada: FlaskClient
) -> None:
    published(office.database, office.cast.company)
    maker = change(ada, office, "STORE_CHECK")
    before = maker.definition
    assert "this question stays: “What is on it?”, “Display” needs its answer" in maker.refused(
        "question:has_display", "remove"
    )
    assert "it stays behind it" in maker.refused("question:display_note", "up")
    page = maker.refused("question:has_display", title="A display?", type="TEXT")
    assert "stays of this kind" in page
    assert maker.definition == before
    maker.act("question:display_note", "remove")
    assert len(maker.definition["questions"]) == 6


def test_what_was_typed_stays_beside_what_is_wrong_with_it(
    office: Office, ada: FlaskClient
) -> None:
    maker = begin(ada, office)
    maker.act("questions", "add", title="How many?", type="INT")
    page = maker.refused("question:how_many", title="How many then?", type="INT", minimum="few")
    assert 'value="few"' in page
    assert 'value="How many then?"' in page
    assert page.count("A number like this answer has it, please.") == 1
    assert "Not saved yet: see what stands beside the fields." in page
    assert maker.question("how_many")["title"] == "How many?"
    assert "must be there" in maker.refused("questions", "add", title=" ", type="TEXT")
    assert "Choose one of the list." in maker.refused("questions", "add", title="A", type="SONG")
    assert "Choose one of the list." in maker.refused("question:how_many", title="A", type="SONG")
    maker.act("questions", "add", title="And?", type="TEXT")
    page = maker.refused(
        "question:and", title="And?", type="TEXT", when="how_many >=", when_number=""
    )
    assert "Say with which number it is compared." in page


def test_a_form_of_a_file_is_opened_and_saved_without_changing_what_it_says(
    office: Office, ada: FlaskClient
) -> None:
    """Every part is saved as its form shows it: nothing that the editor does not offer is lost."""
    form = definition()
    form["questions"].append(
        {
            "code": "odd",
            "type": "TEXT",
            "title": "Odd?",
            "titles": {"de": "Seltsam?", "zh": "怪？"},
            "shown_when": "has_display && (category_facings > 3 || category_facings < 2)",
        }
    )
    published(office.database, office.cast.company, form)
    maker = change(ada, office, "STORE_CHECK")
    before = maker.definition
    parts = [f"question:{one['code']}" for one in before["questions"]]
    parts += [f"column:stock:{code}" for code in ("state", "facings")]
    parts += [f"score:{one['code']}" for one in before["scores"]]
    for part in ("head", "measures", *parts):
        fields = OpenForm(maker.page(part)).fields
        assert fields.pop("part") == [part]
        said: Json = {name: value for name, value in fields.items() if name != "_token"}
        maker.act(part, **said)
    assert maker.definition == before
    assert "There is nothing to publish" in ada.get(f"{maker.place}/review").text


def test_lists_counts_scores_and_measures_are_made_on_pages(
    office: Office, ada: FlaskClient
) -> None:
    maker = begin(ada, office)
    maker.act("questions", "add", title="Shelf", type="ROWS")
    assert "Say what is asked in each row." in maker.page()
    maker.act("question:shelf", "add-column", title="There?", type="BOOL")
    maker.act("question:shelf", "add-column", title="Facings", type="INT")
    maker.act("column:shelf:facings", title="Facings", type="INT", minimum="0", where="there=true")
    maker.act("questions", "add", title="Present", type="TALLY")
    assert "Say which list it is counted from." in maker.page()
    maker.act(
        "question:present",
        title="Present",
        type="TALLY",
        tally_rows="shelf",
        take="COUNT",
        where="there=true",
    )
    maker.act("questions", "add", title="Own facings", type="TALLY")
    maker.act(
        "question:own_facings",
        title="Own facings",
        type="TALLY",
        tally_rows="shelf",
        take="SUM",
        tally_column="facings",
    )
    maker.act("questions", "add", title="Share", type="COMPUTED")
    maker.act(
        "question:share",
        title="Share",
        type="COMPUTED",
        result="INT",
        left="present",
        sign="1000/",
        right="own_facings",
    )
    maker.act("score", "add", title="Shelf", points_from="share")
    maker.act(
        "score:shelf",
        title="Shelf",
        weight="3",
        full="20",
        points_from="share",
        over="present",
        out_of="own_facings",
        when="own_facings >",
        when_number="0",
    )
    maker.act(
        "measures", **{"over-OSA": "present", "out_of-OSA": "own_facings", "over-STORE_SCORE": "1"}
    )
    found = maker.definition
    assert found["questions"][0]["columns"] == [
        {"code": "there", "type": "BOOL", "title": "There?"},
        {
            "code": "facings",
            "type": "INT",
            "title": "Facings",
            "minimum": 0,
            "shown_when": [{"column": "there", "any_of": [True]}],
        },
    ]
    assert found["questions"][1]["tally"] == {
        "rows": "shelf",
        "take": "COUNT",
        "where": [{"column": "there", "any_of": [True]}],
    }
    assert found["questions"][3]["expression"] == "1000 * present / own_facings"
    assert found["scores"] == [
        {
            "code": "shelf",
            "title": "Shelf",
            "weight": 3,
            "full": 20,
            "points": "20 * present / own_facings",
            "applies_when": "own_facings > 0",
        }
    ]
    assert found["measures"] == [
        {"measure": "OSA", "over": "present", "out_of": "own_facings"},
        {"measure": "STORE_SCORE"},
    ]
    maker.publish()
    assert in_force(office, "SURVEY")["scores"][0]["weight"] == 3


def test_the_trial_beside_the_editor_follows_the_answers(office: Office, ada: FlaskClient) -> None:
    maker = begin(ada, office)
    maker.act("questions", "add", title="Was one seen?", type="BOOL")
    maker.act("questions", "add", title="How many?", type="INT")
    maker.act(
        "question:how_many", title="How many?", type="INT", when="was_one_seen yes", when_number=""
    )
    token = token_in(ada.get(maker.place))
    part = {"HX-Request": "true"}
    for said, is_asked in (({}, False), ({"a.was_one_seen": "yes"}, True)):
        shown = ada.post(f"{maker.place}/try", data={"_token": token, **said}, headers=part).text
        assert ("How many?" in shown) is is_asked
        assert "<html" not in shown
    whole = ada.post(f"{maker.place}/try", data={"_token": token, "a.was_one_seen": "yes"}).text
    assert 'name="a.how_many"' in whole
    assert "<h1>" in whole


def test_what_is_not_published_is_kept_for_its_maker_and_nobody_else(
    office: Office, ada: FlaskClient, bea: FlaskClient
) -> None:
    maker = begin(ada, office)
    maker.act("questions", "add", title="Was one seen?", type="BOOL")
    again = office.browser(office.cast.ada)
    assert f'href="{maker.place}"' in again.get("/forms/").text
    assert "Was one seen?" in again.get(maker.place).text
    other = bea
    assert maker.place not in other.get("/forms/").text
    for place in (maker.place, f"{maker.place}/review", f"{maker.place}/drop"):
        assert other.get(place).status_code == 404
    said = {"_token": token_in(other.get("/forms/new")), "part": "questions", "act": "add"}
    assert other.post(maker.place, data=said).status_code == 404
    for below in ("/publish", "/drop", "/basis", "/try", "/undo"):
        assert other.post(f"{maker.place}{below}", data=said).status_code == 404
    assert office.browser(office.cast.ana).get("/forms/new").status_code == 404


def test_two_admins_at_one_form_are_told_of_each_other_and_none_is_overwritten(
    office: Office, ada: FlaskClient, bea: FlaskClient
) -> None:
    published(office.database, office.cast.company)
    mine, other = change(ada, office, "STORE_CHECK"), change(bea, office, "STORE_CHECK")
    assert "bea is changing this form too" in mine.page()
    other.act("questions", "add", title="Anything else?", type="TEXT")
    other.publish()
    mine.act("questions", "add", title="And the neighbour?", type="TEXT")
    page = mine.page()
    assert "Somebody changed this form meanwhile" in page
    assert "Anything else?" in page
    review = ada.get(f"{mine.place}/review").text
    assert "Somebody changed this form meanwhile" in review
    assert 'id="publish"' not in review
    with office.database.reading(office.cast.company.id) as uow:
        (row,) = uow.rows("select changed_at from form_edit")
    answer = mine.post("/publish", seen=row.changed_at.isoformat(), act="publish")
    assert answer.status_code == 303
    assert in_force(office, "STORE_CHECK")["questions"][-1]["title"] == "Anything else?"
    basis = page.split('name="basis" value="')[1].split('"')[0]
    assert mine.post("/basis", basis="PUBLISHED 1 None").status_code == 303
    assert "Somebody changed this form meanwhile" in mine.page()
    mine.post("/basis", basis=basis)
    assert "Begun from version 2." in mine.page()
    review = ada.get(f"{mine.place}/review").text
    assert "Publish version 3" in review
    assert review.count(">removed<") == 1
    mine.publish()
    assert in_force(office, "STORE_CHECK")["questions"][-1]["title"] == "And the neighbour?"


def test_what_is_published_is_what_was_looked_at(office: Office, ada: FlaskClient) -> None:
    maker = begin(ada, office)
    maker.act("questions", "add", title="Was one seen?", type="BOOL")
    page = ada.get(f"{maker.place}/review").text
    seen = page.split('name="seen" value="')[1].split('"')[0]
    maker.act("questions", "add", title="How many?", type="INT")
    answer = maker.post("/publish", seen=seen, act="publish")
    assert answer.location.endswith("/review")
    assert ada.get("/forms/SURVEY").status_code == 404


def test_before_publishing_it_is_told_who_gets_it_and_what_keeps_it_back(
    office: Office, ada: FlaskClient
) -> None:
    maker = begin(ada, office)
    maker.act("questions", "add", title="Which?", type="CHOICE")
    page = ada.get(f"{maker.place}/review").text
    assert "Give at least one choice." in page
    assert 'id="publish"' not in page
    people = len(office.cast.people)
    assert f"{people} people" in page
    with office.database.reading(office.cast.company.id) as uow:
        (row,) = uow.rows("select count(*) as number from device where state = 'ACTIVE'")
    assert f"{row.number} phones" in page
    assert "rep 2" in page


def test_a_copy_begins_as_the_other_form_and_has_a_code_of_its_own(
    office: Office, ada: FlaskClient
) -> None:
    published(office.database, office.cast.company)
    token = token_in(ada.get("/forms/new?like=STORE_CHECK"))
    said = {"_token": token, "title": "Second", "zh": "", "like": "STORE_CHECK"}
    for code, words in (("STORE_CHECK", "another form has this code"), ("9", "capital letters")):
        answer = ada.post("/forms/new", data={**said, "code": code})
        assert answer.status_code == 422
        assert words in answer.text
    maker = begin(ada, office, title="Second", zh="", code="SECOND", like="STORE_CHECK")
    assert maker.definition == {**definition(), "code": "SECOND", "title": "Second"}
    assert "The draft is kept." in maker.publish("keep")
    assert "Second" in ada.get("/forms/SECOND?version=draft").text


def test_throwing_it_away_leaves_the_form_as_it_is(office: Office, ada: FlaskClient) -> None:
    published(office.database, office.cast.company)
    maker = change(ada, office, "STORE_CHECK")
    assert change(ada, office, "STORE_CHECK").place == maker.place
    maker.act("question:display_note", "remove")
    assert "is lost" in ada.get(f"{maker.place}/drop").text
    assert maker.post("/drop").status_code == 303
    assert ada.get(maker.place).status_code == 404
    assert in_force(office, "STORE_CHECK") == definition()


def test_a_product_that_the_company_does_not_have_is_told_at_its_row(
    office: Office, ada: FlaskClient
) -> None:
    maker = begin(ada, office)
    maker.act("questions", "add", title="Prices", type="ROWS")
    maker.act("question:prices", "add-column", title="Price", type="MONEY")
    maker.act("column:prices:price", title="Price", type="MONEY", currency="cny", minimum="1.50")
    maker.act(
        "question:prices",
        title="Prices",
        type="ROWS",
        source="FIXED",
        item_code=[""],
        item_title=["Tea"],
        item_zh=["茶"],
        item_product_code=["NO-SUCH"],
    )
    assert maker.question("prices")["columns"][0]["minimum"] == 150
    assert "There is no product NO-SUCH." in maker.page()


def test_what_is_open_and_not_there_leads_nowhere(office: Office, ada: FlaskClient) -> None:
    maker = begin(ada, office)
    for part in ("question:gone", "score:gone", "column:gone:gone"):
        assert ada.get(f"{maker.place}?open={part}").status_code == 404
        assert maker.post(part=part, act="remove").status_code == 404


def test_the_last_step_is_taken_back_once(office: Office, ada: FlaskClient) -> None:
    maker = begin(ada, office)
    assert "Take back the last step" not in maker.page()
    maker.act("questions", "add", title="Was one seen?", type="BOOL")
    before = maker.definition
    maker.act("question:was_one_seen", "remove")
    assert "Take back the last step" in maker.page()
    maker.post("/undo")
    assert maker.definition == before
    maker.post("/undo")
    assert maker.definition == before


def test_what_the_check_finds_stands_at_its_field_once_the_part_is_open(
    office: Office, ada: FlaskClient
) -> None:
    maker = begin(ada, office)
    maker.act("questions", "add", title="Price", type="MONEY")
    for opened, at in (
        ("", '<li class="fault">'),
        ("question:price", 'id="about-question-currency">'),
    ):
        page = maker.page(opened)
        assert page.count("Say in which currency.") == 1
        assert f"{at}Say in which currency." in page
    assert 'name="currency" value="" maxlength="3" aria-describedby' in page
    ada.set_cookie("roadbook_language", "zh")
    assert "请填写币种。" in maker.page("question:price")


def test_a_change_begins_from_the_draft_that_waits(office: Office, ada: FlaskClient) -> None:
    published(office.database, office.cast.company)
    first = change(ada, office, "STORE_CHECK")
    first.act("questions", "add", title="Anything else?", type="TEXT")
    first.publish("keep")
    second = change(ada, office, "STORE_CHECK")
    assert "Begun from the draft of this form." in second.page()
    assert second.definition["questions"][-1]["title"] == "Anything else?"
    second.publish()
    assert in_force(office, "STORE_CHECK")["questions"][-1]["title"] == "Anything else?"


def test_a_choice_that_is_not_taken_is_told_in_words(office: Office, ada: FlaskClient) -> None:
    maker = begin(ada, office)
    maker.act("questions", "add", title="Means?", type="CHOICES")
    lists = {"option_code": "", "option_title": "Price off", "option_zh": ""}
    maker.act("question:means", title="Means?", type="CHOICES", **lists)
    maker.act("questions", "add", title="Why?", type="TEXT")
    said = {"when": "means lacks price_off", "when_number": ""}
    maker.act("question:why", title="Why?", type="TEXT", **said)
    assert maker.question("why")["shown_when"] == '!("price_off" in means)'
    assert "Only when “Means?” has not “Price off”." in maker.page()


def test_what_a_browser_would_never_send_changes_nothing(office: Office, ada: FlaskClient) -> None:
    maker = begin(ada, office)
    maker.act("questions", "add", title="Shelf", type="ROWS")
    maker.act("question:shelf", "add-column", title="There?", type="BOOL")
    before = maker.definition
    for part, act, said in (
        ("", "save", {}),
        ("song", "save", {"title": "A"}),
        ("question:shelf", "save", {"title": "A", "type": "SONG"}),
        ("column:shelf:there", "save", {"title": "A", "type": "ROWS"}),
        ("question:shelf", "add-column", {"title": "A", "type": "PHOTO"}),
        ("score", "add", {"title": "A", "points_from": "yes shelf"}),
        ("question:shelf", "save", {"title": "A" * 201, "type": "ROWS"}),
        (
            "question:shelf",
            "save",
            {"title": "A", "type": "ROWS", "when": "later yes", "when_number": ""},
        ),
    ):
        maker.refused(part, act, **said)
    assert maker.definition == before
    maker.act(
        "question:shelf", "save", title="Shelf", type="ROWS", source="SONG", decimals="x", when=""
    )
    maker.act("measures", **{"over-OSA": "song", "out_of-OSA": "shelf"})
    assert "gives no whole number" in maker.page("measures")


# What no page sends, and what people mistype.
ODD: tuple[Any, ...] = (
    *("", "\x00", "x\x00y", "x" * 60_000, "1e9", "1e999999999", "-1", "9" * 400, "NaN", "١٢"),
    *("no_such", "no_such:1", "a b c", "=", "\ud7ff\u2028", ["no_such", "", "1e999999999"]),
)

# Fields that a form has only for another kind of answer.
MORE_FIELDS = (
    *("minimum", "maximum", "decimals", "unit", "currency", "when", "when_number", "where", "take"),
    *("option_code", "option_title", "option_zh", "item_code", "item_title", "item_zh"),
    *("item_product_code", "source", "rows_category", "result", "left", "right", "sign", "read_as"),
)


def everything(client: FlaskClient, office: Office) -> Maker:
    """A form with a question of each kind, columns, parts of the score and a measure."""
    maker = begin(client, office)
    for kind in (*ASKED, *WORKED_OUT):
        maker.act("questions", "add", title=f"q {kind}", zh="", type=kind)
    codes = {one["type"]: one["code"] for one in maker.definition["questions"]}
    for kind in ("INT", "CHOICE"):
        part = f"question:{codes['ROWS']}"
        maker.act(part, "add-column", title=f"c {kind}", zh="", type=kind)
    for points in ("share", f"yes {codes['BOOL']}"):
        maker.act("score", "add", title=points, zh="", points_from=points)
    return maker


def parts_of(maker: Maker) -> list[str]:
    said = maker.definition
    rows = next(one for one in said["questions"] if one["type"] == "ROWS")
    return [
        *("head", "questions", "score", "measures"),
        *(f"question:{one['code']}" for one in said["questions"]),
        *(f"column:{rows['code']}:{one['code']}" for one in rows["columns"]),
        *(f"score:{one['code']}" for one in said["scores"]),
    ]


def test_whatever_is_sent_to_the_editor_it_answers_and_the_form_can_be_opened(
    ada: FlaskClient, office: Office
) -> None:
    maker = everything(ada, office)
    token = token_in(ada.get(maker.place))
    broken = []

    def send(place: str, **said: Any) -> None:
        answer = ada.post(place, data={**said, "_token": token})
        if answer.status_code >= 500:
            broken.append((answer.status_code, str(said)[:300]))

    odd, number = len(ODD), 0
    for part in parts_of(maker):
        asks = {"part": part, "act": "save"}
        fields = OpenForm(maker.page(part)).fields
        names = sorted({*fields, *MORE_FIELDS} - {"part", "act", "_token"})
        # Each field with another of them, then all fields with each second of them.
        for name in names:
            number += 1
            send(maker.place, **{**fields, **asks, name: ODD[number % odd]})
        for at in range(number % 2, odd, 2):
            send(maker.place, **{**dict.fromkeys(names, ODD[at]), **asks})
        for act in ("option-remove:-1", "add", "up"):
            send(maker.place, **{**fields, "part": part, "act": act, "type": "no_such"})
        assert ada.get(f"{maker.place}?open={part}").status_code in {200, 404}
        assert ada.get(f"{maker.place}/review").status_code == 200
    asked = [one["code"] for one in maker.definition["questions"]]
    for one in ODD:
        send(maker.place, part=one, act="save")
        send(f"{maker.place}/try", **dict.fromkeys(asked, one))
        send("/forms/new", title=one, zh=one, code=one, like=one)
    assert broken == []


def test_what_no_page_offers_is_not_kept(ada: FlaskClient, office: Office) -> None:
    maker = begin(ada, office)
    was = maker.definition
    assert "Choose one of the list." in maker.refused("head", title="Survey", step="DANCE")
    assert "Choose one of the list." in maker.refused(
        "questions", "add", title="What", zh="", type="DANCE"
    )
    assert maker.definition == was
    maker.act("head", title="Survey", zh="", step=STEPS[0])
    assert maker.definition["step"] == STEPS[0]


@pytest.mark.parametrize("typed", ["1e999999999", "1" * 10_000, "NaN", "1e", "-Infinity"])
def test_a_bound_that_is_no_number_is_told_at_its_field(
    ada: FlaskClient, office: Office, typed: str
) -> None:
    maker = begin(ada, office)
    maker.act("questions", "add", title="How many", zh="", type="INT")
    said = {"title": "How many", "zh": "", "type": "INT", "minimum": typed}
    told = maker.refused("question:how_many", **said)
    assert "A number like this answer has it, please." in told


def held_edits(office: Office) -> list[Any]:
    with office.database.reading(office.cast.company.id) as uow:
        return [row.id for row in uow.rows("select id from form_edit order by changed_at, id")]


def test_of_two_tabs_that_begin_to_change_a_form_the_second_goes_on_with_the_first(
    office: Office,
) -> None:
    company, person = office.cast.company, office.cast.ada.id
    published(office.database, company, definition())

    def begin_beside() -> UUID:
        with office.database.company(company.id) as uow:
            return begin_change(uow, person, show_form(uow, definition()["code"]))

    with ThreadPoolExecutor(1) as beside:
        with office.database.company(company.id) as uow:
            first = begin_change(uow, person, show_form(uow, definition()["code"]))
            second = beside.submit(begin_beside)
            wait([second], 0.4)
        assert second.result(20) == first
    assert held_edits(office) == [first]


def test_nobody_goes_on_twice_upon_one_form(ada: FlaskClient, office: Office) -> None:
    new = begin(ada, office)
    # Somebody else's form has this code by now, and Ada changes it in another tab.
    said = {**definition(), "code": new.definition["code"]}
    published(office.database, office.cast.company, said)
    changing = change(ada, office, said["code"])
    basis = new.page().split('name="basis" value="')[1].split('"')[0]
    answer = new.post("/basis", basis=basis)
    assert answer.status_code == 303
    assert "You are changing this form in another edit" in ada.get(answer.location).text
    assert changing.post("/drop").status_code == 303
    assert new.post("/basis", basis=basis).status_code == 303
    assert "Begun from version 1" in new.page()


def test_what_is_published_is_what_was_looked_at_also_where_it_is_just_being_changed(
    ada: FlaskClient, office: Office
) -> None:
    published(office.database, office.cast.company, definition())
    maker = change(ada, office, definition()["code"])
    maker.act("head", title="Looked at", zh="")
    page = ada.get(f"{maker.place}/review").text
    seen = page.split('name="seen" value="')[1].split('"')[0]
    data = {"_token": token_in(ada.get(maker.place)), "seen": seen, "act": "publish"}
    with ThreadPoolExecutor(1) as beside:
        with office.database.company(office.cast.company.id) as uow:
            change_edit(
                uow,
                office.cast.ada.id,
                UUID(maker.place.split("/")[-1]),
                lambda form: {**form, "title": "Another"},
            )
            publishing = beside.submit(
                ada.post, f"{maker.place}/publish", data=data, follow_redirects=True
            )
            wait([publishing], 0.4)
        told = publishing.result(20).text
    assert "You changed it since: look at it again." in told
    assert maker.definition["title"] == "Another"


def test_an_edit_goes_when_nobody_touched_it_for_long_or_whoever_made_it_left(
    ada: FlaskClient, bea: FlaskClient, office: Office, owner_engine: Engine
) -> None:
    company_id, now = office.cast.company.id, datetime.now(UTC)
    begin(ada, office)
    begin(bea, office)
    assert len(held_edits(office)) == 2
    assert purge_edits(office.database, company_id, now + timedelta(days=29)) == 0
    with owner_engine.begin() as connection:
        connection.execute(
            text(
                "update person set left_on = current_date - 1 where company_id = :c and name = 'bea'"
            ),
            {"c": company_id},
        )
    assert purge_edits(office.database, company_id, now) == 1
    assert len(held_edits(office)) == 1
    assert purge_edits(office.database, company_id, now + timedelta(days=31)) == 1
    assert held_edits(office) == []
