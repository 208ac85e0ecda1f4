"""People and positions to choose from in forms: the first of them, whoever is chosen already, and others by what they are called."""

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from server.identity.people_list import PeopleAsked, find_people
from server.identity.sessions import Visitor
from server.planning.position_list import PositionsAsked, list_held_positions
from sync.unit_of_work import UnitOfWork

OFFERED_MAX = 200


@dataclass(frozen=True, slots=True)
class Choices:
    """What a select offers; `is_cut` where there are more, which are found by what they are called."""

    options: tuple[tuple[str, str], ...]
    is_cut: bool


def people_choices(
    uow: UnitOfWork, visitor: Visitor, *, chosen: Iterable[str] = (), words: str = ""
) -> Choices:
    """The people whom the visitor may see and who have not left, by name."""
    who = {"today": visitor.today, "asker_id": visitor.person_id}
    found = find_people(uow, PeopleAsked(words=words), at_most=OFFERED_MAX + 1, **who)  # type: ignore[arg-type]
    offered = {one.id: one.told for one in found[:OFFERED_MAX]}
    missing = _missing(chosen, offered)
    if missing:
        others = find_people(uow, PeopleAsked(), only=missing, at_most=len(missing), **who)  # type: ignore[arg-type]
        offered |= {one.id: one.told for one in others}
    return _choices(offered, is_cut=len(found) > OFFERED_MAX)


def position_choices(
    uow: UnitOfWork, visitor: Visitor, *, chosen: Iterable[str] = (), words: str = ""
) -> Choices:
    """The positions that the visitor may see, by code."""
    who = {"today": visitor.today, "asker_id": visitor.person_id}
    found = list_held_positions(
        uow,
        PositionsAsked(words=words),
        at_most=OFFERED_MAX + 1,
        **who,  # type: ignore[arg-type]
    )
    offered = {one.id: one.told for one in found[:OFFERED_MAX]}
    missing = _missing(chosen, offered)
    if missing:
        others = list_held_positions(
            uow,
            PositionsAsked(),
            only=missing,
            at_most=len(missing),
            **who,  # type: ignore[arg-type]
        )
        offered |= {one.id: one.told for one in others}
    return _choices(offered, is_cut=len(found) > OFFERED_MAX)


def _missing(chosen: Iterable[str], offered: dict[UUID, str]) -> list[UUID]:
    """What is chosen and not offered; what is no id is chosen by nobody."""
    found = []
    for typed in chosen:
        try:
            named = UUID(typed)
        except ValueError:
            continue
        if named not in offered:
            found.append(named)
    return found[:OFFERED_MAX]


def _choices(offered: dict[UUID, str], *, is_cut: bool) -> Choices:
    return Choices(tuple((str(id_), told) for id_, told in offered.items()), is_cut)
