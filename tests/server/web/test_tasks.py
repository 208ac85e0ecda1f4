"""The office asks something of positions, stores and people, sees who has done it, and takes it back."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from flask.testing import FlaskClient

from server.identity.change_log import Actor
from server.tasks.tasks import NewTask, give_tasks
from server.tasks.whom import whom_to_ask
from sync.engine import Engine as SyncEngine
from sync.kinds import ALL_KINDS
from tests.factories import Person
from tests.server.web.conftest import Office, token_in
from tests.standing import SECRET
from tests.sync.talking import Phone, counted_statements

ACTOR = Actor.command("the office")
# What a list of positions to choose from asks for beside who asks.
OFFERED = {"region_id": None, "role": None}


def phone_of(office: Office, person: Person) -> Phone:
    return Phone(SyncEngine(office.database, ALL_KINDS, SECRET), person.device)


def today_of(office: Office) -> Any:
    with office.database.reading(office.cast.company.id) as uow:
        return uow.rows(
            "select cast(now() at time zone time_zone as date) as today from company"
            " where id = :id",
            id=office.cast.company.id,
        )[0].today


def give(client: FlaskClient, office: Office, **form: Any) -> str:
    """What the next page says."""
    token = token_in(client.get("/tasks/new"))
    due = (today_of(office) + timedelta(days=3)).isoformat()
    sent = {"_token": token, "sort": "PUT_RIGHT", "text": "Fill the shelf", "due": due, **form}
    return client.post("/tasks/new", data=sent, follow_redirects=True).text


def held_by(office: Office, person: Person) -> list[dict[str, Any]]:
    phone = phone_of(office, person)
    phone.pull()
    return [one["fields"] for one in phone.held.values() if one["kind"] == "task"]


@pytest.fixture
def sam(office: Office) -> FlaskClient:
    return office.browser(office.cast.sam)


def test_a_task_for_positions_is_on_their_phones(office: Office, sam: FlaskClient) -> None:
    ana, ben = office.cast.ana, office.cast.ben
    told = give(
        sam, office, whom="positions", position=[str(ana.position_id), str(ben.position_id)]
    )
    assert "2 tasks are given." in told
    assert told.count("Fill the shelf") == 2
    for person in (ana, ben):
        assert [task["text"] for task in held_by(office, person)] == ["Fill the shelf"]


def test_each_store_is_a_task_of_its_own_for_the_position_that_works_it(
    office: Office, sam: FlaskClient
) -> None:
    with office.database.company(office.cast.company.id) as uow:
        for code, store in (("S-1", office.cast.ana_stores[0]), ("S-2", office.cast.ben_stores[0])):
            uow.run("update store set code = :code where id = :id", code=code, id=store)
    told = give(sam, office, whom="stores", stores="S-1\r\n S-2,S-1")
    assert "2 tasks are given." in told
    (task,) = held_by(office, office.cast.ben)
    assert task["store_id"] == str(office.cast.ben_stores[0])
    wrong = give(sam, office, whom="stores", stores="S-1\nS-9")
    assert "nobody whom you see works them: S-9" in wrong
    assert "S-1\nS-9</textarea>" in wrong
    assert "Fill the shelf</textarea>" in wrong


def test_a_region_or_a_role_is_asked_as_far_as_it_is_seen(office: Office, sam: FlaskClient) -> None:
    north = str(office.cast.regions.north)
    assert "One task is given." in give(sam, office, whom="region", region=north, role="rep")
    assert "2 tasks are given." in give(sam, office, whom="region", role="rep")
    assert "Choose whom it is asked of." in give(sam, office, whom="region", role="driver")


def test_of_many_positions_all_are_asked_or_none(
    office: Office, sam: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As many as a list offers.
    monkeypatch.setattr(whom_to_ask, "__kwdefaults__", {**OFFERED, "at_most": 1})
    assert "2 tasks are given." in give(sam, office, whom="region", role="rep")


def test_people_are_asked_by_their_address(office: Office, sam: FlaskClient) -> None:
    with office.database.company(office.cast.company.id) as uow:
        for person in (office.cast.ana, office.cast.ada):
            uow.run(
                "update person set email = :email where id = :id",
                email=f"{person.name.lower()}@example.com",
                id=person.id,
            )
    assert "One task is given." in give(sam, office, whom="people", people="Ana@example.com")
    for unseen in ("ada@example.com", "nobody@example.com"):
        assert "not there, or you do not see them" in give(
            sam, office, whom="people", people=unseen
        )


def test_what_is_wrong_stands_beside_its_field(office: Office, sam: FlaskClient) -> None:
    ana = str(office.cast.ana.position_id)
    for field, form in (
        ("text", {"text": " "}),
        ("due_on", {"due": "2020-01-01"}),
        ("due_on", {"due": "soon"}),
        ("position_id", {"position": []}),
    ):
        text = give(sam, office, **{"position": [ana], **form})
        assert f'id="about-{field}" role="alert"' in text, field
    assert held_by(office, office.cast.ana) == []


def test_who_has_done_it_is_seen_and_what_is_open_is_taken_back(
    office: Office, sam: FlaskClient
) -> None:
    ana = office.cast.ana
    give(sam, office, position=[str(ana.position_id)])
    give(sam, office, position=[str(ana.position_id)], text="Take the poster down")
    phone = phone_of(office, ana)
    phone.pull()
    ids = {one["fields"]["text"]: id_ for id_, one in phone.held.items() if one["kind"] == "task"}
    done = ids["Fill the shelf"]
    phone.push_one(phone.item("task", "answer", done, {"done": phone.event(), "note": "All full"}))
    page = sam.get(f"/tasks/{done}").text
    assert "All full" in page
    assert "this one settled it" in page
    assert "Fill the shelf" in sam.get("/tasks/?state=DONE").text
    other = ids["Take the poster down"]
    token = token_in(sam.get("/tasks/"))
    form = {"_token": token, "id": [other]}
    asked = sam.post("/tasks/", data=form).text
    assert "Take this task back?" in asked
    told = sam.post(
        "/tasks/", data={**form, "sure": "1", "reason": "It is down"}, follow_redirects=True
    ).text
    assert "One task is taken back." in told
    phone.pull()
    assert phone.held[other]["fields"]["state"] == "WITHDRAWN"
    assert phone.held[other]["fields"]["withdrawn_because"] == "It is down"
    again = sam.post(
        f"/tasks/{other}", data={**form, "sure": "1", "reason": "x"}, follow_redirects=True
    )
    assert "taken back meanwhile" in again.text


def test_tasks_of_others_are_not_there(office: Office, sam: FlaskClient) -> None:
    with office.database.company(office.cast.company.id) as uow:
        (task,) = give_tasks(
            uow,
            ACTOR,
            [
                NewTask(
                    sort="OTHER",
                    text="x",
                    due_on=today_of(office),
                    position_id=office.cast.mia.position_id,
                )
            ],
            today=today_of(office),
        )
    assert office.browser(office.cast.mia).get(f"/tasks/{task}").status_code == 200
    for place in (
        f"/tasks/{task}",
        f"/tasks/{UUID(int=5)}",
        "/tasks/?state=x",
        "/tasks/?after=x",
        "/tasks/?position=x",
    ):
        assert sam.get(place).status_code == 404, place
    form = {"_token": token_in(sam.get("/tasks/new")), "sure": "1", "reason": "x"}
    assert sam.post(f"/tasks/{task}", data=form).status_code == 404
    mias = str(office.cast.mia.position_id)
    token = token_in(sam.get("/tasks/new"))
    due = today_of(office).isoformat()
    given = {"_token": token, "sort": "OTHER", "text": "x", "due": due, "position": mias}
    assert sam.post("/tasks/new", data=given).status_code == 404
    assert office.browser(office.cast.ana).get("/tasks/").status_code == 404


def test_pages_follow_one_another_by_due_day_and_position(
    office: Office, sam: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    today = today_of(office)
    people = (office.cast.ana.position_id, office.cast.ben.position_id)
    with office.database.company(office.cast.company.id) as uow:
        give_tasks(
            uow,
            ACTOR,
            [
                NewTask(
                    sort="OTHER",
                    text=f"task {n:02}",
                    due_on=today + timedelta(days=n // 20),
                    position_id=people[n % 2],
                )
                for n in range(60)
            ],
            today=today,
        )
    first = sam.get("/tasks/").text
    after = first.split("after=")[1].split('"')[0].replace("&amp;", "&")
    second = sam.get(f"/tasks/?after={after}").text
    seen = {f"task {n:02}" for n in range(60)}
    assert {one for one in seen if one in first} | {one for one in seen if one in second} == seen
    assert first.count("task ") + second.count("task ") >= 60
    with counted_statements(monkeypatch) as all_of_them:
        sam.get("/tasks/")
    with counted_statements(monkeypatch) as few:
        sam.get("/tasks/?state=DONE")
    assert len(all_of_them) == len(few)


def test_what_is_wrong_stands_beside_its_field_in_chinese_too(
    office: Office, sam: FlaskClient
) -> None:
    sam.set_cookie("roadbook_language", "zh")
    for field, form in (
        ("text", {"text": " "}),
        ("due_on", {"due": "2020-01-01"}),
        ("stores", {"whom": "stores", "stores": "S-9"}),
    ):
        text = give(sam, office, **{"position": [str(office.cast.ana.position_id)], **form})
        assert f'id="about-{field}" role="alert"' in text, field
    assert "：S-9</p>" in text
