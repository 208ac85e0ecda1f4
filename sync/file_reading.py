"""The table of readings: what a version of the reader found in a file (server/photos/facts.py has the units).

A file is read once by each version; readings are only ever added, and go with their file.
"""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKeyConstraint,
    Integer,
    Text,
)
from sqlalchemy import text as sql
from sqlalchemy.dialects.postgresql import ARRAY

from sync.tables import Document, Moment, company_table, filled, stamped

file_reading = company_table(
    "file_reading",
    filled("sha256", Text),
    filled("reader_version", Integer),
    filled("media_type", Text),
    # Of the upright picture.
    filled("width", Integer),
    filled("height", Integer),
    filled("sharpness", Integer),
    filled("darkness", Integer),
    # 64 bits, signed; null where the picture is too flat to tell.
    Column("phash", BigInteger),
    # The camera's wall time, which has no zone, and how many minutes east of UTC it says to be.
    Column("camera_at", DateTime(timezone=False)),
    Column("camera_offset_min", Integer),
    # When the camera had its position, which may be older than the picture.
    Column("camera_fix_at", Moment),
    Column("camera_lat_e7", Integer),
    Column("camera_lon_e7", Integer),
    Column("camera_accuracy_m", Integer),
    Column("camera_make", Text),
    Column("camera_model", Text),
    Column("software", Text),
    # What is odd about the file, that could be read all the same.
    filled("remarks", ARRAY(Text)),
    filled("signs", Document, server_default=sql("'{}'::jsonb")),
    # [{name, width, height, bytes}, …]
    filled("copies", Document),
    filled("took_ms", Integer),
    stamped("read_at"),
    ForeignKeyConstraint(
        ["company_id", "sha256"], ["file.company_id", "file.sha256"], ondelete="CASCADE"
    ),
    CheckConstraint("(camera_lat_e7 is null) = (camera_lon_e7 is null)", name="position"),
    key=("sha256", "reader_version"),
    is_hot=True,
)
