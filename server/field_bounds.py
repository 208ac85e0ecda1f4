"""What is said of a field that is out of its bounds, alike in every area."""

from server.language import Said


def wanted_text(name: str, least: int, most: int) -> Said:
    """The field is a text of so many characters."""
    return Said(
        "{name}: a text of {least} to {most} characters", name=Said(name), least=least, most=most
    )


def wanted_whole(name: str, least: int, most: int) -> Said:
    """The field is a whole number in a range."""
    return Said(
        "{name}: a whole number from {least} to {most}", name=Said(name), least=least, most=most
    )
