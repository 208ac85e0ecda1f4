"""Activities from draft to settlement, as the office runs them and phones see them."""

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from server.activities import activities
from server.activities.activities import (
    approve_activity,
    edit_activity,
    end_activity,
    make_activity,
    open_activity,
    reopen_activity,
    settle_activity,
    suspend_activity,
)
from server.activities.activity_list import find_activity, list_activities
from server.activities.day_begins import begin_activities
from server.activities.errors import (
    ActivityError,
    CodeTaken,
    FieldInvalid,
    NoSuchActivity,
    NotSettled,
    WrongState,
)
from server.activities.stores import start_stores
from server.activities.terms import NewActivity, StandardItem
from server.identity.change_log import Actor, changes_of
from sync.kinds.activity.states import RUNNING_ACTIVITY
from sync.organisation import division
from sync.scope import rescope
from sync.unit_of_work import Database, UnitOfWork
from tests.activities_factories import add_activity, add_activity_store
from tests.factories import TODAY, Cast, Person, make_cast
from tests.sync.talking import Phone, rows_of

PhoneOf = Callable[[Person], Phone]
DAY = timedelta(days=1)
ITEMS = (
    StandardItem(item="POSTER", text="The poster", photos=1, pass_rule="PHOTOS"),
    StandardItem(item="PRICE_TAG", text="Price tags", is_required=False),
)


def draft(**terms: Any) -> NewActivity:
    return NewActivity(
        **{
            "name": "End caps",
            "starts_on": TODAY,
            "ends_on": TODAY + 20 * DAY,
            "standards": ITEMS,
            **terms,
        }
    )


def state_of(db: Database, cast: Cast, activity_id: UUID) -> str:
    (row,) = rows_of(db, cast, "select state from activity where id = :id", id=activity_id)
    state: str = row.state
    return state


def test_a_draft_is_on_no_phone_and_its_approval_brings_it_to_all(
    cast: Cast, db: Database, office: Actor, phone: PhoneOf
) -> None:
    with db.company(cast.company.id) as uow:
        made = make_activity(
            uow,
            office,
            draft(starts_on=TODAY + DAY, pay_minor=30_000, currency="CNY", channels=["grocery"]),
        )
    ana = phone(cast.ana)
    ana.pull()
    assert made not in ana.ids()
    with db.company(cast.company.id) as uow:
        assert approve_activity(uow, office, made, today=TODAY) == "A26-0001"
    ana.pull()
    fields = ana.fields(made)
    assert (fields["code"], fields["state"]) == ("A26-0001", "APPROVED")
    assert fields["pay"] == {"amount_minor": 30_000, "currency": "CNY"}
    assert [item["item"] for item in fields["standards"]] == ["POSTER", "PRICE_TAG"]


def test_an_activity_of_a_division_is_seen_by_its_seats_alone(
    cast: Cast, db: Database, office: Actor, phone: PhoneOf
) -> None:
    drinks, snacks = uuid4(), uuid4()
    with db.company(cast.company.id) as uow:
        for id_, code in ((drinks, "DRINKS"), (snacks, "SNACKS")):
            uow.connection.execute(
                division.insert().values(company_id=uow.company_id, id=id_, code=code, name=code)
            )
        uow.run(
            "update position set division_id = :division where id = :id",
            division=snacks,
            id=cast.ben.position_id,
        )
        rescope(uow, [cast.ana.id, cast.ben.id], TODAY)
        made = make_activity(uow, office, draft(division_id=drinks))
        approve_activity(uow, office, made, today=TODAY)
    for person, sees in ((cast.ana, True), (cast.ben, False)):
        one = phone(person)
        one.pull()
        assert (made in one.ids("activity")) is sees


def test_an_approval_on_its_first_day_opens_it_and_codes_count_up(
    cast: Cast, db: Database, office: Actor
) -> None:
    with db.company(cast.company.id) as uow:
        first, second, third = (make_activity(uow, office, draft()) for _ in range(3))
        assert approve_activity(uow, office, first, today=TODAY, code="A26-0041") == "A26-0041"
        assert approve_activity(uow, office, second, today=TODAY) == "A26-0042"
        with pytest.raises(CodeTaken):
            approve_activity(uow, office, third, today=TODAY, code="A26-0042")
        assert find_activity(uow, "A26-0042") == second
        assert find_activity(uow, third.hex[:8]) == third
    assert state_of(db, cast, second) == "OPEN"


