"""Every kind of record that phones and server exchange: the only list of them.

A new kind is a schema with examples in mobile_contract/records, a folder here, a line below and a
migration; the engine is handed this list and names none of it.
"""

from sync.kinds import (
    activity,
    activity_store,
    attendance,
    audit_visit,
    day_plan,
    form_answer,
    form_template,
    location_check,
    notice,
    order,
    photo,
    policy,
    price_list,
    product,
    promotion,
    route,
    store,
    store_history,
    store_terms,
    target,
    task,
    track,
    visit,
)
from sync.record_kind import CONFLICT, ITEM, PROPOSAL, RecordKind

ALL_KINDS: tuple[RecordKind, ...] = (
    store.KIND,
    route.KIND,
    day_plan.KIND,
    visit.KIND,
    order.KIND,
    attendance.KIND,
    policy.KIND,
    target.KIND,
    product.KIND,
    price_list.KIND,
    promotion.KIND,
    store_terms.KIND,
    store_history.KIND,
    track.KIND,
    form_template.KIND,
    form_answer.KIND,
    photo.KIND,
    PROPOSAL,
    ITEM,
    CONFLICT,
    activity_store.KIND,
    audit_visit.KIND,
    task.KIND,
    notice.KIND,
    location_check.KIND,
    activity.KIND,
)
