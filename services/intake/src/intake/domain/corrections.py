"""What a person wants corrected (Art. 16), brought to the places that workers correct. Values are personal data."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from intake.domain.errors import Fault

if TYPE_CHECKING:
    from collections.abc import Mapping

    from intake.domain.described import Described

Scalar = str | int | float | bool | None

MAX_PLACES = 64
MAX_VALUE = 4000
"""Characters of one new value."""
_PLACE = re.compile(r"(?:[a-z0-9][a-z0-9_.-]{0,63}:)?[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}\.[A-Za-z0-9_]{1,63}")
_FORM = "send collection.field, processor:collection.field, or a data category of the register"
_TYPES: Mapping[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "float": (int, float),
    "boolean": (bool,),
}
"""fideslang's data types → JSON values. Others, and the constraints of the column, are left to the database."""
_WORDS = {"true": True, "false": False}


def correct(
    corrections: Mapping[str, Scalar], completions: Mapping[str, Scalar], described: Described | None, *, as_text: bool
) -> tuple[dict[str, Scalar], list[Fault]]:
    """Place → new value, as they are sealed; and every fault. A category stands for all places that hold it."""
    faults: list[Fault] = []
    named: dict[str, Scalar] = {}
    spread: dict[str, Scalar] = {}
    for name, given in (("corrections", corrections), ("completions", completions)):
        for number, (key, value) in enumerate(given.items()):
            where = f"{name}[{number}]"
            places = _places(key, described)
            if isinstance(places, Fault):
                faults.append(places._replace(field=where))
                continue
            into = named if places == (key,) else spread
            for place in places:
                typed, wrong = _fit(value, _types(place, described), as_text=as_text)
                if wrong is not None:
                    faults.append(wrong._replace(field=where))
                    break
                if place in into and into[place] != typed:
                    faults.append(Fault(where, "sets a field that another one sets", "send one value for each field"))
                into[place] = typed
    found = spread | named  # a place that is named goes before a category that it is of
    if len(found) > MAX_PLACES:
        faults.append(Fault("corrections", "are too many", f"send at most {MAX_PLACES} fields"))
    return found, faults


def _places(key: str, described: Described | None) -> tuple[str, ...] | Fault:
    processor, colon, _ = key.rpartition(":")
    if described is None:
        return (key,) if _PLACE.fullmatch(key) else Fault("", "is no field", _FORM)
    if key in described.fields:
        return (key,)
    if colon and described.processors.get(processor) is False and _PLACE.fullmatch(key):
        return (key,)  # nothing describes its data here: a person will see
    if colon and processor not in described.processors:
        return Fault("", "names a processor that the register has not", _FORM)
    return described.by_category.get(key) or Fault("", "is no field that the register describes", _FORM)


def _types(place: str, described: Described | None) -> frozenset[str | None]:
    return described.fields.get(place, frozenset()) if described is not None else frozenset()


def _fit(value: Scalar, types: frozenset[str | None], *, as_text: bool) -> tuple[Scalar, Fault | None]:
    if isinstance(value, str):
        if len(value) > MAX_VALUE:
            return value, Fault("", "is too long", f"send at most {MAX_VALUE} characters")
        if "\x00" in value:
            return value, Fault("", "holds a NUL character", "send plain text")
    if as_text and isinstance(value, str):
        value = _read(value, types)
    if value is None:
        return None, None  # whether the column may be empty, its database knows
    for kind in types:
        expected = _TYPES.get(kind or "")
        if expected is not None and (
            not isinstance(value, expected) or (isinstance(value, bool) and bool not in expected)
        ):
            return value, Fault("", f"is not of the type of its field, {kind}", f"send {_example(kind)}")
    return value, None


def _read(text: str, types: frozenset[str | None]) -> Scalar:
    """A cell of a file by the type of its field; as it stands where it is not of that type."""
    if len(types) != 1:
        return text
    (kind,) = types
    try:
        if kind == "integer":
            return int(text)
        if kind == "float" and (number := float(text)) - number == 0:
            return number
    except ValueError:
        return text
    return _WORDS.get(text.lower(), text) if kind == "boolean" else text


def _example(kind: str | None) -> str:
    return {"string": "text", "boolean": "true or false"}.get(kind or "", "a number")