def test_an_activity_goes_only_where_its_machine_leads(
    cast: Cast, db: Database, office: Actor
) -> None:
    acts: dict[str, Callable[[UnitOfWork, UUID], object]] = {
        "approve": lambda u, a: approve_activity(u, office, a, today=TODAY),
        "open": lambda u, a: open_activity(u, office, a, today=TODAY),
        "suspend": lambda u, a: suspend_activity(u, office, a, "why", today=TODAY),
        "reopen": lambda u, a: reopen_activity(u, office, a, today=TODAY),
        "end": lambda u, a: end_activity(u, office, a, today=TODAY),
        "settle": lambda u, a: settle_activity(u, office, a, today=TODAY),
    }
    assert set(acts) == {step.act for step in RUNNING_ACTIVITY.steps} - {"make"}
    for state in RUNNING_ACTIVITY.stored_states:
        for act, do in acts.items():
            follows = RUNNING_ACTIVITY.after(state, act)
            with db.company(cast.company.id) as uow:
                activity_id = add_activity(uow, state=state, starts_on=TODAY + DAY)
                if follows is None:
                    with pytest.raises(WrongState):
                        do(uow, activity_id)
                else:
                    do(uow, activity_id)
            assert state_of(db, cast, activity_id) == (follows or state)


def test_the_days_of_an_activity_open_and_end_it_and_start_its_stores(
    cast: Cast, db: Database, phone: PhoneOf
) -> None:
    with db.company(cast.company.id) as uow:
        coming = add_activity(uow, state="APPROVED", starts_on=TODAY + DAY, ends_on=TODAY + 3 * DAY)
        taking_part = add_activity_store(uow, coming, cast.ana_stores[0], state="APPROVED")
        suspended = add_activity(uow, state="SUSPENDED", ends_on=TODAY)
    assert begin_activities(db, cast.company.id, TODAY).opened_or_ended == 0
    assert begin_activities(db, cast.company.id, TODAY + DAY).opened_or_ended == 2
    assert (state_of(db, cast, coming), state_of(db, cast, suspended)) == ("OPEN", "ENDED")
    (work,) = rows_of(
        db, cast, "select payload from outbox where topic = :topic", topic=activities.START
    )
    assert work.payload == {"ids": [str(coming)]}
    assert start_stores(db, cast.company.id, [coming]) == 1
    assert start_stores(db, cast.company.id, [coming]) == 0
    ana = phone(cast.ana)
    ana.pull()
    assert ana.fields(taking_part)["state"] == "RUNNING"
    # Days that were missed are caught up with.
    begin_activities(db, cast.company.id, TODAY + 40 * DAY)
    assert state_of(db, cast, coming) == "ENDED"
    assert begin_activities(db, cast.company.id, TODAY + 40 * DAY).opened_or_ended == 0


def test_other_standards_are_a_new_version_and_the_old_one_stays(
    cast: Cast, db: Database, office: Actor, phone: PhoneOf
) -> None:
    with db.company(cast.company.id) as uow:
        made = make_activity(uow, office, draft())
        approve_activity(uow, office, made, today=TODAY)
        assert edit_activity(uow, office, made, {"standards": ITEMS[:1]}, today=TODAY)
        assert not edit_activity(uow, office, made, {"standards": ITEMS[:1]}, today=TODAY)
    ana = phone(cast.ana)
    ana.pull()
    fields = ana.fields(made)
    assert (fields["standards_version"], len(fields["standards"])) == (2, 1)
    kept = rows_of(
        db,
        cast,
        "select jsonb_array_length(items) as n from activity_standards order by standards_version",
    )
    assert [row.n for row in kept] == [2, 1]


def test_what_was_promised_to_stores_stays_once_it_is_open(
    cast: Cast, db: Database, office: Actor
) -> None:
    with db.company(cast.company.id) as uow:
        made = make_activity(uow, office, draft(pay_minor=100, currency="CNY"))
        approve_activity(uow, office, made, today=TODAY)
        for changes in ({"pay_minor": 50}, {"starts_on": TODAY - DAY}, {"channels": ["kiosk"]}):
            with pytest.raises(WrongState):
                edit_activity(uow, office, made, changes, today=TODAY)
        with pytest.raises(FieldInvalid, match="ends_on"):
            edit_activity(uow, office, made, {"ends_on": TODAY - DAY}, today=TODAY + DAY)
        assert edit_activity(uow, office, made, {"ends_on": TODAY + 30 * DAY}, today=TODAY)
        end_activity(uow, office, made, today=TODAY)
        with pytest.raises(WrongState):
            edit_activity(uow, office, made, {"name": "Other"}, today=TODAY)


