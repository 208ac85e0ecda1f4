"""The pages over the test database, for people of the cast who are signed in."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine
from werkzeug.test import TestResponse

from server.identity.sessions import begin_session
from server.web.desk import SESSION_COOKIE
from sync.unit_of_work import Database
from tests.factories import Cast, Person, make_cast


@dataclass(frozen=True, slots=True)
class Office:
    """The application, and somebody's browser."""

    app: Flask
    database: Database
    cast: Cast

    def browser(self, person: Person | None = None) -> FlaskClient:
        """A browser, signed in where a person is named."""
        client = self.app.test_client()
        if person is not None:
            with self.database.company(self.cast.company.id) as uow:
                cookie = begin_session(uow, person.id, browser="test", now=datetime.now(UTC))
            client.set_cookie(SESSION_COOKIE, cookie)
        return client


def token_in(response: TestResponse) -> str:
    """The token that the forms of a page bring."""
    return response.text.split('name="_token" value="')[1].split('"')[0]


def drawn_from(response: TestResponse) -> dict[str, str]:
    """What the form of a page was drawn from, as it sends it; nothing where the page has none."""
    _, found, after = response.text.partition('name="basis" value="')
    return {"basis": after.split('"')[0]} if found else {}


@pytest.fixture
def db(engine: Engine) -> Database:
    return Database(engine)


@pytest.fixture
def cast(owner_engine: Engine, db: Database) -> Cast:
    return make_cast(owner_engine, db)


@pytest.fixture
def office(app: Flask, db: Database, cast: Cast) -> Office:
    return Office(app, db, cast)


Asked = Callable[..., Any]
