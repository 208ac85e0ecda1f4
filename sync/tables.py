"""The tables of the engine, and the two ways a Roadbook table is made.

Every table carries its company first in its primary key; the few that belong to the
installation as a whole are listed in `INSTALLATION_TABLES`. Row-level security is put on
every other table by the migrations (tests/migrations compares).
"""

import re
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    ForeignKeyConstraint,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    SmallInteger,
    Table,
    Text,
    Uuid,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.schema import SchemaItem
from sqlalchemy.types import UserDefinedType

metadata = MetaData(
    naming_convention={
        "ix": "%(table_name)s_%(column_0_N_name)s_ix",
        "uq": "%(table_name)s_%(column_0_N_name)s_uq",
        "fk": "%(table_name)s_%(column_0_N_name)s_fk",
        "pk": "%(table_name)s_pk",
        "ck": "%(table_name)s_%(constraint_name)s_ck",
    }
)

INSTALLATION_TABLES = ("server_start", "epoch", "backup_watermark", "xid_mark")


_PARTITION = re.compile(r"track_(default|[0-9]{4}_[0-9]{2})")


def is_partition(table: str) -> bool:
    """Whether a table of the database is a part of one that stands here."""
    return _PARTITION.fullmatch(table) is not None


class Xid8(UserDefinedType[int]):
    """PostgreSQL's 64-bit transaction id (`xid8`), as text on the way in and out."""

    cache_ok = True

    def get_col_spec(self, **_: Any) -> str:
        return "XID8"


Moment = DateTime(timezone=True)

# None is null. By default it would be JSON's null, which no `is null` of a question finds.
Document = JSONB(none_as_null=True)


def company_table(
    name: str,
    *items: SchemaItem,
    key: tuple[str, ...],
    is_hot: bool = False,
    partition_by: str | None = None,
) -> Table:
    """A table of one company: `company_id` first, and first in the primary key.

    A hot table, written for every item a phone sends, has no foreign key to the company: each
    check would share-lock that one row. Row-level security guards the column all the same.
    `partition_by` as PostgreSQL writes it: `range (received_at)`.
    """
    reference = () if is_hot else (ForeignKeyConstraint(["company_id"], ["company.id"]),)
    return Table(
        name,
        metadata,
        Column("company_id", Integer, nullable=False),
        *items,
        PrimaryKeyConstraint("company_id", *key),
        *reference,
        postgresql_partition_by=partition_by,
    )


def belongs_to(column: str, table: str) -> ForeignKeyConstraint:
    """A foreign key that cannot cross companies: foreign keys pass row-level security,
    so the company is part of each.
    """
    return ForeignKeyConstraint(["company_id", column], [f"{table}.company_id", f"{table}.id"])


def filled(name: str, kind: Any, *items: SchemaItem, **rest: Any) -> Column[Any]:
    """A column that is never null."""
    return Column(name, kind, *items, nullable=False, **rest)


def numbered(name: str = "seq") -> Column[Any]:
    """A number given by the database, in no promised order of commit."""
    return Column(name, BigInteger, Identity(always=True), nullable=False)


def stamped(name: str) -> Column[Any]:
    """The moment of the transaction that wrote the row."""
    return Column(name, Moment, nullable=False, server_default=func.now())


# ---- records: what phones hold ------------------------------------------------------------

record = company_table(
    "record",
    filled("id", Uuid),
    filled("kind", SmallInteger),
    filled("version", Integer),
    # The document as phones of the current contract receive it, canonical JSON; null once deleted.
    Column("doc", Text),
    # First 8 bytes of SHA-256 of the canonical {fields,id,kind,version}: what digests compare.
    filled("hash", BigInteger),
    # SHA-256 of the item that created it; null where no phone did.
    Column("born_digest", LargeBinary),
    # Who made it, and who changed it last; null where no phone did.
    Column("person_id", Uuid),
    Column("changed_by", Uuid),
    filled("changed_at", Moment),
    key=("id",),
    is_hot=True,
)

record_version = company_table(
    "record_version",
    filled("id", Uuid),
    filled("version", Integer),
    Column("doc", Text),
    Column("changed_by", Uuid),
    filled("changed_at", Moment),
    key=("id", "version"),
    is_hot=True,
)

# At which keys a record is to be seen. A key is the id of what owns the record: a person,
# a position, a division, a route, a region or the whole company (see scope.py).
record_key = company_table(
    "record_key",
    filled("key", Uuid),
    filled("id", Uuid),
    filled("kind", SmallInteger),
    # Why it is here: by itself (a store at its region), put here by the key's owner (a route its stores), or
    # both. It leaves when neither holds any more.
    filled("is_own", Boolean, server_default="true"),
    filled("is_placed", Boolean, server_default="false"),
    stamped("since"),
    key=("key", "id"),
    is_hot=True,
)
Index("record_key_id_ix", record_key.c.company_id, record_key.c.id)

