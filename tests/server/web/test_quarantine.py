"""An admin sees what could not be applied and why, mends it where it is wrong, releases it, or sets it aside."""

import csv
import io
import json
import re
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine, text

from mobile_contract.problems import ITEM_CODES
from server.errands.doing import TRIES
from server.identity.change_log import changes_of
from server.jobs.work import Workshop, do_row
from server.quarantine.kept_list import next_alike
from server.quarantine.release_errand import release_alike
from server.quarantine.words import CODES
from sync.engine import Engine as SyncEngine
from sync.kinds import ALL_KINDS
from tests.server.web.conftest import Office, token_in
from tests.standing import SECRET
from tests.sync.talking import Json, Phone, counted_statements


@pytest.fixture
def phone(office: Office) -> Phone:
    return Phone(SyncEngine(office.database, ALL_KINDS, SECRET), office.cast.ana.device)


@pytest.fixture
def ada(office: Office) -> FlaskClient:
    return office.browser(office.cast.ada)


def spoilt(office: Office, phone: Phone) -> Json:
    """A visit whose note is no text, pushed."""
    item = phone.visit(office.cast.ana_stores[0], note=7)
    assert phone.statuses(item) == ["quarantined"]
    return item


def kept(office: Office) -> list[Any]:
    with office.database.reading(office.cast.company.id) as uow:
        return uow.rows("select * from kept_item order by received_at, op_id")


def place_of(office: Office, item: Json) -> str:
    found = next(row for row in kept(office) if str(row.op_id) == item["op_id"])
    return f"/quarantine/{item['op_id']}/{bytes(found.digest).hex()}"


def do(client: FlaskClient, place: str, **form: Any) -> str:
    """What the next page says."""
    token = token_in(client.get(place))
    return client.post(place, data={"_token": token, **form}, follow_redirects=True).text


def typed_in(text: str) -> str:
    """What the text area of a page has."""
    found = re.search(r"<textarea[^>]*>\n(.*?)</textarea>", text, re.DOTALL)
    assert found is not None
    return found[1].replace("&#34;", '"').replace("&amp;", "&")


def test_every_code_of_the_contract_is_told_in_plain_words() -> None:
    assert {each.code for each in ITEM_CODES} == CODES.keys()


def test_items_are_listed_by_reason_person_phone_age_and_state(
    office: Office, phone: Phone, ada: FlaskClient
) -> None:
    assert "all that phones sent was applied" in ada.get("/quarantine/").text
    spoilt(office, phone)
    phone.push(b'{"op_id": NaN}')
    text = ada.get("/quarantine/").text
    assert text.count("<tr>") == 3
    assert "A field is wrong" in text
    assert "payload.note" in text
    device = office.cast.ana.device.id
    for query, number in (
        ("code=invalid_field", 1),
        ("code=not_open", 0),
        (f"person={office.cast.ana.id}", 2),
        (f"person={office.cast.ben.id}", 0),
        (f"device={device}&state=QUARANTINED", 2),
        ("days=7", 2),
        ("state=RELEASED", 0),
    ):
        assert ada.get(f"/quarantine/?{query}").text.count('name="id"') == number, query
    with ada.get("/quarantine/?format=csv") as made:
        rows = list(csv.DictReader(io.StringIO(made.data.decode("utf-8-sig"))))
    assert sorted(row["Why"] for row in rows) == ["invalid_field", "malformed_json"]


def test_an_item_shows_what_was_sent_with_the_place_of_the_fault(
    office: Office, phone: Phone, ada: FlaskClient
) -> None:
    item = spoilt(office, phone)
    text = ada.get(place_of(office, item)).text
    assert re.search(r'<li class="at-fault"><code>\s*&#34;note&#34;: 7', text)
    assert text.count('class="at-fault"') == 1
    assert json.loads(typed_in(text)) == item
    assert ada.get(place_of(office, item) + "/sent").data == json.dumps(item).encode()


def test_bytes_that_are_no_json_are_shown_to_where_they_cease_to_be(
    office: Office, phone: Phone, ada: FlaskClient
) -> None:
    phone.push(b'{"op_id": "x", "kind": "vi<b>sit" "op": 1}')
    row = kept(office)[0]
    text = ada.get(f"/quarantine/{row.op_id}/{bytes(row.digest).hex()}").text
    assert "vi&lt;b&gt;sit&#34; <mark>&#34;</mark>op" in text
    assert "What the phone sent is not well-formed" in text


