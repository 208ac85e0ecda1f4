"""The table of photos: what is asked of them by digest, by store and day, and by state."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    Index,
    Integer,
    Text,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY

from mobile_contract.records.photo import PHOTO_STATES
from sync.tables import Moment, company_table, filled

photo = company_table(
    "photo",
    filled("id", Uuid),
    filled("version", Integer),
    filled("person_id", Uuid),
    Column("position_id", Uuid),
    filled("device_id", Uuid),
    Column("store_id", Uuid),
    Column("visit_id", Uuid),
    filled("role", Text),
    filled("sha256", Text),
    filled("size", BigInteger),
    # Corrected, never the phone's own.
    filled("occurred_at", Moment),
    filled("trust", Text),
    filled("business_day", Date),
    # WGS 84, where the phone had a position.
    Column("lat_e7", Integer),
    Column("lon_e7", Integer),
    Column("accuracy_cm", Integer),
    filled("is_mock", Boolean),
    Column("source", Text),
    filled("state", Text),
    filled("flags", ARRAY(Text)),
    filled("received_at", Moment),
    CheckConstraint("state in ('" + "', '".join(PHOTO_STATES) + "')", name="state"),
    CheckConstraint(
        "(lat_e7 is null) = (lon_e7 is null) and (lat_e7 is null) = (accuracy_cm is null)",
        name="position",
    ),
    key=("id",),
    is_hot=True,
)
Index("photo_sha256_ix", photo.c.company_id, photo.c.sha256)
Index("photo_store_ix", photo.c.company_id, photo.c.store_id, photo.c.business_day)
Index("photo_day_ix", photo.c.company_id, photo.c.person_id, photo.c.business_day)
Index("photo_visit_ix", photo.c.company_id, photo.c.visit_id)
# Those that wait for their bytes or to be looked at, which are few.
Index(
    "photo_waiting_ix",
    photo.c.company_id,
    photo.c.state,
    photo.c.received_at,
    postgresql_where=text("state in ('EXPECTED', 'UPLOADING', 'STORED')"),
)
