"""Admins look after people, positions and the calendar; what a change does is shown before it is made, and phones follow."""

import csv
import io
import re
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine, text

from server.identity.change_log import Actor
from server.identity.people import create_person
from sync.unit_of_work import Database
from tests import factories
from tests.factories import Cast, Person
from tests.server.web.conftest import Office, drawn_from, token_in
from tests.sync.talking import counted_statements


def today() -> date:
    """The day of the cast's company."""
    return datetime.now(ZoneInfo("Asia/Shanghai")).date()


TOMORROW = timedelta(days=1)


@pytest.fixture
def ada(office: Office, cast: Cast) -> FlaskClient:
    """The admin's browser."""
    return office.browser(cast.ada)


def send(client: FlaskClient, path: str, **form: Any) -> Any:
    """Fill in and send the form of a page; its answer, and the page after that."""
    token = token_in(
        client.get("/people/new" if path.startswith("/people/new") else "/positions/new")
    )
    basis = drawn_from(client.get(path)) if path.endswith("/edit") else {}
    return client.post(path, data={"_token": token, **basis, **form}, follow_redirects=True)


def rows(db: Database, cast: Cast, statement: str, **values: Any) -> list[Any]:
    with db.reading(cast.company.id) as uow:
        return uow.rows(statement, company=cast.company.id, **values)


def visible(db: Database, cast: Cast, person: Person) -> int:
    """How many records a phone of this person holds."""
    found = rows(
        db,
        cast,
        "select count(distinct k.id) as number from holder_key h join record_key k"
        " on k.company_id = h.company_id and k.key = h.key"
        " where h.company_id = :company and h.person_id = :person",
        person=person.id,
    )
    return int(found[0].number)


def phones_told(text: str) -> dict[str, tuple[int, int]]:
    """Of each phone in what a change will do: how many records it gets and gives up."""
    text = text.split("Days of work", maxsplit=1)[0]
    lines = re.findall(
        r"<tr><td>(\w+)</td><td class=\"num[^>]*>(\d+)</td><td[^>]*>(\d+)</td>", text
    )
    return {name: (int(gained), int(lost)) for name, gained, lost in lines}


def test_an_admin_sees_everybody_and_a_manager_whoever_is_below(
    office: Office, cast: Cast, ada: FlaskClient, db: Database
) -> None:
    with db.company(cast.company.id) as uow:
        zoe = create_person(uow, Actor.command("test"), "Zoe Elsewhere")
    everybody = ada.get("/people/").text
    assert all(
        name in everybody for name in ("Ana", "Ben", "Sam", "Mia", "Aki", "Ada", "Zoe Elsewhere")
    )
    mia = office.browser(cast.mia)
    below = mia.get("/people/").text
    assert "Ana" in below
    assert "Zoe Elsewhere" not in below
    assert mia.get(f"/people/{zoe}").status_code == 404
    assert mia.get(f"/people/{cast.ana.id}").status_code == 200
    for path in ("edit", "leave", "password"):
        assert mia.get(f"/people/{cast.ana.id}/{path}").status_code == 404
    assert office.browser(cast.sam).get("/people/").status_code == 404


def test_people_are_found_by_name_mail_and_position_and_by_state(
    cast: Cast, ada: FlaskClient, db: Database
) -> None:
    for words in ("ana", f"ANA@{cast.company.code}", "rep-ana"):
        text = ada.get("/people/", query_string={"words": words}).text
        assert ">Ana<" in text
        assert ">Ben<" not in text
    assert ">Ana<" not in ada.get("/people/?words=100%25").text
    assert ">Ana<" in ada.get("/people/?role=rep").text
    assert ">Ana<" not in ada.get("/people/?role=driver").text
    assert ">Ana<" not in ada.get("/people/?state=LEFT").text
    assert ada.get("/people/?state=GONE").status_code == 404
    with ada.get("/people/?format=csv&state=ALL") as made:
        listed = list(csv.DictReader(io.StringIO(made.data.decode("utf-8-sig"))))
    assert [row["Person"] for row in listed] == ["Ada", "Aki", "Ana", "Ben", "Mia", "Sam"]


