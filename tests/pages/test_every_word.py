"""Whoever reads Chinese reads Chinese: every page that the menu leads to, and a first one of each that those lead to."""

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from html.parser import HTMLParser
from urllib.parse import parse_qsl, urljoin, urlsplit

import pytest
from flask import Flask
from flask.testing import FlaskClient

from server.app import build_app
from server.http.service import Service
from server.identity.sessions import begin_session
from server.web.desk import LANGUAGE_COOKIE, SESSION_COOKIE
from sync.engine import Engine
from sync.kinds import ALL_KINDS
from sync.policy import Policy
from tests.pages.conftest import Site
from tests.server.web.conftest import token_in

pytestmark = pytest.mark.slow
SECRET = b"a secret of at least thirty-two bytes, for tests"
# Fewer pages: the walk does not find its way.
LEAST_SEEN = {"yue.lin": 60, "xin.tang": 40, "hao.deng": 3, "mei.chen": 3}
PEOPLE = ("yue.lin", "xin.tang", "hao.deng", "mei.chen")
# So many pages of each sort and set of questions: the first may be one of which there is little to say.
OF_EACH = 2
PAGES_MAX = 400
# What is called so in every language: forms of files, names of programs, units of computers.
NAMES = {
    *(
        "Roadbook",
        "English",
        "DEMO",
        "CSV",
        "XLSX",
        "JSON",
        "PDF",
        "Natural",
        "Earth",
        "MiB",
        "GCJ",
        "WGS",
        "UTF",
    ),
    *(
        "ISO",
        "IANA",
        "Asia",
        "Shanghai",
        "CNY",
        "USD",
        "EUR",
        "GeoJSON",
        "Polygon",
        "MultiPolygon",
        "Enter",
        "Esc",
    ),
    *(
        "product",
        "price",
        "unit",
        "CEL",
        "ERP",
        "SKU",
        "OSA",
        "Android",
        "Linux",
        "Windows",
        "macOS",
        "iOS",
        "Firefox",
        "Chromium",
        "Chrome",
        "Safari",
    ),
}
# What stands in these is for programs, or is what a program sent.
FOR_PROGRAMS = {"script", "style", "template", "pre", "code", "textarea"}
# The columns and fields in which people write, or name things.
WRITTEN = (
    *(
        "name",
        "email",
        "code",
        "handle",
        "address",
        "about",
        "title",
        "reason",
        "note",
        "text",
        "answer",
        "words",
        "label",
    ),
    *(
        "contact_name",
        "opening_hours",
        "delivery_note",
        "brand",
        "category",
        "channel",
        "actor",
        "unit",
        "body",
    ),
    *(
        "decided_by",
        "file_name",
        "product_group",
        "barcode",
        "model",
        "app_version",
        "browser",
        "platform",
        "stack_group",
        "os",
    ),
)
_COLUMNS = """
select c.table_name, c.column_name from information_schema.columns c
join information_schema.columns o on o.table_schema = c.table_schema and o.table_name = c.table_name
 and o.column_name = 'company_id'
join information_schema.tables t on t.table_schema = c.table_schema and t.table_name = c.table_name
where c.table_schema = 'public' and t.table_type = 'BASE TABLE' and c.data_type = 'text' and c.column_name = any(:written)
"""
# What is cut off may be a word of the company's.
_CUT = re.compile(r"[^；]*…$")
_WORD = re.compile(r"[A-Za-z]{3,}")
# Codes have digits in them; so have ids, addresses of pages and fingerprints. Scripts put
# figures where {names} stand.
_CODE = re.compile(
    r"\{\w+\}|\S*\d\S*|\S+@\S+|\S*/\S*/\S*|\w+(?:[._]\w+)+|\S+\.(?:csv|xlsx|pdf|json)"
)


class Visible(HTMLParser):
    """What is to be read on a page, and where it leads."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []
        self.places: list[str] = []
        self.silent_tags: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Hear what a reader of the screen says, and note links."""
        given = dict(attrs)
        # What says of itself that it is English is the contract's own words, or the other language to choose.
        if tag in FOR_PROGRAMS or (tag != "html" and given.get("lang") == "en"):
            self.silent_tags.append(tag)
        for name in ("title", "placeholder", "aria-label", "alt", "data-confirm"):
            self.texts.append(given.get(name) or "")
        self.texts += json.loads(given.get("data-words") or "{}").values()
        self.places += [given.get(name) or "" for name in ("href", "hx-get", "data-src")]

    def handle_endtag(self, tag: str) -> None:
        """What follows is read again."""
        if self.silent_tags and tag == self.silent_tags[-1]:
            self.silent_tags.pop()

    def handle_data(self, data: str) -> None:
        """Read, unless it is for a program."""
        if not self.silent_tags:
            self.texts.append(data)


@pytest.fixture(scope="module")
def pages(demo_site: Site) -> Flask:
    database = demo_site.database
    return build_app(
        Service(database=database, engine=Engine(database, ALL_KINDS, SECRET), secret=SECRET)
    )


@dataclass(frozen=True, slots=True)
class Written:
    """The company's own data, which nobody translates, the longest first."""

    texts: tuple[str, ...]

    def taken_out_of(self, text: str) -> str:
        """What else a text has."""
        for written in self.texts:
            if written in text:
                text = text.replace(written, "|")
        return text


