"""Filling identifiers into paths and bodies, so that no identifier can change what is asked of whom."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import quote

from lethe_processors.http.errors import Refused

if TYPE_CHECKING:
    from collections.abc import Mapping

_HOLE = re.compile(r"\{([a-z][a-z0-9_]*)\}")
_ONLY_DOTS = re.compile(r"\.{1,2}")


def holes(template: object) -> frozenset[str]:
    """Names to be filled in, anywhere in a path or a JSON body."""
    if isinstance(template, str):
        return frozenset(_HOLE.findall(template))
    if isinstance(template, dict):
        return frozenset().union(*(holes(v) for v in template.values()))
    if isinstance(template, list):
        return frozenset().union(*(holes(v) for v in template))
    return frozenset()


def fill_path(template: str, values: Mapping[str, str]) -> str:
    """Each value percent-encoded whole: it cannot leave its segment or its query parameter.

    Raises Refused for a value that would be read as a step up (`.`, `..`).
    """
    return _HOLE.sub(lambda hole: _encoded(values[hole[1]]), template)


def fill_body(template: object, values: Mapping[str, str]) -> object:
    """The same for the strings of a JSON body; keys are never filled."""
    if isinstance(template, str):
        return _HOLE.sub(lambda hole: values[hole[1]], template)
    if isinstance(template, dict):
        return {key: fill_body(value, values) for key, value in template.items()}
    if isinstance(template, list):
        return [fill_body(value, values) for value in template]
    return template


def _encoded(value: str) -> str:
    if not value or _ONLY_DOTS.fullmatch(value):
        raise Refused("identifier_not_usable")
    return quote(value, safe="")
