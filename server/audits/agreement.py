"""How far auditors agree where two of them looked at the same without knowing of each other.

Raw agreement = pairs with the same verdict ÷ pairs. Cohen's kappa = (pₒ − pₑ) ÷ (1 − pₑ): what is above the agreement
that chance alone would give, pₑ = Σ over verdicts of (share of it in first looks × share of it in second ones).
Exact fractions; in thousandths rounded down. Source: J. Cohen, A coefficient of agreement for nominal scales (1960);
docs/FORMULAS.md, "Agreement between auditors".
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from fractions import Fraction
from uuid import UUID

from server.audits.rights import must_keep
from sync.policy import current_policy
from sync.unit_of_work import UnitOfWork

Pairs = Mapping[tuple[str, str], int]

# Verdicts that stand: a first look's with the blind one of the same version of an audit visit, by when the first was given.
_PAIRS = """
select i.item, i.verdict as first, j.verdict as second, count(*) as pairs
from audit_turn t
join audit_verdict v on v.company_id = t.company_id and v.id = t.verdict_id
join audit_turn u on u.company_id = t.company_id and u.audit_visit_id = t.audit_visit_id
                 and u.purpose = 'BLIND' and u.state = 'STANDS'
join audit_verdict w on w.company_id = u.company_id and w.id = u.verdict_id and w.version = v.version
join audit_verdict_item i on i.company_id = t.company_id and i.verdict_id = t.verdict_id
join audit_verdict_item j on j.company_id = u.company_id and j.verdict_id = u.verdict_id and j.item = i.item
where t.company_id = :company and t.purpose = 'FIRST' and t.state = 'STANDS'
  and v.given_at >= :since and v.given_at < :until
group by 1, 2, 3 order by 1, 2, 3
"""


@dataclass(frozen=True, slots=True)
class Agreement:
    """How far two looks agree: of so many pairs, as exact fractions. No kappa where chance alone explains all, or
    there is no pair.
    """

    pairs: int
    agreed: int
    kappa: Fraction | None

    @property
    def raw(self) -> Fraction | None:
        return Fraction(self.agreed, self.pairs) if self.pairs else None


def agreement_of(pairs: Pairs) -> Agreement:
    """The agreement of (first verdict, second verdict) → how often."""
    total = sum(pairs.values())
    agreed = sum(number for (first, second), number in pairs.items() if first == second)
    by_chance = sum(
        sum(n for (first, _), n in pairs.items() if first == verdict)
        * sum(n for (_, second), n in pairs.items() if second == verdict)
        for verdict in {verdict for pair in pairs for verdict in pair}
    )
    if by_chance == total * total:
        return Agreement(total, agreed, None)
    # Both shares have the number of pairs below, so their product has its square.
    expected = Fraction(by_chance, total * total)
    return Agreement(total, agreed, (Fraction(agreed, total) - expected) / (1 - expected))


def permille(value: Fraction | None) -> int | None:
    """A fraction in thousandths, rounded down."""
    return None if value is None else int(value * 1_000 // 1)


def read_agreement(
    uow: UnitOfWork, first: date, last: date, *, today: date, asker_id: UUID | None = None
) -> tuple[Agreement, dict[str, Agreement]]:
    """The agreement in a period, its last day included: over all items, and item by item. Raises BeyondScope."""
    must_keep(uow, asker_id, today)
    since, until = period_of(uow, first, last)
    by_item: dict[str, dict[tuple[str, str], int]] = {}
    whole: dict[tuple[str, str], int] = {}
    for row in uow.rows(_PAIRS, company=uow.company_id, since=since, until=until):
        pair = (row.first, row.second)
        by_item.setdefault(row.item, {})[pair] = row.pairs
        whole[pair] = whole.get(pair, 0) + row.pairs
    return agreement_of(whole), {item: agreement_of(pairs) for item, pairs in by_item.items()}


def period_of(uow: UnitOfWork, first: date, last: date) -> tuple[datetime, datetime]:
    """The first moment of a period of days of the company, and the first after it."""
    zone = current_policy(uow)[1].zone
    return (
        datetime.combine(first, time(), zone),
        datetime.combine(last + timedelta(days=1), time(), zone),
    )