record_key_past = company_table(
    "record_key_past",
    numbered(),
    filled("key", Uuid),
    filled("id", Uuid),
    filled("since", Moment),
    stamped("until"),
    key=("seq",),
    is_hot=True,
)
Index("record_key_past_id_ix", record_key_past.c.company_id, record_key_past.c.id)

# A record that goes wherever another one goes: what is told of a store is where the store is.
companion = company_table(
    "companion",
    filled("id", Uuid),
    filled("lead_id", Uuid),
    key=("id", "lead_id"),
    is_hot=True,
)
Index("companion_lead_id_ix", companion.c.company_id, companion.c.lead_id)

# ---- scope: what people may see -----------------------------------------------------------

holder_key = company_table(
    "holder_key",
    filled("person_id", Uuid),
    filled("key", Uuid),
    filled("reason", Text),
    stamped("since"),
    belongs_to("person_id", "person"),
    key=("person_id", "key", "reason"),
)
Index("holder_key_key_ix", holder_key.c.company_id, holder_key.c.key)

holder_key_past = company_table(
    "holder_key_past",
    numbered(),
    filled("person_id", Uuid),
    filled("key", Uuid),
    filled("reason", Text),
    filled("since", Moment),
    stamped("until"),
    key=("seq",),
)
Index("holder_key_past_person_id_ix", holder_key_past.c.company_id, holder_key_past.c.person_id)

# ---- the feed -----------------------------------------------------------------------------


def _written_by() -> Column[Any]:
    """The top-level transaction that wrote the row: the coordinate of the cursor."""
    return filled("xid", Xid8, server_default=text("pg_current_xact_id()"))


change = company_table(
    "change",
    filled("key", Uuid),
    _written_by(),
    numbered(),
    filled("kind", SmallInteger),
    filled("id", Uuid),
    key=("key", "xid", "seq"),
    is_hot=True,
)

holder_change = company_table(
    "holder_change",
    filled("person_id", Uuid),
    _written_by(),
    numbered(),
    filled("key", Uuid),
    key=("person_id", "xid", "seq"),
)

feed_horizon = company_table(
    "feed_horizon",
    # Changes below this transaction id have been purged.
    filled("purged_below", Xid8),
    stamped("purged_at"),
    key=(),
)

# ---- receipts and what could not be applied -------------------------------------------------

# What accepted items say beside their effect: reasons of corrections, files that were announced.
remark = company_table(
    "remark",
    filled("op_id", Uuid),
    # A process of a version that does not know it may still write while this one is put in place.
    filled("digest", LargeBinary, server_default=text("''")),
    filled("kind", Text),
    filled("op", Text),
    filled("entity_id", Uuid),
    Column("version", Integer),
    filled("person_id", Uuid),
    Column("reason", Text),
    # {"files": [{sha256, size, role}, …]}
    filled("media", Document),
    filled("received_at", Moment),
    # What came under one op_id with other bytes or from another may be released, and says something too.
    key=("op_id", "digest", "person_id"),
    is_hot=True,
)
Index("remark_entity_id_ix", remark.c.company_id, remark.c.entity_id)
# Whether any of them names a file.
Index(
    "remark_media_ix",
    remark.c.media,
    postgresql_using="gin",
    postgresql_ops={"media": "jsonb_path_ops"},
)

ledger = company_table(
    "ledger",
    filled("op_id", Uuid),
    filled("person_id", Uuid),
    filled("device_id", Uuid),
    filled("digest", LargeBinary),
    # The result as it was first sent: JSON without the op_id.
    filled("result", Text),
    filled("received_at", Moment),
    key=("op_id",),
    is_hot=True,
)
Index("ledger_received_at_ix", ledger.c.received_at, postgresql_using="brin")

