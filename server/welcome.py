"""What a first start makes and every start says: the demo company and a way into it, or what is next."""

from collections.abc import Callable
from contextlib import ExitStack, suppress
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy import create_engine
from sqlalchemy.pool import NullPool

from server.demo.known import CODE, NAME, PASSWORD, TIME_ZONE, demo_exists
from server.demo.people import OVERSEERS, REP_NAMES, email_of
from server.identity.change_log import Actor
from server.identity.devices import issue_enrolment_code
from server.identity.errors import NoSuchPerson, PersonHasLeft
from server.migrate import driver_url
from server.settings import Settings
from server.wiring import make_engine
from sync.unit_of_work import Database

_REP = REP_NAMES[0]
_PERSON = "select id from person where company_id = :company and email = :email"


def prepare_demo(settings: Settings, say: Callable[[str], None]) -> list[str]:
    """Make the demo company where there is none; the lines that greet whoever started this."""
    assert settings.database_owner_url is not None
    owner = create_engine(driver_url(settings.database_owner_url), poolclass=NullPool)
    engine = make_engine(settings, application_name="roadbook-demo", pool_size=4)
    with ExitStack() as stack:
        stack.callback(owner.dispose)
        stack.callback(engine.dispose)
        database = Database(engine)
        if not demo_exists(owner):
            # Takes a second to load, and is done once.
            from server.demo.company import DemoExists, make_demo_company
            from server.photos.installed import room_of

            say("Making the demo company: a city, 600 stores, two weeks of work …")
            with suppress(DemoExists):
                now = datetime.now(ZoneInfo(TIME_ZONE))
                make_demo_company(
                    database, owner, today=now.date(), now=now, room=room_of(settings)
                )
        return _greeting(database)


def first_steps(settings: Settings) -> list[str]:
    """What to do next on a database of one's own; nothing where that is done."""
    engine = make_engine(settings, application_name="roadbook-start", pool_size=1)
    try:
        with Database(engine).installation() as uow:
            if uow.rows("select company_ids()"):
                return []
    finally:
        engine.dispose()
    return [
        "There is no company yet. Make one: roadbook company add (docs/operating.md, A first company)"
    ]


def _greeting(database: Database) -> list[str]:
    with database.installation() as uow:
        company_id = uow.rows("select company_id_of(:code) as id", code=CODE)[0].id
    about = f"Demo company: {NAME} ({CODE}). Its accounts, all with the password {PASSWORD}"
    lines = [f"{about}:"]
    seen = set()
    for seat in OVERSEERS:
        if not seat.is_acting and seat.role not in seen:
            seen.add(seat.role)
            lines.append(f"  {seat.role.replace('_', ' '):<17} {email_of(seat.holder)}")
    lines.append(f"  {'rep':<17} {email_of(_REP)}")
    with database.company(company_id) as uow:
        found = uow.rows(_PERSON, company=company_id, email=email_of(_REP))
        try:
            code = issue_enrolment_code(uow, found[0].id, Actor.command("serve")) if found else None
        except (NoSuchPerson, PersonHasLeft):
            code = None
    if code is not None:
        lines.append(f"Enrolment code for a phone of {_REP}: {code}")
    return lines
