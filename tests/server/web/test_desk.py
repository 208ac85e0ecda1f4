"""Every page goes through the desk: who may not see it is not told that it is there, and no other site changes anything."""

import io
from datetime import date
from pathlib import Path
from uuid import UUID

import pytest

from server.app import build_app
from server.http.callers import Caller, declaration_of
from server.http.service import Service
from server.media.installed import Media
from server.media.s3 import S3Storage
from server.media.staging import Staging
from server.web.desk import SESSION_COOKIE, is_local
from server.web.filled import Filled
from sync.engine import Engine as SyncEngine
from sync.kinds import ALL_KINDS
from tests.server.http.conftest import path_of
from tests.server.web.conftest import Office, token_in
from tests.standing import SECRET
from tests.sync.talking import counted_statements


def pages_of(office: Office, method: str) -> list[tuple[str, tuple[str, ...]]]:
    """The paths of pages that want somebody signed in, with the roles that they declare."""
    found = []
    for rule in office.app.url_map.iter_rules():
        declared = declaration_of(office.app, rule.endpoint)
        assert declared is not None
        if declared.caller is Caller.SIGNED_IN and method in (rule.methods or ()):
            found.append((path_of(rule), declared.roles))
    assert found
    return found


def test_a_page_asks_whoever_is_not_signed_in_to_sign_in(office: Office) -> None:
    for path, _ in pages_of(office, "GET"):
        answer = office.browser().get(path)
        assert (answer.status_code, answer.location.partition("?")[0]) == (303, "/sign-in"), path
    for path, _ in pages_of(office, "POST"):
        answer = office.browser().post(path)
        assert (answer.status_code, answer.location.partition("?")[0]) == (303, "/sign-in"), path


def test_a_page_of_other_roles_is_not_there(office: Office) -> None:
    # The auditor of the cast.
    aki = office.browser(office.cast.aki)
    tried = 0
    for path, roles in pages_of(office, "GET"):
        if roles and "auditor" not in roles:
            assert aki.get(path).status_code == 404, path
            tried += 1
    assert tried >= 4


def test_a_form_without_the_token_of_its_session_changes_nothing(office: Office) -> None:
    sam = office.browser(office.cast.sam)
    mia = office.browser(office.cast.mia)
    of_mia = token_in(mia.get("/days/"))
    for path, roles in pages_of(office, "POST"):
        if roles and "supervisor" not in roles:
            continue
        for brought in ({}, {"_token": ""}, {"_token": of_mia}):
            assert sam.post(path, data=brought).status_code == 403, path


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "https://elsewhere.example"},
        {"Origin": "null"},
    ],
)
def test_a_post_from_another_site_is_refused_with_the_right_token_too(
    office: Office, headers: dict[str, str]
) -> None:
    sam = office.browser(office.cast.sam)
    token = token_in(sam.get("/days/"))
    assert sam.post("/sign-out", data={"_token": token}, headers=headers).status_code == 403
    assert sam.get("/days/").status_code == 200
    assert sam.post("/sign-out", data={"_token": token}).status_code == 303
    assert sam.get("/days/").status_code == 303


def test_a_body_above_its_bound_is_refused(office: Office) -> None:
    sam = office.browser(office.cast.sam)
    token = token_in(sam.get("/days/"))
    answer = sam.post("/sign-out", data={"_token": token, "more": "x" * 300_000})
    assert answer.status_code == 413


def test_every_page_says_whose_scripts_may_run_and_that_nobody_keeps_it(office: Office) -> None:
    for answer in (
        office.browser().get("/sign-in"),
        office.browser(office.cast.sam).get("/days/"),
        office.browser(office.cast.sam).get("/days/?day=nonsense"),
    ):
        policy = answer.headers["Content-Security-Policy"]
        assert "script-src 'self';" in policy
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert answer.headers["Cache-Control"] == "private, no-store"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_no_page_has_a_script_or_a_style_in_it(office: Office) -> None:
    sam = office.browser(office.cast.sam)
    for path in ("/sign-in", "/days/"):
        text = sam.get(path).text
        assert " style=" not in text
        assert "<style" not in text
        assert " onclick=" not in text
        assert text.count("<script") == text.count("<script src=")


def test_an_address_that_nothing_answers_is_told_to_a_person_as_a_page(office: Office) -> None:
    answer = office.browser().get("/nowhere", headers={"Accept": "text/html,*/*;q=0.8"})
    assert answer.status_code == 404
    assert "There is no such page" in answer.text
    answer = office.browser().get("/nowhere", headers={"Accept": "application/json"})
    assert answer.content_type == "application/problem+json"


def test_the_cookie_of_a_session_is_for_this_site_alone(office: Office) -> None:
    sam = office.cast.sam
    with office.database.company(office.cast.company.id) as uow:
        from server.identity.change_log import Actor
        from server.identity.passwords import set_password

        set_password(
            uow, Actor.command("test"), sam.id, "a long password of Sam", today=date(2020, 1, 1)
        )
        email = uow.rows("select email from person where id = :id", id=sam.id)[0].email
    browser = office.browser()
    answer = browser.post(
        "/sign-in",
        data={
            "company": office.cast.company.code,
            "email": email,
            "password": "a long password of Sam",
            "next": "/days/?day=2026-03-03",
        },
        base_url="https://roadbook.example",
    )
    assert answer.location == "/days/?day=2026-03-03"
    cookie = next(
        value for value in answer.headers.getlist("Set-Cookie") if SESSION_COOKIE in value
    )
    assert "; HttpOnly" in cookie
    assert "; Secure" in cookie
    assert "; SameSite=Lax" in cookie


