"""What the office does about goods, activities and people: orders go their way, requests are decided, terms
change, tasks and notices are given and taken back.
"""

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import Any
from uuid import UUID

from server.activities.activities import reopen_activity, suspend_activity
from server.activities.stores import approve_requests, enter_stores, refuse_stores
from server.catalogue.accounts import edit_accounts
from server.catalogue.price_lists import edit_price_list
from server.catalogue.products import edit_products
from server.identity.change_log import Actor
from server.orders.decisions import (
    cancel_orders,
    close_orders,
    confirm_orders,
    dispatch_orders,
    mark_printed,
    reject_orders,
    release_orders,
)
from server.tasks.location_checks import ask_location
from server.tasks.notices import NewNotice, Text, give_notice, recall_notice
from server.tasks.tasks import NewTask, give_tasks, withdraw_tasks
from sync.policy import current_policy
from sync.unit_of_work import Database, UnitOfWork

ACTOR = Actor.command("soak")
_AT_ONCE = 12
_REASON = "the soak says so"


class Dealing:
    """Each act is one transaction on some of what stands where it can be done."""

    def __init__(self, database: Database, company_id: int, random: Random) -> None:
        self._database = database
        self._company_id = company_id
        self._random = random
        self.acts: dict[str, Callable[[], None]] = {
            "held orders decided": self._decide_held_orders,
            "orders confirmed": self._confirm,
            "orders printed": self._print,
            "orders sent out": self._send_out,
            "orders closed": self._close,
            "requests decided": self._decide_requests,
            "stores entered": self._enter_stores,
            "activity suspended or reopened": self._turn_activity,
            "accounts edited": self._edit_accounts,
            "price list edited": self._edit_price_list,
            "products edited": self._edit_products,
            "tasks given": self._give_tasks,
            "tasks withdrawn": self._withdraw_tasks,
            "notice given": self._give_notice,
            "notice recalled": self._recall_notice,
            "place asked": self._ask_place,
        }

    def _some(self, uow: UnitOfWork, statement: str, at_most: int = _AT_ONCE, **values: Any) -> Any:
        rows = uow.rows(statement, company=self._company_id, **values)
        return self._random.sample(rows, min(at_most, len(rows)))

    def _ids(
        self, uow: UnitOfWork, statement: str, at_most: int = _AT_ONCE, **values: Any
    ) -> list[UUID]:
        return sorted(row.id for row in self._some(uow, statement, at_most, **values))

    def _today(self, uow: UnitOfWork) -> date:
        return datetime.now(UTC).astimezone(current_policy(uow)[1].zone).date()

    # ---- orders -------------------------------------------------------------------------------

    def _orders(self, uow: UnitOfWork, *states: str) -> list[UUID]:
        return self._ids(
            uow,
            "select id from order_header where company_id = :company and state = any(:states)"
            " order by received_at desc, id limit 60",
            states=list(states),
        )

    def _decide_held_orders(self) -> None:
        with self._database.company(self._company_id) as uow:
            decide = self._random.choice((release_orders, release_orders, reject_orders))
            decide(uow, ACTOR, self._orders(uow, "HELD"), _REASON)

    def _confirm(self) -> None:
        with self._database.company(self._company_id) as uow:
            confirm_orders(uow, ACTOR, self._orders(uow, "ACCEPTED"))

    def _print(self) -> None:
        with self._database.company(self._company_id) as uow:
            ids = self._orders(uow, "CONFIRMED")
            if self._random.random() < 0.1:
                cancel_orders(uow, ACTOR, ids, _REASON)
            else:
                mark_printed(uow, ACTOR, ids)

    def _send_out(self) -> None:
        """With any seat that delivers; some that are on their way go to another."""
        with self._database.company(self._company_id) as uow:
            seats = self._some(
                uow,
                "select id from position where company_id = :company"
                " and role in ('rep', 'driver') order by code",
                1,
            )
            ids = self._orders(uow, "PRINTED", "DISPATCHED")
            dispatch_orders(uow, ACTOR, ids, seats[0].id)

    def _close(self) -> None:
        with self._database.company(self._company_id) as uow:
            close_orders(uow, ACTOR, self._orders(uow, "DELIVERED", "PARTIAL", "REFUSED"))

    # ---- activities ----------------------------------------------------------------------------

    def _decide_requests(self) -> None:
        with self._database.company(self._company_id) as uow:
            ids = self._ids(
                uow,
                "select a.id from activity_store a join activity t"
                " on t.company_id = a.company_id and t.id = a.activity_id"
                " and t.state in ('APPROVED', 'OPEN', 'SUSPENDED')"
                " where a.company_id = :company and a.state = 'REQUESTED' order by a.id",
            )
            today = self._today(uow)
            if self._random.random() < 0.3:
                refuse_stores(uow, ACTOR, ids, _REASON, today=today)
            else:
                approve_requests(uow, ACTOR, ids, today=today)

    def _enter_stores(self) -> None:
        """Stores come in without a request; some that are in are taken out."""
        with self._database.company(self._company_id) as uow:
            today = self._today(uow)
            (activity,) = self._activities(uow, "OPEN", "APPROVED")
            stores = self._ids(
                uow,
                "select s.id from store s where s.company_id = :company and s.status = 'ACTIVE'"
                " and not exists (select from activity_store a where a.company_id = s.company_id"
                " and a.store_id = s.id and a.activity_id = :activity"
                " and a.state not in ('REFUSED', 'WITHDRAWN')) order by s.id",
                5,
                activity=activity.id,
            )
            enter_stores(uow, ACTOR, activity.id, stores, today=today)
            out = self._ids(
                uow,
                "select id from activity_store where company_id = :company"
                " and activity_id = :activity and state in ('APPROVED', 'RUNNING') order by id",
                2,
                activity=activity.id,
            )
            refuse_stores(uow, ACTOR, out, _REASON, today=today)

    def _turn_activity(self) -> None:
        with self._database.company(self._company_id) as uow:
            today = self._today(uow)
            (activity,) = self._activities(uow, "OPEN", "SUSPENDED")
            if activity.state == "OPEN":
                suspend_activity(uow, ACTOR, activity.id, _REASON, today=today)
            else:
                reopen_activity(uow, ACTOR, activity.id, today=today)

    def _activities(self, uow: UnitOfWork, *states: str) -> Sequence[Any]:
        found: Sequence[Any] = self._some(
            uow,
            "select id, state from activity where company_id = :company and state = any(:states)"
            " order by id",
            1,
            states=list(states),
        )
        return found

    # ---- terms ---------------------------------------------------------------------------------

    def _edit_accounts(self) -> None:
        with self._database.company(self._company_id) as uow:
            ids = self._ids(
                uow, "select id from account where company_id = :company order by id", 3
            )
            owed = self._random.randrange(10**6)
            edit_accounts(uow, ACTOR, {id_: {"open_receivables_minor": owed} for id_ in ids})

    def _edit_price_list(self) -> None:
        """Another code: where two lists are as near to a store, their codes decide."""
        with self._database.company(self._company_id) as uow:
            ids = self._ids(
                uow, "select id from price_list where company_id = :company order by id", 1
            )
            code = f"L{self._random.randrange(10**6)}"
            edit_price_list(uow, ACTOR, ids[0], code=code)

    def _edit_products(self) -> None:
        with self._database.company(self._company_id) as uow:
            ids = self._ids(
                uow, "select id from product where company_id = :company order by id", 3
            )
            number = self._random.randrange(1000)
            edit_products(uow, ACTOR, {id_: {"brand": f"Brand {number}"} for id_ in ids})

    # ---- people --------------------------------------------------------------------------------

    def _people(self, uow: UnitOfWork, at_most: int) -> list[UUID]:
        return self._ids(
            uow,
            "select distinct o.person_id as id from occupancy o join position p"
            " on p.company_id = o.company_id and p.id = o.position_id and p.role = 'rep'"
            " where o.company_id = :company order by 1",
            at_most,
        )

    def _give_tasks(self) -> None:
        with self._database.company(self._company_id) as uow:
            today = self._today(uow)
            due_on = today + timedelta(days=self._random.randrange(5))
            seats = self._ids(
                uow,
                "select id from position where company_id = :company and role = 'rep' order by id",
                3,
            )
            tasks = [
                NewTask(sort="OTHER", text="Count the crates", due_on=due_on, position_id=id_)
                for id_ in seats
            ] + [
                NewTask(sort="OTHER", text="Ring the office", due_on=due_on, person_id=id_)
                for id_ in self._people(uow, 3)
            ]
            give_tasks(uow, ACTOR, tasks, today=today)

    def _withdraw_tasks(self) -> None:
        with self._database.company(self._company_id) as uow:
            ids = self._ids(
                uow,
                "select id from task where company_id = :company and state = 'OPEN' order by id",
                3,
            )
            withdraw_tasks(uow, ACTOR, ids, _REASON, today=self._today(uow))

    def _give_notice(self) -> None:
        with self._database.company(self._company_id) as uow:
            today = self._today(uow)
            audience, ids = "COMPANY", []
            if self._random.random() < 0.6:
                audience = "REGION"
                ids = self._ids(
                    uow, "select id from region where company_id = :company order by id", 1
                )
            notice = NewNotice(
                texts=[Text(language="en", title="Roadworks", body="Leave early.")],
                starts_on=today,
                ends_on=today + timedelta(days=2),
                audience=audience,
                audience_ids=ids,
            )
            give_notice(uow, ACTOR, notice, today=today)

    def _recall_notice(self) -> None:
        with self._database.company(self._company_id) as uow:
            for id_ in self._ids(
                uow,
                "select id from notice where company_id = :company and state = 'GIVEN' order by id",
                1,
            ):
                recall_notice(uow, ACTOR, id_, _REASON, today=self._today(uow))

    def _ask_place(self) -> None:
        with self._database.company(self._company_id) as uow:
            for id_ in self._people(uow, 1):
                ask_location(uow, ACTOR, id_)
