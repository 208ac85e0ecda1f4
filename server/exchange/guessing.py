"""Which sheet a file is of, by the names in its first row."""

from collections.abc import Mapping

from server.exchange.faults import HeaderInvalid
from server.exchange.importing import File, read_rows
from server.exchange.sheet import Sheet
from server.exchange.understanding import understand_header
from server.language import Said


def guess_sheet(file: File, sheets: Mapping[str, Sheet]) -> Sheet:
    """The one sheet that has all columns of the file, and of several the one of which it has the most.

    Raises FileInvalid, and HeaderInvalid where none or more than one is as good.
    """
    names = {column.name for one in sheets.values() for column in one.all_columns}
    header = read_rows(file, names).header
    fits: dict[str, float] = {}
    for name, sheet in sheets.items():
        try:
            there = understand_header(sheet, header, file.system)
        except HeaderInvalid:
            continue
        fits[name] = len(there) / len(sheet.all_columns)
    best = [name for name, fit in fits.items() if fit == max(fits.values())]
    if not best:
        raise HeaderInvalid(Said("these are the columns of no sheet: say which one the file is of"))
    if len(best) > 1:
        raise HeaderInvalid(
            Said("it could be {best}: say which one the file is of", best=" or ".join(best))
        )
    return sheets[best[0]]