@pytest.fixture(scope="module")
def written(demo_site: Site) -> Written:
    texts = {row.name for row in demo_site.rows("select name from company where id = :company")}
    for row in demo_site.rows(_COLUMNS, written=list(WRITTEN)):
        values = demo_site.rows(
            f"select distinct {row.column_name} as said from {row.table_name}"
            f" where company_id = :company and {row.column_name} is not null limit 5000"
        )
        texts |= {value.said for value in values}
    for row in demo_site.rows(
        "select doc::jsonb as doc from record where company_id = :company and doc is not null"
    ):
        texts |= set(_texts_in(row.doc))
    for code, reason in Policy().audit_reasons.items():
        texts |= {code, reason["words"]}
    for row in demo_site.rows(
        "select answers::jsonb as answers from form_answer_version where company_id = :company limit 5000"
    ):
        texts |= set(_strings_in(row.answers))
    for row in demo_site.rows("select fields from conflict where company_id = :company"):
        texts |= set(_texts_in(row.fields))
    lines = {" ".join(text.split()) for text in texts if _WORD.search(text)}
    return Written(tuple(sorted(lines, key=len, reverse=True)))


def _texts_in(value: object, name: str = "") -> Iterator[str]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _texts_in(inner, key if key in WRITTEN else name)
    elif isinstance(value, list):
        for inner in value:
            yield from _texts_in(inner, name)
    elif isinstance(value, str) and name in WRITTEN:
        yield value


def _strings_in(value: object) -> Iterator[str]:
    """All of them: what was typed into a form is the company's, whatever its question is called."""
    inner = value.values() if isinstance(value, dict) else value
    if isinstance(inner, str):
        yield inner
    elif isinstance(inner, Iterable):
        for each in inner:
            yield from _strings_in(each)


@pytest.mark.parametrize("person", PEOPLE)
def test_no_page_speaks_english_to_who_reads_chinese(
    demo_site: Site, pages: Flask, written: Written, person: str
) -> None:
    client = _signed_in(demo_site, pages, person)
    english: dict[str, str] = {}
    seen = 0
    for place, read in _pages(client, pages, _first_places(demo_site, client)):
        seen += 1
        for text in read.texts:
            line = " ".join(text.split())
            if _is_english(line) and _is_english(written.taken_out_of(line)):
                english.setdefault(line, place)
    _give_back(client)
    assert seen > LEAST_SEEN[person]
    assert not english, "\n".join(f"{text}  ({place})" for text, place in english.items())


def _is_english(line: str) -> bool:
    """Whether there are words of English, without names that every language has."""
    return bool(set(_WORD.findall(_CODE.sub("|", _CUT.sub("", line)))) - NAMES)


def _signed_in(site: Site, pages: Flask, person: str) -> FlaskClient:
    (found,) = site.rows(
        "select id from person where company_id = :company and email = :email",
        email=f"{person}@demo.example",
    )
    client = pages.test_client()
    with site.database.company(site.company_id) as uow:
        cookie = begin_session(uow, found.id, browser="test", now=datetime.now(UTC))
    client.set_cookie(SESSION_COOKIE, cookie)
    client.set_cookie(LANGUAGE_COOKIE, "zh")
    return client


def _first_places(site: Site, client: FlaskClient) -> list[str]:
    """The start, and what only scripts or buttons lead to: the panels of the map, visits of each sort, a photo to judge."""
    people = site.rows(
        "select distinct person_id as id from visit where company_id = :company"
        " and business_day = :day limit 3",
        day=site.worked_on,
    )
    visits = site.rows(
        "select min(id::text) as id from visit where company_id = :company"
        " group by verdict, flags::text limit 20"
    )
    queue = client.get("/audits/")
    claimed = ""
    if queue.status_code == 200:
        token = {"_token": token_in(queue)}
        claimed = client.post("/audits/claim", data=token).headers["Location"]
    return [
        "/",
        *([claimed] if claimed else []),
        "/no/such/page",
        *(f"/days/people/{row.id}?day={site.worked_on}" for row in people),
        *(f"/days/visits/{row.id}" for row in visits),
    ]


def _give_back(client: FlaskClient) -> None:
    queue = client.get("/audits/")
    if queue.status_code == 200:
        client.post("/audits/give-back", data={"_token": token_in(queue)})


def _pages(client: FlaskClient, pages: Flask, first: list[str]) -> Iterator[tuple[str, Visible]]:
    """Pages from the first ones on, and parts of pages, as links lead to them."""
    met: dict[object, int] = {}
    waiting, done = list(first), set(first)
    while waiting and len(done) < PAGES_MAX:
        place = waiting.pop(0)
        answer = client.get(place, follow_redirects=True)
        if answer.mimetype != "text/html":
            continue
        # A first one may be beyond what this person sees; nothing that is linked is.
        assert answer.status_code == 200 or place in first, place
        assert "<html" not in answer.text or '<html lang="zh-Hans">' in answer.text, place
        read = Visible()
        read.feed(answer.text)
        yield place, read
        for link in read.places:
            next_place = urljoin(place, link).partition("#")[0]
            sort = _sort_of(pages, next_place)
            if sort is None or next_place in done or met.get(sort, 0) >= OF_EACH:
                continue
            met[sort] = met.get(sort, 0) + 1
            done.add(next_place)
            waiting.append(next_place)


def _sort_of(pages: Flask, place: str) -> object:
    """Which view answers, and what it is asked; None where it is none of the pages'."""
    parts = urlsplit(place)
    if parts.scheme or parts.netloc:
        return None
    try:
        endpoint, _ = pages.url_map.bind("localhost").match(parts.path, method="GET")
    except Exception:  # noqa: BLE001 - no page of ours
        return None
    query = dict(parse_qsl(parts.query))
    # Further pages of a list and other orders of it say nothing new.
    for name in ("after", "sort", "key"):
        query.pop(name, None)
    if (
        endpoint.partition(".")[0] in {"pages", "phone"}
        or query.get("format")
        or parts.path.startswith("/v1")
    ):
        return None
    return endpoint, tuple(sorted(query))
