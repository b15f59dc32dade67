"""The file that says who is called when: ladders per controller with the date from which they count, and receivers."""

from __future__ import annotations

import os
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from lethe_delivery.oncall import WebhookShape
from lethe_events.models import Code
from lethe_law.escalation import Caller, Rung
from orchestrator.domain.escalation import NO_LADDERS, Ladder, Ladders

if TYPE_CHECKING:
    from pathlib import Path

ALL = "*"
_LONGEST = Decimal(3)
"""Beyond thrice the period nobody is helped by another call."""


class EscalationRefused(ValueError):
    """The file cannot be used; the text says where and what to do, a line for each problem."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)


class Receiver(_Strict):
    """`key`: PagerDuty's routing key or a bearer token, as it is or `env:NAME`. `controllers`: none named means all."""

    name: Code
    shape: WebhookShape
    url: Annotated[str, Field(pattern=r"^https?://[^\s]+$", max_length=2000)]
    key: str = ""
    calls: Annotated[list[Caller], Field(min_length=1)]
    controllers: list[Code] = []

    def takes(self, controller_id: str, calls: str) -> bool:
        return calls in self.calls and (not self.controllers or controller_id in self.controllers)


class _Rung(_Strict):
    name: Code
    share: Annotated[Decimal, Field(gt=0, le=_LONGEST)]
    calls: Caller


class _Policy(_Strict):
    controller: Code | Annotated[str, Field(pattern=r"^\*$")]
    effective: date
    version: Code
    rungs: Annotated[list[_Rung], Field(min_length=1, max_length=20)]

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        shares = [r.share for r in self.rungs]
        if shares != sorted(set(shares)):
            raise ValueError("shares have to grow from rung to rung")
        if len({r.name for r in self.rungs}) != len(self.rungs):
            raise ValueError("each rung needs a name of its own: by it a rung rings once")
        return self


class _File(_Strict):
    receivers: list[Receiver] = []
    policies: Annotated[list[_Policy], Field(min_length=1)]

    @model_validator(mode="after")
    def _once(self) -> Self:
        if len({r.name for r in self.receivers}) != len(self.receivers):
            raise ValueError("two receivers have the same name")
        if len({(p.controller, p.effective) for p in self.policies}) != len(self.policies):
            raise ValueError("a controller has two policies from the same date")
        if len({p.version for p in self.policies}) != len(self.policies):
            raise ValueError("each policy needs a version of its own: the record names it")
        return self


def read_escalation(path: Path | None) -> tuple[Ladders, tuple[Receiver, ...]]:
    """Ladders, and who takes calls, with their keys. Without a file nobody is called. Raises EscalationRefused."""
    if path is None:
        return NO_LADDERS, ()
    try:
        found = _File.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except (yaml.YAMLError, UnicodeDecodeError, OSError) as error:
        raise EscalationRefused(f"{path.name} cannot be read as YAML: {type(error).__name__}") from None
    except ValidationError as error:
        raise EscalationRefused("\n".join(_problem(path, e["loc"], e["msg"]) for e in error.errors())) from None
    own: dict[str, list[tuple[date, Ladder]]] = {}
    for policy in sorted(found.policies, key=lambda p: p.effective, reverse=True):
        rungs = tuple(Rung(r.name, r.calls, share=r.share) for r in policy.rungs)
        own.setdefault(policy.controller, []).append((policy.effective, Ladder(policy.version, rungs)))
    others = tuple(own.pop(ALL, ()))
    return Ladders({c: tuple(ladders) for c, ladders in own.items()}, others), tuple(map(_with_key, found.receivers))


def _with_key(receiver: Receiver) -> Receiver:
    if not receiver.key.startswith("env:"):
        return receiver
    name = receiver.key.removeprefix("env:")
    key = os.environ.get(name)
    if not key:
        raise EscalationRefused(f"the receiver {receiver.name} takes its key from {name}, which is not set")
    return receiver.model_copy(update={"key": key})


def _problem(path: Path, where: tuple[int | str, ...], message: str) -> str:
    place = ".".join(map(str, where)) or "file"
    return f"{path.name}: {place}: {message}"