@pytest.mark.parametrize(
    ("place", "expected"),
    [
        ("/days/?day=2026-03-03", True),
        ("//elsewhere.example/", False),
        ("/\\elsewhere.example", False),
        ("https://elsewhere.example/", False),
        ("javascript:alert(1)", False),
        ("/days/\r\nSet-Cookie: x", False),
        ("", False),
        (None, False),
    ],
)
def test_signing_in_leads_to_places_of_ours_only(place: str | None, expected: bool) -> None:
    assert is_local(place) is expected


def test_the_statements_of_the_map_grow_with_nothing(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    counts: dict[str, set[int]] = {}
    for person in (office.cast.ana, office.cast.mia):
        browser = office.browser(person)
        for path in ("/days/", "/days/places", "/days/regions"):
            with counted_statements(monkeypatch) as statements:
                assert browser.get(path).status_code == 200
            counts.setdefault(path, set()).add(len(statements))
    assert all(len(found) == 1 for found in counts.values()), counts
    assert max(counts["/days/"]) <= 16
    assert max(counts["/days/places"]) <= 20


def test_a_person_of_another_company_is_not_there(office: Office) -> None:
    sam = office.browser(office.cast.sam)
    assert sam.get(f"/days/people/{UUID(int=5)}").status_code == 404
    assert sam.get(f"/days/visits/{UUID(int=5)}").status_code == 404


@pytest.mark.parametrize("company", ["a\0b", "\0"])
def test_a_company_that_no_code_can_name_is_told_like_a_wrong_password(
    office: Office, company: str
) -> None:
    said = {"company": company, "email": "ana@example.com", "password": "not hers at all"}
    assert office.browser().post("/sign-in", data=said).status_code == 403


def test_a_nul_in_an_address_or_a_form_is_an_answer_and_no_fault(office: Office) -> None:
    ada = office.browser(office.cast.ada)
    token = token_in(ada.get("/orders/"))
    for path, _ in pages_of(office, "GET"):
        assert ada.get(f"{path}?words=%00").status_code == 404, path
    for path, roles in pages_of(office, "POST"):
        if not roles or "admin" in roles:
            sent = ada.post(path, data={"_token": token, "codes": "a\0b"})
            assert sent.status_code == 400, path
    for path in ("/forms/%00", "/devices/codes/%00", "/settings/%00"):
        assert ada.get(path).status_code == 404, path


def test_a_body_above_its_bound_is_not_read_for_its_token(office: Office) -> None:
    browser = office.browser(office.cast.sam)
    token = token_in(browser.get("/orders/"))
    whole = {"_token": token, "file": (io.BytesIO(b"x" * 300_000), "a.bin")}
    answer = browser.post("/orders/", data=whole, content_type="multipart/form-data")
    assert answer.status_code == 413
    wrong = {"_token": "wrong", "file": (io.BytesIO(b"x" * 300_000), "a.bin")}
    answer = browser.post("/orders/", data=wrong, content_type="multipart/form-data")
    assert answer.status_code == 413


@pytest.mark.parametrize("place", ["/orders/", "/flags/"])
@pytest.mark.parametrize("asked", ["last=0001-01-01", "last=0001-01-31", "first=9999-12-31"])
def test_days_at_the_ends_of_the_calendar_are_empty_lists(
    office: Office, place: str, asked: str
) -> None:
    assert office.browser(office.cast.sam).get(f"{place}?{asked}").status_code == 200


def test_a_mark_in_a_list_that_is_none_is_not_there(office: Office) -> None:
    sam = office.browser(office.cast.sam)
    mark = "2026-01-01T00:00:00%2B00:00~00000000-0000-0000-0000-000000000000~%00"
    assert sam.get(f"/flags/?after={mark}").status_code == 404


def test_pages_show_pictures_that_the_bucket_serves(office: Office, tmp_path: Path) -> None:
    bucket = S3Storage(
        "photos",
        endpoint="https://s3.example:9000",
        region="us-east-1",
        key_id="key",
        secret="secret",
    )
    service = Service(
        database=office.database,
        engine=SyncEngine(office.database, ALL_KINDS, SECRET),
        secret=SECRET,
        media=Media(bucket, Staging(tmp_path)),
    )
    answer = build_app(service).test_client().get("/sign-in")
    shown = answer.headers["Content-Security-Policy"].split("img-src ")[1].split(";")[0]
    assert shown.split() == ["'self'", "data:", "blob:", "https://s3.example:9000"]
    policy = office.browser().get("/sign-in").headers["Content-Security-Policy"]
    assert "img-src 'self' data: blob:;" in policy


@pytest.mark.parametrize("typed", ["1e999999999", "-1e999999999", "NaN", "Infinity", "90.1", "x"])
def test_degrees_that_are_none_on_earth_are_told_at_their_field(typed: str) -> None:
    form = Filled({"lat": typed})
    assert form.degrees_e7("lat", 90) is None
    assert form.faults == {"lat": "Degrees from -90 to 90, please."}
    assert Filled({"lat": " -89.5 "}).degrees_e7("lat", 90) == -895_000_000


@pytest.mark.parametrize(
    ("language", "told"),
    [("en", "This is not there, or not yours."), ("zh", "此内容不存在，或不属于您。")],
)
def test_a_part_that_is_not_there_says_so_without_an_incident(
    office: Office, language: str, told: str
) -> None:
    sam = office.browser(office.cast.sam)
    as_part = {"HX-Request": "true", "Accept-Language": language}
    for place in (f"/days/visits/{UUID(int=5)}", f"/orders/{UUID(int=5)}"):
        answer = sam.get(place, headers=as_part)
        assert answer.status_code == 404
        assert answer.text == f'<p class="alert" role="alert">{told}</p>'
    # Another method than the page has.
    refused = sam.post("/days/places", headers=as_part)
    assert refused.status_code in {400, 403, 405}
    assert "Incident" not in refused.text
