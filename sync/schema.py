"""The whole database schema: importing this module fills `metadata` with every table."""

from sync import accounts, counted_days, file_reading, media, organisation, photo_evidence, tables
from sync.kinds.activity import table as activity
from sync.kinds.activity_store import result_table as activity_result
from sync.kinds.activity_store import table as activity_store
from sync.kinds.attendance import table as attendance
from sync.kinds.audit_visit import audit_table as audit
from sync.kinds.audit_visit import table as audit_visit
from sync.kinds.day_plan import table as day_plan
from sync.kinds.form_answer import table as form_answer
from sync.kinds.form_template import table as form_template
from sync.kinds.location_check import table as location_check
from sync.kinds.notice import table as notice
from sync.kinds.order import table as order
from sync.kinds.photo import table as photo
from sync.kinds.price_list import table as price_list
from sync.kinds.product import table as product
from sync.kinds.promotion import table as promotion
from sync.kinds.proposal import table as proposal
from sync.kinds.route import table as route
from sync.kinds.store import table as store
from sync.kinds.target import table as target
from sync.kinds.task import table as task
from sync.kinds.track import table as track
from sync.kinds.visit import table as visit

metadata = tables.metadata

ALL_TABLE_MODULES = (
    tables,
    organisation,
    accounts,
    store,
    route,
    day_plan,
    visit,
    attendance,
    proposal,
    target,
    order,
    product,
    price_list,
    promotion,
    track,
    activity,
    activity_store,
    activity_result,
    audit_visit,
    audit,
    task,
    notice,
    location_check,
    form_template,
    form_answer,
    photo,
    media,
    file_reading,
    counted_days,
    photo_evidence,
)