def test_what_is_changed_is_checked_and_its_faults_stand_beside_it(
    office: Office, phone: Phone, ada: FlaskClient
) -> None:
    item = spoilt(office, phone)
    item["payload"]["note"] = 8
    item["payload"]["steps"] = "none"
    place = place_of(office, item)
    for act in ("check", "mend"):
        text = do(ada, place, act=act, item=json.dumps(item, indent=2))
        assert "<code>payload.note</code>" in text
        assert "<code>payload.steps</code>" in text
        assert json.loads(typed_in(text)) == item
        line = json.dumps(item, indent=2).split("\n").index('    "note": 8') + 1
        assert re.search(rf"Line [0-9, ]*\b{line}\b", text)
    assert kept(office)[0].mended is None
    item["payload"].update(note="eight", steps=[])
    assert "It can be read now." in do(ada, place, act="check", item=json.dumps(item))
    assert kept(office)[0].state == "QUARANTINED"


def test_a_mended_item_is_applied_and_the_phone_pulls_it(
    office: Office, phone: Phone, ada: FlaskClient
) -> None:
    item = spoilt(office, phone)
    item["payload"]["note"] = "seven"
    told = do(
        ada, place_of(office, item), act="mend", item=json.dumps(item), reason="it was a number"
    )
    assert "Applied. The phone is told" in told
    phone.pull()
    assert phone.held[item["entity_id"]]["fields"]["note"] == "seven"
    assert phone.held[item["op_id"]]["fields"]["state"] == "RELEASED"
    with office.database.reading(office.cast.company.id) as uow:
        (logged,) = changes_of(uow, subject_kind="kept_item", subject_id=item["op_id"])
    assert (logged.action, logged.person_id) == ("quarantine.mend", office.cast.ada.id)
    assert logged.after == {"state": "RELEASED", "code": None, "reason": "it was a number"}
    again = do(ada, place_of(office, item), act="release")
    assert "It was decided meanwhile." in again


def test_another_items_op_id_is_refused_and_what_was_typed_stays(
    office: Office, phone: Phone, ada: FlaskClient
) -> None:
    item = spoilt(office, phone)
    other = phone.visit(office.cast.ana_stores[1])
    text = do(ada, place_of(office, item), act="mend", item=json.dumps(other))
    assert "its op_id has to stay" in text
    assert json.loads(typed_in(text)) == other
    assert kept(office)[0].state == "QUARANTINED"


def test_several_are_released_at_once_and_what_came_of_them_is_told(
    office: Office, phone: Phone, ada: FlaskClient
) -> None:
    bens = phone.visit(office.cast.ben_stores[0])
    assert phone.statuses(bens) == ["quarantined"]
    item = spoilt(office, phone)
    keys = [place_of(office, one).split("/", 2)[2].replace("/", "~") for one in (bens, item)]
    told = do(ada, "/quarantine/", act="release", id=keys)
    assert "One item is applied. One is still kept." in told
    states = {str(row.op_id): row.state for row in kept(office)}
    assert states == {bens["op_id"]: "RELEASED", item["op_id"]: "QUARANTINED"}
    phone.pull()
    assert phone.held[bens["op_id"]]["fields"]["result"] == "applied"


def work(office: Office, is_stopping: Callable[[], bool] = bool) -> list[str]:
    """Let a worker do what is left to it."""
    engine = SyncEngine(office.database, ALL_KINDS, SECRET)
    shop = Workshop(office.database, engine, is_stopping=is_stopping)
    company = office.cast.company.id
    with office.database.reading(company) as uow:
        left = [
            row.id for row in uow.rows("select id from outbox where topic = 'errand' order by id")
        ]
    return [do_row(shop, company, row_id) for row_id in left]


