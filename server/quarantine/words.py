"""Why items are kept, told to people in their language: what it means and what can be done about it."""

from typing import NamedTuple

from server.language import sentence, tell


class CodeWords(NamedTuple):
    """A code: what it is called, what it means, and what somebody in the office does."""

    title: str
    meaning: str
    to_do: str


_MEND = sentence("Put right what is wrong and release it, or set it aside.")
_PROGRAM = sentence(
    "The app has a fault: tell its maker. Put right what is wrong and release it, or set it aside."
)
_REVIEW = sentence(
    "If the work is good, release it: whoever releases it lets it pass. If not, set it aside."
)
_NEWER = sentence(
    "Look at the record first. If this is still wanted, mend it; if not, set it aside."
)

CODES = {
    "malformed_json": CodeWords(
        sentence("Cannot be read"),
        sentence("What the phone sent is not well-formed, so nothing in it can be understood."),
        _PROGRAM,
    ),
    "invalid_field": CodeWords(
        sentence("A field is wrong"),
        sentence("Something is missing, of the wrong kind, or outside of what is allowed."),
        _MEND,
    ),
    "unknown_kind": CodeWords(
        sentence("Unknown kind"),
        sentence("Phones of this version send nothing of this kind."),
        _PROGRAM,
    ),
    "unknown_op": CodeWords(
        sentence("Unknown action"),
        sentence("The kind is known, but nothing like this can be done with it."),
        _PROGRAM,
    ),
    "contract_too_new": CodeWords(
        sentence("From a newer app"),
        sentence("The app is newer than this server."),
        sentence("Nothing: it is applied by itself when the server is updated."),
    ),
    "item_too_large": CodeWords(
        sentence("Too large"), sentence("It is larger than one item may be."), _PROGRAM
    ),
    "op_id_reused": CodeWords(
        sentence("Sent twice, not the same"),
        sentence(
            "The phone sent this before with other content. The first counts; this one is kept beside it."
        ),
        sentence(
            "Compare both. What only this one says is entered by the rep as a correction; then set it aside."
        ),
    ),
    "op_id_taken": CodeWords(
        sentence("Name already used"),
        sentence("Another person's phone has sent something under the same name."),
        _PROGRAM,
    ),
    "entity_taken": CodeWords(
        sentence("The id is another record's"),
        sentence("It would make a record under an id that another record has."),
        _PROGRAM,
    ),
    "wrong_kind": CodeWords(
        sentence("A record of another kind"),
        sentence("It names a record that is of another kind than it should be."),
        _PROGRAM,
    ),
    "malformed_points": CodeWords(
        sentence("Track cannot be read"),
        sentence("The points of the way are not written as they should be."),
        _PROGRAM,
    ),
    "not_open": CodeWords(
        sentence("The visit is over already"),
        sentence("It ends a visit that has ended, or that was skipped. The visit stays as it is."),
        _NEWER,
    ),
    "wrong_state": CodeWords(
        sentence("Too late for this"),
        sentence("The record has gone on meanwhile: what was asked for is not possible any more."),
        _NEWER,
    ),
    "lines_differ": CodeWords(
        sentence("Not the lines of the order"),
        sentence(
            "The delivery does not name every line of the order once and with its whole quantity."
        ),
        _MEND,
    ),
    "not_permitted": CodeWords(
        sentence("Not permitted"),
        sentence("The person had no right to do this when they did it."),
        _REVIEW,
    ),
    "not_in_scope": CodeWords(
        sentence("Not theirs"),
        sentence("The record was not among those that the person worked with at that time."),
        _REVIEW,
    ),
    "late_after_leave": CodeWords(
        sentence("Came after they had left"),
        sentence("The person had left, or had given up the position, too long before this came."),
        _REVIEW,
    ),
    "wrong_base_version": CodeWords(
        sentence("Based on nothing known"),
        sentence("It changes a version of the record that there never was here."),
        _NEWER,
    ),
    "template_unknown": CodeWords(
        sentence("Unknown form"),
        sentence("It answers a form, or a version of one, that was never published."),
        _PROGRAM,
    ),
    "not_in_template": CodeWords(
        sentence("Not asked by the form"),
        sentence("It answers a question, or chooses an option, that the form does not have."),
        _MEND,
    ),
    "wrong_answer_type": CodeWords(
        sentence("Answer of the wrong kind"),
        sentence("Where the form asks for a number there is a text, or the like."),
        _MEND,
    ),
    "refused_by_database": CodeWords(
        sentence("Could not be stored"),
        sentence("It is in order, and the database could not take it."),
        sentence("Release it again later. If it comes back, whoever runs the server has to look."),
    ),
    "judgement_failed": CodeWords(
        sentence("The server failed"),
        sentence("It is in order, and a fault of the server kept it from being judged."),
        sentence("Release it again after the next update. Whoever runs the server has to look."),
    ),
}
_WAITS = CodeWords(
    sentence("Waits for something"),
    sentence("It belongs to a record that has not come yet."),
    sentence("Nothing: it is applied by itself when the record comes."),
)
_WAITS_IN_VAIN = CodeWords(
    sentence("Waits in vain"),
    sentence("It belongs to a record that is there but is of another kind, or another person's."),
    sentence("It may wait for ever: ask its sender, mend it, or set it aside."),
)
STATES = {
    "QUARANTINED": (sentence("to be decided"), "warn"),
    "DEFERRED": (sentence("waits for a record"), ""),
    "RELEASED": (sentence("applied"), "good"),
    "SET_ASIDE": (sentence("set aside"), ""),
}
KINDS = {
    "visit": sentence("Visit"),
    "attendance": sentence("Attendance"),
    "store": sentence("Store"),
    "route": sentence("Route"),
    "day_plan": sentence("Day plan"),
    "track": sentence("Track"),
    "form_answer": sentence("Form answer"),
    "order": sentence("Order"),
    "activity_store": sentence("Store in an activity"),
    "audit_visit": sentence("Audit visit"),
    "task": sentence("Task"),
    "notice": sentence("Notice"),
    "location_check": sentence("Location check"),
    "photo": sentence("Photo"),
}


def code_words(code: str | None, *, waits: bool = False, in_vain: bool = False) -> CodeWords:
    """A reason in words; of a code that this version does not know, the code itself."""
    if in_vain:
        known = _WAITS_IN_VAIN
    elif waits:
        known = _WAITS
    elif code in CODES:
        known = CODES[code]
    else:
        return CodeWords(code or tell("No reason was noted"), "", tell(_MEND))
    return CodeWords(*(tell(words) for words in known))


def told_kind(kind: str | None) -> str:
    """What kind of thing an item is about."""
    if kind is None:
        return tell("Unreadable")
    return tell(KINDS[kind]) if kind in KINDS else kind
