"""The office during a soak: routes, stores and seats change, proposals and conflicts are decided, and what
dealing.py has: orders, activities, tasks, terms.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime
from random import Random
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import psycopg
from sqlalchemy import Engine, text
from sqlalchemy.exc import SQLAlchemyError

from server.activities.errors import ActivityError
from server.catalogue.errors import CatalogueError
from server.identity.errors import IdentityError
from server.jobs.purge import purge_changes
from server.orders.errors import OrderError
from server.planning.conflicts import choose, list_conflicts
from server.planning.errors import PlanningError
from server.planning.handover import hand_over
from server.planning.proposals import NewStorePlace, approve, list_proposals, refuse
from server.planning.routes import move_route, set_stops
from server.planning.rules import Stop
from server.planning.stores import close_stores, edit_stores, move_stores
from server.tasks.errors import TaskError
from sync.errors import ScopeTooLarge
from sync.unit_of_work import Database
from tests.soak.actors import Acting, Stage
from tests.soak.checks import Verdict
from tests.soak.dealing import ACTOR, Dealing

# What makes no sense any more by the time that somebody decides it. Anything else is a fault.
REFUSALS = (
    ActivityError,
    CatalogueError,
    IdentityError,
    OrderError,
    PlanningError,
    ScopeTooLarge,
    TaskError,
)


class OfficeAtWork(Acting):
    """Everybody in the office, one act after the other."""

    def __init__(self, stage: Stage) -> None:
        seed = stage.plan.seed
        # There is more to do in an office than there are blows.
        super().__init__(Random(f"{seed}/office at work"), stage.plan.every_s / 3)
        office = Office(stage.database, stage.owner, stage.company_id, Random(f"{seed}/office"))
        dealing = Dealing(stage.database, stage.company_id, Random(f"{seed}/dealing"))
        self._acts = {**office.acts, **dealing.acts}
        self._faults: list[str] = []

    @property
    def acts(self) -> Mapping[str, Callable[[], object]]:
        return self._acts

    def act(self, name: str) -> None:
        try:
            self._acts[name]()
        except (SQLAlchemyError, psycopg.Error) as broken:
            self.count[_broken_off(broken)] += 1
        except REFUSALS as refused:
            self.count[f"office refused: {type(refused).__name__}"] += 1
        except Exception as fault:  # noqa: BLE001  whatever it is, it is a finding
            self._faults.append(f"{name}: {fault!r}"[:300])
        else:
            self.count[f"office: {name}"] += 1

    def verdicts(self) -> Sequence[Verdict]:
        done = sum(n for name, n in self.count.items() if name.startswith("office: "))
        return [
            Verdict(
                "the office itself worked", f"{done} acts of {len(self._acts)} sorts", self._faults
            )
        ]


def _broken_off(broken: BaseException) -> str:
    """What to count: two acts that waited for one another are another matter than a killed database."""
    cause: BaseException | None = getattr(broken, "orig", broken)
    if isinstance(cause, psycopg.errors.DeadlockDetected):
        return "office acts that met others' and were ended"
    return "office acts that the database broke off"


class Office:
    """What people in the office do, chosen at random; each act is one transaction."""

    def __init__(self, database: Database, owner: Engine, company_id: int, random: Random) -> None:
        self._database = database
        self._owner = owner
        self._company_id = company_id
        self._random = random
        self.acts = {
            "route moved": self._move_route,
            "stops set": self._set_stops,
            "stores edited": self._edit_stores,
            "store closed": self._close_store,
            "store moved": self._move_store,
            "seat given for today": self._stand_in,
            "proposals decided": self._decide_proposals,
            "conflicts decided": self._decide_conflicts,
            "changes purged": self._purge,
        }

    @property
    def today(self) -> date:
        return datetime.now(UTC).astimezone(ZoneInfo("Asia/Shanghai")).date()

    def _rows(self, statement: str) -> list[Any]:
        with self._database.company(self._company_id) as uow:
            return uow.rows(statement, company=self._company_id)

    def _reps(self) -> list[UUID]:
        return [
            row.id
            for row in self._rows(
                "select id from position where company_id = :company and role = 'rep' order by code"
            )
        ]

    def _route(self) -> UUID:
        routes = self._rows(
            "select id from route where company_id = :company and is_active order by name"
        )
        chosen: UUID = self._random.choice(routes).id
        return chosen

    def _move_route(self) -> None:
        route, position = self._route(), self._random.choice(self._reps())
        with self._database.company(self._company_id) as uow:
            move_route(uow, ACTOR, route, position, today=self.today)

    def _set_stops(self) -> None:
        route = self._route()
        with self._database.company(self._company_id) as uow:
            rows = uow.rows(
                "select s.store_id, s.rule from route_stop s join store t"
                " on t.company_id = s.company_id and t.id = s.store_id and t.status = 'ACTIVE'"
                " where s.company_id = :company order by s.route_id, s.sequence",
                company=self._company_id,
            )
            chosen = {row.store_id: row.rule for row in self._random.sample(rows, 20)}
            stops = [Stop(store_id, rule) for store_id, rule in chosen.items()]
            set_stops(uow, ACTOR, route, stops, today=self.today)

    def _edit_stores(self) -> None:
        with self._database.company(self._company_id) as uow:
            rows = uow.rows(
                "select id from store where company_id = :company and status = 'ACTIVE' order by id",
                company=self._company_id,
            )
            number = self._random.randint(1, 999)
            changes = {
                row.id: {"delivery_note": f"gate {number}", "contact_phone": f"{number}"}
                for row in self._random.sample(rows, 5)
            }
            edit_stores(uow, ACTOR, changes)

    def _close_store(self) -> None:
        with self._database.company(self._company_id) as uow:
            rows = uow.rows(
                "select id from store where company_id = :company and status = 'ACTIVE' order by id",
                company=self._company_id,
            )
            if len(rows) > 400:
                close_stores(uow, ACTOR, [self._random.choice(rows).id], today=self.today)

    def _move_store(self) -> None:
        """Under another seat; its region stays."""
        with self._database.company(self._company_id) as uow:
            rows = uow.rows(
                "select id, region_id from store where company_id = :company"
                " and status = 'ACTIVE' order by id",
                company=self._company_id,
            )
            store = self._random.choice(rows)
            position = self._random.choice([None, *self._reps()])
            move_stores(uow, ACTOR, [store.id], region_id=store.region_id, position_id=position)

    def _stand_in(self) -> None:
        people = self._rows(
            "select distinct o.person_id as id from occupancy o join position p"
            " on p.company_id = o.company_id and p.id = o.position_id and p.role = 'rep'"
            " where o.company_id = :company"
        )
        with self._database.company(self._company_id) as uow:
            hand_over(
                uow,
                ACTOR,
                position_id=self._random.choice(self._reps()),
                to_person_id=self._random.choice(people).id,
                first_day=self.today,
                last_day=self.today,
                today=self.today,
                is_acting=True,
            )

    def _decide_proposals(self) -> None:
        with self._database.company(self._company_id) as uow:
            waiting = list_proposals(uow, at_most=6)
        region = self._rows("select id from region where company_id = :company order by code")[
            -1
        ].id
        for proposal in waiting:
            with self._database.company(self._company_id) as uow:
                if self._random.random() < 0.4 or proposal.kind == "route":
                    refuse(uow, ACTOR, proposal.id, "not this time")
                else:
                    place = NewStorePlace(code=f"S-{proposal.id.hex[:10]}", region_id=region)
                    approve(
                        uow,
                        ACTOR,
                        proposal.id,
                        today=self.today,
                        place=place,
                        knows_it_is_outdated=True,
                    )

    def _decide_conflicts(self) -> None:
        with self._database.company(self._company_id) as uow:
            waiting = list_conflicts(uow, at_most=4)
        for one in waiting:
            with self._database.company(self._company_id) as uow:
                what: Any = (
                    "sent" if one.kind == "store" and self._random.random() < 0.5 else "held"
                )
                choose(uow, ACTOR, one.id, dict.fromkeys(one.fields, what))

    def _purge(self) -> None:
        """Everything that is in the feed by now: phones that are behind repair by digest."""
        with self._owner.begin() as connection:
            connection.execute(
                text("insert into xid_mark (at) values (clock_timestamp() - interval '1 s')")
            )
        purge_changes(self._database, self._company_id, days=0)