def test_a_person_is_added_changed_and_faults_stand_beside_what_was_typed(
    cast: Cast, ada: FlaskClient, db: Database
) -> None:
    text = send(ada, "/people/new", name="Zoe Lee", email="zoe@example.com").text
    assert "Zoe Lee" in text
    taken = send(ada, "/people/new", name="Zoe Two", email="ZOE@example.com")
    assert taken.status_code == 422
    assert "Somebody in this company has that e-mail address already." in taken.text
    assert 'value="Zoe Two"' in taken.text
    (zoe,) = rows(
        db, cast, "select id from person where company_id = :company and name = 'Zoe Lee'"
    )
    assert send(ada, f"/people/{zoe.id}/edit", name=" ", email="zoe@example.com").status_code == 422
    send(ada, f"/people/{zoe.id}/edit", name="Zoe Li", email="zoe.li@example.com")
    (now,) = rows(db, cast, "select name, email from person where id = :id", id=zoe.id)
    assert (now.name, now.email) == ("Zoe Li", "zoe.li@example.com")


def test_a_password_is_shown_once_and_opens_the_pages(
    office: Office, cast: Cast, ada: FlaskClient, db: Database
) -> None:
    assert "never" in ada.get(f"/people/{cast.ana.id}").text
    made = send(ada, f"/people/{cast.ana.id}/password")
    password = made.text.split('<code class="secret">')[1].split("<")[0]
    assert len(password) == 19
    assert password not in ada.get(f"/people/{cast.ana.id}").text
    assert password not in str(
        rows(db, cast, "select * from change_log where company_id = :company")
    )
    (email,) = rows(db, cast, "select email from person where id = :id", id=cast.ana.id)
    signed = office.browser().post(
        "/sign-in",
        data={"company": cast.company.code, "email": email.email, "password": password},
    )
    assert signed.status_code == 303
    (at,) = rows(db, cast, "select signed_in_at from person where id = :id", id=cast.ana.id)
    assert abs((datetime.now(UTC) - at.signed_in_at).total_seconds()) < 60


def test_somebody_who_leaves_is_shown_what_it_does_and_then_it_is_done(
    cast: Cast, ada: FlaskClient, db: Database
) -> None:
    path = f"/people/{cast.ana.id}/leave"
    form = {
        "left_on": today().isoformat(),
        f"to-{cast.ana.position_id}": str(cast.ben.id),
    }
    before = visible(db, cast, cast.ana), visible(db, cast, cast.ben)
    looked = send(ada, path, act="look", **form).text
    assert "then held by Ben" in looked
    assert "sends what it holds from now on, and is then wiped" in looked
    assert (visible(db, cast, cast.ana), visible(db, cast, cast.ben)) == before
    send(ada, path, act="save", **form)
    after = visible(db, cast, cast.ana), visible(db, cast, cast.ben)
    told = phones_told(looked)
    assert told["Ana"] == (0, before[0] - after[0])
    assert told["Ben"] == (after[1] - before[1], 0)
    assert after[0] == 0
    (held,) = rows(
        db,
        cast,
        "select person_id, starts_on from occupancy where position_id = :position and ends_on is null",
        position=cast.ana.position_id,
    )
    assert (held.person_id, held.starts_on) == (cast.ben.id, today())
    (phone,) = rows(
        db, cast, "select state from device where person_id = :person", person=cast.ana.id
    )
    assert phone.state == "DRAINING"
    assert ">Ana<" in ada.get("/people/?state=LEFT").text
    # What they left is somebody's now; what nobody has can be handed over from here.
    assert "hand-over" not in ada.get(f"/people/{cast.ana.id}").text
    send(ada, f"/people/{cast.ben.id}/leave", act="save", left_on=today().isoformat())
    assert f"/positions/{cast.ben.position_id}/hand-over" in ada.get(f"/people/{cast.ben.id}").text


def test_a_day_that_would_take_back_what_has_been_is_doubted(
    cast: Cast, ada: FlaskClient, db: Database
) -> None:
    path = f"/people/{cast.ana.id}/leave"
    day = (today() - timedelta(days=60)).isoformat()
    looked = send(ada, path, act="look", left_on=day)
    assert "That is 60 days ago." in looked.text
    assert 'id="confirm"' not in looked.text
    assert "That is 60 days ago." in send(ada, path, act="save", left_on=day).text
    assert (
        rows(db, cast, "select left_on from person where id = :id", id=cast.ana.id)[0].left_on
        is None
    )
    assert 'id="confirm"' in send(ada, path, act="look", left_on=day, meant="1").text


