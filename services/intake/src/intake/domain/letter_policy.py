"""How letters of one controller are written."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path
    from uuid import UUID

NATIVE = {"AT": "de", "CH": "de", "DE": "de", "LI": "de", "FR": "fr", "LU": "fr", "BE": "nl", "NL": "nl"}
NATIVE |= {"ES": "es", "IT": "it", "PL": "pl"}
"""Country → the language that its letters are in where nothing else is said; English for the others."""


@dataclass(frozen=True, slots=True)
class Named:
    """Somebody to write to or to complain to."""

    name: str
    website: str | None = None
    email: str | None = None
    address: str | None = None


@dataclass(frozen=True, slots=True)
class LetterPolicy:
    """`page`: address of the person's page, with `{dsr_id}` in it. `templates`: the controller's own, a directory.

    `sender`: the address that they come from; None: the deployment's. `authority`: in place of the country's.
    """

    language: str
    page: str
    templates: Path | None = None
    sender: str | None = None
    acknowledge: bool = True
    dpo: Named | None = None
    authority: Named | None = None

    def page_of(self, dsr_id: UUID) -> str:
        return self.page.replace("{dsr_id}", str(dsr_id))
