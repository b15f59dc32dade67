"""What it takes to run one program: the stack is a list of these."""

from __future__ import annotations

import signal
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping


class Ready(Protocol):
    """Answers within a second whether the program can be used now; never raises."""

    def __call__(self) -> bool: ...


@dataclass(frozen=True, slots=True)
class Account:
    """The account of the operating system that a program runs as, when it is not ours."""

    name: str
    uid: int
    gid: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessSpec:
    """`env` is laid over our own environment.

    `patience` and `grace` are seconds: to become ready, and to end after `stop` before it is killed.
    """

    name: str
    argv: tuple[str, ...]
    ready: Ready
    env: Mapping[str, str] = field(default_factory=dict)
    account: Account | None = None
    stop: signal.Signals = signal.SIGTERM
    grace: float = 10.0
    patience: float = 120.0
