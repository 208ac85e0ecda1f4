"""The flags of visits by their short names, in the visitor's language; a flag that has none is told by its code."""

from collections.abc import Mapping

from server.language import sentence, tell

FLAG_NAMES: Mapping[str, str] = {
    "offsite": sentence("checked in elsewhere"),
    "uncertain": sentence("place cannot be told"),
    "onsite": sentence("at the store"),
    "tolerated": sentence("near enough"),
    "unpinned": sentence("store without a pin"),
    "clock_offset": sentence("the phone's clock is off"),
    "clock_changed": sentence("the phone's clock was changed"),
    "clock_ahead": sentence("the phone's clock is ahead"),
    "mock_location": sentence("made-up location"),
    "too_short": sentence("too short"),
    "checked_out_before_in": sentence("checked out before in"),
    "outside_working_window": sentence("outside working hours"),
    "steps_skipped": sentence("steps left out"),
    "overlapping": sentence("overlaps another visit"),
    "repeated_store": sentence("again at the same store"),
    "implied_speed": sentence("too fast to be true"),
    "repeated_fix": sentence("the very same position again"),
    "look_alike": sentence("look-alike"),
    "out_of_sequence": sentence("out of sequence"),
    "from_gallery": sentence("from the gallery"),
    "reused": sentence("used before"),
    "blurred": sentence("blurred"),
    "dark": sentence("dark"),
    "camera_time_off": sentence("taken at another time"),
    "taken_elsewhere": sentence("taken elsewhere"),
    "edited": sentence("signs of editing"),
    "screen": sentence("photo of a screen"),
    "unreadable": sentence("cannot be read"),
}


def flag_name(flag: str) -> str:
    """What a flag is called."""
    return tell(FLAG_NAMES[flag]) if flag in FLAG_NAMES else flag.replace("_", " ")
