"""Admins see what their company decided, change it knowing what differs, and find every version that there was."""

import re
from dataclasses import asdict, fields
from typing import Any

import pytest
from flask.testing import FlaskClient

from server.identity.change_log import Actor
from server.identity.policy import change_policy
from server.identity.setting_words import GROUPS, SETTINGS, told_setting
from server.language import speaking
from server.web.setting_form import Form, control_of, read_group
from sync.policy import Policy, current_policy
from tests.server.web.conftest import Office
from tests.sync.talking import counted_statements


def policy_of(office: Office) -> tuple[int, Policy]:
    with office.database.reading(office.cast.company.id) as uow:
        return current_policy(uow)


def inputs_of(text: str) -> list[tuple[str, str]]:
    """What a browser would send of the form of a page, as it stands."""
    sent: list[tuple[str, str]] = []
    form = text.split('<form method="post" class="panel')[1].split("</form>", maxsplit=1)[0]
    for tag in re.finditer(
        r"<(input|select)([^>]*)>(.*?)(?=<(?:input|select)|\Z)", form, re.DOTALL
    ):
        kind, attributes = tag[1], tag[2]
        name = re.search(r'name="([^"]*)"', attributes)
        if name is None or ('type="checkbox"' in attributes and " checked" not in attributes):
            continue
        if kind == "select":
            chosen = re.search(r'value="([^"]*)" selected', tag[3]) or re.search(
                r'value="([^"]*)"', tag[3]
            )
            assert chosen is not None
            sent.append((name[1], chosen[1]))
        else:
            value = re.search(r'value="([^"]*)"', attributes)
            sent.append((name[1], "" if value is None else value[1]))
    return sent


def send(client: FlaskClient, group: str, sent: list[tuple[str, str]]) -> Any:
    data: dict[str, list[str]] = {}
    for name, value in sent:
        data.setdefault(name, []).append(value)
    return client.post(f"/settings/{group}", data=data)


def changed(sent: list[tuple[str, str]], **values: str) -> list[tuple[str, str]]:
    return [(name, values.get(name.replace(".", "_"), value)) for name, value in sent]


def test_settings_are_for_admins(office: Office) -> None:
    paths = ("/settings/", "/settings/visits", "/settings/versions/", "/settings/versions/1")
    for path in paths:
        assert office.browser(office.cast.ada).get(path).status_code == 200, path
        assert office.browser(office.cast.mia).get(path).status_code == 404, path
    assert office.browser(office.cast.ada).get("/settings/nowhere").status_code == 404


def test_every_setting_has_words_and_stands_in_one_group() -> None:
    named = [one.name for group in GROUPS for one in group.settings]
    assert sorted(named) == sorted(field.name for field in fields(Policy))


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_setting_is_told(language: str) -> None:
    policy = Policy(
        fence_by_class={"A": 50},
        call_min_by_channel={"kiosk": 5},
        min_order_by_channel={"kiosk": 1250},
        mandatory_steps={"*": {"*": ["GREET"]}, "kiosk": {"A": ["GREET", "REVIEW"]}},
    )
    with speaking(language):
        for name in SETTINGS:
            assert told_setting(name, getattr(policy, name), "EUR"), name


ELABORATE = Policy(
    working_from_min=450,
    working_until_min=1440,
    fence_by_class={"B": 77},
    is_fence_hard=True,
    currency="JPY",
    min_order_minor=120,
    min_order_by_channel={"kiosk": 5, "market": 90},
    call_min_by_channel={"kiosk": 5},
    flags_to_accept=("too_short", "offsite"),
    mandatory_steps={"*": {"*": ["REVIEW", "GREET"]}, "kiosk": {"A": ["GREET"], "*": ["PRESENT"]}},
)


