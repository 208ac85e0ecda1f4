"""The demo company's forms: definitions as files, in the format that every office imports."""

import json
from pathlib import Path
from typing import Any
from uuid import UUID, uuid5

from mobile_contract.forms.template import read_template
from server.demo.answering import Form, Product
from server.forms.templates import import_template, publish_template
from server.identity.change_log import Actor
from sync.unit_of_work import UnitOfWork

_MUST_STOCK = """
select distinct s.id as store_id, p.id, p.code, p.shelf_life_days
from store s
join must_stock m on m.company_id = s.company_id
 and (m.channel is null or m.channel = s.channel)
 and (m.store_class is null or m.store_class = s.store_class)
join product p on p.company_id = m.company_id and p.id = m.product_id and p.status = 'ACTIVE'
where s.company_id = :company order by s.id, p.code
"""

FOLDER = Path(__file__).with_name("forms")


def form_definitions() -> list[dict[str, Any]]:
    """The definitions, by the name of their files."""
    return [json.loads(path.read_text(encoding="utf-8")) for path in sorted(FOLDER.glob("*.json"))]


def make_forms(uow: UnitOfWork, actor: Actor, key: UUID) -> dict[str, Form]:
    """Publish them all, by code; their ids follow from the company's key."""
    made = {}
    for definition in form_definitions():
        code = definition["code"]
        import_template(uow, actor, definition, new_id=uuid5(key, f"form {code}"))
        published = publish_template(uow, actor, code)
        template = read_template(definition)
        made[code] = Form(published.template_id, published.version, template)
    return made


def products_of_stores(uow: UnitOfWork) -> dict[UUID, list[Product]]:
    """What each store must stock, as its phone would list it."""
    found: dict[UUID, list[Product]] = {}
    for row in uow.rows(_MUST_STOCK, company=uow.company_id):
        found.setdefault(row.store_id, []).append(Product(row.id, row.shelf_life_days))
    return found
