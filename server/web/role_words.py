"""What roles are called."""

from server.language import sentence, tell

ROLES = {
    "rep": sentence("Rep"),
    "driver": sentence("Driver"),
    "supervisor": sentence("Supervisor"),
    "regional_manager": sentence("Regional manager"),
    "auditor": sentence("Auditor"),
    "admin": sentence("Admin"),
}


def role_choices() -> list[tuple[str, str]]:
    """Each role with what it is called, to choose from."""
    return [(role, tell(words)) for role, words in ROLES.items()]
