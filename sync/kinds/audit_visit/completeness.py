"""What is missing in an audit visit against the standards that it was brought by.

Flags are evidence for auditors and never refuse anything. Of an item that is answered
NOT_APPLICABLE nothing is asked; of one that is NOT_DONE no photos are.

    items_unanswered   {required, missing, item_<code>: 1 for each}   required: items of the standards
    photos_missing     {required, missing, item_<code>: how many are missing of each}
    items_unknown      {unknown}   answers and photos of items that are not in the standards

Source: domain rules, "Activities and audits".
"""

from collections.abc import Iterable, Mapping
from typing import Any

from sync.flag import Flag


def completeness_flags(
    standards: Iterable[Mapping[str, Any]],
    answers: Iterable[Mapping[str, Any]],
    photos: Iterable[Mapping[str, Any]],
) -> tuple[Flag, ...]:
    """Return what is missing, in a fixed order, each with its figures.

    `standards` are items {item, photos, …} as phones have them, `answers` {item, answer, …}, `photos`
    {item, sha256, …}.
    """
    answered = {one["item"]: one["answer"] for one in answers}
    shown: dict[str, int] = {}
    for photo in photos:
        shown[photo["item"]] = shown.get(photo["item"], 0) + 1
    asked = {one["item"]: one["photos"] for one in standards}
    flags: list[Flag] = []
    unanswered = sorted(asked.keys() - answered.keys())
    if unanswered:
        flags.append(
            {
                "flag": "items_unanswered",
                "required": len(asked),
                "missing": len(unanswered),
                **{f"item_{item.lower()}": 1 for item in unanswered},
            }
        )
    required = {
        item: number
        for item, number in asked.items()
        if number and answered.get(item, "DONE") == "DONE"
    }
    missing = {
        item: lacking
        for item, number in sorted(required.items())
        if (lacking := number - shown.get(item, 0)) > 0
    }
    if missing:
        flags.append(
            {
                "flag": "photos_missing",
                "required": sum(required.values()),
                "missing": sum(missing.values()),
                **{f"item_{item.lower()}": lacking for item, lacking in missing.items()},
            }
        )
    unknown = (answered.keys() | shown.keys()) - asked.keys()
    if unknown:
        flags.append({"flag": "items_unknown", "unknown": len(unknown)})
    return tuple(flags)
