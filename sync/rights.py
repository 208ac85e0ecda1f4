"""Who may write what, judged as of the moment an item was captured.

People move and leave while their phones are offline. What they captured while they held a position
is theirs to send; a grace period covers what they captured before their phone heard of the change,
and what a leaver's phone still holds. Past it the item is kept for review, never dropped.
Source: domain rules "Routes and the calendar", protocol "Push".
"""

from dataclasses import dataclass
from datetime import date, timedelta

from sync.clock import Moment, business_day, is_supported
from sync.record_kind import Accepted, Arrived, Context, Known, Missing, Rejected
from sync.senders import Held

_DAY_MS = 86_400_000


@dataclass(frozen=True, slots=True)
class Right:
    """The position that a person wrote from; None for one who held none and was let through."""

    position_id: str | None


def right_of(
    context: Context,
    item: Arrived,
    moment: Moment,
    roles: frozenset[str],
    position_id: str | None = None,
) -> Right | Rejected:
    """The right by which the sender captured an item, or why a person must look at it.

    A moment that clock evidence does not support is judged as of receipt. What somebody released
    after a look at it passes, but never under a position that the sender did not hold.
    """
    zone = context.policy.time_zone
    judged_at = moment.corrected_at if is_supported(moment) else item.received_at
    day = business_day(judged_at, zone)
    received = business_day(item.received_at, zone)
    asked = (roles, position_id, day, received)
    found = context.rights.get(asked)
    if found is None:
        found = context.rights[asked] = _judge_right(context, roles, position_id, day, received)
    return found


def _judge_right(
    context: Context,
    roles: frozenset[str],
    position_id: str | None,
    day: date,
    received: date,
) -> Right | Rejected:
    sender, policy = context.sender, context.policy
    grace = timedelta(days=policy.grace_days)
    is_reviewed = context.is_reviewed
    if not is_reviewed and sender.left_on is not None and received - sender.left_on > grace:
        detail = (
            f"The person left on {sender.left_on}; late work after {received} waits for review."
        )
        return Rejected("late_after_leave", None, detail)
    fitting = [
        held
        for held in sender.positions
        if held.role in roles and (position_id is None or held.position_id == position_id)
    ]
    if not fitting and position_id is not None:
        return Rejected(
            "not_permitted",
            "payload.position_id",
            "The person never held this position in a role that does this.",
        )
    current = [held for held in fitting if _covers(held, day, timedelta())]
    late = [held for held in fitting if _covers(held, day, grace)]
    if current:
        return Right(current[-1].position_id)
    if late:
        return Right(late[-1].position_id)
    if is_reviewed:
        return Right(fitting[-1].position_id if fitting else None)
    held_ever = any(held.ends_on is not None and held.ends_on < day for held in fitting)
    return Rejected(
        "late_after_leave" if held_ever else "not_permitted",
        None,
        f"On {day} the person held no position that may do this.",
    )


def _covers(held: Held, day: date, grace: timedelta) -> bool:
    # Differences, not sums: an occupancy may be given until the calendar's last day.
    return held.starts_on <= day and (held.ends_on is None or day - held.ends_on <= grace)


def in_scope(
    context: Context, item: Arrived, moment: Moment, record_id: str, kind: int, where: str
) -> Known | Missing | Rejected:
    """The record that an item names, if its sender may see it or could when it was captured.

    A record that another company has, or of another kind that the sender never saw, is to this
    sender not there: the item waits for it as for any that has not arrived.
    """
    known = context.known.get(record_id)
    if known is None:
        return Missing((record_id,))
    if known.kind != kind:
        return _of_another_kind(context, known, where)
    is_own = known.person_id == context.sender.person_id
    if known.is_visible or is_own or context.is_reviewed:
        return known
    judged_at = moment.corrected_at if is_supported(moment) else item.received_at
    since = judged_at - context.policy.grace_days * _DAY_MS
    if known.last_visible_at is not None and known.last_visible_at >= since:
        return known
    return Rejected(
        "not_in_scope", where, "It was not in the person's scope when this was captured."
    )


def id_taken(item: Arrived, context: Context) -> Accepted | Rejected | None:
    """What comes of an item that would make a record whose id exists: the very same bytes of the same
    person were applied long ago, or the id is somebody's. None where it is free.
    """
    known = context.known.get(item.entity_id)
    if known is None:
        return None
    if known.born_digest == item.digest and known.person_id == context.sender.person_id:
        return Accepted()
    return Rejected("entity_taken", "entity_id", "Another record has this id.")


def own_record(context: Context, item: Arrived, kind: int) -> Known | Missing | Rejected:
    """The record that an op is about, if it is the sender's own.

    Somebody else's is not there, unless it is on the sender's phone all the same.
    """
    return own_named(context, item.entity_id, kind, "entity_id")


def own_named(
    context: Context, record_id: str, kind: int, where: str
) -> Known | Missing | Rejected:
    """A record that an item names, if it is the sender's own; somebody else's as in `own_record`."""
    known = context.known.get(record_id)
    if known is None:
        return Missing((record_id,))
    if known.kind != kind:
        return _of_another_kind(context, known, where)
    if known.person_id == context.sender.person_id:
        return known
    if known.is_visible:
        return Rejected("not_permitted", where, "This is another person's.")
    return Missing((record_id,))


def _of_another_kind(context: Context, known: Known, where: str) -> Missing | Rejected:
    """A wrong id is told where the sender holds the record anyway; else it would wait for ever."""
    if known.is_visible or known.person_id == context.sender.person_id:
        return Rejected("wrong_kind", where, "The record with this id is of another kind.")
    return Missing((known.id,))
