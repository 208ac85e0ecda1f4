"""What a refusal is about: the field that it names, and what it says of it to the visitor."""

from server.language import speaking


def refused_field(refused: Exception) -> tuple[str, str]:
    """The field that a refusal begins with, by its name in the code, and what follows, as its visitor reads it.

    Refusals of fields are written `field: what is wrong`; other languages write another colon.
    """
    with speaking("en"):
        field, colon, _ = str(refused).partition(": ")
    told = str(refused).replace("：", ": ", 1)
    return (field, told.partition(": ")[2]) if colon else ("", told)
