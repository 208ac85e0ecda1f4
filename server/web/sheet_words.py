"""What sheets, faults and states of imports are called on pages."""

from collections.abc import Mapping

from server.language import sentence

SHEET_TITLES: Mapping[str, str] = {
    "division": sentence("Divisions"),
    "region": sentence("Regions"),
    "position": sentence("Positions"),
    "person": sentence("People"),
    "occupancy": sentence("Who holds which position"),
    "holiday": sentence("Holidays"),
    "account": sentence("Customer accounts"),
    "store": sentence("Stores"),
    "route": sentence("Routes"),
    "product": sentence("Products"),
    "price_list": sentence("Price lists"),
    "price": sentence("Prices"),
    "promotion": sentence("Promotions"),
    "activity": sentence("Activities"),
    "target": sentence("Targets"),
}

FAULT_WORDS: Mapping[str, str] = {
    "not_text": sentence("This is no text, or it has control characters in it."),
    "not_a_number": sentence("This is no number as it is wanted here."),
    "not_a_day": sentence("This is no day. Write it as 2027-01-31."),
    "not_a_moment": sentence(
        "This is no moment with its offset. Write it as 2027-01-31T08:00:00Z."
    ),
    "not_pairs": sentence("This is no list of pairs as it is wanted here."),
    "not_yes_or_no": sentence("This is neither yes nor no."),
    "not_a_choice": sentence("This is none of the words that there are."),
    "not_json": sentence("This is no JSON as it is wanted here."),
    "not_a_rule": sentence("This is no visiting rule."),
    "too_long": sentence("This is longer than it may be."),
    "out_of_range": sentence("This number or day is less or more than it may be."),
    "formula": sentence("This is a formula, which is never worked out. Paste its value."),
    "error_value": sentence("This is an error of the spreadsheet."),
    "no_column": sentence("This stands under no header."),
    "required": sentence("This must not be empty."),
    "fixed": sentence("What is there cannot be changed to this."),
    "unknown": sentence("There is nothing of this code, e-mail or id."),
    "unnamed": sentence("Nothing in the row says which record it is about."),
    "ambiguous": sentence("The row names two different records."),
    "twice": sentence("Another row says the same already."),
    "differs_within": sentence("The rows of one record do not agree."),
    "circle": sentence("It would be part of itself."),
    "conflicts": sentence(
        "It does not go together with another cell of the row, or with what is there."
    ),
    "refused": sentence("It is refused. The words beside it say why."),
}

# What an asked import is: its words, tone, and what there is to know about it.
ASKED_STATES: Mapping[str, tuple[str, str, str]] = {
    "WAITING": (
        sentence("waits for a worker"),
        "",
        sentence("Your file is here. It is looked at in a moment; nothing is written by that."),
    ),
    "LOOKING": (
        sentence("being looked at"),
        "",
        sentence(
            "Every row is checked and tried. Nothing is written by that. You may leave this page."
        ),
    ),
    "FAULTY": (
        sentence("has faults"),
        "bad",
        sentence(
            "Nothing is written while something is wrong. Put the faults right in your file, and bring it again."
        ),
    ),
    "READY": (
        sentence("ready to be written"),
        "good",
        sentence("Nothing is wrong with your file. Nothing is written until you say so."),
    ),
    "CONFIRMED": (
        sentence("waits to be written"),
        "",
        sentence("It is written in a moment. You may leave this page."),
    ),
    "WRITING": (
        sentence("being written"),
        "",
        sentence("It is written part by part, and goes on when you leave this page."),
    ),
    "DONE": (sentence("written"), "good", sentence("Everything in your file is written.")),
    "STOPPED": (
        sentence("stopped"),
        "warn",
        sentence("What was written stays. It can go on from there: what is done is left alone."),
    ),
    "CANCELLED": (sentence("cancelled"), "", sentence("Nothing more is written of this file.")),
    "FAILED": (
        sentence("cannot be imported"),
        "bad",
        sentence("Nothing more is done with this file. Bring another one."),
    ),
}

RUN_STATES: Mapping[str, tuple[str, str]] = {
    "CHECKING": (sentence("being checked"), ""),
    "REFUSED": (sentence("refused"), "bad"),
    "APPLYING": (sentence("being written"), ""),
    "DONE": (sentence("written"), "good"),
    "STOPPED": (sentence("stopped"), "warn"),
}

CHANGES: Mapping[str, tuple[str, str]] = {
    "added": (sentence("added"), "good"),
    "changed": (sentence("changed"), ""),
    "closed": (sentence("closed"), "warn"),
}
