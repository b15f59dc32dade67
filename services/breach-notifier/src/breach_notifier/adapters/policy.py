"""The file of controllers, and the file that says how breaches at each of them are handled."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Annotated, Any, Self, TypeVar

import yaml
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError, model_validator

from breach_notifier.adapters.calls import Receiver, Shape
from breach_notifier.domain.correlation import RULES, Suppression
from breach_notifier.domain.drafting import to_value
from breach_notifier.domain.errors import Refused
from breach_notifier.domain.policy import ControllerPolicy, Policy
from breach_notifier.domain.words import Party
from lethe_law import LawError, regime_of, zone_of
from lethe_law.breach.authorities import authorities
from lethe_law.breach.template import template

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from lethe_law.breach.template import Value


T = TypeVar("T", bound=BaseModel)


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class _Known(BaseModel):
    """Of an entry in the file of controllers, what bears on breaches."""

    controller_id: str
    country: str
    regime: str | None = None


class _KnownFile(BaseModel):
    controllers: list[_Known] = Field(min_length=1)


class _Entry(_Strict):
    party: Party = Party.CONTROLLER
    zone: str | None = None
    authority: str | None = None
    cross_border: bool | None = None
    other_laws: list[str] = []
    notice: dict[int, Any] = {}


class _Suppress(_Strict):
    controller_id: str
    rule: str
    asset: str = "*"
    until: AwareDatetime
    reason: Annotated[str, Field(min_length=1)]


class _OnCall(_Strict):
    name: Annotated[str, Field(pattern="^[a-z][a-z0-9-]{0,31}$")]
    shape: Shape
    url: str = ""
    to: str = ""
    key: str = ""

    @model_validator(mode="after")
    def _reachable(self) -> Self:
        if self.shape is Shape.EMAIL and not self.to:
            raise ValueError("e-mail needs `to`, an address")
        if self.shape is not Shape.EMAIL and not self.url:
            raise ValueError("a webhook needs `url`")
        return self


class _File(_Strict):
    controllers: dict[str, _Entry] = {}
    suppress: list[_Suppress] = []
    awareness_by_rule: list[str] = []
    on_call: list[_OnCall] = []
    cases_an_hour: Annotated[int, Field(ge=1, le=1000)] = 20


def read_policy(controllers: Path, policy: Path | None) -> tuple[Policy, Mapping[str, Receiver]]:
    """Raises ValueError with one line per fault, each naming file, field and what is wrong.

    `url`, `to` and `key` of `on_call` may be `env:NAME`: then they come from the environment.
    """
    known = _read(controllers, _KnownFile).controllers
    said = _File() if policy is None else _read(policy, _File)
    name = "policy" if policy is None else policy.name
    there = {entry.controller_id for entry in known}
    faults = [
        f"{name}: controllers.{c}: no such controller in {controllers.name}" for c in said.controllers if c not in there
    ]
    rules = {rule.name for rule in RULES}
    faults += [f"{name}: awareness_by_rule: no rule {r}" for r in said.awareness_by_rule if r not in rules]
    found = {}
    for entry in known:
        try:
            found[entry.controller_id] = _controller(entry, said.controllers.get(entry.controller_id, _Entry()))
        except (LawError, Refused, ValueError) as error:
            faults.append(f"{name}: {entry.controller_id}: {error}")
    receivers = {r.name: _receiver(r) for r in said.on_call}
    faults += [f"{name}: on_call.{r.name}: {fault}" for r in receivers.values() if (fault := _unreachable(r))]
    if faults:
        raise ValueError("\n".join(faults))
    return (
        Policy(
            controllers=found,
            suppressions=tuple(Suppression(s.controller_id, s.rule, s.asset, s.until, s.reason) for s in said.suppress),
            aware_rules=frozenset(said.awareness_by_rule),
            receivers=tuple(receivers),
            cases_an_hour=said.cases_an_hour,
        ),
        receivers,
    )


def _controller(known: _Known, said: _Entry) -> ControllerPolicy:
    if said.authority is not None and said.authority not in authorities():
        raise ValueError(f"authority: there is none of this code; there are {', '.join(sorted(authorities()))}")
    return ControllerPolicy(
        known.controller_id,
        known.country,
        said.zone or zone_of(known.country),
        known.regime or regime_of(known.country),
        said.party,
        said.authority,
        said.cross_border,
        tuple(said.other_laws),
        {number: _stated(number, value) for number, value in said.notice.items()},
    )


def _stated(number: int, found: object) -> Value:
    field = template().get(number)
    value = to_value(number, found)
    problem = "no such field in the form" if field is None else field.problem(value)
    if problem:
        raise ValueError(f"notice.{number}: {problem}")
    return value


def _receiver(said: _OnCall) -> Receiver:
    return Receiver(said.name, said.shape, _secret(said.url), _secret(said.key), _secret(said.to))


def _unreachable(receiver: Receiver) -> str:
    """Why nobody is reached like this; found at the start, not at night."""
    if receiver.shape is Shape.EMAIL:
        return "" if "@" in receiver.to.strip("@") else "`to` is no address"
    return "" if receiver.url.startswith(("https://", "http://")) else "`url` is no address of http or https"


def _secret(text: str) -> str:
    return os.environ.get(text.removeprefix("env:"), "") if text.startswith("env:") else text


def _read(path: Path, model: type[T]) -> T:
    try:
        return model.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ValueError(f"{path.name} is not YAML: {' '.join(str(error).split())}") from None
    except ValidationError as error:
        faults = [f"{path.name}: {'.'.join(str(p) for p in e['loc'])}: {e['msg']}" for e in error.errors()]
        raise ValueError("\n".join(faults)) from None
