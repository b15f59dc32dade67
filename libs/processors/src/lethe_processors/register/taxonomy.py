"""The words of fideslang that a register may use, and those that a deployer added in `taxonomy.yaml`."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lethe_processors.yaml_source import Document

FILE = "taxonomy.yaml"


@dataclass(frozen=True, slots=True)
class Taxonomy:
    categories: frozenset[str]
    uses: frozenset[str]
    subjects: frozenset[str]

    def extended(self, document: Document) -> Taxonomy:
        """With the keys of a file in fideslang's form: `data_category`, `data_use`, `data_subject` lists."""
        data = document.data if isinstance(document.data, dict) else {}
        return Taxonomy(
            self.categories | _keys(data.get("data_category")),
            self.uses | _keys(data.get("data_use")),
            self.subjects | _keys(data.get("data_subject")),
        )


def _keys(listed: Any) -> frozenset[str]:
    return frozenset(str(e["fides_key"]) for e in listed or () if isinstance(e, dict) and "fides_key" in e)


@cache
def default_taxonomy() -> Taxonomy:
    from fideslang import DEFAULT_TAXONOMY as DEFAULT

    return Taxonomy(
        frozenset(c.fides_key for c in DEFAULT.data_category or ()),
        frozenset(c.fides_key for c in DEFAULT.data_use or ()),
        frozenset(c.fides_key for c in DEFAULT.data_subject or ()),
    )


def suggestion(word: str, known: Iterable[str]) -> str:
    """What the author may have meant."""
    near = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f"did you mean {near[0]}? " if near else ""
