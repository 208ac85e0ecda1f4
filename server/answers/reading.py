"""A worker answers what a page had no time for."""

import logging
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import msgspec

from mobile_contract.schema import plain
from server.answers.asked import Answerer, TakenUp, end_answer, take_up
from server.identity.sessions import Visitor, read_visitor
from server.language import chosen_language, speaking
from server.measures.errors import MeasuresError
from sync.failures import is_passing
from sync.unit_of_work import Database

logger = logging.getLogger("roadbook.answers")


def answer_question(
    database: Database, answerers: Mapping[str, Answerer[Any]], company_id: int, id_: UUID
) -> None:
    """Answer a question; nothing where another worker has it or nobody wants it any more.

    What is wrong with the question ends it FAILED and says so; what passes is tried again.
    """
    now = datetime.now(UTC)
    with database.company(company_id) as uow:
        taken = take_up(uow, id_, now)
    if taken is None:
        return
    answer, failure = None, None
    try:
        with database.reading(company_id) as uow:
            visitor = read_visitor(uow, taken.person_id, now)
        if visitor is not None and visitor.roles:
            answer = _read(database, answerers[taken.name], visitor, taken, now)
    except MeasuresError as refused:
        failure = plain(str(refused))
    except Exception as error:
        if is_passing(error):
            logger.warning("question %s of company %d: %s", id_, company_id, error)
        else:
            logger.exception("question %s of company %d has no answer", id_, company_id)
    with database.company(company_id) as uow:
        end_answer(uow, taken, answer=answer, failure=failure)


def _read(
    database: Database, answerer: Answerer[Any], visitor: Visitor, taken: TakenUp, now: datetime
) -> str:
    with (
        speaking(chosen_language(visitor.language, None, None)),
        database.reading(visitor.company_id) as uow,
    ):
        return msgspec.json.encode(answerer.read(uow, visitor, taken.arguments, now)).decode()