kept_item = company_table(
    "kept_item",
    filled("op_id", Uuid),
    filled("digest", LargeBinary),
    filled("person_id", Uuid),
    filled("device_id", Uuid),
    filled("state", Text),
    # What it is about: as the bytes say that were judged last, where that can be read.
    Column("kind", Text),
    Column("entity_id", Uuid),
    Column("code", Text),
    Column("where", Text),
    Column("detail", Text),
    filled("missing", ARRAY(Uuid)),
    # The bytes as they came: jsonb refuses what a bad phone may send.
    filled("raw", LargeBinary),
    # What a person put in their place; the first bytes stay.
    Column("mended", LargeBinary),
    filled("contract", Integer),
    # The envelope's clock: what the item's times are judged by, whenever that happens.
    filled("sent_at", BigInteger),
    filled("sent_uptime_ms", BigInteger),
    filled("sent_boot_id", Text),
    filled("received_at", Moment),
    # Where it stood in its batch: items are judged again in the order in which they came.
    filled("place", Integer, server_default="0"),
    Column("result", Text),
    Column("decided_at", Moment),
    Column("decided_by", Text),
    Column("reason", Text),
    # Somebody saw that its sender had no right and released it all the same, whatever it waits for now.
    filled("is_reviewed", Boolean, server_default="false"),
    key=("op_id", "digest"),
    is_hot=True,
)
Index(
    "kept_item_open_ix",
    kept_item.c.company_id,
    kept_item.c.state,
    kept_item.c.received_at,
)
Index(
    "kept_item_decided_ix",
    kept_item.c.company_id,
    kept_item.c.decided_at,
    postgresql_where=kept_item.c.state == "RELEASED",
)

awaited = company_table(
    "awaited",
    filled("entity_id", Uuid),
    filled("op_id", Uuid),
    filled("digest", LargeBinary),
    # The version of the record by which the item was judged and went on waiting; null where the
    # record was not there. Only another version can change what comes of the item.
    Column("seen_version", Integer),
    key=("entity_id", "op_id", "digest"),
    is_hot=True,
)

conflict = company_table(
    "conflict",
    filled("id", Uuid),
    filled("kind", Text),
    filled("entity_id", Uuid),
    filled("op_id", Uuid),
    filled("fields", Document),
    Column("held_by", Uuid),
    filled("sent_by", Uuid),
    filled("state", Text),
    Column("chosen", Document),
    Column("decided_by", Text),
    stamped("opened_at"),
    Column("decided_at", Moment),
    key=("id",),
)
Index("conflict_state_ix", conflict.c.company_id, conflict.c.state)

# ---- bodies: what many phones fetch, once each ---------------------------------------------------

# Named by its SHA-256, packed once, never changed.
body = company_table(
    "body",
    filled("sha256", LargeBinary),
    filled("media_type", Text),
    # Unpacked.
    filled("size", Integer),
    filled("zstd", LargeBinary),
    filled("gzip", LargeBinary),
    stamped("made_at"),
    key=("sha256",),
)

# Which records name a body: whoever may see one of them may fetch it.
body_reference = company_table(
    "body_reference",
    filled("sha256", LargeBinary),
    filled("record_id", Uuid),
    ForeignKeyConstraint(["company_id", "sha256"], ["body.company_id", "body.sha256"]),
    key=("sha256", "record_id"),
)
Index("body_reference_record_id_ix", body_reference.c.company_id, body_reference.c.record_id)

# ---- prices -----------------------------------------------------------------------------------

# Another one with each change of what prices are computed from: a process knows by it whether what it
# holds is true, also after a restore.
price_revision = company_table(
    "price_revision", filled("id", Uuid, server_default=text("gen_random_uuid()")), key=()
)

# ---- work for the queue ---------------------------------------------------------------------

outbox = company_table(
    "outbox",
    numbered("id"),
    filled("topic", Text),
    filled("payload", Document),
    stamped("created_at"),
    Column("enqueued_at", Moment),
    filled("attempts", Integer, server_default="0"),
    Column("failure", Text),
    filled("is_set_aside", Boolean, server_default="false"),
    key=("id",),
    is_hot=True,
)
# What waits of one topic, the oldest first.
Index(
    "outbox_topic_ix",
    outbox.c.company_id,
    outbox.c.topic,
    outbox.c.id,
    postgresql_where=text("not is_set_aside"),
)

# ---- the installation -------------------------------------------------------------------------

server_start = Table(
    "server_start",
    metadata,
    Column("id", Integer, Identity(always=True), primary_key=True),
    # Which run of the server: its start, and when its statistics were last reset, because a
    # recovery after one killed backend begins a new run of transaction ids with the old start.
    Column("run", Text, nullable=False, unique=True),
    stamped("noted_at"),
    # The first transaction id of this run that Roadbook knows of.
    _written_by(),
)

epoch = Table(
    "epoch",
    metadata,
    Column("number", Integer, Identity(always=True), primary_key=True),
    filled("id", Uuid, server_default=text("gen_random_uuid()")),
    stamped("turned_at"),
    filled("reason", Text),
)

backup_watermark = Table(
    "backup_watermark",
    metadata,
    Column("number", Integer, Identity(always=True), primary_key=True),
    # Everything received up to here is in a backup that has been checked.
    filled("covers_until", Moment),
    stamped("noted_at"),
)

xid_mark = Table(
    "xid_mark",
    metadata,
    Column("at", Moment, primary_key=True, server_default=func.now()),
    _written_by(),
)
