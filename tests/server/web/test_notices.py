"""The office tells people something, sees who has read it, and recalls it."""

from datetime import date, timedelta
from typing import Any
from uuid import UUID

import pytest
from flask.testing import FlaskClient

from server.tasks.whom import whom_to_ask
from sync.engine import Engine as SyncEngine
from sync.kinds import ALL_KINDS
from tests.factories import Person
from tests.server.web.conftest import Office, token_in
from tests.server.web.test_tasks import OFFERED, today_of
from tests.standing import SECRET
from tests.sync.talking import Phone


def phone_of(office: Office, person: Person) -> Phone:
    return Phone(SyncEngine(office.database, ALL_KINDS, SECRET), person.device)


def give(client: FlaskClient, today: date, **form: Any) -> str:
    """What the next page says."""
    sent = {
        "_token": token_in(client.get("/notices/new")),
        "title-en": "New prices",
        "body-en": "From Monday on.",
        "title-zh": "新价格",
        "first": today.isoformat(),
        "last": (today + timedelta(days=7)).isoformat(),
        **form,
    }
    return client.post("/notices/new", data=sent, follow_redirects=True).text


def given(office: Office) -> list[Any]:
    with office.database.reading(office.cast.company.id) as uow:
        return uow.rows("select * from notice order by given_at")


def notices_of(office: Office, person: Person) -> list[str]:
    phone = phone_of(office, person)
    phone.pull()
    return [
        one["fields"]["texts"][0]["title"] for one in phone.held.values() if one["kind"] == "notice"
    ]


@pytest.fixture
def sam(office: Office) -> FlaskClient:
    return office.browser(office.cast.sam)


def test_a_notice_for_a_region_is_on_its_phones_and_its_readers_are_told(
    office: Office, sam: FlaskClient
) -> None:
    north = str(office.cast.regions.north)
    told = give(sam, today_of(office), audience="REGION", region=[north])
    assert "Given. Phones show it at their next sync." in told
    assert "regions with all below: North" in told
    assert notices_of(office, office.cast.ana) == ["新价格"]
    assert notices_of(office, office.cast.ben) == []
    (notice,) = given(office)
    page = sam.get(f"/notices/{notice.id}").text
    assert "0 of 1" in page
    assert "not yet" in page
    phone = phone_of(office, office.cast.ana)
    phone.push_one(phone.item("notice", "read", notice.id, {"read": phone.event()}))
    assert "1 of 1" in sam.get(f"/notices/{notice.id}").text
    assert "Everybody has read it." in sam.get(f"/notices/{notice.id}?which=unread").text
    # A list has the title in the language of whoever reads it.
    assert "新价格" not in sam.get("/notices/").text
    assert "New prices" in sam.get("/notices/?which=shown").text


def test_a_role_is_told_by_its_positions_that_are_seen(
    office: Office, sam: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    # By all of them, also where a list would offer fewer.
    monkeypatch.setattr(whom_to_ask, "__kwdefaults__", {**OFFERED, "at_most": 1})
    give(sam, today_of(office), audience="ROLE", role="rep")
    (notice,) = given(office)
    assert notice.audience == "POSITIONS"
    cast = office.cast
    assert set(notice.audience_ids) == {cast.ana.position_id, cast.ben.position_id}


def test_what_is_wrong_stands_beside_its_field_and_what_was_typed_stays(
    office: Office, sam: FlaskClient
) -> None:
    today, north = today_of(office), [str(office.cast.regions.north)]
    wharf = [str(office.cast.regions.wharf)]
    for field, form in (
        ("texts", {"title-en": "", "title-zh": "", "body-en": ""}),
        ("texts", {"title-en": ""}),
        ("ends_on", {"last": "2020-01-01"}),
        ("starts_on", {"first": ""}),
        ("audience", {"region": []}),
        ("audience", {"region": wharf}),
        ("audience", {"audience": "COMPANY"}),
    ):
        text = give(sam, today, **{"audience": "REGION", "region": north, **form})
        assert f'id="about-{field}" role="alert"' in text, form
    assert "新价格" in text
    assert given(office) == []


def test_a_notice_is_recalled_once_that_was_asked_about(office: Office, sam: FlaskClient) -> None:
    give(sam, today_of(office), audience="REGION", region=[str(office.cast.regions.north)])
    (notice,) = given(office)
    place = f"/notices/{notice.id}"
    form = {"_token": token_in(sam.get(place))}
    assert "Recall this notice?" in sam.post(place, data=form).text
    assert notices_of(office, office.cast.ana) == ["新价格"]
    told = sam.post(
        place, data={**form, "sure": "1", "reason": "Wrong"}, follow_redirects=True
    ).text
    assert "It leaves the phones" in told
    assert notices_of(office, office.cast.ana) == []
    again = sam.post(place, data={**form, "sure": "1", "reason": "Wrong"}, follow_redirects=True)
    assert "It is recalled already." in again.text


def test_only_who_sees_everybody_tells_and_recalls_for_everybody(
    office: Office, sam: FlaskClient
) -> None:
    ada = office.browser(office.cast.ada)
    assert 'value="COMPANY"' not in sam.get("/notices/new").text
    assert "Given." in give(ada, today_of(office), audience="COMPANY")
    (notice,) = given(office)
    place = f"/notices/{notice.id}"
    token = token_in(sam.get(place))
    form = {"_token": token, "sure": "1", "reason": "x"}
    assert "only who sees them all" in sam.post(place, data=form, follow_redirects=True).text
    assert given(office)[0].state == "GIVEN"


def test_a_notice_for_others_is_not_there(office: Office, sam: FlaskClient) -> None:
    mia = office.browser(office.cast.mia)
    give(mia, today_of(office), audience="POSITIONS", position=[str(office.cast.mia.position_id)])
    (notice,) = given(office)
    assert mia.get(f"/notices/{notice.id}").status_code == 200
    for place in (
        f"/notices/{notice.id}",
        f"/notices/{UUID(int=7)}",
        "/notices/?which=x",
        "/notices/?after=x",
    ):
        assert sam.get(place).status_code == 404, place
    form = {"_token": token_in(sam.get("/notices/new")), "sure": "1", "reason": "x"}
    assert sam.post(f"/notices/{notice.id}", data=form).status_code == 404
    assert office.browser(office.cast.ana).get("/notices/").status_code == 404


def test_readers_are_told_a_page_at_a_time(
    office: Office, sam: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    give(sam, today_of(office), audience="ROLE", role="rep")
    (notice,) = given(office)
    phone = phone_of(office, office.cast.ben)
    phone.push_one(phone.item("notice", "read", notice.id, {"read": phone.event()}))
    monkeypatch.setattr("server.web.listing.ROWS_A_PAGE", 1)
    first = sam.get(f"/notices/{notice.id}").text
    assert "Ana" in first
    after = first.split("after=")[1].split('"')[0]
    second = sam.get(f"/notices/{notice.id}?after={after}").text
    assert "Ben" in second
    assert ">Ana<" not in second
