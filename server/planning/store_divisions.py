"""Which divisions a store buys from, set from above."""

from collections.abc import Iterable, Mapping
from uuid import UUID

from server.identity.change_log import Actor, log_changes
from server.language import Said
from server.planning.errors import NoSuchDivision, NoSuchStore
from sync.kinds.store_terms.publish import bring_terms_up
from sync.publish import hold
from sync.rows import array
from sync.unit_of_work import UnitOfWork

_HELD = """
select s.id, array(select d.division_id from store_division d
                   where d.company_id = s.company_id and d.store_id = s.id
                   order by d.division_id) as divisions
from store s where s.company_id = :company and s.id = any(:ids) order by s.id for update
"""
_KNOWN = "select id from division where company_id = :company and id = any(:ids)"
_LEAVE = "delete from store_division where company_id = %s and store_id = any(%s::uuid[])"
_JOIN = """
insert into store_division (company_id, store_id, division_id)
select %s, r.store_id, r.division_id from unnest(%s::uuid[], %s::uuid[]) as r(store_id, division_id)
"""


def set_store_divisions(
    uow: UnitOfWork, actor: Actor, divisions: Mapping[UUID, Iterable[UUID]]
) -> list[UUID]:
    """Let these stores buy from exactly these divisions; those where something differs.

    Price lists and promotions of other divisions are not for them. Raises NoSuchStore, NoSuchDivision. Five
    queries and the terms of the stores, whatever their number.
    """
    wanted = {store_id: sorted(set(ids)) for store_id, ids in divisions.items()}
    if not wanted:
        return []
    hold(uow, sorted(wanted))
    held = {
        row.id: list(row.divisions)
        for row in uow.rows(_HELD, company=uow.company_id, ids=sorted(wanted))
    }
    missing = wanted.keys() - held.keys()
    if missing:
        raise NoSuchStore(Said("there is no store {missing} in this company", missing=min(missing)))
    named = {id_ for ids in wanted.values() for id_ in ids}
    known = {row.id for row in uow.rows(_KNOWN, company=uow.company_id, ids=sorted(named))}
    if named - known:
        raise NoSuchDivision(
            Said("there is no division {named} in this company", named=min(named - known))
        )
    differing = [id_ for id_ in sorted(wanted) if wanted[id_] != held[id_]]
    if not differing:
        return []
    uow.driver.execute(_LEAVE, [uow.company_id, array("uuid", differing)])
    pairs = [(id_, division_id) for id_ in differing for division_id in wanted[id_]]
    if pairs:
        stores, ids = zip(*pairs, strict=True)
        uow.driver.execute(_JOIN, [uow.company_id, array("uuid", stores), array("uuid", ids)])
    log_changes(
        uow,
        actor,
        "store.set_divisions",
        "store",
        ((id_, {"divisions": held[id_]}, {"divisions": wanted[id_]}) for id_ in differing),
    )
    bring_terms_up(uow, differing)
    return differing