def test_the_last_admin_cannot_go_and_somebody_who_was_to_leave_can_stay(
    cast: Cast, ada: FlaskClient, db: Database
) -> None:
    refused = send(ada, f"/people/{cast.ada.id}/leave", act="look", left_on=today().isoformat())
    assert refused.status_code == 422
    assert "Nobody would be admin of the company any more" in refused.text
    (held,) = rows(
        db, cast, "select id from occupancy where person_id = :person", person=cast.ada.id
    )
    ended = send(
        ada,
        f"/positions/occupancies/{held.id}/end",
        act="save",
        last=(today() + TOMORROW).isoformat(),
    )
    assert "Nobody would be admin" in ended.text
    form = {"code": "ADM", "name": "Office", "region": str(cast.regions.wharf), "role": "auditor"}
    changed = send(ada, f"/positions/{cast.ada.position_id}/edit", act="save", **form)
    assert "Nobody would be admin" in changed.text
    later = (today() + timedelta(days=9)).isoformat()
    send(ada, f"/people/{cast.ana.id}/leave", act="save", left_on=later)
    assert "leaving" in ada.get(f"/people/{cast.ana.id}").text
    assert "Ana is with the company." in send(ada, f"/people/{cast.ana.id}/return").text
    held = rows(
        db,
        cast,
        "select ends_on from occupancy where person_id = :person",
        person=cast.ana.id,
    )
    assert [row.ends_on for row in held] == [None]


def test_whoever_is_no_admin_can_leave_also_where_nobody_is_admin_by_then(
    owner_engine: Engine, cast: Cast, ada: FlaskClient
) -> None:
    with owner_engine.begin() as connection:
        connection.execute(
            text("update occupancy set ends_on = :day where person_id = :person"),
            {"day": today() + timedelta(days=30), "person": cast.ada.id},
        )
    later = (today() + timedelta(days=60)).isoformat()
    looked = send(ada, f"/people/{cast.ana.id}/leave", act="look", left_on=later)
    assert 'id="confirm"' in looked.text


def test_a_day_of_leaving_that_is_set_later_gives_the_days_between_back(
    cast: Cast, ada: FlaskClient, db: Database
) -> None:
    path = f"/people/{cast.ana.id}/leave"
    for days in (5, 9, 7):
        day = (today() + timedelta(days=days)).isoformat()
        send(ada, path, act="save", left_on=day)
        (held,) = rows(
            db, cast, "select ends_on from occupancy where person_id = :person", person=cast.ana.id
        )
        assert held.ends_on == today() + timedelta(days=days - 1)


def test_the_tree_counts_vacancies_and_the_list_says_since_when(
    office: Office, cast: Cast, ada: FlaskClient, db: Database
) -> None:
    (held,) = rows(
        db, cast, "select id from occupancy where person_id = :person", person=cast.ben.id
    )
    path = f"/positions/occupancies/{held.id}/end"
    looked = send(ada, path, act="look", last=(today() - TOMORROW).isoformat())
    assert phones_told(looked.text)["Ben"][0] == 0
    send(ada, path, act="save", last=(today() - TOMORROW).isoformat())
    text = ada.get("/positions/").text
    assert "one vacant" in text
    vacant = ada.get("/positions/?holding=VACANT").text
    assert "before Ben" in vacant
    assert "REP-BEN" in vacant
    assert "REP-ANA" not in vacant
    assert "REP-BEN" not in ada.get(f"/positions/?region={cast.regions.north}").text
    assert "Vacant since" in ada.get(f"/positions/{cast.ben.position_id}").text
    assert office.browser(cast.mia).get(f"/positions/{cast.ben.position_id}").status_code == 200
    assert ada.get(f"/positions/{uuid4()}").status_code == 404
    assert ada.get(f"/positions/occupancies/{uuid4()}/end").status_code == 404


def test_a_position_is_added_given_changed_and_refusals_keep_what_was_typed(
    cast: Cast, ada: FlaskClient, db: Database
) -> None:
    form = {
        "code": "REP-9",
        "name": "Nine",
        "role": "rep",
        "region": str(cast.regions.south),
        "division": "",
    }
    send(ada, "/positions/new", **form)
    taken = send(ada, "/positions/new", **form)
    assert taken.status_code == 422
    assert "This code is taken already." in taken.text
    (made,) = rows(
        db, cast, "select id from position where company_id = :company and code = 'REP-9'"
    )
    give = {"person": str(cast.ben.id), "position": str(made.id), "first": today().isoformat()}
    assert 'id="confirm"' in send(ada, "/positions/give", act="look", **give).text
    send(ada, "/positions/give", act="save", **give)
    assert "REP-9" in ada.get(f"/people/{cast.ben.id}").text
    again = send(ada, "/positions/give", act="look", **{**give, "person": str(cast.ana.id)})
    assert "Somebody else holds this position in that time." in again.text
    instead = send(
        ada,
        "/positions/give",
        act="look",
        person=str(cast.ana.id),
        position=str(made.id),
        first=(today() + timedelta(days=400)).isoformat(),
        how="instead",
    )
    assert "Somebody else holds" in instead.text
    edit = f"/positions/{made.id}/edit"
    assert 'id="confirm"' in send(ada, edit, act="look", **{**form, "code": "REP-10"}).text
    send(ada, edit, act="save", **{**form, "code": "REP-10", "region": str(cast.regions.north)})
    (now,) = rows(db, cast, "select code, region_id from position where id = :id", id=made.id)
    assert (now.code, now.region_id) == ("REP-10", cast.regions.north)
    assert send(ada, edit, act="save", **{**form, "region": str(uuid4())}).status_code == 404


