"""Where two edits met the office sees both values and chooses; both phones hear of it."""

from uuid import UUID

import pytest

from sync.engine import Engine as SyncEngine
from sync.kinds import ALL_KINDS
from tests.server.web.conftest import Office, token_in
from tests.standing import SECRET
from tests.sync.talking import Phone


@pytest.fixture
def phones(office: Office) -> dict[str, Phone]:
    engine = SyncEngine(office.database, ALL_KINDS, SECRET)
    cast = office.cast
    return {person.name: Phone(engine, person.device) for person in (cast.ana, cast.sam)}


@pytest.fixture
def conflict(office: Office, phones: dict[str, Phone]) -> UUID:
    """Sam and then Ana have edited one store of Ana's, both having seen its first version."""
    store = office.cast.ana_stores[0]
    first = phones["Sam"].edit(store, 1, address="1 Bell Street", opening_hours="8-20")
    second = phones["Ana"].edit(store, 1, address="2 Bell Street", opening_hours="9-21")
    assert phones["Sam"].push_one(first)["status"] == "applied"
    return UUID(phones["Ana"].push_one(second)["conflict_id"])


def choose(office: Office, conflict: UUID, **form: str) -> str:
    """What the next page says to the regional manager."""
    mia = office.browser(office.cast.mia)
    place = f"/conflicts/{conflict}"
    sent = {name.replace("_", "-", 1): value for name, value in form.items()}
    sent["_token"] = token_in(mia.get(place))
    return mia.post(place, data=sent, follow_redirects=True).text


def test_both_values_stand_side_by_side_with_who_and_what_was_before(
    office: Office, conflict: UUID
) -> None:
    mia = office.browser(office.cast.mia)
    listed = mia.get("/conflicts/").text
    assert f'href="/conflicts/{conflict}">Anchor</a>' in listed
    assert "Address, Opening hours" in listed
    text = mia.get(f"/conflicts/{conflict}").text
    for told in ("1 Anchor Street", "1 Bell Street", "2 Bell Street", "Sam and Ana changed"):
        assert told in text


def test_each_field_is_chosen_and_both_phones_hear_of_it(
    office: Office, conflict: UUID, phones: dict[str, Phone]
) -> None:
    told = choose(
        office,
        conflict,
        choice_address="sent",
        choice_opening_hours="other",
        other_opening_hours="7-22",
    )
    assert "Decided. Both phones are told" in told
    assert "no two edits wait" in told
    store = str(office.cast.ana_stores[0])
    for name in ("Ana", "Sam"):
        phones[name].pull()
        held = phones[name].held
        assert held[store]["fields"]["address"] == "2 Bell Street"
        assert held[store]["fields"]["opening_hours"] == "7-22"
        assert held[str(conflict)]["fields"]["chosen"] == {
            "address": "sent",
            "opening_hours": "other",
        }
    mia = office.browser(office.cast.mia)
    assert "Anchor" in mia.get("/conflicts/?state=DECIDED").text
    assert "Decided by Mia" in mia.get(f"/conflicts/{conflict}").text
    assert "Somebody decided it meanwhile." in choose_again(office, conflict)


def choose_again(office: Office, conflict: UUID) -> str:
    ada = office.browser(office.cast.ada)
    token = token_in(ada.get("/conflicts/"))
    form = {"_token": token, "choice-address": "held", "choice-opening_hours": "held"}
    return ada.post(f"/conflicts/{conflict}", data=form, follow_redirects=True).text


def test_what_cannot_be_is_told_beside_what_was_typed(office: Office, conflict: UUID) -> None:
    long = "x" * 500
    text = choose(
        office,
        conflict,
        choice_address="held",
        choice_opening_hours="other",
        other_opening_hours=long,
    )
    assert "Opening hours cannot be this: a text of" in text
    assert f'value="{long}"' in text
    assert 'value="other" required checked' in text
    assert "Choose for each field." in choose(office, conflict, choice_address="held")


def test_a_pin_is_typed_in_degrees(office: Office, phones: dict[str, Phone]) -> None:
    store = office.cast.ana_stores[0]
    pins = [
        {"lat_e7": 313_500_000 + moved, "lon_e7": 1_215_000_000, "datum": "WGS84", "accuracy_cm": 5}
        for moved in (1_800, -1_800)
    ]
    phones["Sam"].push_one(phones["Sam"].edit(store, 1, pin=pins[0]))
    conflict = UUID(
        phones["Ana"].push_one(phones["Ana"].edit(store, 1, pin=pins[1]))["conflict_id"]
    )
    for wrong in ("1e999999999 1", "here", "31.35", "91 0", "NaN 1"):
        assert "in degrees" in choose(office, conflict, choice_pin="other", other_pin=wrong)
    assert "Decided." in choose(office, conflict, choice_pin="other", other_pin="31.35, 121.5")
    phones["Ana"].pull()
    pin = phones["Ana"].held[str(store)]["fields"]["pin"]
    assert pin == {"lat_e7": 313_500_000, "lon_e7": 1_215_000_000}


def test_a_conflict_is_there_for_whoever_sees_its_store(
    office: Office, conflict: UUID, phones: dict[str, Phone]
) -> None:
    for person in (office.cast.mia, office.cast.ada):
        assert office.browser(person).get(f"/conflicts/{conflict}").status_code == 200
    for person in (office.cast.sam, office.cast.ana, office.cast.aki):
        assert office.browser(person).get(f"/conflicts/{conflict}").status_code == 404
    mia = office.browser(office.cast.mia)
    with office.database.company(office.cast.company.id) as uow:
        uow.run(
            "update position set region_id = :south where id = :mia",
            south=office.cast.regions.south,
            mia=office.cast.mia.position_id,
        )
    assert mia.get(f"/conflicts/{conflict}").status_code == 404
    assert "no two edits wait" in mia.get("/conflicts/").text
    assert mia.get("/conflicts/?state=x").status_code == 404
    assert mia.get("/conflicts/?after=x").status_code == 404