@pytest.mark.parametrize("held", [Policy(), ELABORATE], ids=["defaults", "elaborate"])
def test_a_form_that_nobody_touched_changes_nothing(office: Office, held: Policy) -> None:
    if held is ELABORATE:
        values = {name: value for name, value in asdict(held).items() if name != "time_zone"}
        with office.database.company(office.cast.company.id) as uow:
            change_policy(uow, Actor.command("test"), values)
    before = policy_of(office)
    ada = office.browser(office.cast.ada)
    for group in GROUPS:
        sent = inputs_of(ada.get(f"/settings/{group.name}").text)
        answer = send(ada, group.name, [*sent, ("act", "save")])
        assert answer.status_code == 303, group.name
        assert answer.headers["Location"].endswith(group.name)
    assert policy_of(office) == before


def test_what_differs_is_shown_before_it_is_saved(office: Office) -> None:
    ada = office.browser(office.cast.ada)
    version, before = policy_of(office)
    sent = changed(
        inputs_of(ada.get("/settings/visits").text), fence_radius_m="150", min_visit_s="90"
    )
    text = send(ada, "visits", sent).text
    assert "200 m" in text
    assert "150 m" in text
    assert "Stores without a fence of their own" in text
    assert policy_of(office) == (version, before)
    done = send(ada, "visits", [*sent, ("act", "save")])
    assert done.status_code == 303
    made, after = policy_of(office)
    assert made == version + 1
    assert (after.fence_radius_m, after.min_visit_s) == (150, 90)
    page = ada.get(f"/settings/versions/{made}").text
    assert "Ada" in page
    assert page.count("<tr>") == 3
    assert "Fence, Shortest visit" in ada.get("/settings/versions/").text
    # The log tells it in the same words.
    log = ada.get("/changes/?kind=policy").text
    assert "Fence: 200 m → 150 m" in log


def test_the_fields_of_a_comparison_are_all_that_saving_needs(office: Office) -> None:
    ada = office.browser(office.cast.ada)
    sent = changed(inputs_of(ada.get("/settings/orders").text), min_order_minor="12.5")
    text = send(ada, "orders", sent).text
    form = text.split('class="saving"')[1].split("</form>")[0]
    again = re.findall(r'name="([^"]+)" value="([^"]*)"', form)
    assert send(ada, "orders", again).status_code == 303
    assert policy_of(office)[1].min_order_minor == 1250


def test_what_cannot_be_is_told_beside_it_and_what_was_typed_stays(office: Office) -> None:
    ada = office.browser(office.cast.ada)
    before = policy_of(office)
    cases = {
        ("visits", "fence_radius_m"): ("5", "A whole number from 10 to 20000."),
        ("visits", "min_visit_s"): ("ten", "A whole number, in digits."),
        ("days", "working_from_min"): ("25:00", "A whole number from 0 to 1440."),
        ("days", "working_until_min"): ("06:00", "The working day begins before it ends."),
        ("days", "time_zone"): ("Mars/Base", "A zone of the IANA database"),
        ("orders", "min_order_minor"): ("1.234", "An amount in USD, in digits."),
        ("orders", "currency"): ("euro", "A currency of ISO 4217, such as EUR."),
        ("pay", "pay_half_percent"): ("90", "Not above"),
    }
    for (group, name), (typed, told) in cases.items():
        sent = changed(inputs_of(ada.get(f"/settings/{group}").text), **{name: typed})
        answer = send(ada, group, [*sent, ("act", "save")])
        assert answer.status_code == 422, name
        assert told in answer.text, name
        assert f'value="{typed}"' in answer.text, name
    assert policy_of(office) == before


