"""Parts of pages that may take long: drawn at once where their answer is there, else they wait for the worker that has the question.

What waits looks again three times a second and is told nothing where nothing changed, so that a screen reader says it once.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar

from flask import Response, request

from server.answers.asked import Answered, Answerer, Failed, Waiting, ask
from server.identity.sessions import Visitor
from server.language import tell, told_moment
from server.web.desk import Desk, draw

# What a waiting part says of itself when it looks again: what it shows already.
SHOWN_HEADER = "X-Waiting"
# What nobody took up for so long is worth a word.
_SLOW_AFTER = timedelta(seconds=10)

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Stand:
    """What is shown where an answer will be: why there is none, or how it waits (`waits`, or `slow` where no worker took it up)."""

    failure: str
    waits: str = ""

    @property
    def is_shown(self) -> bool:
        """Whether the part that looks again shows just that."""
        return bool(self.waits) and request.headers.get(SHOWN_HEADER) == self.waits


def answer_to(
    desk: Desk, visitor: Visitor, answerer: Answerer[T], arguments: Mapping[str, str]
) -> Answered[T] | Waiting | Failed:
    """The answer to a question of this page, or where it stands."""
    return ask(
        desk.database,
        visitor,
        answerer,
        arguments,
        now=desk.clock(),
        within_ms=desk.answers_within_ms,
        wake=desk.service.wake_relay,
        is_looking_again=SHOWN_HEADER in request.headers,
    )


def draw_stand(stands: Waiting | Failed, target: str, again: str) -> Response:
    """What stands in the place of an answer in the element `target`: that somebody is at it, or that there is none;
    `again` is the page that asks for it.

    With 204 nothing changes in the page.
    """
    told = stand_told(stands)
    if told.is_shown:
        return Response(status=204)
    return draw("parts/stand.html", stand=told, target=target, again=again)


def stand_told(stands: Waiting | Failed) -> Stand:
    """Where a question stands, in words."""
    if isinstance(stands, Failed):
        said = None if stands.said is None else str(stands.said)
        return Stand(said or tell("This could not be read. Try again, or ask for less at once."))
    is_slow = not stands.is_taken_up and stands.waits > _SLOW_AFTER
    return Stand("", "slow" if is_slow else "waits")


def told_as_of(visitor: Visitor, found: Answered[T] | Waiting | Failed) -> str | None:
    """Of which moment an answer is that a worker read; None of one of just now."""
    if not isinstance(found, Answered) or found.as_of is None:
        return None
    moment_ms = round(found.as_of.timestamp() * 1000)
    return tell("As of {moment}", moment=told_moment(moment_ms, visitor.policy.time_zone))
