"""Which browser a session is of, in words; of one that says nothing known, nothing is guessed."""

from server.language import tell

# The first that is named: later ones are named by others for the sake of old pages.
_BROWSERS = (
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("MicroMessenger", "WeChat"),
    ("SamsungBrowser", "Samsung Internet"),
    ("Firefox/", "Firefox"),
    ("FxiOS/", "Firefox"),
    ("Chrome/", "Chrome"),
    ("CriOS/", "Chrome"),
    ("Safari/", "Safari"),
)
_SYSTEMS = (
    ("iPad", "iPad"),
    ("iPhone", "iPhone"),
    ("Android", "Android"),
    ("HarmonyOS", "HarmonyOS"),
    ("Windows", "Windows"),
    ("Macintosh", "macOS"),
    ("CrOS", "ChromeOS"),
    ("Linux", "Linux"),
)


def told_browser(said: str) -> str:
    """The browser and its system of a User-Agent."""
    browser = next((name for part, name in _BROWSERS if part in said), None)
    system = next((name for part, name in _SYSTEMS if part in said), None)
    if browser is not None and system is not None:
        return tell("{browser} on {system}", browser=browser, system=system)
    return browser or system or tell("a browser that does not say which")
