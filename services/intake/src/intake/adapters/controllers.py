"""The file of controllers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from intake.domain.model import Controller
from lethe_chassis.auth.keys import read_public_key
from lethe_events.models import Code, CountryCode
from lethe_law import UnsupportedPlace, regime_of, supported_countries

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from lethe_chassis.auth.keys import VerificationKey

_Text = Annotated[str, Field(min_length=1, max_length=200)]


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid")
    controller_id: Code
    name: _Text
    country: CountryCode
    contact: _Text
    regime: Code | None = None
    assertion_key: _Text | None = None
    repeats: Literal["accept", "attach"] = "accept"
    letters: object = None
    """Read by `letter_policies`."""


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid")
    controllers: list[_Entry] = Field(min_length=1)


def read_controllers(path: Path) -> Mapping[str, Controller]:
    """Controllers by id. Raises ValueError with one line per fault, each naming file, field and what is wrong.

    controllers:
      - {controller_id: acme, name: Acme GmbH, country: DE, contact: privacy@acme.example}
    """
    found: dict[str, Controller] = {}
    for entry in _entries(path):
        if entry.controller_id in found:
            raise ValueError(f"{path.name}: controller_id {entry.controller_id} appears twice: keep one")
        _require_clock(path.name, entry)
        found[entry.controller_id] = Controller(**entry.model_dump(exclude={"assertion_key", "letters"}))
    return found


def read_assertion_keys(path: Path) -> Mapping[str, VerificationKey]:
    """By controller, for those that sign who is signed in: `assertion_key` names a PEM file beside the file.

    Raises ValueError naming the file.
    """
    keys = {}
    for entry in _entries(path):
        if entry.assertion_key is not None:
            try:
                keys[entry.controller_id] = read_public_key(path.parent / entry.assertion_key)
            except OSError as error:
                raise ValueError(f"{path.name}: {entry.controller_id}: assertion_key: {error.strerror}") from None
    return keys


def _entries(path: Path) -> list[_Entry]:
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ValueError(f"{path.name} is not YAML: {' '.join(str(error).split())}") from None
    try:
        return _File.model_validate(content).controllers
    except ValidationError as error:
        faults = [f"{path.name}: {'.'.join(str(p) for p in e['loc'])}: {e['msg']}" for e in error.errors()]
        raise ValueError("\n".join(faults)) from None


def _require_clock(name: str, entry: _Entry) -> None:
    try:
        if entry.country in supported_countries(entry.regime or regime_of(entry.country)):
            return
    except UnsupportedPlace as error:
        raise ValueError(f"{name}: {entry.controller_id}: {error}") from None
    raise ValueError(f"{name}: {entry.controller_id}: {entry.regime} has no clock for {entry.country}")