def test_rows_are_added_and_go(office: Office) -> None:
    ada = office.browser(office.cast.ada)

    def save(group: str, *, blanks: list[tuple[str, str]]) -> Policy:
        """Fill the first blank controls of these names."""
        left = list(blanks)
        sent = []
        for name, value in inputs_of(ada.get(f"/settings/{group}").text):
            at = next((n for n, blank in enumerate(left) if blank[0] == name and not value), None)
            sent.append((name, value) if at is None else left.pop(at))
        assert send(ada, group, [*sent, *left, ("act", "save")]).status_code == 303
        return policy_of(office)[1]

    made = save(
        "planning",
        blanks=[
            ("call_min_by_channel.channel", "kiosk"),
            ("call_min_by_channel.value", "4"),
            ("mandatory_steps.channel", "kiosk"),
            ("mandatory_steps.0.step", "REVIEW"),
            ("mandatory_steps.0.step", "GREET"),
        ],
    )
    assert made.call_min_by_channel == {"kiosk": 4}
    assert made.mandatory_steps == {"kiosk": {"*": ["GREET", "REVIEW"]}}
    reasons = save(
        "audits",
        blanks=[("audit_reasons.code", "MESSY"), ("audit_reasons.words", "Not tidy")],
    )
    assert reasons.audit_reasons["MESSY"] == {"words": "Not tidy", "task": "SHOOT_AGAIN"}
    sent = [
        (name, "" if name.endswith(".value") else value)
        for name, value in inputs_of(ada.get("/settings/planning").text)
        if not name.endswith(".step")
    ]
    send(ada, "planning", [*sent, ("act", "save")])
    assert policy_of(office)[1].call_min_by_channel == {}
    assert policy_of(office)[1].mandatory_steps == {}


def test_nobody_saves_over_what_somebody_else_changed(office: Office) -> None:
    ada = office.browser(office.cast.ada)
    sent = changed(inputs_of(ada.get("/settings/visits").text), min_visit_s="90")
    with office.database.company(office.cast.company.id) as uow:
        change_policy(uow, Actor.command("another"), {"min_visit_s": 60})
    answer = send(ada, "visits", [*sent, ("act", "save")])
    assert answer.status_code == 422
    assert "Somebody else changed the settings" in answer.text
    assert 'value="90"' in answer.text
    assert policy_of(office)[1].min_visit_s == 60


def test_two_versions_are_compared_and_others_are_not_there(office: Office) -> None:
    with office.database.company(office.cast.company.id) as uow:
        for seconds in (60, 90, 120):
            change_policy(uow, Actor.command("test"), {"min_visit_s": seconds})
    ada = office.browser(office.cast.ada)
    assert "60 s" in ada.get("/settings/versions/3?against=2").text.split("All of it")[0]
    assert "Nothing differs" in ada.get("/settings/versions/4?against=1").text
    assert "there is none before it" in ada.get("/settings/versions/1").text
    for odd in ("99", "3?against=99", "3?against=x", "99999999999999999999"):
        assert ada.get(f"/settings/versions/{odd}").status_code == 404, odd


def test_the_list_of_versions_costs_the_same_however_many_there_are(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada = office.browser(office.cast.ada)
    costs = set()
    for seconds in (60, 90, 100):
        with office.database.company(office.cast.company.id) as uow:
            change_policy(uow, Actor.command("test"), {"min_visit_s": seconds})
        with counted_statements(monkeypatch) as counted:
            ada.get("/settings/versions/")
        costs.add(len(counted))
    assert len(costs) == 1


def test_odd_rows_are_faults_of_their_setting_and_no_error() -> None:
    planning = next(group for group in GROUPS if group.name == "planning")
    form = Form(
        [
            ("call_min", "10"),
            ("travel_speed_kmh", "9" * 40),
            ("day_capacity_min", "480"),
            ("call_min_by_channel.channel", "kiosk"),
            ("call_min_by_channel.channel", "kiosk"),
            ("call_min_by_channel.value", "4"),
            ("call_min_by_channel.value", "5"),
            ("mandatory_steps.channel", "kiosk"),
            ("mandatory_steps.channel", "kiosk"),
            ("mandatory_steps.class", "A"),
            ("mandatory_steps.class", "A"),
            ("mandatory_steps.0.step", "GREET"),
            ("mandatory_steps.1.step", "GREET"),
        ]
    )
    changes, faults, _ = read_group(planning, form, Policy())
    assert changes == {}
    assert set(faults) == {"travel_speed_kmh", "call_min_by_channel", "mandatory_steps"}
    assert control_of(SETTINGS["call_min"], 10, "EUR").text == "10"
