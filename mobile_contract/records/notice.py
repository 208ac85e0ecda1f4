"""notice: what the office lets people know. It comes down; that it was read goes up. From contract 2 on."""

from typing import Final

from mobile_contract.fields import Choice, Day, ListOf, Millis, Part, Text
from mobile_contract.records.contract import RecordContract
from mobile_contract.records.evidence import Event
from mobile_contract.schema import WireSchema

LANGUAGES: Final = ("en", "zh")
NOTICE_TITLE_MAX: Final = 120
NOTICE_BODY_MAX: Final = 4_000


class NoticeRead(WireSchema):
    """The person has read it."""

    read = Part(Event, about="when it was opened")


class NoticeText(WireSchema):
    """The notice in one language."""

    language = Choice(LANGUAGES, about="ISO 639-1")
    title = Text(1, NOTICE_TITLE_MAX, about="one line")
    body = Text(0, NOTICE_BODY_MAX, about="plain text; lines end with a line feed")


class NoticeDown(WireSchema):
    """A notice as the server holds it."""

    texts = ListOf(
        Part(NoticeText),
        len(LANGUAGES),
        minimum=1,
        about="the notice in each language that it was written in, the main one first",
    )
    starts_on = Day(about="the first day on which it is shown")
    ends_on = Day(about="the last day on which it is shown")
    given_by = Text(0, 200, about="who gave it")
    given_at = Millis(about="when it was given")


NOTICE: Final = RecordContract(
    kind="notice", ops={1: {}, 2: {"read": NoticeRead}}, down={1: None, 2: NoticeDown}
)
