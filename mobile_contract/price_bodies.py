"""The prices of one version of a list as one compact JSON document, PROTOCOL.md "Prices of a version".

Columns instead of rows, product numbers as differences, whole numbers only: 500 products come to
some 2 kB once packed. The same prices always make the same bytes, so that a digest names them.
"""

from typing import Annotated, Any, Final

import msgspec

from mobile_contract.canonical import canonical_json
from mobile_contract.pricing import Slab
from mobile_contract.pricing.terms import Entries

MEDIA_TYPE: Final = "application/json"
FORMAT: Final = 1
# From this quantity on the first slab of a price usually holds.
_FIRST: Final = 1


class BodyUnreadable(ValueError):
    """The bytes are not the prices of a version."""


_Whole = Annotated[int, msgspec.Meta(ge=0)]


class _Columns(msgspec.Struct, forbid_unknown_fields=True):
    format: int
    units: list[str]
    product: list[_Whole]
    unit: list[_Whole]
    price: list[_Whole]
    start: list[_Whole]
    slab: list[_Whole]


_decode: Final = msgspec.json.Decoder(_Columns).decode


def encode_prices(entries: Entries) -> bytes:
    """The body of these prices. Slabs rise in quantity; every entry has one at least."""
    units = sorted({unit for _, unit in entries})
    places = {unit: place for place, unit in enumerate(units)}
    columns: dict[str, Any] = {
        "format": FORMAT,
        "units": units,
        "product": [],
        "unit": [],
        "price": [],
        "start": [],
        "slab": [],
    }
    before = started = sloped = 0
    rows = sorted((number, places[unit], slabs) for (number, unit), slabs in entries.items())
    for index, (number, place, slabs) in enumerate(rows):
        first, *more = slabs
        columns["product"].append(number - before)
        columns["unit"].append(place)
        columns["price"].append(first.price_minor)
        if first.from_quantity != _FIRST:
            columns["start"] += [index - started, first.from_quantity]
            started = index
        for slab in more:
            columns["slab"] += [index - sloped, slab.from_quantity, slab.price_minor]
            sloped = index
        before = number
    return canonical_json(columns)


def decode_prices(body: bytes) -> dict[tuple[int, str], tuple[Slab, ...]]:
    """The prices of a body. Raises BodyUnreadable."""
    try:
        columns = _decode(body)
    except msgspec.MsgspecError as error:
        raise BodyUnreadable(str(error)) from error
    if columns.format != FORMAT:
        raise BodyUnreadable(f"format {columns.format} is not known")
    count = len(columns.product)
    if not len(columns.unit) == len(columns.price) == count:
        raise BodyUnreadable("the columns differ in length")
    if len(columns.start) % 2 or len(columns.slab) % 3:
        raise BodyUnreadable("start holds pairs and slab holds triples")
    try:
        slabs = [[Slab(_FIRST, price)] for price in columns.price]
        index = 0
        for step, quantity in zip(columns.start[::2], columns.start[1::2], strict=True):
            index += step
            slabs[index][0] = Slab(quantity, columns.price[index])
        index = 0
        triples = (columns.slab[start::3] for start in range(3))
        for step, quantity, price in zip(*triples, strict=True):
            index += step
            slabs[index].append(Slab(quantity, price))
        entries = {}
        number = 0
        for step, place, found in zip(columns.product, columns.unit, slabs, strict=True):
            number += step
            entries[number, columns.units[place]] = tuple(found)
    except IndexError as error:
        raise BodyUnreadable("an index is beyond its column") from error
    return entries