def test_all_of_one_reason_are_released_by_a_worker_each_by_itself(
    office: Office, phone: Phone, ada: FlaskClient
) -> None:
    """A store was not permitted; it was given to her meanwhile, but one item is spoilt for another reason."""
    cast = office.cast
    bens = [phone.visit(cast.ben_stores[0]) for _ in range(3)]
    assert phone.statuses(*bens) == ["quarantined"] * 3
    code = kept(office)[0].code
    item = spoilt(office, phone)
    assert "/quarantine/release" not in ada.get("/quarantine/").text
    page = ada.get(f"/quarantine/?code={code}&kind=visit").text
    assert "Release all like these: 3 …" in page
    assert ada.get("/quarantine/release").status_code == 404
    place = f"/quarantine/release?code={code}&kind=visit"
    asked = ada.get(place)
    assert "Release these 3 items?" in asked.text
    form = {"_token": token_in(asked), "code": code, "kind": "visit", "reason": "mended"}
    errand = ada.post("/quarantine/release", data=form).headers["Location"]
    assert 'data-state="CONFIRMED"' in ada.get(errand).text
    assert work(office) == ["done"]
    told = ada.get(errand).text
    assert 'data-state="DONE"' in told
    assert re.search(r"applied</th><td class=\"num\">3<", told)
    states = {str(row.op_id): row.state for row in kept(office)}
    assert states == {**{one["op_id"]: "RELEASED" for one in bens}, item["op_id"]: "QUARANTINED"}
    assert errand in ada.get("/quarantine/").text
    with office.database.reading(cast.company.id) as uow:
        (logged,) = changes_of(uow, subject_kind="kept_items")
        each = changes_of(uow, subject_kind="kept_item")
    assert (logged.actor, logged.action) == ("Ada", "quarantine.release_all")
    assert logged.after is not None
    assert (logged.after["items"], logged.after["applied"], logged.after["reason"]) == (
        3,
        3,
        "mended",
    )
    assert {one.action for one in each} == {"quarantine.release"}
    assert len(each) == 3
    assert office.browser(cast.mia).get(errand).status_code == 404


