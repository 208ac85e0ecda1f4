"""The table of tracks: a row a segment, its points packed, partitioned by the month of receipt; and
what of the way of a day is each segment's.

The uniqueness of ids is held by `record`: a unique key of a partitioned table contains what it is
partitioned by. Partitions are made and dropped by `keep_track_partitions()`, which runs as the owner.
"""

from sqlalchemy import CheckConstraint, Column, Date, Index, Integer, LargeBinary, Text, Uuid
from sqlalchemy.dialects.postgresql import ARRAY

from sync.tables import Document, Moment, company_table, filled

track = company_table(
    "track",
    filled("received_at", Moment),
    filled("id", Uuid),
    filled("person_id", Uuid),
    Column("position_id", Uuid),
    filled("device_id", Uuid),
    # That of the corrected begin; the points may go on past midnight.
    filled("business_day", Date),
    # What the seconds of the points count from, and the last point; corrected.
    filled("began_at", Moment),
    filled("ended_at", Moment),
    filled("trust", Text),
    filled("datum", Text),
    # As they came, but for those outside of working hours, which are removed.
    filled("packed", LargeBinary),
    # How far each place moves to be in WGS 84, packed too; null where they came so.
    Column("wgs84_shift", LargeBinary),
    filled("points", Integer),
    filled("removed", Integer),
    filled("distance_cm", Integer),
    filled("dropped_coarse", Integer),
    filled("dropped_zero", Integer),
    filled("dropped_fast", Integer),
    filled("dropped_repeated", Integer),
    # [{from_at, until_at, cause}], corrected
    filled("gaps", Document),
    # [{from_at, until_at, lat_e7, lon_e7, points}], those of the segment by itself
    filled("stops", Document),
    filled("flags", ARRAY(Text)),
    # The settings that removal and stops went by.
    filled("policy_version", Integer),
    CheckConstraint("datum in ('WGS84', 'GCJ02', 'BD09')", name="datum"),
    CheckConstraint("(datum = 'WGS84') = (wgs84_shift is null)", name="wgs84"),
    key=("received_at", "id"),
    is_hot=True,
    partition_by="range (received_at)",
)
# The reading of each person-day (day.py), brought up by work whenever its segments change: rows of the
# segments that have points of their own in it. A segment that goes on past midnight has two.
track_part = company_table(
    "track_part",
    filled("person_id", Uuid),
    # That of the points.
    filled("business_day", Date),
    filled("track_id", Uuid),
    Column("position_id", Uuid),
    filled("from_at", Moment),
    filled("points", Integer),
    filled("distance_cm", Integer),
    key=("person_id", "business_day", "track_id"),
)
Index("track_part_day_ix", track_part.c.company_id, track_part.c.business_day)
Index("track_day_ix", track.c.company_id, track.c.person_id, track.c.business_day)
