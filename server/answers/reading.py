"""A worker answers what a page had no time for."""

import logging
from collections.abc import Mapping
from typing import Any
from uuid import UUID

import msgspec

from server.answers.asked import (
    READ_WITHIN_MS,
    Answerer,
    TakenUp,
    end_answer,
    give_back,
    take_up,
)
from server.identity.sessions import read_visitor
from server.incidents import log_incident
from server.language import Said, said_by
from server.measures.errors import MeasuresError
from sync.failures import is_passing
from sync.unit_of_work import Database, OutOfTime

logger = logging.getLogger("roadbook.answers")


def answer_question(
    database: Database, answerers: Mapping[str, Answerer[Any]], company_id: int, id_: UUID
) -> None:
    """Answer a question; nothing where nobody wants it any more. Raises StillRead where another worker has it.

    What is wrong with the question ends it FAILED and says so. What the database could not do now is given back, and
    raised: it is tried again.
    """
    with database.company(company_id) as uow:
        taken = take_up(uow, id_)
    if taken is None:
        return
    answer: str | None = None
    failure: Said | str | None = None
    try:
        answer = _read(database, answerers[taken.name], company_id, taken)
    except MeasuresError as refused:
        failure = said_by(refused)
    except OutOfTime:
        failure = Said(
            "This takes too long to read. Ask for less at once: a shorter period, or one region."
        )
    except Exception as error:
        if is_passing(error):
            with database.company(company_id) as uow:
                give_back(uow, taken)
            raise
        incident = log_incident(logger, f"question {id_} of company {company_id}", error)
        failure = Said("Something went wrong here. Incident {incident}.", incident=incident)
    with database.company(company_id) as uow:
        end_answer(uow, taken, answer=answer, failure=failure)


def _read(
    database: Database, answerer: Answerer[Any], company_id: int, taken: TakenUp
) -> str | None:
    """The answer as JSON; None for whoever may ask for nothing any more."""
    with database.reading(company_id) as uow:
        visitor = read_visitor(uow, taken.person_id, taken.read_at)
        if visitor is None or not visitor.roles:
            return None
        uow.end_within(READ_WITHIN_MS)
        value = answerer.read(uow, visitor, taken.arguments, taken.read_at)
    return msgspec.json.encode(value).decode()