def test_a_position_is_given_instead_of_what_is_held(
    cast: Cast, ada: FlaskClient, db: Database
) -> None:
    send(
        ada, "/positions/new", code="REP-9", name="Nine", role="rep", region=str(cast.regions.south)
    )
    (made,) = rows(
        db, cast, "select id from position where company_id = :company and code = 'REP-9'"
    )
    first = today() + timedelta(days=3)
    form = {
        "person": str(cast.ana.id),
        "position": str(made.id),
        "first": first.isoformat(),
        "how": "instead",
    }
    assert (
        "No longer theirs from then on: REP-ANA."
        in send(ada, "/positions/give", act="look", **form).text
    )
    send(ada, "/positions/give", act="save", **form)
    held = rows(
        db,
        cast,
        "select starts_on, ends_on from occupancy where person_id = :person order by starts_on",
        person=cast.ana.id,
    )
    assert held[0].ends_on == first - TOMORROW
    assert (held[1].starts_on, held[1].ends_on) == (first, None)


def test_a_position_of_the_field_is_handed_over_by_the_manager_above(
    office: Office, cast: Cast, db: Database
) -> None:
    mia = office.browser(cast.mia)
    path = f"/positions/{cast.ana.position_id}/hand-over"
    token = token_in(mia.get(path))
    form = {"_token": token, "to": str(cast.ben.id), "first": today().isoformat()}
    before = visible(db, cast, cast.ana), visible(db, cast, cast.ben)
    looked = mia.post(path, data={**form, "act": "look"}).text
    assert "Days of work" in looked
    mia.post(path, data={**form, "act": "save"})
    after = visible(db, cast, cast.ana), visible(db, cast, cast.ben)
    assert phones_told(looked) == {
        "Ana": (0, before[0] - after[0]),
        "Ben": (after[1] - before[1], 0),
    }
    early = {**form, "first": (today() - TOMORROW).isoformat(), "act": "look"}
    assert "A position is handed over from today on." in mia.post(path, data=early).text
    # Not the seats of those who oversee, and nothing for who oversees nothing.
    assert mia.get(f"/positions/{cast.ada.position_id}/hand-over").status_code == 404
    assert mia.get(f"/positions/{cast.mia.position_id}/hand-over").status_code == 404
    assert office.browser(cast.sam).get(path).status_code == 404
    gone = mia.post(path, data={**form, "to": str(uuid4()), "act": "save"})
    assert gone.status_code == 404


def test_routes_are_handed_to_other_positions_with_what_it_asks_of_them(
    office: Office, cast: Cast, db: Database
) -> None:
    mia = office.browser(cast.mia)
    path = f"/positions/{cast.ana.position_id}/hand-over"
    page = mia.get(path)
    assert "min a day" in page.text
    form = {"_token": token_in(page), f"route-{cast.ana_route}": str(cast.ben.position_id)}
    before = visible(db, cast, cast.ana), visible(db, cast, cast.ben)
    looked = mia.post(f"{path}/routes", data={**form, "act": "look"}).text
    mia.post(f"{path}/routes", data={**form, "act": "save"})
    after = visible(db, cast, cast.ana), visible(db, cast, cast.ben)
    assert phones_told(looked)["Ben"] == (after[1] - before[1], 0)
    (route,) = rows(db, cast, "select position_id from route where id = :id", id=cast.ana_route)
    assert route.position_id == cast.ben.position_id
    assert (
        "No route goes anywhere else."
        in mia.post(f"{path}/routes", data={"_token": form["_token"]}).text
    )


def test_a_change_that_is_to_come_shows_what_phones_hold_on_its_day(
    cast: Cast, ada: FlaskClient, db: Database
) -> None:
    path = f"/positions/{cast.ana.position_id}/hand-over"
    form = {"to": str(cast.ben.id), "first": (today() + timedelta(days=20)).isoformat()}
    told = phones_told(send(ada, path, act="look", **form).text)
    assert told["Ana"][1] > 0
    assert told["Ben"][0] > 0


