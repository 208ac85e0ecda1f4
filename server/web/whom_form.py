"""For whom a price list or a promotion is, in a form and in words."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from mobile_contract.records.store import CLASSES
from server.catalogue.errors import CatalogueError
from server.catalogue.whom import Whom
from server.catalogue.whom_named import (
    WhomNamed,
    choices_of_whom,
    codes_of_whom,
    customers_called,
)
from server.language import sentence, tell, told_number
from server.web.filled import Filled
from sync.unit_of_work import UnitOfWork

LEVELS = {
    "CUSTOMER": sentence("certain stores or accounts"),
    "CLASS": sentence("stores of classes"),
    "CHANNEL": sentence("stores of channels"),
    "REGION": sentence("stores of regions and what is below them"),
}
EVERY = "EVERY"


def told_whom(level: str | None, named: WhomNamed | None) -> str:
    """For whom, in words; of many the first."""
    if level is None:
        return tell("every store")
    if named is None:
        return tell("nobody")
    told = ", ".join(named.names)
    more = named.number - len(named.names)
    if more > 0:
        told = tell("{names} and {number} more", names=told, number=told_number(more))
    match level:
        case "CLASS":
            return tell("class {letter}", letter=told)
        case "CHANNEL":
            return tell("channel {names}", names=told)
        case "REGION":
            return tell("region {names}", names=told)
    return told


def typed_whom(uow: UnitOfWork, whom: Whom | None) -> dict[str, str | list[str]]:
    """For whom, as it stands in the form. Two queries."""
    if whom is None:
        return {"level": EVERY}
    stores, accounts = codes_of_whom(uow, whom)
    return {
        "level": whom.level,
        "stores": "\n".join(stores),
        "accounts": "\n".join(accounts),
        "class": sorted(whom.classes),
        "channel": sorted(whom.channels),
        "region": [str(id_) for id_ in sorted(whom.region_ids)],
    }


def read_whom(uow: UnitOfWork, form: Filled) -> Whom | None:
    """Whom the form says it is for; None for every store, and where something is wrong with it."""
    level = form["level"]
    if level == EVERY:
        return None
    if level not in LEVELS:
        form.fault("level", tell("Choose for whom it is."))
        return None
    stores: frozenset[UUID] = frozenset()
    accounts: frozenset[UUID] = frozenset()
    regions: set[UUID] = set()
    if level == "CUSTOMER":
        try:
            stores, accounts = customers_called(uow, form.lines("stores"), form.lines("accounts"))
        except CatalogueError as refused:
            form.refused(refused, ("stores", "accounts"))
    if level == "REGION":
        try:
            regions = {UUID(one) for one in form.every("region")}
        except ValueError:
            form.fault("region", tell("Choose one of the list."))
    whom = Whom(
        level,
        store_ids=stores,
        account_ids=accounts,
        classes=frozenset(form.every("class")) if level == "CLASS" else frozenset(),
        channels=frozenset(form.every("channel")) if level == "CHANNEL" else frozenset(),
        region_ids=frozenset(regions),
    )
    if form.is_good and not whom.rows():
        form.fault("level", tell("Choose at least one."))
    return whom


def whom_choices(uow: UnitOfWork, form: Filled, *, is_fixed: bool) -> Mapping[str, Any]:
    """What the fields of the form offer; where the level is fixed, no other. Two queries."""
    found = choices_of_whom(uow)
    channels = sorted({*found.channels, *form.every("channel")})
    return {
        "levels": [
            (key, tell(words))
            for key, words in LEVELS.items()
            if not is_fixed or key == form["level"]
        ],
        "classes": [(one, one) for one in CLASSES],
        "channels": [(one, one) for one in channels],
        "regions": [(str(id_), "\u2003" * depth + name) for id_, name, depth in found.regions],
    }
