"""What the parts of a form are called, in the editor of forms: in the company's own language, and in Chinese."""

from collections.abc import Mapping
from typing import Any

from server.language import tell
from server.web.filled import Filled

Json = Mapping[str, Any]
Typed = dict[str, str | list[str]]

TITLE_MAX = 200


def typed_titles(part: Json) -> Typed:
    """What a part is called, as it stands in the form."""
    return {"title": part.get("title", ""), "zh": (part.get("titles") or {}).get("zh", "")}


def read_titles(form: Filled, was: Json | None = None) -> dict[str, Any]:
    """What a part is called; its titles in other languages stay."""
    title, chinese = form.text("title"), form.text("zh")
    if not title:
        form.fault("title", tell("must be there"))
    for name, words in (("title", title), ("zh", chinese)):
        if len(words) > TITLE_MAX:
            form.fault(name, tell("At most {number} characters.", number=TITLE_MAX))
    return {"title": title, "titles": with_chinese(was, chinese)}


def with_chinese(was: Json | None, chinese: str) -> dict[str, str]:
    """The titles of a part in other languages, with this in Chinese."""
    others = {
        name: words for name, words in ((was or {}).get("titles") or {}).items() if name != "zh"
    }
    return {"zh": chinese, **others} if chinese else others
