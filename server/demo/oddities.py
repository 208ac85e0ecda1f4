"""What phones of the demo sent that cannot be applied, so that its quarantine has something to decide about.

One app wrote a number where a text belongs, some reps noted something about a store of their neighbour's, and one corrects a
visit that never came.
"""

from collections.abc import Sequence
from uuid import UUID, uuid5

from server.demo.shops import Shop
from server.demo.workday import Item, noted_item


def odd_items(
    company_key: UUID,
    person: str,
    place: int,
    shops: Sequence[Shop],
    neighbours: Sequence[Shop],
    at: int,
) -> list[Item]:
    """What the rep at this place among the reps has sent in vain."""
    if place in (1, 6):
        changes = {"delivery_note": 7 + place, "opening_hours": "08:00-20:00"}
        edited = {"changes": changes, "reason": None}
        return [noted_item(company_key, person, "edit", shops[7].id, edited, at, 1)]
    if place in (2, 5, 8):
        noted = {"changes": {"contact_name": "Mrs. Shen"}, "reason": None}
        return [noted_item(company_key, person, "edit", neighbours[2].id, noted, at, 1)]
    if place == 4:
        visit_id = uuid5(company_key, f"{person} visit that never came")
        corrected = {"reason": "Forgot the note.", "changes": {"note": "Owner wants a fridge."}}
        return [
            noted_item(company_key, person, "correct", visit_id, corrected, at, 1, kind="visit")
        ]
    return []
