"""The pages in a real Chromium, from the web server as it is installed, with the demo company behind them.

The demo company is made once a run, in a database that each test process copies. Whatever a page says to the console
or cannot fetch fails its test.
"""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.request import urlopen
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import Engine, create_engine

from server.demo.company import make_demo_company
from server.demo.known import CODE, PASSWORD, TIME_ZONE
from server.identity.sessions import begin_session
from server.web.desk import SESSION_COOKIE
from server.web.vendor import VENDOR
from sync.unit_of_work import Database
from tests.browser import find_browser
from tests.conftest import copied_database

SOON_MS = 20_000


@dataclass(slots=True)
class Site:
    """The demo company behind a server of its own."""

    address: str
    database: Database
    company_id: int
    # The day on which its people worked.
    worked_on: date
    owner_url: str
    app_url: str
    # Where the server keeps files.
    media: Path

    def rows(self, statement: str, **values: Any) -> list[Any]:
        """What the database holds of the company."""
        with self.database.reading(self.company_id) as uow:
            return uow.rows(statement, company=self.company_id, **values)


@dataclass
class Seat:
    """Somebody at a browser."""

    page: Any
    site: Site
    address: str
    faults: list[str] = field(default_factory=list)

    def hear(self, message: Any) -> None:
        """Keep what the console is told to be wrong."""
        if message.type == "error":
            self.faults.append(message.text)

    def go(self, path: str) -> None:
        """Open a page."""
        self.page.goto(self.address + path)

    def come_back(self, email: str) -> None:
        """Somebody who has signed in before: their browser has the cookie of a session. No page is open."""
        (person,) = self.site.rows(
            "select id from person where company_id = :company and email = :email", email=email
        )
        with self.site.database.company(self.site.company_id) as uow:
            cookie = begin_session(uow, person.id, browser="Chromium", now=datetime.now(UTC))
        self.page.context.add_cookies(
            [{"name": SESSION_COOKIE, "value": cookie, "url": self.address}]
        )

    def sign_in(self, email: str, password: str = PASSWORD) -> None:
        """Sign in by the form, and come to the first page of theirs."""
        self.go("/sign-in")
        self.fill_in(email, password)

    def fill_in(self, email: str, password: str = PASSWORD) -> None:
        """Fill in and send the form that is open; it asks for the company where there are several."""
        if self.page.query_selector("[name=company]"):
            self.page.fill("[name=company]", CODE)
        self.page.fill("[name=email]", email)
        self.page.fill("[name=password]", password)
        self.page.click("button.main")


@pytest.fixture(scope="session")
def demo_site(
    servers: dict[str, str],
    redis_url: str,
    tmp_path_factory: pytest.TempPathFactory,
    worker_id: str,
) -> Iterator[Site]:
    var = tmp_path_factory.mktemp("pages")
    with copied_database(servers, f"roadbook_pages_{worker_id}") as urls:
        owner, app = create_engine(urls["owner"]), create_engine(urls["app"])
        database = Database(app)
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr("server.demo.company.HISTORY_DAYS", 1)
            today = datetime.now(ZoneInfo(TIME_ZONE)).date()
            make_demo_company(database, owner, today=today)
        with database.installation() as uow:
            company_id = uow.rows("select company_id_of(:code) as id", code=CODE)[0].id
        with served(urls["app"], redis_url, var) as address:
            yield Site(
                address,
                database,
                company_id,
                today - timedelta(days=1),
                urls["owner"],
                urls["app"],
                var / "media",
            )
        _dispose(owner, app)


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    path = find_browser()
    if path is None:
        pytest.skip("there is no Chromium on this machine: python -m tests.browser says why")
    if not VENDOR.is_dir():
        pytest.skip("the packages of the pages are not installed: python -m server.web.vendor")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(
            executable_path=path, args=["--no-sandbox"] if os.geteuid() == 0 else []
        )
        yield launched
        launched.close()


@pytest.fixture
def sit_down(demo_site: Site, browser: Any) -> Iterator[Callable[..., Seat]]:
    """Somebody new at a browser of their own; by their address, who has signed in before."""
    contexts, seats = [], []

    def sit(email: str | None = None, *, width: int = 1366, language: str = "en-GB") -> Seat:
        context = browser.new_context(
            viewport={"width": width, "height": 800}, locale=language, service_workers="block"
        )
        context.set_default_timeout(SOON_MS)
        contexts.append(context)
        seat = Seat(context.new_page(), demo_site, demo_site.address)
        seats.append(seat)
        seat.page.on("pageerror", lambda error: seat.faults.append(str(error)))
        seat.page.on("console", seat.hear)
        if email is not None:
            seat.come_back(email)
        return seat

    yield sit
    for context in contexts:
        context.close()
    assert [fault for seat in seats for fault in seat.faults] == []


@contextmanager
def served(database_url: str, redis_url: str, var: Path, **settings: str) -> Iterator[str]:
    """A web server over the database, at its address."""
    environ = {
        **os.environ,
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "SECRET_KEY": "a secret of thirty-two characters and more",
        "ROADBOOK_VAR": str(var),
        "WEB_WORKERS": "1",
        "WEB_THREADS": "6",
        # There is no worker here: pages wait for none, however slow the machine is.
        "ANSWERS_WITHIN_MS": "30000",
        **settings,
    }
    with socket.create_server(("127.0.0.1", 0)) as listener:
        process = subprocess.Popen(
            [sys.executable, "-m", "server", "web", "--listener", str(listener.fileno())],
            env=environ,
            cwd=Path(__file__).resolve().parents[2],
            pass_fds=[listener.fileno()],
        )
        host, port = listener.getsockname()
        with urlopen(f"http://{host}:{port}/healthz", timeout=60):
            pass
        try:
            yield f"http://{host}:{port}"
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(30)


def _dispose(*engines: Engine) -> None:
    for engine in engines:
        engine.dispose()
