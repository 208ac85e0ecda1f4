"""The flags of photos in plain words: their sentences by name. Metres and seconds are whole."""

from collections.abc import Callable

Figures = dict[str, int]

_UNITS = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))
_SIGNS = {
    "editor_named": "a program for editing pictures named itself in the file",
    "converter_named": "a program that converts pictures named itself in the file",
    "generated": "the file says that its picture was generated",
    "screenshot": "the file says that it is a screenshot",
    "editor_resources": "the file has resources that editing programs write",
    "thumbnail_differs": "the small picture in the file shows something else",
    "saved_twice": "it was opened and saved again as a JPEG",
    "modified_later": "the file was modified after the picture was taken",
    "no_camera": "nothing in the file says that a camera made it",
    "screen": "the points of a screen run through the whole picture",
}
_REASONS = {
    "changed": "its bytes have changed since",
    "damaged": "it cannot be decoded",
    "empty": "it has no bytes",
    "not_a_photo": "it is not a photo",
    "not_stored": "its bytes are lost",
    "reader_died": "what read it ended each time",
    "too_many_pixels": "it has too many pixels",
    "too_much_memory": "it takes too much memory",
    "took_too_long": "it takes too long",
}


def told_seconds(seconds: int) -> str:
    """A length of time in its two largest units: "3 h 20 min"."""
    told = []
    for unit_s, unit in _UNITS:
        whole, seconds = divmod(seconds, unit_s)
        if whole:
            told.append(f"{whole} {unit}")
    return " ".join(told[:2]) or "0 s"


def told_sign(name: str) -> str:
    """What a sign says."""
    return _SIGNS.get(name, name.replace("_", " "))


def _reused(figures: Figures) -> str:
    is_same_file, days = figures["is_same_file"], figures["days"]
    what = "the same file as" if is_same_file else "looks like"
    where = "a photo of another store" if figures["is_other_store"] else "a photo of this store"
    when = (
        "" if not days else (" of the day before or after" if days == 1 else f" {days} days apart")
    )
    told = f"{what} {where}{when} that was taken before"
    if not is_same_file:
        told += f" ({figures['distance_bits']} of 64 bits apart"
        if "detail_permille" in figures:
            told += f", {figures['detail_permille']} ‰ in detail"
        told += ", mirrored)" if figures["is_mirrored"] else ")"
    others = figures["others"] - 1
    if others:
        told += f", and {others} {'other' if others == 1 else 'others'}"
    return told


def _camera_time_off(figures: Figures) -> str:
    off_s = figures["off_s"]
    side = "before" if off_s < 0 else "after"
    told = (
        f"the camera's time is {told_seconds(abs(off_s))} {side} the visit, at most"
        f" {told_seconds(figures['limit_s'])} expected"
    )
    return told + (" (read in the company's time zone)" if figures["is_zone_assumed"] else "")


def _taken_elsewhere(figures: Figures) -> str:
    who = "the camera" if figures["is_by_camera"] else "the phone"
    return (
        f"{who} was {figures['distance_m']:,} m from the store (accuracy {figures['accuracy_m']} m),"
        f" at most {figures['limit_m']:,} m expected"
    )


def _signed(words: str) -> Callable[[Figures], str]:
    def told(figures: Figures) -> str:
        prefix = "sign_"
        signs = [told_sign(name[len(prefix) :]) for name in figures if name.startswith(prefix)]
        return f"{words} ({figures['permille']} ‰ sure): {', '.join(signs)}"

    return told


def _unreadable(figures: Figures) -> str:
    prefix = "reason_"
    codes = [name[len(prefix) :] for name in figures if name.startswith(prefix)]
    reasons = ", ".join(_REASONS.get(code, code.replace("_", " ")) for code in codes)
    return f"its file could not be read: {reasons}" if reasons else "its file could not be read"


SENTENCES: dict[str, Callable[[Figures], str]] = {
    "reused": _reused,
    "blurred": lambda figures: (
        f"blurred: sharpness {figures['sharpness']}, at least {figures['limit']} expected"
    ),
    "dark": lambda figures: (
        f"dark: darkness {figures['darkness']} ‰, at most {figures['limit']} ‰ expected"
    ),
    "camera_time_off": _camera_time_off,
    "taken_elsewhere": _taken_elsewhere,
    "edited": _signed("signs of editing"),
    "screen": _signed("signs of a photographed screen"),
    "unreadable": _unreadable,
}
