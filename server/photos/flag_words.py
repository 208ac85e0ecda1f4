"""The flags of photos in plain words: their sentences by name. Metres and seconds are whole."""

from collections.abc import Callable

from server.language import sentence, tell, tell_number, told_list, told_number

Figures = dict[str, int]

_UNITS = (
    (86_400, sentence("{number} d")),
    (3_600, sentence("{number} h")),
    (60, sentence("{number} min")),
    (1, sentence("{number} s")),
)
_SIGNS = {
    "editor_named": sentence("a program for editing pictures named itself in the file"),
    "converter_named": sentence("a program that converts pictures named itself in the file"),
    "generated": sentence("the file says that its picture was generated"),
    "screenshot": sentence("the file says that it is a screenshot"),
    "editor_resources": sentence("the file has resources that editing programs write"),
    "thumbnail_differs": sentence("the small picture in the file shows something else"),
    "saved_twice": sentence("it was opened and saved again as a JPEG"),
    "modified_later": sentence("the file was modified after the picture was taken"),
    "no_camera": sentence("nothing in the file says that a camera made it"),
    "screen": sentence("the points of a screen run through the whole picture"),
}
_REASONS = {
    "changed": sentence("its bytes have changed since"),
    "damaged": sentence("it cannot be decoded"),
    "empty": sentence("it has no bytes"),
    "not_a_photo": sentence("it is not a photo"),
    "not_stored": sentence("its bytes are lost"),
    "reader_died": sentence("what read it ended each time"),
    "too_many_pixels": sentence("it has too many pixels"),
    "too_much_memory": sentence("it takes too much memory"),
    "took_too_long": sentence("it takes too long"),
}


def told_seconds(seconds: int) -> str:
    """A length of time in its two largest units: "3 h 20 min"."""
    told = []
    for unit_s, unit in _UNITS:
        whole, seconds = divmod(seconds, unit_s)
        if whole:
            told.append(tell(unit, number=whole))
    return " ".join(told[:2]) or tell("{number} s", number=0)


def told_sign(name: str) -> str:
    """What a sign says."""
    return tell(_SIGNS[name]) if name in _SIGNS else name.replace("_", " ")


def told_reason(code: str) -> str:
    """Why a file was set aside."""
    return tell(_REASONS[code]) if code in _REASONS else code.replace("_", " ")


def _reused(figures: Figures) -> str:
    is_same_file, is_other_store = figures["is_same_file"], figures["is_other_store"]
    if is_same_file:
        told = (
            tell("the same file as a photo of another store")
            if is_other_store
            else tell("the same file as a photo of this store")
        )
    else:
        told = (
            tell("looks like a photo of another store")
            if is_other_store
            else tell("looks like a photo of this store")
        )
    parts = [told, _told_when(figures["days"])]
    if not is_same_file:
        parts.append(_told_likeness(figures))
    others = figures["others"] - 1
    if others:
        parts.append(tell_number("and another", "and {number} others", others))
    return told_list(parts)


def _told_when(days: int) -> str:
    if not days:
        return tell("taken before on the same day")
    if days == 1:
        return tell("taken before, on the day before or after")
    return tell("taken before, {days} days apart", days=told_number(days))


def _told_likeness(figures: Figures) -> str:
    told = tell("{bits} of 64 bits apart", bits=figures["distance_bits"])
    if "detail_permille" in figures:
        told = told_list(
            [told, tell("{permille} ‰ in detail", permille=figures["detail_permille"])]
        )
    return told_list([told, tell("mirrored")]) if figures["is_mirrored"] else told


def _camera_time_off(figures: Figures) -> str:
    off_s = figures["off_s"]
    said = {"length": told_seconds(abs(off_s)), "limit": told_seconds(figures["limit_s"])}
    told = (
        tell("the camera's time is {length} before the visit, at most {limit} expected", **said)
        if off_s < 0
        else tell("the camera's time is {length} after the visit, at most {limit} expected", **said)
    )
    if figures["is_zone_assumed"]:
        return tell("{told} (read in the company's time zone)", told=told)
    return told


def _taken_elsewhere(figures: Figures) -> str:
    said = {name: told_number(figures[f"{name}_m"]) for name in ("distance", "accuracy", "limit")}
    if figures["is_by_camera"]:
        return tell(
            "the camera was {distance} m from the store (accuracy {accuracy} m),"
            " at most {limit} m expected",
            **said,
        )
    return tell(
        "the phone was {distance} m from the store (accuracy {accuracy} m),"
        " at most {limit} m expected",
        **said,
    )


def _edited(figures: Figures) -> str:
    return tell(
        "signs of editing ({permille} ‰ sure): {signs}",
        permille=figures["permille"],
        signs=_signs(figures),
    )


def _screen(figures: Figures) -> str:
    return tell(
        "signs of a photographed screen ({permille} ‰ sure): {signs}",
        permille=figures["permille"],
        signs=_signs(figures),
    )


def _signs(figures: Figures) -> str:
    prefix = "sign_"
    return told_list(
        [told_sign(name[len(prefix) :]) for name in figures if name.startswith(prefix)]
    )


def _unreadable(figures: Figures) -> str:
    prefix = "reason_"
    reasons = told_list(
        [told_reason(name[len(prefix) :]) for name in figures if name.startswith(prefix)]
    )
    if not reasons:
        return tell("its file could not be read")
    return tell("its file could not be read: {reasons}", reasons=reasons)


def _blurred(figures: Figures) -> str:
    return tell(
        "blurred: sharpness {sharpness}, at least {limit} expected",
        sharpness=figures["sharpness"],
        limit=figures["limit"],
    )


def _dark(figures: Figures) -> str:
    return tell(
        "dark: darkness {darkness} ‰, at most {limit} ‰ expected",
        darkness=figures["darkness"],
        limit=figures["limit"],
    )


SENTENCES: dict[str, Callable[[Figures], str]] = {
    "reused": _reused,
    "blurred": _blurred,
    "dark": _dark,
    "camera_time_off": _camera_time_off,
    "taken_elsewhere": _taken_elsewhere,
    "edited": _edited,
    "screen": _screen,
    "unreadable": _unreadable,
}
