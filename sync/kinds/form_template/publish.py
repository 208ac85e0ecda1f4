"""Publishing form templates: the version in force, for the people of its divisions or for everybody."""

from collections.abc import Iterable
from uuid import UUID

from sync.kinds.form_template.states import PUBLISHING
from sync.publish import Draft, hold, publish
from sync.record_kind import RecordKind
from sync.unit_of_work import UnitOfWork

FORM_TEMPLATE = RecordKind(name="form_template", number=22, machine=PUBLISHING)

_SELECT = """
select t.id, t.state, v.version, v.definition, v.division_ids, c.key
from form_template t
join form_template_version v
  on v.company_id = t.company_id and v.template_id = t.id and v.version = t.version
join company c on c.id = t.company_id
where t.company_id = :company and t.id = any(:ids) order by t.id
"""


def publish_form_templates(uow: UnitOfWork, ids: Iterable[UUID]) -> dict[UUID, int]:
    """Bring the records of these templates up to the version in force; returns their versions.

    A retired one is seen by nobody. One that was never published has no record.
    """
    wanted = sorted(set(ids))
    hold(uow, wanted)
    drafts = [
        Draft(
            FORM_TEMPLATE,
            row.id,
            {"template_version": row.version, "definition": row.definition},
            frozenset(() if row.state != "PUBLISHED" else row.division_ids or (row.key,)),
        )
        for row in uow.rows(_SELECT, company=uow.company_id, ids=wanted)
    ]
    return publish(uow, drafts)
