"""The tables of the organisation: companies, divisions, regions, people, positions, devices.

Routes, targets and stores belong to positions, never to people; who holds a position, from
date to date, is an occupancy, and history stays.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    Identity,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
)

from sync.tables import (
    Document,
    Moment,
    belongs_to,
    company_table,
    filled,
    metadata,
    numbered,
    stamped,
)

ROLES = ("rep", "supervisor", "regional_manager", "auditor", "driver", "admin")

company = Table(
    "company",
    metadata,
    Column("id", Integer, Identity(always=True), primary_key=True),
    # The company as a scope key: what everybody in it holds.
    filled("key", Uuid, unique=True),
    filled("code", Text, unique=True),
    filled("name", Text),
    filled("time_zone", Text),
    filled("is_demo", Boolean, server_default="false"),
    stamped("created_at"),
)

# The settings of a company that decide how evidence is judged: each change is a new version,
# and every verdict names the version it was made with.
policy = company_table(
    "policy",
    filled("version", Integer),
    filled("settings", Document),
    stamped("since"),
    key=("version",),
)

# Days that are unlike their weekday: not worked, or worked all the same.
holiday = company_table(
    "holiday",
    filled("day", Date),
    filled("name", Text),
    # A working day whatever its weekday, as a weekend that a country works for a holiday.
    filled("is_worked", Boolean, server_default="false"),
    # The calendar that it was loaded from, as CN or DE-BY; null where the company set it itself.
    Column("calendar", Text),
    key=("day",),
)

division = company_table(
    "division",
    filled("id", Uuid),
    filled("code", Text),
    filled("name", Text),
    UniqueConstraint("company_id", "code"),
    key=("id",),
)

region = company_table(
    "region",
    filled("id", Uuid),
    Column("parent_id", Uuid),
    filled("code", Text),
    filled("name", Text),
    # GeoJSON Polygon or MultiPolygon in WGS-84, degrees.
    Column("boundary", Document),
    UniqueConstraint("company_id", "code"),
    belongs_to("parent_id", "region"),
    key=("id",),
)
Index("region_parent_id_ix", region.c.company_id, region.c.parent_id)

person = company_table(
    "person",
    filled("id", Uuid),
    filled("name", Text),
    Column("email", Text),
    # argon2id; null where the person only uses a phone.
    Column("password_hash", Text),
    # The day after their last; null while they are with the company.
    Column("left_on", Date),
    # The language that the pages speak to them; null where they never chose.
    Column("language", Text),
    # When they last signed in at a browser.
    Column("signed_in_at", Moment),
    stamped("created_at"),
    UniqueConstraint("company_id", "email"),
    key=("id",),
)

position = company_table(
    "position",
    filled("id", Uuid),
    filled("code", Text),
    filled("name", Text),
    filled("role", Text),
    filled("region_id", Uuid),
    Column("division_id", Uuid),
    UniqueConstraint("company_id", "code"),
    CheckConstraint("role in ('" + "', '".join(ROLES) + "')", name="role"),
    belongs_to("region_id", "region"),
    belongs_to("division_id", "division"),
    key=("id",),
)
Index("position_region_id_ix", position.c.company_id, position.c.region_id)

occupancy = company_table(
    "occupancy",
    filled("id", Uuid),
    filled("position_id", Uuid),
    filled("person_id", Uuid),
    # First day and last day in the company's time zone, both included; no end while it lasts.
    filled("starts_on", Date),
    Column("ends_on", Date),
    # An acting holder stands in while the position is vacant or its holder away.
    filled("is_acting", Boolean, server_default="false"),
    belongs_to("position_id", "position"),
    belongs_to("person_id", "person"),
    CheckConstraint("ends_on is null or ends_on >= starts_on", name="period"),
    key=("id",),
)
Index("occupancy_person_id_ix", occupancy.c.company_id, occupancy.c.person_id)
Index("occupancy_position_id_ix", occupancy.c.company_id, occupancy.c.position_id)

DEVICE_STATES = ("ACTIVE", "DRAINING", "WIPED", "REVOKED")

device = company_table(
    "device",
    filled("id", Uuid),
    filled("person_id", Uuid),
    filled("state", Text),
    # SHA-256 of the token: it has 256 random bits, so nothing slower is needed.
    Column("token_hash", LargeBinary),
    # A rotated token that has not been used yet; the old one works until it is.
    Column("next_token_hash", LargeBinary),
    filled("model", Text),
    filled("os", Text),
    filled("app_version", Text),
    filled("contract", Integer),
    stamped("enrolled_at"),
    Column("last_seen_at", Moment),
    # What the phone said it still holds, and since when.
    Column("outbox_count", Integer),
    Column("outbox_oldest_at", Moment),
    Column("outbox_bytes", BigInteger),
    Column("clock_offset_ms", BigInteger),
    # When it was first told to wipe: all that it said it held is here.
    Column("wiped_at", Moment),
    CheckConstraint("state in ('" + "', '".join(DEVICE_STATES) + "')", name="state"),
    belongs_to("person_id", "person"),
    key=("id",),
)
Index("device_person_id_ix", device.c.company_id, device.c.person_id)

enrolment_code = company_table(
    "enrolment_code",
    # The part of the code that finds it; the other part is only kept as a hash.
    filled("handle", Text),
    filled("secret_hash", LargeBinary),
    filled("person_id", Uuid),
    filled("expires_at", Moment),
    filled("tries_left", Integer),
    Column("used_at", Moment),
    Column("device_id", Uuid),
    stamped("issued_at"),
    filled("issued_by", Text),
    belongs_to("person_id", "person"),
    key=("handle",),
)

# Somebody signed in at a browser. Ends with its time, at sign-out, or when the person leaves.
browser_session = company_table(
    "browser_session",
    filled("id", Uuid),
    # SHA-256 of the cookie's secret: it has 256 random bits, so nothing slower is needed.
    filled("token_hash", LargeBinary),
    filled("person_id", Uuid),
    filled("browser", Text),
    stamped("began_at"),
    stamped("seen_at"),
    UniqueConstraint("company_id", "token_hash"),
    belongs_to("person_id", "person"),
    key=("id",),
)
Index("browser_session_person_id_ix", browser_session.c.company_id, browser_session.c.person_id)

# Who changed what in settings, people, devices and masters.
change_log = company_table(
    "change_log",
    numbered("id"),
    stamped("at"),
    Column("person_id", Uuid),
    # The person's name, or the command that did it, as it was called then.
    filled("actor", Text),
    filled("action", Text),
    filled("subject_kind", Text),
    filled("subject_id", Text),
    Column("before", Document),
    Column("after", Document),
    key=("id",),
)
Index(
    "change_log_subject_ix",
    change_log.c.company_id,
    change_log.c.subject_kind,
    change_log.c.subject_id,
)

Index("change_log_at_ix", change_log.c.company_id, change_log.c.at, change_log.c.id)
Index(
    "change_log_person_ix",
    change_log.c.company_id,
    change_log.c.person_id,
    change_log.c.at,
    change_log.c.id,
)
Index(
    "change_log_kind_ix",
    change_log.c.company_id,
    change_log.c.subject_kind,
    change_log.c.at,
    change_log.c.id,
)

Index(
    "change_log_command_ix",
    change_log.c.company_id,
    change_log.c.actor,
    change_log.c.at,
    change_log.c.id,
    postgresql_where=change_log.c.person_id.is_(None),
)

# What a record is called elsewhere, as in an ERP: the other way of naming it in imports.
external_id = company_table(
    "external_id",
    filled("system", Text),
    # The sheet that it is a record of: store, person …
    filled("kind", Text),
    filled("external_id", Text),
    filled("record_id", Uuid),
    UniqueConstraint("company_id", "system", "kind", "record_id"),
    key=("system", "kind", "external_id"),
)

# Imports: which file, by whom, how far it came, what was wrong.
import_run = company_table(
    "import_run",
    filled("id", Uuid),
    filled("sheet", Text),
    filled("file_name", Text),
    filled("file_digest", LargeBinary),
    Column("system", Text),
    filled("state", Text),
    filled("actor", Text),
    Column("person_id", Uuid),
    stamped("started_at"),
    stamped("changed_at"),
    Column("ended_at", Moment),
    filled("rows", Integer, server_default="0"),
    # Records that are to be added or changed, and what of them was done.
    filled("to_do", Integer, server_default="0"),
    filled("added", Integer, server_default="0"),
    filled("changed", Integer, server_default="0"),
    filled("closed", Integer, server_default="0"),
    filled("left_alone", Integer, server_default="0"),
    Column("report", Document),
    CheckConstraint(
        "state in ('CHECKING', 'REFUSED', 'APPLYING', 'DONE', 'STOPPED')", name="state"
    ),
    key=("id",),
)
Index("import_run_file_ix", import_run.c.company_id, import_run.c.sheet, import_run.c.file_digest)
Index("import_run_started_at_ix", import_run.c.company_id, import_run.c.started_at)

# Imports that people asked for on a page: the file waits in the storage, a worker looks at it and writes it.
asked_import = company_table(
    "asked_import",
    filled("id", Uuid),
    filled("person_id", Uuid),
    # None until it is found out from the file.
    Column("sheet", Text),
    filled("file_name", Text),
    Column("system", Text),
    filled("size", BigInteger),
    filled("state", Text),
    # How often a worker took it up: only the last one goes on.
    filled("turn", Integer, server_default="0"),
    Column("held_until", Moment),
    # Records that were looked at or written, of how many.
    filled("done", Integer, server_default="0"),
    filled("to_do", Integer, server_default="0"),
    Column("report", Document),
    Column("failure", Text),
    # What of it is in the storage: its file, or the copy in which its faults are marked.
    filled("held_bytes", BigInteger, server_default="0"),
    # Whether there is a copy of the file in which its faults are marked.
    filled("has_marked", Boolean, server_default="false"),
    # Whether something of it that nobody reads any more is in the storage.
    filled("is_leaving", Boolean, server_default="false"),
    Column("run_id", Uuid),
    stamped("asked_at"),
    stamped("changed_at"),
    CheckConstraint(
        "state in ('WAITING', 'LOOKING', 'FAULTY', 'READY', 'CONFIRMED', 'WRITING', 'DONE', 'STOPPED', "
        "'CANCELLED', 'FAILED')",
        name="state",
    ),
    belongs_to("person_id", "person"),
    key=("id",),
)
Index("asked_import_asked_at_ix", asked_import.c.company_id, asked_import.c.asked_at)
Index(
    "asked_import_person_id_ix",
    asked_import.c.company_id,
    asked_import.c.person_id,
    asked_import.c.asked_at,
)

# What people asked for on a page that takes longer than a page may: a worker looks at it, and does it.
errand = company_table(
    "errand",
    filled("id", Uuid),
    filled("person_id", Uuid),
    # Of which kind, and what is asked for.
    filled("name", Text),
    filled("request", Document),
    filled("state", Text),
    # How often a worker took it up: only the last one goes on.
    filled("turn", Integer, server_default="0"),
    # Of these, how often since it came further.
    filled("tries", Integer, server_default="0"),
    # Until when that worker has it. One that was cancelled has it until what was done of it is logged.
    Column("held_until", Moment),
    filled("done", Integer, server_default="0"),
    filled("to_do", Integer, server_default="0"),
    # What it would do, or what came of it.
    Column("report", Document),
    Column("failure", Text),
    stamped("asked_at"),
    stamped("changed_at"),
    CheckConstraint(
        "state in ('WAITING', 'LOOKING', 'READY', 'CONFIRMED', 'DOING', 'DONE', 'CANCELLED', 'FAILED')",
        name="state",
    ),
    belongs_to("person_id", "person"),
    key=("id",),
)
Index("errand_asked_at_ix", errand.c.company_id, errand.c.asked_at)
Index("errand_person_id_ix", errand.c.company_id, errand.c.person_id, errand.c.asked_at)

# Files of long lists that people asked for: how far each has come.
export_run = company_table(
    "export_run",
    filled("id", Uuid),
    filled("person_id", Uuid),
    # The list that it is of, and the arguments of its page.
    filled("name", Text),
    filled("form", Text),
    filled("arguments", Document),
    filled("language", Text),
    filled("state", Text),
    filled("rows_done", Integer, server_default="0"),
    # How many rows it will have, as far as that can be told before.
    Column("rows_expected", Integer),
    Column("size", BigInteger),
    Column("failure", Text),
    stamped("asked_at"),
    # Until when the worker that writes it has it for itself.
    Column("held_until", Moment),
    Column("ended_at", Moment),
    CheckConstraint(
        "state in ('WAITING', 'RUNNING', 'READY', 'FAILED', 'CANCELLED')", name="state"
    ),
    CheckConstraint("form in ('csv', 'xlsx')", name="form"),
    belongs_to("person_id", "person"),
    key=("id",),
)
Index(
    "export_run_person_id_ix",
    export_run.c.company_id,
    export_run.c.person_id,
    export_run.c.asked_at,
)
Index("export_run_asked_at_ix", export_run.c.company_id, export_run.c.asked_at)

# What pages asked that takes long: a worker answers, and the answer is kept for a while.
long_answer = company_table(
    "long_answer",
    # Made of whose question it is and what it asks.
    filled("id", Uuid),
    filled("person_id", Uuid),
    filled("name", Text),
    filled("arguments", Document),
    filled("state", Text),
    Column("answer", Text),
    Column("failure", Text),
    filled("asked_at", Moment),
    # Until when the worker that reads it has it for itself.
    Column("held_until", Moment),
    # As of when the answer is.
    Column("read_at", Moment),
    Column("ended_at", Moment),
    CheckConstraint("state in ('WAITING', 'READING', 'READY', 'FAILED')", name="state"),
    belongs_to("person_id", "person"),
    key=("id",),
)
Index(
    "long_answer_person_id_ix",
    long_answer.c.company_id,
    long_answer.c.person_id,
    long_answer.c.asked_at,
)
Index("long_answer_asked_at_ix", long_answer.c.company_id, long_answer.c.asked_at)

store_division = company_table(
    "store_division",
    filled("store_id", Uuid),
    filled("division_id", Uuid),
    belongs_to("store_id", "store"),
    belongs_to("division_id", "division"),
    key=("store_id", "division_id"),
)

__all__ = [
    "DEVICE_STATES",
    "ROLES",
    "asked_import",
    "browser_session",
    "change_log",
    "company",
    "device",
    "division",
    "enrolment_code",
    "errand",
    "export_run",
    "external_id",
    "holiday",
    "import_run",
    "long_answer",
    "occupancy",
    "person",
    "policy",
    "position",
    "region",
    "store_division",
]
