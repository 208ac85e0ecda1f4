"""Versions of form templates: their ids, and those that this process has read.

A published version never changes, so it is read once: its expressions are compiled and kept, bounded,
for as long as answers to it come.
"""

from dataclasses import dataclass
from functools import lru_cache
from uuid import UUID, uuid5

from mobile_contract.forms.template import Template, read_published
from sync.document import decode_document

# Compiled, a version takes some 200 kB.
KEPT_VERSIONS = 100


@lru_cache(maxsize=1024)
def version_id(template_id: str, version: int) -> str:
    """The id of a version of a template: its row in form_template_version."""
    return str(uuid5(UUID(template_id), f"version {version}"))


@dataclass(frozen=True, slots=True)
class _Kept:
    company_id: int
    template: Template


class FormVersions:
    """Versions that were read, by id. Those that were asked for lately stay."""

    def __init__(self, kept_versions: int = KEPT_VERSIONS) -> None:
        self._kept_versions = kept_versions
        # Two generations: what is asked for moves to the young; when these are many, the old go.
        self._young: dict[str, _Kept] = {}
        self._old: dict[str, _Kept] = {}

    def of(self, company_id: int, id_: str) -> Template | None:
        """The version, if it was read and is the company's."""
        kept = self._find(id_)
        return None if kept is None or kept.company_id != company_id else kept.template

    def read(self, company_id: int, id_: str, definition: str) -> Template:
        """Read a version's definition, as it is stored, and keep it."""
        template = read_published(decode_document(definition))
        self._keep(id_, _Kept(company_id, template))
        return template

    def _find(self, id_: str) -> _Kept | None:
        kept = self._young.get(id_)
        if kept is None:
            kept = self._old.get(id_)
            if kept is not None:
                self._keep(id_, kept)
        return kept

    def _keep(self, id_: str, kept: _Kept) -> None:
        if len(self._young) >= self._kept_versions:
            self._old, self._young = self._young, {}
        self._young[id_] = kept


VERSIONS = FormVersions()
"""Those of this process."""
