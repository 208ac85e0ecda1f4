"""The demo's activities, tasks and notices: two activities run, one comes, one is over and waits to be settled."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from uuid import UUID, uuid5
from zoneinfo import ZoneInfo

from server.activities.activities import approve_activity, make_activity, turn_activity
from server.activities.stores import enter_stores, refuse_stores
from server.activities.terms import NewActivity, StandardItem
from server.identity.change_log import Actor
from server.tasks.notices import NewNotice, Text, give_notice
from server.tasks.tasks import NewTask, give_tasks
from sync.kinds.notice.publish import publish_notices
from sync.unit_of_work import UnitOfWork

_STORES_A_SEAT = 3
_END_CAPS = (
    StandardItem(
        item="END_CAP",
        text="An end cap beside the cooler, filled from top to bottom / 冰柜旁端架一组，满陈列",
        photos=2,
        pass_rule="DONE_AND_PHOTOS",  # noqa: S106 - a rule by which an item passes
    ),
    StandardItem(
        item="POSTER",
        text="The poster of the month at the door / 门口当月海报",
        photos=1,
        pass_rule="PHOTOS",  # noqa: S106
    ),
    StandardItem(item="PRICE_TAG", text="A price tag on every facing / 每个排面有价签"),
    StandardItem(item="STOCK", text="Two cases in reserve / 备货两箱", is_required=False),
)

# Without photos: what reps say of it is enough.
_TAGS = (
    StandardItem(item="PRICE_TAG", text="A price tag on every facing / 每个排面有价签"),
    StandardItem(item="PROMO_PRICE", text="The price of the promotion is shown / 标出促销价"),
    StandardItem(
        item="PRICE_LIST", text="The price list at the till / 收银台有价目表", is_required=False
    ),
)


@dataclass(frozen=True, slots=True)
class Activity:
    """One of them: when it runs, seen from the day of the demo, and what it pays."""

    name: str
    code: str
    from_day: int
    to_day: int
    pay_minor: int
    channels: tuple[str, ...] = ()
    # Which of a seat's stores are in it.
    first_store: int = 0
    standards: tuple[StandardItem, ...] = _END_CAPS


ACTIVITIES = (
    Activity("Summer fridge doors / 夏季冰柜门贴", "YH-FRIDGE", -75, -16, 20_000, first_store=6),
    Activity("End caps of the season / 应季端架", "YH-ENDCAP", -12, 30, 30_000),
    Activity("Lantern Fair stacks / 灯会堆头", "YH-LANTERN", 7, 24, 45_000, first_store=3),
    Activity(
        "Price tags of the season / 应季价签",
        "YH-TAGS",
        -14,
        20,
        8_000,
        first_store=9,
        standards=_TAGS,
    ),
)


def make_activities(
    uow: UnitOfWork,
    actor: Actor,
    key: UUID,
    stores: Mapping[str, Sequence[UUID]],
    today: date,
    zone: ZoneInfo,
) -> int:
    """The activities with some stores of every seat, as they stand on this day; how many stores are in.

    `stores` are the ids of each seat's stores, in their order.
    """
    entered = 0
    for activity in ACTIVITIES:
        activity_id = uuid5(key, f"activity {activity.code}")
        starts_on = today + timedelta(days=activity.from_day)
        make_activity(
            uow,
            actor,
            NewActivity(
                id=activity_id,
                name=activity.name,
                starts_on=starts_on,
                ends_on=today + timedelta(days=activity.to_day),
                standards=activity.standards,
                channels=activity.channels,
                pay_minor=activity.pay_minor,
                budget_minor=activity.pay_minor * 500,
                currency="CNY",
            ),
        )
        decided_on = min(starts_on, today)
        approve_activity(uow, actor, activity_id, today=decided_on, code=activity.code)
        wanted = [
            store_id
            for held in stores.values()
            for store_id in held[activity.first_store :][:_STORES_A_SEAT]
        ]
        ids = [uuid5(key, f"{activity.code} {store_id}") for store_id in wanted]
        moment = _morning(decided_on, zone)
        enter_stores(uow, actor, activity_id, wanted, today=decided_on, ids=ids, now=moment)
        refuse_stores(
            uow,
            actor,
            ids[:: 3 * _STORES_A_SEAT],
            "No room for it / 没有位置",
            today=decided_on,
            now=moment,
        )
        turn_activity(uow, actor, activity_id, today=today)
        entered += len(ids)
    return entered


def make_tasks(
    uow: UnitOfWork,
    giver: Actor,
    key: UUID,
    positions: Mapping[str, UUID],
    stores: Mapping[str, Sequence[UUID]],
    today: date,
    zone: ZoneInfo,
) -> int:
    """Some tasks for every other seat; one of them is overdue today."""
    three_days_ago = today - timedelta(days=3)
    older, newer = [], []
    for number, (seat, held) in enumerate(stores.items()):
        if number % 2:
            continue
        older.append(
            NewTask(
                id=uuid5(key, f"task call on {seat}"),
                sort="CALL_ON",
                text="The owner asked for a visit about the new cooler / 店主想谈新冰柜",
                due_on=today - timedelta(days=1) if number == 0 else today + timedelta(days=1),
                position_id=positions[seat],
                store_id=held[0],
            )
        )
        newer.append(
            NewTask(
                id=uuid5(key, f"task end cap {seat}"),
                sort="PUT_RIGHT",
                text="The end cap stands half empty: fill it / 端架缺货一半，请补满",
                due_on=today + timedelta(days=2),
                position_id=positions[seat],
                store_id=held[1],
                activity_store_id=uuid5(key, f"{ACTIVITIES[1].code} {held[1]}"),
            )
        )
    give_tasks(uow, giver, older, today=three_days_ago, now=_morning(three_days_ago, zone))
    give_tasks(uow, giver, newer, today=today, now=_morning(today, zone))
    return len(older) + len(newer)


def make_notices(
    uow: UnitOfWork, giver: Actor, key: UUID, region_id: UUID, today: date, zone: ZoneInfo
) -> int:
    """One for everybody, one for a region, one that is over."""
    texts = {
        "price": (-2, 10, "New prices on Monday", "周一起执行新价", "COMPANY"),
        "road": (-1, 4, "The river road is closed", "滨河路封闭施工", "REGION"),
        "stock": (-20, -15, "Stocktake on Friday", "周五仓库盘点", "COMPANY"),
    }
    given = []
    for name, (first, last, english, chinese, audience) in texts.items():
        given_on = today + timedelta(days=first)
        notice = give_notice(
            uow,
            giver,
            NewNotice(
                id=uuid5(key, f"notice {name}"),
                texts=(
                    Text(language="zh", title=chinese, body="详情请看群公告。"),
                    Text(language="en", title=english, body="Ask your supervisor for details."),
                ),
                starts_on=given_on,
                ends_on=today + timedelta(days=last),
                audience=audience,
                audience_ids=() if audience == "COMPANY" else (region_id,),
            ),
            today=given_on,
            now=_morning(given_on, zone),
        )
        given.append(notice)
    publish_notices(uow, given, today)
    return len(given)


def _morning(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time(8), zone)
