"""Publishing the company's policy to every phone of the company."""

from uuid import UUID, uuid5

from sync.policy import current_policy
from sync.publish import Draft, publish
from sync.record_kind import RecordKind
from sync.unit_of_work import UnitOfWork

POLICY = RecordKind(name="policy", number=9)


def publish_policy(uow: UnitOfWork) -> dict[UUID, int]:
    """Bring the company's one policy record up to its latest version."""
    version, policy = current_policy(uow)
    company = uow.rows("select key from company where id = :company", company=uow.company_id)[0]
    fields = {
        "policy_version": version,
        "time_zone": policy.time_zone,
        "fence_radius_m": policy.fence_radius_m,
        "is_fence_hard": policy.is_fence_hard,
        "min_visit_s": policy.min_visit_s,
        "working_from_min": policy.working_from_min,
        "working_until_min": policy.working_until_min,
        "max_speed_kmh": policy.max_speed_kmh,
    }
    return publish(
        uow, [Draft(POLICY, uuid5(company.key, "policy"), fields, frozenset({company.key}))]
    )
