"""The tables of files: what was stored once per company and digest, and what is being sent.

A record names a file by its SHA-256. Bytes and records come in either order: a file that no record
names is kept for a while, a record whose file has not come waits for it.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Index,
    Integer,
    Text,
    UniqueConstraint,
    Uuid,
)
from sqlalchemy import text as sql

from sync.tables import Moment, company_table, filled, stamped

FILE_STATES = ("STORED", "READ", "SET_ASIDE")
UPLOAD_STATES = ("OPEN", "STORED", "DROPPED")

file = company_table(
    "file",
    filled("id", Uuid),
    # Lower-case hexadecimal.
    filled("sha256", Text),
    filled("size", BigInteger),
    # By its bytes, never by its name; null until it was read.
    Column("media_type", Text),
    filled("state", Text),
    # How often reading it was begun, since somebody last asked for it: counted before the try.
    filled("attempts", Integer, server_default="0"),
    # A worker is at it, at the latest until then; null while none is.
    Column("reading_until", Moment),
    Column("reason_code", Text),
    Column("reason", Text),
    # Who sent it first; null where its bytes were found without it (server/media/check.py).
    Column("device_id", Uuid),
    Column("person_id", Uuid),
    stamped("stored_at"),
    Column("read_at", Moment),
    # When a phone announced it that did not have to send it.
    Column("announced_at", Moment),
    UniqueConstraint("company_id", "sha256"),
    CheckConstraint("state in ('" + "', '".join(FILE_STATES) + "')", name="state"),
    key=("id",),
    is_hot=True,
)
# Those that wait to be read, which are few, and those that cannot be.
Index(
    "file_waiting_ix",
    file.c.company_id,
    file.c.stored_at,
    postgresql_where=sql("state = 'STORED'"),
)
Index(
    "file_aside_ix",
    file.c.company_id,
    file.c.stored_at,
    postgresql_where=sql("state = 'SET_ASIDE'"),
)

# What nobody has read yet.
Index("file_unread_ix", file.c.company_id, postgresql_where=sql("state = 'STORED'"))

# Files whose row was taken away and whose bytes go after a while, unless a record comes that names them.
file_leaving = company_table(
    "file_leaving",
    filled("sha256", Text),
    filled("size", BigInteger),
    Column("device_id", Uuid),
    Column("person_id", Uuid),
    stamped("since"),
    key=("sha256",),
)

upload = company_table(
    "upload",
    filled("id", Uuid),
    filled("device_id", Uuid),
    filled("person_id", Uuid),
    # As the phone announced it; null where it did not.
    Column("sha256", Text),
    filled("size", BigInteger),
    # How much was there when the last request ended. What counts is in the staging file.
    filled("received", BigInteger, server_default="0"),
    # The company had the file when it was announced: nothing was to be sent.
    filled("is_at_once", Boolean, server_default="false"),
    # Upload-Metadata as it was sent.
    filled("metadata", Text),
    filled("state", Text),
    stamped("created_at"),
    filled("expires_at", Moment),
    CheckConstraint("state in ('" + "', '".join(UPLOAD_STATES) + "')", name="state"),
    key=("id",),
    is_hot=True,
)
Index("upload_device_ix", upload.c.company_id, upload.c.device_id, upload.c.created_at)
Index("upload_expires_ix", upload.c.company_id, upload.c.expires_at)
Index(
    "upload_open_ix",
    upload.c.company_id,
    upload.c.device_id,
    postgresql_where=sql("state = 'OPEN'"),
)
