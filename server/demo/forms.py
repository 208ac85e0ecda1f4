"""The demo company's forms: definitions as files, in the format that every office imports."""

import json
from pathlib import Path
from typing import Any
from uuid import UUID, uuid5

from server.forms.templates import import_template, publish_template
from server.identity.change_log import Actor
from sync.unit_of_work import UnitOfWork

FOLDER = Path(__file__).with_name("forms")


def form_definitions() -> list[dict[str, Any]]:
    """The definitions, by the name of their files."""
    return [json.loads(path.read_text(encoding="utf-8")) for path in sorted(FOLDER.glob("*.json"))]


def make_forms(uow: UnitOfWork, actor: Actor, key: UUID) -> dict[str, UUID]:
    """Publish them all; code → id, which follows from the company's key."""
    made = {}
    for definition in form_definitions():
        code = definition["code"]
        import_template(uow, actor, definition, new_id=uuid5(key, f"form {code}"))
        made[code] = publish_template(uow, actor, code).template_id
    return made
