"""Read measures from the facts, whenever somebody asks; nothing is ever counted along.

A fact that comes late, a correction, or a flag that somebody decides changes every figure by itself.
One statement for each family of the measures asked for, whatever the question; one or two before for
who may see what, and one for the names of what the answer is told apart by.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from server.language import Said
from server.measures.counting import are_counted
from server.measures.errors import QuestionInvalid, TooManyGroups
from server.measures.facts import Asking, ask
from server.measures.figures import MEASURES_BY_NAME, Family, Figure, Measure, Term
from server.measures.question import PRODUCTS, Question, check_question, find_seats
from sync.policy import current_policy
from sync.unit_of_work import UnitOfWork

GROUPS_MAX = 20_000

_NAMES = {
    "person": "select cast(id as text) as key, name from person where company_id = :company"
    " and id = any(cast(:keys as uuid[]))",
    "position": "select cast(id as text) as key, code as name from position"
    " where company_id = :company and id = any(cast(:keys as uuid[]))",
    "region": "select cast(id as text) as key, code as name from region"
    " where company_id = :company and id = any(cast(:keys as uuid[]))",
    "division": "select cast(id as text) as key, code as name from division"
    " where company_id = :company and id = any(cast(:keys as uuid[]))",
    "product": "select cast(id as text) as key, code as name from product"
    " where company_id = :company and id = any(cast(:keys as uuid[]))",
}

# By family: key → currency (None: of no currency) → column → number.
_Numbers = Mapping[tuple[str, ...], Mapping[str | None, Mapping[str, int]]]


@dataclass(frozen=True, slots=True)
class Group:
    """The figures of one group. `key` has what it is told apart by, in the order of the question: ids
    as text, periods by name; nothing where a fact has none. `names` says the same for people.
    """

    key: tuple[str, ...]
    names: tuple[str, ...]
    figures: tuple[Figure, ...]


def read_measures(
    uow: UnitOfWork,
    question: Question,
    measures: Sequence[str],
    *,
    now: datetime | None = None,
    groups_max: int = GROUPS_MAX,
) -> list[Group]:
    """The figures of these measures, a group for each that has any fact; by names, then by key.

    Without grouping there is one group, also where there are no facts. `now` is for duty that goes on.
    Raises QuestionInvalid, TooManyGroups.
    """
    asked = [_measure(name) for name in measures]
    if question.is_by_product:
        unfit = [measure.name for measure in asked if not measure.numerator.has_products]
        if unfit:
            raise QuestionInvalid(Said("{unfit} is not told by product", unfit=unfit[0]))
    asking = begin_asking(uow, question, now=now)
    without = asking.without_products()
    numbers = {
        term.family: _numbers(
            uow, asking if term.has_products else without, term.family, groups_max
        )
        for term in _terms(asked)
    }
    kept = [place for place, name in enumerate(question.group_by) if name not in PRODUCTS]
    is_by_product = len(kept) < len(question.group_by)
    keys: set[tuple[str, ...]] = set()
    for term in _terms(asked):
        if term.has_products or not is_by_product:
            keys |= set(numbers[term.family])
    if not question.group_by:
        keys.add(())
    answer = _Answer(numbers, kept)
    names = _names(uow, question, keys)
    groups = [Group(key, names[key], tuple(answer.figures(asked, key))) for key in keys]
    return sorted(groups, key=lambda group: (group.names, group.key))


def begin_asking(uow: UnitOfWork, question: Question, *, now: datetime | None = None) -> Asking:
    """The question with what its statements need: who may be seen, the settings, the moment."""
    check_question(question)
    policy = current_policy(uow)[1]
    asking = Asking(
        question,
        find_seats(uow, question),
        policy,
        uow.company_id,
        has_days=are_counted(uow, policy),
    )
    asking.values |= {"zone": policy.time_zone, "now": now or datetime.now(UTC)}
    return asking


def _measure(name: str) -> Measure:
    if name not in MEASURES_BY_NAME:
        raise QuestionInvalid(
            Said("measure {name}: one of {choices}", name=name, choices=", ".join(MEASURES_BY_NAME))
        )
    return MEASURES_BY_NAME[name]


def _terms(measures: Iterable[Measure]) -> list[Term]:
    """The terms of the measures, one for each family."""
    terms = [t for m in measures for t in (m.numerator, m.denominator) if t is not None]
    return list({term.family: term for term in terms}.values())


def _numbers(uow: UnitOfWork, asking: Asking, family: Family, groups_max: int) -> _Numbers:
    statement = f"{family(asking)} limit :at_most"
    rows = ask(uow, asking, statement, at_most=2 * groups_max + 1)
    found: dict[tuple[str, ...], dict[str | None, dict[str, int]]] = defaultdict(dict)
    for row in rows:
        named = dict(row._mapping)  # noqa: SLF001 - SQLAlchemy's public name
        key = tuple(named.pop(name) for name in asking.keys)
        found[key][named.pop("currency")] = named
    if len(found) > groups_max or len(rows) > 2 * groups_max:
        raise TooManyGroups(
            Said("more than {most} groups: ask for less, or by less", most=groups_max)
        )
    return found


@dataclass(frozen=True, slots=True)
class _Answer:
    """The numbers of all families. Those that products do not matter to have a shorter key: the places
    `kept`.
    """

    numbers: Mapping[Family, _Numbers]
    kept: Sequence[int]

    def figures(self, measures: Iterable[Measure], key: tuple[str, ...]) -> Iterable[Figure]:
        for measure in measures:
            above, below = measure.numerator, measure.denominator
            currencies: Sequence[str | None] = [None]
            if above.is_by_currency:
                held = self.numbers[above.family].get(key, {})
                currencies = sorted(name for name in held if name is not None) or [None]
            for currency in currencies:
                yield Figure(
                    measure=measure.name,
                    unit=measure.unit,
                    numerator=self._number(key, above, currency),
                    denominator=None if below is None else self._number(key, below, currency),
                    currency=currency,
                )

    def _number(self, key: tuple[str, ...], term: Term, currency: str | None) -> int:
        held = key if term.has_products else tuple(key[place] for place in self.kept)
        by_currency = self.numbers[term.family].get(held, {})
        return by_currency.get(currency if term.is_by_currency else None, {}).get(term.column, 0)


def _names(
    uow: UnitOfWork, question: Question, keys: Iterable[tuple[str, ...]]
) -> dict[tuple[str, ...], tuple[str, ...]]:
    known: list[Mapping[str, str]] = []
    listed = list(keys)
    for place, name in enumerate(question.group_by):
        statement = _NAMES.get(name)
        ids = sorted({UUID(key[place]) for key in listed if key[place]}) if statement else []
        rows = uow.rows(statement, company=uow.company_id, keys=ids) if statement else []
        known.append({row.key: row.name for row in rows})
    return {
        key: tuple(known[place].get(part, part) for place, part in enumerate(key)) for key in listed
    }