def test_what_stays_kept_and_what_breaks_stops_no_other_item(
    office: Office, phone: Phone, ada: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    cast = office.cast
    items = [phone.visit(cast.ben_stores[0]) for _ in range(3)]
    phone.statuses(*items)
    bad = spoilt(office, phone)
    broken = items[1]["op_id"]
    release = SyncEngine.release

    def breaking(engine: SyncEngine, company_id: int, op_id: UUID, *args: Any, **more: Any) -> Any:
        if str(op_id) == broken:
            raise RuntimeError(op_id)
        return release(engine, company_id, op_id, *args, **more)

    monkeypatch.setattr(SyncEngine, "release", breaking)
    place = f"/quarantine/release?person={cast.ana.id}"
    form = {"_token": token_in(ada.get(place)), "person": str(cast.ana.id)}
    errand = ada.post("/quarantine/release", data=form).headers["Location"]
    assert work(office) == ["done"]
    told = ada.get(errand).text
    assert re.search(r"applied</th><td class=\"num\">2<", told)
    assert re.search(r"still kept</th><td class=\"num\">1<", told)
    assert "could not be judged now" in told
    states = {str(row.op_id): row.state for row in kept(office)}
    assert [states[one["op_id"]] for one in (*items, bad)] == [
        "RELEASED", "QUARANTINED", "RELEASED", "QUARANTINED",
    ]  # fmt: skip


def test_a_killed_worker_leaves_the_release_to_the_next_which_goes_on(
    office: Office,
    phone: Phone,
    ada: FlaskClient,
    monkeypatch: pytest.MonkeyPatch,
    owner_engine: Engine,
) -> None:
    cast = office.cast
    items = [phone.visit(cast.ben_stores[0]) for _ in range(4)]
    phone.statuses(*items)
    monkeypatch.setattr("server.quarantine.release_errand.ITEMS_AT_ONCE", 1)
    place = f"/quarantine/release?person={cast.ana.id}"
    form = {"_token": token_in(ada.get(place)), "person": str(cast.ana.id)}
    errand = ada.post("/quarantine/release", data=form).headers["Location"]
    release, calls = SyncEngine.release, []

    def killed(engine: SyncEngine, *args: Any, **more: Any) -> Any:
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return release(engine, *args, **more)

    with monkeypatch.context() as patched:
        patched.setattr(SyncEngine, "release", killed)
        with pytest.raises(KeyboardInterrupt):
            work(office)
    assert re.search("2 of 4", ada.get(errand).text)
    # The next finds it held, until the first has said nothing for long.
    assert work(office) == ["held"]
    with owner_engine.begin() as connection:
        connection.execute(text("update errand set held_until = now() - interval '1 second'"))
    assert work(office) == ["done"]
    told = ada.get(errand).text
    assert re.search(r"applied</th><td class=\"num\">4<", told)
    with office.database.reading(cast.company.id) as uow:
        assert len(changes_of(uow, subject_kind="kept_item")) == 4


def test_a_release_that_is_stopped_says_how_many_it_had_released(
    office: Office, phone: Phone, ada: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    cast = office.cast
    phone.statuses(*(phone.visit(cast.ben_stores[0]) for _ in range(4)))
    monkeypatch.setattr("server.quarantine.release_errand.ITEMS_AT_ONCE", 2)
    place = f"/quarantine/release?person={cast.ana.id}"
    form = {"_token": token_in(ada.get(place)), "person": str(cast.ana.id)}
    errand = ada.post("/quarantine/release", data=form).headers["Location"]
    release, calls = SyncEngine.release, []

    def stopping(engine: SyncEngine, *args: Any, **more: Any) -> Any:
        calls.append(1)
        if len(calls) == 1:
            ada.post(errand, data={"_token": token_in(ada.get(errand)), "act": "cancel"})
        return release(engine, *args, **more)

    monkeypatch.setattr(SyncEngine, "release", stopping)
    assert work(office) == ["done"]
    told = ada.get(errand).text
    assert 'data-state="CANCELLED"' in told
    assert re.search(r"applied</th><td class=\"num\">2<", told)
    with office.database.reading(cast.company.id) as uow:
        (logged,) = changes_of(uow, subject_kind="kept_items")
    assert logged.after is not None
    assert logged.after["items"] == 2


def released(office: Office) -> list[dict[str, Any]]:
    """What the log says of releases of many."""
    with office.database.reading(office.cast.company.id) as uow:
        return [one.after or {} for one in changes_of(uow, subject_kind="kept_items")]


def ask_release(office: Office, ada: FlaskClient) -> str:
    place = f"/quarantine/release?person={office.cast.ana.id}"
    form = {"_token": token_in(ada.get(place)), "person": str(office.cast.ana.id)}
    return ada.post("/quarantine/release", data=form).headers["Location"]


def cancel(ada: FlaskClient, errand: str) -> None:
    ada.post(errand, data={"_token": token_in(ada.get(errand)), "act": "cancel"})


@pytest.fixture
def four(office: Office, phone: Phone, monkeypatch: pytest.MonkeyPatch) -> None:
    """Four items that can be released, one at a time."""
    phone.statuses(*(phone.visit(office.cast.ben_stores[0]) for _ in range(4)))
    monkeypatch.setattr("server.quarantine.release_errand.ITEMS_AT_ONCE", 1)


@pytest.mark.usefixtures("four")
def test_a_long_release_lets_others_come_between_and_goes_on(
    office: Office, ada: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Each turn ends with the first note that is not said before it began.
    turns = iter(range(1_000))
    monkeypatch.setattr("server.errands.doing.time.monotonic", lambda: 31.0 * next(turns))
    errand = ask_release(office, ada)
    ends = 0
    while 'data-state="DONE"' not in ada.get(errand).text:
        with office.database.reading(office.cast.company.id) as uow:
            before = uow.rows("select id from outbox where topic = 'errand'")
        assert len(before) == 1
        assert work(office) == ["done"]
        ends += 1
        assert ends < 20
    # More turns than it has tries: none of them counts as one.
    assert ends > 3
    assert re.search(r"applied</th><td class=\"num\">4<", ada.get(errand).text)
    assert [one["items"] for one in released(office)] == [4]


@pytest.mark.usefixtures("four")
def test_who_goes_on_with_a_release_counts_what_is_left_of_it_alone(
    office: Office, phone: Phone, ada: FlaskClient
) -> None:
    """What was judged again and is still kept is no more to do."""
    for _ in range(3):
        spoilt(office, phone)
    ask_release(office, ada)
    notes: list[int] = []

    def is_stopping() -> bool:
        notes.append(1)
        return len(notes) == 7

    assert work(office, is_stopping) == ["done"]
    assert work(office) == ["done"]
    with office.database.reading(office.cast.company.id) as uow:
        (row,) = uow.rows("select state, done, to_do from errand")
    assert tuple(row) == ("DONE", 7, 7)


@pytest.mark.usefixtures("four")
def test_a_release_that_is_cancelled_between_its_last_note_and_its_end_is_logged(
    office: Office, ada: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    errand = ask_release(office, ada)

    def cancelled_then(*args: Any) -> None:
        release_alike(*args)
        cancel(ada, errand)

    monkeypatch.setattr("server.quarantine.release_errand.release_alike", cancelled_then)
    assert work(office) == ["done"]
    assert 'data-state="CANCELLED"' in ada.get(errand).text
    assert [(one["items"], one["applied"]) for one in released(office)] == [(4, 4)]


@pytest.mark.usefixtures("four")
def test_a_release_that_is_cancelled_while_no_worker_has_it_is_logged_once(
    office: Office, ada: FlaskClient
) -> None:
    errand = ask_release(office, ada)
    calls: list[int] = []

    def is_stopping() -> bool:
        calls.append(1)
        return len(calls) == 3

    assert work(office, is_stopping) == ["done"]
    assert released(office) == []
    cancel(ada, errand)
    assert work(office) == ["done"]
    assert work(office) == []
    assert [(one["items"], one["applied"]) for one in released(office)] == [(2, 2)]


@pytest.mark.usefixtures("four")
def test_a_release_that_fails_for_good_says_in_the_log_what_was_done(
    office: Office, ada: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    errand = ask_release(office, ada)
    look, calls = next_alike, []

    def failing(*args: Any) -> Any:
        calls.append(1)
        if len(calls) > 2:
            raise RuntimeError("select inside")
        return look(*args)

    monkeypatch.setattr("server.quarantine.release_errand.next_alike", failing)
    for _ in range(TRIES):
        assert work(office) == ["failed"]
    told = ada.get(errand).text
    assert 'data-state="FAILED"' in told
    assert "select inside" not in told
    assert [(one["items"], one["applied"]) for one in released(office)] == [(2, 2)]


@pytest.mark.usefixtures("four")
def test_an_errand_that_an_earlier_version_left_in_another_form_is_shown_as_nothing(
    office: Office, ada: FlaskClient, owner_engine: Engine
) -> None:
    errand = ask_release(office, ada)
    with owner_engine.begin() as connection:
        connection.execute(
            text("""update errand set report = '{"done": "many"}', request = '{}'""")
        )
    assert errand in ada.get("/quarantine/").text
    told = ada.get(errand)
    assert told.status_code == 200
    assert "applied</th>" not in told.text
    work(office)
    told = ada.get(errand)
    assert 'data-state="FAILED"' in told.text
    assert "ask again" in told.text


def test_setting_aside_asks_first_and_wants_a_reason(
    office: Office, phone: Phone, ada: FlaskClient
) -> None:
    item = spoilt(office, phone)
    place = place_of(office, item)
    asked = do(ada, place, act="set_aside", reason="a test")
    assert "Set this item aside?" in asked
    assert 'value="a test"' in asked
    assert "Say why" in do(ada, place, act="set_aside", sure="1")
    assert kept(office)[0].state == "QUARANTINED"
    assert "One item is set aside." in do(ada, place, act="set_aside", sure="1", reason="a test")
    phone.pull()
    fields = phone.held[item["op_id"]]["fields"]
    assert (fields["state"], fields["detail"]) == ("SET_ASIDE", "a test")
    with office.database.reading(office.cast.company.id) as uow:
        (logged,) = changes_of(uow, subject_kind="kept_item")
    assert logged.action == "quarantine.set_aside"
    assert "Mend and release" not in ada.get(place).text


def test_an_item_that_waits_says_for_what(office: Office, phone: Phone, ada: FlaskClient) -> None:
    shop = phone.new_store()
    visit = phone.visit(shop["entity_id"])
    shop["payload"]["channel"] = 4
    assert phone.statuses(shop, visit) == ["quarantined", "deferred"]
    text = ada.get(place_of(office, visit)).text
    assert f'href="{place_of(office, shop)}">it is kept here itself: A field is wrong</a>' in text
    shop["payload"]["channel"] = "grocery"
    do(ada, place_of(office, shop), act="mend", item=json.dumps(shop))


def test_only_an_admin_of_the_company_sees_the_quarantine(office: Office, phone: Phone) -> None:
    place = place_of(office, spoilt(office, phone))
    for person in (office.cast.mia, office.cast.sam, office.cast.ana):
        client = office.browser(person)
        assert client.get("/quarantine/").status_code == 404
        assert client.get(place).status_code == 404
    ada = office.browser(office.cast.ada)
    for wrong in (
        f"/quarantine/{UUID(int=3)}/{'0' * 64}",
        place[:-1] + "z",
        place + "0",
        "/quarantine/?state=x",
        "/quarantine/?code=x",
        "/quarantine/?days=2",
        "/quarantine/?person=x",
        "/quarantine/?after=x",
    ):
        assert ada.get(wrong).status_code == 404, wrong


def test_the_list_costs_the_same_queries_however_many_are_kept(
    office: Office, phone: Phone, ada: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    spoilt(office, phone)
    ada.get("/quarantine/")
    with counted_statements(monkeypatch) as few:
        ada.get("/quarantine/")
    for _ in range(4):
        spoilt(office, phone)
    with counted_statements(monkeypatch) as many:
        ada.get("/quarantine/")
    assert len(many) == len(few)
