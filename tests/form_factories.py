"""Forms for tests: a small store check, and a phone's answer to it."""

import copy
from typing import Any
from uuid import UUID, uuid4

from server.forms.templates import import_template, publish_template
from server.identity.change_log import Actor
from sync.unit_of_work import Database
from tests.factories import Company
from tests.sync.talking import HOUR, MINUTE, Json, Phone

OFFICE = Actor.command("the office")

STORE_CHECK: Json = {
    "code": "STORE_CHECK",
    "title": "Store check",
    "questions": [
        {
            "code": "stock",
            "type": "ROWS",
            "title": "Must-stock list",
            "required": True,
            "rows": {"source": "MUST_STOCK"},
            "columns": [
                {
                    "code": "state",
                    "type": "CHOICE",
                    "title": "On the shelf?",
                    "required": True,
                    "options": [
                        {"code": "present", "title": "yes"},
                        {"code": "absent", "title": "no"},
                        {"code": "not_listed", "title": "not listed"},
                    ],
                },
                {
                    "code": "facings",
                    "type": "INT",
                    "title": "Facings",
                    "minimum": 0,
                    "maximum": 50,
                    "shown_when": [{"column": "state", "any_of": ["present"]}],
                },
            ],
        },
        {
            "code": "present",
            "type": "TALLY",
            "title": "Present",
            "tally": {
                "rows": "stock",
                "take": "COUNT",
                "where": [{"column": "state", "any_of": ["present"]}],
            },
        },
        {
            "code": "applicable",
            "type": "TALLY",
            "title": "Applicable",
            "tally": {
                "rows": "stock",
                "take": "COUNT",
                "where": [{"column": "state", "any_of": ["present", "absent"]}],
            },
        },
        {
            "code": "category_facings",
            "type": "INT",
            "title": "Facings of the category",
            "required": True,
            "minimum": 0,
            "maximum": 500,
        },
        {
            "code": "own_facings",
            "type": "TALLY",
            "title": "Own facings",
            "tally": {"rows": "stock", "take": "SUM", "column": "facings"},
        },
        {"code": "has_display", "type": "BOOL", "title": "A display?", "required": True},
        {
            "code": "display_note",
            "type": "TEXT",
            "title": "What is on it?",
            "shown_when": "has_display",
            "maximum": 40,
        },
    ],
    "scores": [
        {
            "code": "osa",
            "title": "Availability",
            "weight": 3,
            "full": 10,
            "points": "10 * present / applicable",
            "applies_when": "applicable > 0",
        },
        {
            "code": "display",
            "title": "Display",
            "weight": 1,
            "full": 10,
            "points": "has_display ? 10 : 0",
        },
    ],
    "measures": [
        {"measure": "OSA", "over": "present", "out_of": "applicable"},
        {"measure": "SHARE_OF_SHELF", "over": "own_facings", "out_of": "category_facings"},
        {"measure": "STORE_SCORE"},
    ],
}

TEA = UUID("5f0c6d1e-7b1a-4c55-8a9e-2d4b7c9e1f03")
COLA = UUID("e81b6a54-0c7e-4b0e-9a4f-3f6d2c1b8a90")

ANSWERS: Json = {
    "stock": {str(TEA): {"state": "present", "facings": 6}, str(COLA): {"state": "absent"}},
    "category_facings": 24,
    "has_display": True,
}
COMPUTED: Json = {"present": 1, "applicable": 2, "own_facings": 6}
# 100 × (3 × 5 + 1 × 10) ÷ (3 × 10 + 1 × 10)
SCORE_E2 = 6250


def definition(**other: Any) -> Json:
    """A definition of one's own, to be changed."""
    return {**copy.deepcopy(STORE_CHECK), **other}


def published(db: Database, company: Company, said: Json | None = None) -> UUID:
    """A template in force, committed; published again where it is there already. Returns its id."""
    with db.company(company.id) as uow:
        imported = import_template(uow, OFFICE, said or definition())
        return publish_template(uow, OFFICE, imported.code).template_id


def answer(
    phone: Phone,
    template_id: UUID,
    visit: Json,
    *,
    version: int = 1,
    ago: int = HOUR - MINUTE,
    **payload: Any,
) -> Json:
    """An item: the store check answered at a visit of the same phone."""
    return phone.item(
        "form_answer",
        "create",
        payload.pop("answer", None) or uuid4(),
        {
            "visit_id": visit["entity_id"],
            "store_id": visit["payload"]["store_id"],
            "template_id": str(template_id),
            "template_version": version,
            "answered": phone.event(ago),
            "answers": copy.deepcopy(ANSWERS),
            "computed": dict(COMPUTED),
            "score_e2": SCORE_E2,
            **payload,
        },
        at=phone.now - ago,
    )