def test_the_calendar_is_set_by_hand_and_loaded_with_a_look_before(
    office: Office, cast: Cast, ada: FlaskClient, db: Database
) -> None:
    send(ada, "/calendar/new", day="2027-06-15", name="Fair")
    twice = send(ada, "/calendar/new", day="2027-06-15", name="Fair again")
    assert "The company has set something for this day already" in twice.text
    assert 'value="Fair again"' in twice.text
    looked = ada.get("/calendar/load?country=DE&year=2027&subdivision=BY").text
    assert "Heilige Drei Könige" in looked
    assert "No stop is planned there yet." in looked
    assert [
        row.day for row in rows(db, cast, "select day from holiday where company_id = :company")
    ] == [date(2027, 6, 15)]
    send(ada, "/calendar/load", country="DE", year="2027", subdivision="BY", language="en_US")
    text = ada.get("/calendar/?year=2027").text
    assert "Epiphany" in text
    assert "DE-BY" in text
    assert "Fair" in text
    send(ada, "/calendar/2027-06-15/remove")
    assert "Fair" not in ada.get("/calendar/?year=2027").text
    assert ada.get("/calendar/load?country=XX&year=2027").status_code == 422
    assert ada.get("/calendar/?year=3000").status_code == 404
    mia = office.browser(cast.mia)
    assert "Epiphany" in mia.get("/calendar/?year=2027").text
    assert mia.get("/calendar/new").status_code == 404


@pytest.mark.parametrize("path", ["/people/", "/positions/", "/people/{ana}", "/positions/{seat}"])
def test_the_queries_of_a_page_do_not_grow_with_the_people(
    owner_engine: Engine,
    cast: Cast,
    ada: FlaskClient,
    path: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked = path.format(ana=cast.ana.id, seat=cast.ana.position_id)
    ada.get(asked)
    with counted_statements(monkeypatch) as few:
        ada.get(asked)
    with owner_engine.begin() as connection:
        for number in range(30):
            who = factories.add_person(connection, cast.company, f"Person{number}")
            seat = factories.add_position(
                connection, cast.company, f"R-{number}", role="rep", region_id=cast.regions.south
            )
            factories.add_occupancy(connection, cast.company, position_id=seat, person_id=who)
    with counted_statements(monkeypatch) as many:
        ada.get(asked)
    assert len(many) == len(few)


def test_what_nobody_means_leads_nowhere(cast: Cast, ada: FlaskClient) -> None:
    assert ada.get("/people/?words=%00").status_code == 404
    assert ada.get(f"/people/?after=%00~{uuid4()}").status_code == 404
    assert ada.get("/positions/?after=x").status_code == 404
    for day in ("0001-01-01", "9999-12-31", "2026-02-30"):
        gone = send(ada, f"/people/{cast.ana.id}/leave", act="look", left_on=day)
        assert gone.status_code == 404
    assert send(ada, "/positions/give", act="save").status_code == 422
    given = {"person": str(cast.ana.id), "position": "x", "first": today().isoformat()}
    assert send(ada, "/positions/give", act="save", **given).status_code == 404


def test_whom_a_long_list_does_not_offer_is_found_by_name(
    monkeypatch: pytest.MonkeyPatch, office: Office, cast: Cast, ada: FlaskClient
) -> None:
    monkeypatch.setattr("server.web.choices.OFFERED_MAX", 2)
    page = ada.get(f"/positions/give?person={cast.sam.id}&position={cast.ben.position_id}").text
    assert 'name="find"' in page
    assert f'value="{cast.sam.id}" selected' in page
    assert f'value="{cast.ben.position_id}" selected' in page
    assert str(cast.mia.id) not in page
    assert str(cast.mia.id) in ada.get("/people/choices?find=mia").text
    assert str(cast.mia.position_id) in ada.get("/positions/choices?find=mia").text
    below = office.browser(cast.mia).get("/people/choices?find=sam").text
    assert str(cast.sam.id) in below


def test_of_many_positions_the_nearest_are_offered_for_routes(
    owner_engine: Engine, monkeypatch: pytest.MonkeyPatch, cast: Cast, ada: FlaskClient
) -> None:
    monkeypatch.setattr("server.web.handing_over.NEAR_MAX", 3)
    with owner_engine.begin() as connection:
        near = factories.add_position(
            connection, cast.company, "ZZ-NEAR", role="rep", region_id=cast.regions.north
        )
        far = [
            factories.add_position(
                connection, cast.company, f"AA-{number}", role="rep", region_id=cast.regions.wharf
            )
            for number in range(4)
        ]
    page = ada.get(f"/positions/{cast.ana.position_id}/hand-over").text
    assert str(near) in page
    assert str(far[3]) not in page
    assert "The page of a route offers all." in page