@pytest.mark.parametrize(
    ("terms", "words"),
    [
        ({"name": ""}, "name"),
        ({"name": "a\x00b"}, "name"),
        ({"ends_on": TODAY - DAY}, "ends_on"),
        ({"ends_on": date(2036, 1, 1)}, "ends_on"),
        ({"pay_minor": 1}, "currency"),
        ({"pay_minor": -1, "currency": "CNY"}, "pay_minor"),
        ({"budget_minor": 10**16, "currency": "CNY"}, "budget_minor"),
        ({"pay_minor": 1, "currency": "yuan"}, "currency"),
        ({"channels": ["kiosk", "kiosk"]}, "channels"),
        ({"channels": ["x" * 41]}, "channels"),
        ({"region_ids": [uuid4()]}, "region_ids"),
        ({"division_id": uuid4()}, "division_id"),
        ({"standards": [StandardItem(item="poster", text="t")]}, "item 1"),
        ({"standards": [StandardItem(item="A", text="t", photos=21)]}, "item 1"),
        ({"standards": [StandardItem(item="A", text="t", pass_rule="PHOTOS")]}, "photos"),
        ({"standards": [StandardItem(item="A", text="t")] * 2}, "A is there twice"),
    ],
)
def test_what_an_activity_cannot_be_is_named(
    cast: Cast, db: Database, office: Actor, terms: dict[str, Any], words: str
) -> None:
    with db.company(cast.company.id) as uow, pytest.raises(FieldInvalid, match=words):
        make_activity(uow, office, draft(**terms))


def test_it_is_settled_when_no_store_of_it_is_open_and_leaves_phones_later(
    cast: Cast, db: Database, office: Actor, phone: PhoneOf
) -> None:
    with db.company(cast.company.id) as uow:
        ended = add_activity(uow, state="ENDED", ends_on=TODAY)
        paid, running = (
            add_activity_store(uow, ended, store, state=state)
            for store, state in zip(cast.ana_stores, ("PAID", "RUNNING"), strict=False)
        )
        with pytest.raises(NotSettled):
            settle_activity(uow, office, ended, today=TODAY)
        uow.run("update activity_store set state = 'PAID' where id = :id", id=running)
        settle_activity(uow, office, ended, today=TODAY)
    ana = phone(cast.ana)
    for days, is_there in ((14, True), (15, False)):
        begin_activities(db, cast.company.id, TODAY + days * DAY)
        ana.pull()
        assert ({ended, paid, running} <= ana.ids()) is is_there
    assert not {ended, paid, running} & ana.ids()
    again = begin_activities(db, cast.company.id, TODAY + 15 * DAY)
    assert (again.activities_retired, again.stores_retired) == (0, 0)


def test_every_change_of_an_activity_is_logged(cast: Cast, db: Database, office: Actor) -> None:
    with db.company(cast.company.id) as uow:
        made = make_activity(uow, office, draft(starts_on=TODAY + DAY))
        edit_activity(uow, office, made, {"name": "Caps"}, today=TODAY)
        approve_activity(uow, office, made, today=TODAY)
        open_activity(uow, office, made, today=TODAY)
        suspend_activity(uow, office, made, "No goods", today=TODAY)
        reopen_activity(uow, office, made, today=TODAY)
        end_activity(uow, office, made, today=TODAY)
        settle_activity(uow, office, made, today=TODAY)
        logged = list(reversed(changes_of(uow, subject_kind="activity", subject_id=made)))
    acts = ["make", "edit", "approve", "open", "suspend", "reopen", "end", "settle"]
    assert [one.action for one in logged] == [f"activity.{act}" for act in acts]
    assert all(one.actor == "the office" for one in logged)
    assert logged[1].before == {"name": "End caps"}
    assert logged[4].after == {"state": "SUSPENDED", "reason": "No goods"}


def test_an_activity_of_another_company_is_not_there(
    cast: Cast, db: Database, office: Actor, owner_engine: Any
) -> None:
    other = make_cast(owner_engine, db)
    with db.company(cast.company.id) as uow:
        ours = add_activity(uow)
    with db.company(other.company.id) as uow:
        assert list_activities(uow, today=TODAY) == []
        with pytest.raises(NoSuchActivity):
            end_activity(uow, office, ours, today=TODAY)
    with db.company(cast.company.id) as uow:
        assert [one.id for one in list_activities(uow, today=TODAY)] == [ours]


def test_every_refusal_has_a_code_of_its_own() -> None:
    codes = [refusal.code for refusal in ActivityError.__subclasses__()]
    assert len(set(codes)) == len(codes)
    assert ActivityError.code not in codes
