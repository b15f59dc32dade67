"""Where a value lies in a vendor's JSON: `$.data[*].id`. Strict: a shape that changed must not read as "nothing".

A name that is missing or an element of the wrong kind is an error, never an empty result: a vendor whose answer lost
its list of results has not said that the person is absent.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Annotated, Final

from pydantic import AfterValidator

from lethe_processors.http.errors import Nonsense

_STEP = re.compile(r"\.([A-Za-z_][A-Za-z0-9_-]*)|\[(\*|0|[1-9][0-9]*)\]")


class _Every:
    """The step `[*]`."""


_EVERY: Final = _Every()
_Steps = tuple[str | int | _Every, ...]


@cache
def _parse(path: str) -> _Steps:
    if not path.startswith("$"):
        raise ValueError(f"{path!r} is not a path: write it as $.name, $.list[*] or $.list[0].name")
    steps: list[str | int | _Every] = []
    position = 1
    while position < len(path):
        match = _STEP.match(path, position)
        if match is None:
            raise ValueError(f"{path!r} is not a path: only .name, [0] and [*] can follow $")
        name, index = match.groups()
        steps.append(name if name is not None else _EVERY if index == "*" else int(index))
        position = match.end()
    return tuple(steps)


def _valid(path: str) -> str:
    _parse(path)
    return path


Path = Annotated[str, AfterValidator(_valid)]
"""A path as text; checked when the profile is read."""


def find(path: str, value: object) -> list[object]:
    """All values at `path`. Raises Nonsense if a step does not fit the value; an empty list is found, as nothing."""
    found = [value]
    for step in _parse(path):
        found = [inner for outer in found for inner in _step(step, outer)]
    return found


def one(path: str, value: object) -> object:
    """The single value at `path`. Raises Nonsense if it is not there or there are several."""
    found = find(path, value)
    if len(found) != 1:
        raise Nonsense
    return found[0]


def optional(path: str, value: object, otherwise: object = None) -> object:
    """The single value at `path`, or `otherwise` if the way to it ends early."""
    try:
        return one(path, value)
    except Nonsense:
        return otherwise


def _step(step: str | int | _Every, value: object) -> list[object]:
    if isinstance(step, str):
        if isinstance(value, dict) and step in value:
            return [value[step]]
    elif isinstance(value, list):
        if isinstance(step, _Every):
            return value
        if step < len(value):
            return [value[step]]
    raise Nonsense
