"""What is odd about a filled-in form; flags are evidence for people and never refuse an answer.

required_missing  {count, and under the code of each question how many of its answers are missing}
past_limit        {count, and under the code of each question its value, its size, or how many of
its cells are past a limit}
hidden_answered   {count, and under the code of each question how many answers were hidden}
computed_differs  {count, and for each question CODE_sent and CODE_held; one without a value is left out}
score_differs     {sent_e2, held_e2; one without a score is left out}
corrected_meanwhile  {base_version, version}: another correction came in between
other_store       {}: the visit is at another store
"""

from collections.abc import Mapping
from typing import Any

from mobile_contract.forms.filling import Filling
from sync.flag import Flag

# Of one flag so many are named; count has them all.
NAMED_AT_MOST = 10


def form_flags(
    filling: Filling, *, sent: Mapping[str, Any] | None, sent_score_e2: int | None
) -> list[Flag]:
    """The flags of one form, in a fixed order. `sent` is what the phone worked out."""
    flags = []
    for name, found in (
        ("required_missing", filling.missing),
        ("past_limit", filling.past_limit),
        ("hidden_answered", filling.hidden),
    ):
        if found:
            flags.append(_named(name, found))
    sent, held = sent or {}, filling.computed
    if sent != held:
        differing = [
            code for code in sorted(sent.keys() | held.keys()) if sent.get(code) != held.get(code)
        ]
        if differing:
            flags.append(_differing(differing, sent, held))
    if sent_score_e2 != filling.score_e2:
        figures = {"sent_e2": sent_score_e2, "held_e2": filling.score_e2}
        told = {name: figure for name, figure in figures.items() if figure is not None}
        flags.append({"flag": "score_differs", **told})
    return flags


def _named(name: str, found: Mapping[str, int]) -> Flag:
    return {"flag": name, "count": len(found), **dict(list(found.items())[:NAMED_AT_MOST])}


def _differing(codes: list[str], sent: Mapping[str, Any], held: Mapping[str, Any]) -> Flag:
    flag: Flag = {"flag": "computed_differs", "count": len(codes)}
    for code in codes[: NAMED_AT_MOST // 2]:
        for side, values in (("sent", sent), ("held", held)):
            if code in values:
                flag[f"{code}_{side}"] = int(values[code])
    return flag
