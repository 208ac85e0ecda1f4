"""The tables of what pictures look like and of what was found about photos.

Evidence is only ever added to: a verdict names the version that it was made with.
"""

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    Text,
    Uuid,
)

from sync.tables import Document, company_table, filled, stamped

# What the picture of a file looks like, as it was read last (server/photos/perceptual_hash.py); it goes with the file.
photo_hash = company_table(
    "photo_hash",
    filled("sha256", Text),
    # 64 bits, signed.
    filled("phash", BigInteger),
    # The same picture in 256 bits.
    filled("detail", LargeBinary),
    ForeignKeyConstraint(
        ["company_id", "sha256"], ["file.company_id", "file.sha256"], ondelete="CASCADE"
    ),
    key=("sha256",),
)
Index("photo_hash_phash_ix", photo_hash.c.company_id, photo_hash.c.phash)

# Each hash once, however many files have it, and its three parts by which similar ones are found
# (server/photos/near_duplicates.py). A hash that no file has any more may stay.
photo_look = company_table(
    "photo_look",
    filled("phash", BigInteger),
    filled("part_a", Integer),
    filled("part_b", Integer),
    filled("part_c", Integer),
    key=("phash",),
)
for _part in (photo_look.c.part_a, photo_look.c.part_b, photo_look.c.part_c):
    Index(f"photo_look_{_part.name}_ix", photo_look.c.company_id, _part, photo_look.c.phash)

# What was found about a photo: each time it was judged.
photo_evidence = company_table(
    "photo_evidence",
    filled("photo_id", Uuid),
    filled("version", Integer),
    # Of the file's reading; null where the file could not be read.
    Column("reader_version", Integer),
    filled("policy_version", Integer),
    # Everything that it was judged by, and what was compared: it can be judged again from this alone.
    filled("evidence", Document),
    # [{flag, figure: whole number, …}, …]
    filled("flags", Document),
    stamped("judged_at"),
    key=("photo_id", "version"),
)

# The same for a file that something brought for an activity names, and no capture record does.
file_evidence = company_table(
    "file_evidence",
    filled("audit_visit_id", Uuid),
    filled("sha256", Text),
    filled("version", Integer),
    Column("reader_version", Integer),
    filled("policy_version", Integer),
    filled("evidence", Document),
    filled("flags", Document),
    stamped("judged_at"),
    key=("audit_visit_id", "sha256", "version"),
)
