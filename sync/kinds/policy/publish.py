"""Publishing the company's policy to every phone of the company."""

from typing import Any
from uuid import UUID, uuid5

from sync.policy import ANY, Policy, current_policy
from sync.publish import Draft, publish
from sync.record_kind import RecordKind
from sync.unit_of_work import UnitOfWork

POLICY = RecordKind(name="policy", number=9)


def publish_policy(uow: UnitOfWork) -> dict[UUID, int]:
    """Bring the company's one policy record up to its latest version."""
    version, policy = current_policy(uow)
    fields = policy_fields(version, policy)
    company = uow.rows("select key from company where id = :company", company=uow.company_id)[0]
    return publish(
        uow, [Draft(POLICY, uuid5(company.key, "policy"), fields, frozenset({company.key}))]
    )


def policy_fields(version: int, policy: Policy) -> dict[str, Any]:
    """What phones get of the settings."""
    return {
        "policy_version": version,
        "time_zone": policy.time_zone,
        "fence_radius_m": policy.fence_radius_m,
        "is_fence_hard": policy.is_fence_hard,
        "min_visit_s": policy.min_visit_s,
        "working_from_min": policy.working_from_min,
        "working_until_min": policy.working_until_min,
        "working_weekdays": list(policy.working_weekdays),
        "mandatory_steps": [
            {
                "channel": None if channel == ANY else channel,
                "store_class": None if store_class == ANY else store_class,
                "steps": steps,
            }
            for channel, by_class in sorted(policy.mandatory_steps.items())
            for store_class, steps in sorted(by_class.items())
        ],
        "price_warn_h": policy.price_warn_h,
        "price_hold_h": policy.price_hold_h,
        "max_speed_kmh": policy.max_speed_kmh,
    }
