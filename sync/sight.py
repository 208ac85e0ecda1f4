"""What the judging of a set of items may look at, read as sets.

The statements do not grow with the items: one lock of what is to be changed and one read of the
records named. More are sent only for items that need them: when a record was last in somebody's
scope, what a record was since the base of an edit, and a kind's own reads.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from sync.direct import Row, Value, bytes_of, fetch, rows_of, send, text_of
from sync.history import History
from sync.record_kind import Arrived, Context, Known, Load, RecordKind
from sync.rows import array
from sync.scope import is_visible
from sync.senders import Sender
from sync.unit_of_work import UnitOfWork

_LOCK = b"""
select 1 from record where company_id = $1 and id = any($2::uuid[]) order by id for update
"""
_READ = f"""
select r.id, r.kind, r.version, r.doc, r.person_id, r.changed_by, r.born_digest,
       {is_visible("$1", "$2")}
from record r where r.company_id = $1 and r.id = any($3::uuid[])
""".encode()
# When a record was last in a person's scope: each key that it is or was at, against each that the
# person holds or held. Milliseconds.
_LAST_VISIBLE = """
with at as (
    select id, key, since, null::timestamptz as until from record_key
    where company_id = %(company)s and id = any(%(ids)s::uuid[])
    union all
    select id, key, since, until from record_key_past
    where company_id = %(company)s and id = any(%(ids)s::uuid[])
), held as (
    select key, since, null::timestamptz as until from holder_key
    where company_id = %(company)s and person_id = %(person)s
    union all
    select key, since, until from holder_key_past
    where company_id = %(company)s and person_id = %(person)s
)
select at.id::text,
       (extract(epoch from max(least(at.until, held.until))) * 1000)::bigint
from at join held on held.key = at.key
where greatest(at.since, held.since) <= coalesce(least(at.until, held.until), now())
group by at.id
"""
_OLDER = """
select v.id::text, v.version, v.doc, v.changed_by::text
from record_version v
join unnest(%s::uuid[], %s::int4[]) as r(id, version) on r.id = v.id and v.version >= r.version
where v.company_id = %s order by v.id, v.version
"""
_NAMES = "select id::text, name from person where company_id = %s and id = any(%s::uuid[])"


class Sight:
    """What the items of one sender see, in one transaction."""

    def __init__(self, uow: UnitOfWork, kinds: Mapping[str, RecordKind], sender: Sender) -> None:
        self.uow = uow
        self.kinds = kinds
        self.sender = sender

    def of(
        self, items: Sequence[Arrived], named: Sequence[Sequence[str]], *, is_reviewed: bool
    ) -> Context:
        """Everything that these items may look at; what they change is locked. `named` has the records
        that each names beside its own.
        """
        driver, company_id = self.uow.driver, self.uow.company_id
        known = {}
        if items:
            shared = {i.entity_id for i in items if self.kinds[i.kind].locks(i.op)}
            if shared:
                send(driver, _LOCK, [company_id, array("uuid", sorted(shared))])
            wanted = {item.entity_id for item in items}.union(*named)
            known = self.records(sorted(wanted))
        self._read_last_visible(known)
        histories = self._histories(items, known)
        return Context(
            sender=self.sender,
            policy=self.sender.policy,
            policy_version=self.sender.policy_version,
            known=known,
            reads=self._kind_reads(items, known),
            histories=histories,
            names=self._names(histories, known),
            is_reviewed=is_reviewed,
        )

    def _names(
        self, histories: Mapping[str, History[Known]], known: Mapping[str, Known]
    ) -> dict[str, str]:
        """Who changed the records that edits in this batch may meet on."""
        people = {known[id_].changed_by for id_ in histories}
        people.update(*(history.people() for history in histories.values()))
        people.discard(None)
        if not people:
            return {}
        cursor = self.uow.driver.execute(
            _NAMES, [self.uow.company_id, array("uuid", sorted(filter(None, people)))]
        )
        return dict(cursor.fetchall())

    def records(self, ids: list[str]) -> dict[str, Known]:
        """The records of these ids that there are, by id."""
        values = (self.uow.company_id, self.sender.person_id, array("uuid", ids))
        rows = fetch(self.uow.driver, _READ, values)
        return {known.id: known for known in map(_known, rows)}

    def _read_last_visible(self, known: dict[str, Known]) -> None:
        person = self.sender.person_id
        asked = [k.id for k in known.values() if not k.is_visible and k.person_id != person]
        if asked:
            values: dict[str, Value] = {
                "company": self.uow.company_id,
                "person": person,
                "ids": array("uuid", asked),
            }
            for id_, until in rows_of(self.uow.driver, _LAST_VISIBLE, values):
                known[id_].last_visible_at = until

    def _kind_reads(
        self, items: Sequence[Arrived], known: Mapping[str, Known]
    ) -> dict[str, dict[str, Any]]:
        found: dict[str, dict[str, Any]] = {}
        for kind in self.kinds.values():
            for read in kind.reads:
                found[read.name] = {}
                if isinstance(read, Load):
                    own = [item for item in items if item.kind == kind.name]
                    if own:
                        found[read.name] = read.load(self.uow, self.sender, own, known)
                    continue
                ids = {id_ for item in items if item.kind == kind.name for id_ in read.wants(item)}
                if ids:
                    values: dict[str, Value] = {
                        "company": self.uow.company_id,
                        "ids": array("uuid", sorted(ids)),
                    }
                    for row in rows_of(self.uow.driver, read.statement, values):
                        found[read.name].setdefault(row[0], []).append(row[1:])
        return found

    def _histories(
        self, items: Sequence[Arrived], known: Mapping[str, Known]
    ) -> dict[str, History[Known]]:
        """The versions from the first base of an edit on, of records that have changed since."""
        bases: dict[str, int] = {}
        for item in items:
            number, id_ = item.base_version, item.entity_id
            if number is not None and id_ in known and number < known[id_].version:
                bases[id_] = min(number, bases.get(id_, number))
        if not bases:
            return {}
        cursor = self.uow.driver.execute(
            _OLDER,
            [array("uuid", list(bases)), array("int4", list(bases.values())), self.uow.company_id],
        )
        histories: dict[str, History[Known]] = {}
        for id_, version, doc, changed_by in cursor.fetchall():
            history = histories.setdefault(id_, History())
            history.add(Known(id_, known[id_].kind, version, doc, None, changed_by))
        return histories


def _known(row: Row) -> Known:
    id_, kind, version, doc, person_id, changed_by, born_digest, visible = row
    return Known(
        id=text_of(id_),
        kind=int(text_of(kind)),
        version=int(text_of(version)),
        doc=doc,
        person_id=person_id,
        changed_by=changed_by,
        born_digest=bytes_of(born_digest),
        is_visible=visible == "t",
    )
